/** @file Optimizers against PyTorch, and against their papers in NumPy: 25 steps in float64, to 1e-10. */
import { grad, mapTree, setDefaultBackend, square, valueAndGrad } from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import {
  adadelta,
  adafactor,
  adagrad,
  adam,
  adamax,
  adamW,
  asgd,
  type AveragingOptimizer,
  centralizeGradients,
  chain,
  clipAdaptively,
  clipByGlobalNorm,
  clipByNorm,
  clipByValue,
  cosineDecay,
  exponentialAverage,
  frozen,
  lamb,
  lbfgs,
  linearWarmup,
  lion,
  lookahead,
  muon,
  nadam,
  oneCycle,
  type Optimizer,
  type OptimizerState,
  partition,
  piecewiseConstant,
  prodigy,
  radam,
  rmsprop,
  rprop,
  scheduleFreeAdamW,
  scheduleFreeSgd,
  sgd,
  sharpnessAware,
  sophia,
  stochasticWeightAverage,
} from "@tapeloop/optim";
import { describe, expect, test } from "vitest";
import { expectClose, type Plain, readReferences, treeOf } from "../models/golden.ts";
import { gradient, loss, type Parameters, type Problem } from "./problem.ts";

setDefaultBackend(ndarrayBackend);

const reference = readReferences("optimizers.json") as {
  start: Plain<Parameters>;
  problem: Plain<Problem>;
  steps: number[];
  paths: Record<string, Plain<Parameters>[]>;
};
const problem = treeOf<Problem>(reference.problem);
const compared = new Set<string>();

/** Compares a path with the reference at the steps that it has. */
function expectPath(
  name: string,
  optimizer: Optimizer,
  {
    gradients = (params: Parameters): Parameters => gradient(params, problem),
    seen = null as ((params: Parameters, state: OptimizerState) => Parameters) | null,
  } = {},
): void {
  compared.add(name);
  let params = treeOf<Parameters>(reference.start);
  let state = optimizer.init(params);
  for (let i = 1; i <= 25; i++) {
    ({ params, state } = optimizer.update(gradients(params), state, params));
    const kept = reference.steps.indexOf(i);
    if (kept !== -1) expectClose(seen?.(params, state) ?? params, reference.paths[name][kept]);
  }
}

/** The same for the mean of parameters. */
function expectMeanPath(name: string, optimizer: AveragingOptimizer): void {
  expectPath(name, optimizer, { seen: (params, state) => optimizer.average(state, params) });
}

