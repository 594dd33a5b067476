/** @file What optimizers and wrappers refuse: every number out of its range, unknown options. */
import { ArgumentError, key, setDefaultBackend } from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import * as optim from "@tapeloop/optim";
import { describe, expect, test } from "vitest";

setDefaultBackend(ndarrayBackend);

const inner = optim.sgd({ learningRate: 1 });
const momenta = { beta1: [-0.1, 1, NaN], beta2: [1, 2], epsilon: [-1, Infinity] };
const decay = { weightDecay: [-1, NaN] };
const learningRate = [-1, NaN, Infinity, "0.1", null];

/** What takes the options, options that are right, and wrong values of each. */
type Case = [make: (options: never) => unknown, right: object, wrong: Record<string, unknown[]>];

const cases: Record<string, Case> = {
  sgd: [
    optim.sgd,
    { learningRate: 1 },
    { learningRate, momentum: [-1, 1], dampening: [-1, 1], ...decay },
  ],
  adam: [optim.adam, {}, { learningRate, ...momenta, ...decay }],
  adamW: [optim.adamW, {}, { learningRate, ...momenta, ...decay }],
  scaleByAdam: [optim.scaleByAdam, {}, momenta],
  adamax: [optim.adamax, {}, { learningRate, ...momenta, ...decay }],
  nadam: [optim.nadam, {}, { learningRate, ...momenta, ...decay, momentumDecay: [-1] }],
  radam: [optim.radam, {}, { learningRate, ...momenta, ...decay }],
  rmsprop: [
    optim.rmsprop,
    {},
    { learningRate, beta: [-1, 1], epsilon: [-1], momentum: [-1, 1], ...decay },
  ],
  scaleByRms: [optim.scaleByRms, {}, { beta: [1], epsilon: [NaN] }],
  adagrad: [
    optim.adagrad,
    {},
    { learningRate, learningRateDecay: [-1], initialSum: [-1], epsilon: [-1], ...decay },
  ],
  adadelta: [optim.adadelta, {}, { learningRate, beta: [-1, 1], epsilon: [0], ...decay }],
  adafactor: [
    optim.adafactor,
    {},
    {
      learningRate,
      beta2Decay: [0],
      epsilon1: [0],
      epsilon2: [-1],
      clipping: [0, Infinity],
      ...decay,
    },
  ],
  lion: [optim.lion, {}, { learningRate, beta1: [-1, 1], beta2: [1], ...decay }],
  lamb: [optim.lamb, {}, { learningRate, ...momenta, ...decay }],
  muon: [optim.muon, {}, { learningRate, momentum: [1], iterations: [0, 1.5], ...decay }],
  prodigy: [optim.prodigy, {}, { learningRate, ...momenta, ...decay, initialDistance: [0, -1] }],
  sophia: [
    optim.sophia,
    {},
    { learningRate, beta1: [-1, 1], beta2: [1], gamma: [0], epsilon: [0], ...decay },
  ],
  rprop: [
    optim.rprop,
    {},
    {
      learningRate: [-1, NaN],
      shrink: [0, 1],
      grow: [1, Infinity],
      minStep: [-1],
      maxStep: [0],
    },
  ],
  asgd: [
    optim.asgd,
    {},
    { learningRate: [0, -1], lambda: [-1], power: [-1], start: [-1], ...decay },
  ],
  scheduleFreeSgd: [optim.scheduleFreeSgd, {}, { learningRate, momentum: [-1, 1], ...decay }],
  scheduleFreeAdamW: [optim.scheduleFreeAdamW, {}, { learningRate, ...momenta, ...decay }],
  lbfgs: [
    optim.lbfgs,
    {},
    {
      learningRate: [0, -1],
      iterations: [0, 0.5],
      evaluations: [0],
      history: [0],
      gradientTolerance: [-1],
      changeTolerance: [NaN],
    },
  ],
  momentum: [(options) => optim.momentum(0.9, options), {}, { dampening: [-1, 1] }],
  addGradientNoise: [optim.addGradientNoise, { key: key(0) }, { variance: [-1], decay: [-1, NaN] }],
  clipAdaptively: [optim.clipAdaptively, {}, { ratio: [0], epsilon: [0, NaN] }],
  lookahead: [
    (options) => optim.lookahead(inner, options),
    {},
    { steps: [0, 1.5], rate: [-1, NaN] },
  ],
  exponentialAverage: [
    (options) => optim.exponentialAverage(inner, options),
    {},
    { decay: [-1, 1] },
  ],
  stochasticWeightAverage: [
    (options) => optim.stochasticWeightAverage(inner, options),
    {},
    { start: [0, 0.5], every: [0] },
  ],
  skipNonFinite: [(options) => optim.skipNonFinite(inner, options), {}, { limit: [0, 0.5] }],
  sharpnessAware: [
    (options) => optim.sharpnessAware(() => ({}) as never, options),
    {},
    { radius: [0, -1, Infinity] },
  ],
};

describe.each(Object.entries(cases))("%s", (name, [make, right, wrong]) => {
  const call = (options: object) => (): unknown => make(options as never);

  test("takes options that are right", () => {
    expect(call(right)).not.toThrow();
  });

  test.each(Object.entries(wrong).flatMap(([option, values]) => values.map((v) => [option, v])))(
    "refuses %s of %s, in its own name",
    (option, value) => {
      const attempt = call({ ...right, [option as string]: value });
      expect(attempt).toThrow(ArgumentError);
      expect(attempt).toThrow(new RegExp(`^${name}: .*${String(option)}`));
      expect(attempt).toThrow(String(value));
    },
  );

  test("refuses options that it does not have", () => {
    const attempt = call({ ...right, learningrate: 1 });
    expect(attempt).toThrow(ArgumentError);
    expect(attempt).toThrow(`${name}: options are`);
  });
});

describe("numbers that are not options", () => {
  test.each([
    ["clipByGlobalNorm", () => optim.clipByGlobalNorm(NaN)],
    ["clipByNorm", () => optim.clipByNorm(0)],
    ["clipByValue", () => optim.clipByValue(-1)],
    ["momentum", () => optim.momentum(1)],
    ["addDecayedWeights", () => optim.addDecayedWeights(-1)],
    ["orthogonalizeGradients", () => optim.orthogonalizeGradients(0)],
    ["accumulate", () => optim.accumulate(inner, 1.5)],
    ["descent", () => optim.descent(-1)],
  ])("are checked by %s", (name, attempt) => {
    expect(attempt).toThrow(ArgumentError);
    expect(attempt).toThrow(new RegExp(`^${name}: `));
  });

  test("name the rule", () => {
    expect(() => optim.accumulate(inner, 0)).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: accumulate: steps is a whole number from 1, got 0.]`,
    );
    expect(() => optim.rprop({ grow: 1 })).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: rprop: shrink is below 1 and grow above, got 0.5 and 1.]`,
    );
    expect(() =>
      optim.sgd({ learningRate: 1, momentum: 0.5, dampening: 0.1, nesterov: true }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: sgd: nesterov needs momentum above 0 and no dampening, got 0.5 and 0.1.]`,
    );
    expect(() =>
      optim.partition([{ optimiser: inner } as never]),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: partition: options are where, optimizer, got "optimiser". Remove or correct it.]`,
    );
  });
});