describe("25 steps are those of PyTorch", () => {
  const momentum = sgd({ learningRate: 0.1, momentum: 0.9 });
  test.each(
    Object.entries<Optimizer>({
      sgd: sgd({ learningRate: 0.3 }),
      sgdDecay: sgd({ learningRate: 0.3, weightDecay: 0.1 }),
      sgdMomentum: momentum,
      sgdNesterov: sgd({ learningRate: 0.1, momentum: 0.8, nesterov: true }),
      sgdDampening: sgd({ learningRate: 0.1, momentum: 0.9, dampening: 0.3, weightDecay: 0.05 }),
      rmsprop: rmsprop(),
      rmspropMomentum: rmsprop({
        learningRate: 0.02,
        beta: 0.9,
        epsilon: 1e-4,
        momentum: 0.7,
        weightDecay: 0.05,
      }),
      rmspropCentered: rmsprop({
        learningRate: 0.02,
        beta: 0.8,
        epsilon: 1e-3,
        centered: true,
        momentum: 0.5,
      }),
      adagrad: adagrad(),
      adagradOptions: adagrad({
        learningRate: 0.2,
        learningRateDecay: 0.1,
        weightDecay: 0.05,
        initialSum: 0.1,
        epsilon: 1e-4,
      }),
      adadelta: adadelta(),
      adadeltaOptions: adadelta({
        learningRate: 0.5,
        beta: 0.8,
        epsilon: 1e-3,
        weightDecay: 0.05,
      }),
      adam: adam(),
      adamOptions: adam({
        learningRate: 0.05,
        beta1: 0.8,
        beta2: 0.95,
        epsilon: 1e-3,
        weightDecay: 0.1,
      }),
      amsgrad: adam({ learningRate: 0.1, beta1: 0.5, beta2: 0.7, amsgrad: true }),
      adamW: adamW(),
      adamWOptions: adamW({
        learningRate: 0.1,
        beta1: 0.8,
        beta2: 0.6,
        epsilon: 1e-3,
        weightDecay: 0.3,
        amsgrad: true,
      }),
      adamax: adamax(),
      adamaxOptions: adamax({
        learningRate: 0.05,
        beta1: 0.8,
        beta2: 0.9,
        epsilon: 1e-3,
        weightDecay: 0.1,
      }),
      radam: radam(),
      radamOptions: radam({
        learningRate: 0.05,
        beta1: 0.8,
        beta2: 0.9,
        epsilon: 1e-3,
        weightDecay: 0.1,
      }),
      rprop: rprop(),
      rpropOptions: rprop({
        learningRate: 0.05,
        shrink: 0.4,
        grow: 1.5,
        minStep: 0.01,
        maxStep: 0.1,
      }),
      asgd: asgd({ learningRate: 0.2, lambda: 0.05, power: 0.6, start: 4, weightDecay: 0.02 }),
      clipByGlobalNorm: chain(clipByGlobalNorm(0.1), momentum),
      clipByNorm: chain(clipByNorm(0.05), momentum),
      clipByValue: chain(clipByValue(0.02), momentum),
      partition: partition([
        { where: /\.b$/, optimizer: adam({ learningRate: 0.2 }) },
        {
          where: (_, x) => x.rank === 2,
          optimizer: adam({ learningRate: 0.02, weightDecay: 0.1 }),
        },
        { optimizer: frozen() },
      ]),
      scheduled: sgd({
        learningRate: oneCycle({ peak: 0.4, steps: 26 }),
        momentum: oneCycle({ peak: 0.85, from: 0.95, to: 0.95, steps: 26 }),
      }),
      scheduledAdamW: adamW({
        learningRate: cosineDecay({ from: 0.1, steps: 25 }),
        weightDecay: 0.2,
      }),
    }),
  )("%s", expectPath);

  test.each(
    Object.entries<AveragingOptimizer>({
      asgdMean: asgd({ learningRate: 0.2, lambda: 0.05, power: 0.6, start: 4 }),
      exponentialAverage: exponentialAverage(sgd({ learningRate: 0.3 }), {
        // The first model is the mean of one.
        decay: piecewiseConstant({ boundaries: [1], values: [0, 0.9] }),
      }),
      stochasticWeightAverage: stochasticWeightAverage(sgd({ learningRate: 0.3 }), {
        start: 5,
        every: 3,
      }),
    }),
  )("%s", expectMeanPath);

  test.each([
    ["lbfgs", lbfgs()],
    ["lbfgsSteps", lbfgs({ learningRate: 0.5, iterations: 1 })],
    ["lbfgsOptions", lbfgs({ learningRate: 0.7, iterations: 2, history: 3 })],
  ] as const)("%s", (name, optimizer) => {
    compared.add(name);
    const steps = reference.steps.slice(0, reference.paths[name].length);
    const valueAndGradient = valueAndGrad((params: Parameters) => loss(params, problem));
    let params = treeOf<Parameters>(reference.start);
    let state = optimizer.init(params);
    for (let i = 1; i <= (steps.at(-1) as number); i++) {
      ({ params, state } = optimizer.update(valueAndGradient, state, params));
      const kept = steps.indexOf(i);
      if (kept !== -1) expectClose(params, reference.paths[name][kept]);
    }
  });
});

describe("25 steps are those of the paper", () => {
  test.each(
    Object.entries<Optimizer>({
      nadam: nadam(),
      nadamOptions: nadam({
        learningRate: 0.05,
        beta1: 0.8,
        beta2: 0.95,
        epsilon: 1e-3,
        weightDecay: 0.1,
        momentumDecay: 0.1,
      }),
      lion: lion(),
      lionOptions: lion({ learningRate: 0.02, beta1: 0.8, beta2: 0.95, weightDecay: 0.2 }),
      lamb: lamb(),
      lambOptions: lamb({
        learningRate: 0.05,
        beta1: 0.8,
        beta2: 0.95,
        epsilon: 1e-3,
        weightDecay: 0.2,
      }),
      adafactor: adafactor(),
      adafactorOptions: adafactor({
        learningRate: 0.05,
        beta2Decay: 0.6,
        epsilon1: 1e-3,
        epsilon2: 1,
        clipping: 0.5,
        weightDecay: 0.1,
      }),
      adafactorUnscaled: adafactor({ learningRate: 0.05, scaleByParameter: false }),
      muon: muon({ others: sgd({ learningRate: 0.1 }) }),
      muonOptions: muon({
        learningRate: 0.05,
        momentum: 0.8,
        nesterov: false,
        weightDecay: 0.1,
        others: sgd({ learningRate: 0.2 }),
      }),
      prodigy: prodigy(),
      prodigyOptions: prodigy({
        learningRate: linearWarmup({ steps: 3, from: 0.125, after: 0.5 }),
        beta1: 0.8,
        beta2: 0.9,
        epsilon: 1e-3,
        initialDistance: 1e-2,
        weightDecay: 0.1,
      }),
      lookahead: lookahead(sgd({ learningRate: 0.3 }), { steps: 4, rate: 0.6 }),
      clipAdaptively: chain(clipAdaptively(), sgd({ learningRate: 0.3 })),
      centralizeGradients: chain(centralizeGradients(), sgd({ learningRate: 0.3 })),
    }),
  )("%s", expectPath);

  test.each(
    Object.entries<AveragingOptimizer>({
      scheduleFreeSgd: scheduleFreeSgd({ learningRate: 0.5 }),
      scheduleFreeSgdOptions: scheduleFreeSgd({
        learningRate: linearWarmup({ steps: 4, from: 0.1, after: 0.5 }),
        momentum: 0.7,
        weightDecay: 0.05,
      }),
      scheduleFreeAdamW: scheduleFreeAdamW(),
      scheduleFreeAdamWOptions: scheduleFreeAdamW({
        learningRate: linearWarmup({ steps: 3, from: 0.025, after: 0.1 }),
        beta1: 0.8,
        beta2: 0.95,
        epsilon: 1e-3,
        weightDecay: 0.1,
      }),
    }),
  )("%s", expectMeanPath);

  test("sophia", () => {
    const optimizer = sophia({
      learningRate: 0.05,
      beta1: 0.8,
      beta2: 0.5,
      gamma: 20,
      epsilon: 1e-3,
      weightDecay: 0.1,
    });
    let count = 0;
    const observing: Optimizer = {
      init: (params) => optimizer.init(params),
      update: (grads, state, params) => {
        const curvature = mapTree(square, grads);
        const seen = count++ % 3 === 0 ? optimizer.observe(state, curvature) : state;
        return optimizer.update(grads, seen, params);
      },
    };
    expectPath("sophia", observing);
  });

  test.each([
    ["sam", { radius: 0.05 }],
    ["asam", { radius: 0.5, adaptive: true }],
  ] as const)("%s", (name, options) => {
    const flat = sharpnessAware(
      valueAndGrad((params: Parameters) => loss(params, problem)),
      options,
    );
    expectPath(name, sgd({ learningRate: 0.3 }), { gradients: (params) => flat(params).grads });
  });
});

test("every path of the reference is compared", () => {
  expect([...compared].toSorted()).toEqual(Object.keys(reference.paths).toSorted());
});

test("the loss is the one of the script", () => {
  const params = treeOf<Parameters>(reference.start);
  const stepped = sgd({ learningRate: 0.3 }).update(
    grad((p: Parameters) => loss(p, problem))(params),
    sgd({ learningRate: 0.3 }).init(params),
    params,
  );
  expectClose(stepped.params, reference.paths["sgd"][0]);
});
