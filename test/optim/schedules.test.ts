/** @file Schedules: PyTorch's values, from one step or many at once; what is refused. */
import { arange, compile, setDefaultBackend, type Tensor, tensor } from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import {
  constantSchedule,
  cosineDecay,
  cosineRestarts,
  cyclicSchedule,
  exponentialDecay,
  inverseSquareRoot,
  joinSchedules,
  linearSchedule,
  linearWarmup,
  multiplySchedules,
  multiStepDecay,
  oneCycle,
  type OptimizerState,
  piecewiseConstant,
  polynomialDecay,
  reduceOnPlateau,
  type Schedule,
  sgd,
  stepDecay,
} from "@tapeloop/optim";
import { describe, expect, test } from "vitest";
import { readReferences } from "../models/golden.ts";

setDefaultBackend(ndarrayBackend);

const { rates, plateaus } = readReferences("schedules.json") as {
  rates: Record<string, number[]>;
  plateaus: Record<string, number[]>;
};

const schedules: Readonly<Record<string, Schedule>> = {
  stepDecay: stepDecay({ from: 0.5, factor: 0.3, every: 4 }),
  multiStepDecay: multiStepDecay({ from: 0.5, factor: 0.3, at: [2, 7, 8, 20] }),
  exponentialDecay: exponentialDecay({ from: 0.5, factor: 0.9, every: 1 }),
  linearSchedule: linearSchedule({ from: 0.1, to: 0.45, steps: 10 }),
  constantThenFull: piecewiseConstant({ boundaries: [6], values: [0.1, 0.5] }),
  polynomialDecay: polynomialDecay({ from: 0.5, steps: 20, power: 1.7 }),
  polynomialLinear: polynomialDecay({ from: 0.5, steps: 20 }),
  cosineDecay: cosineDecay({ from: 0.5, to: 0.05, steps: 25 }),
  cosineRestarts: cosineRestarts({ from: 0.5, to: 0.05, steps: 7 }),
  cosineRestartsGrowing: cosineRestarts({ from: 0.5, to: 0.05, steps: 2, growth: 3 }),
  oneCycle: oneCycle({ peak: 0.5, steps: 26 }),
  oneCycleMomentum: oneCycle({ peak: 0.85, from: 0.95, to: 0.95, steps: 26 }),
  oneCycleLinear: oneCycle({
    peak: 0.5,
    steps: 26,
    warmup: 0.4,
    anneal: "linear",
    from: 0.05,
    to: 0.0005,
    threePhases: true,
  }),
  cyclic: cyclicSchedule({ low: 0.1, high: 0.5, up: 3, down: 5 }),
  cyclicHalving: cyclicSchedule({ low: 0.1, high: 0.5, up: 4, cycleFactor: 0.5 }),
  cyclicExponential: cyclicSchedule({ low: 0.1, high: 0.5, up: 4, down: 2, stepFactor: 0.95 }),
  warmupThenCosine: linearWarmup({
    steps: 5,
    from: 0.05,
    after: cosineDecay({ from: 0.5, steps: 20 }),
  }),
  joined: joinSchedules(
    [
      exponentialDecay({ from: 0.5, factor: 0.8, every: 1 }),
      stepDecay({ from: 0.5, factor: 0.5, every: 3 }),
      0.1,
    ],
    [6, 15],
  ),
  multiplied: multiplySchedules(
    0.5,
    linearSchedule({ from: 0.2, to: 1, steps: 8 }),
    exponentialDecay({ from: 1, factor: 0.9, every: 1 }),
  ),
  noam: inverseSquareRoot({ peak: (512 * 8) ** -0.5, warmup: 8 }),
};

describe.each(Object.entries(schedules))("%s", (name, schedule) => {
  const expected = rates[name];
  const count = expected.length;

  test("has PyTorch's values, all at once, in float64", () => {
    const found = schedule(arange(0, count, 1, { dtype: "float64" }));
    expect(found.dtype).toBe("float64");
    const errors = found.dataSync().map((x, i) => Math.abs(x - expected[i]));
    expect(Math.max(...errors)).toBeLessThan(1e-12);
  });

  test("has the same values in float32, one at a time", () => {
    for (let i = 0; i < count; i++) {
      const value = schedule(tensor(i));
      expect(value.dtype).toBe("float32");
      expect(value.rank).toBe(0);
      expect(Math.abs(value.item() - expected[i])).toBeLessThan(1e-6);
    }
  });

  test("is the same bit for bit when it is compiled", () => {
    const compiled = compile((step: Tensor) => schedule(step));
    const steps = arange(count);
    expect(compiled(steps).dataSync()).toEqual(schedule(steps).dataSync());
  });
});

test("every schedule of the reference is compared", () => {
  expect(Object.keys(schedules).toSorted()).toEqual(Object.keys(rates).toSorted());
});

describe("at their ends", () => {
  const after = (schedule: Schedule, step: number): number => schedule(tensor(step)).item();

  test("schedules that come to an end stay there", () => {
    expect(after(polynomialDecay({ from: 1, to: 0.5, steps: 10, power: 2 }), 1e6)).toBe(0.5);
    expect(after(linearSchedule({ from: 1, to: 0.5, steps: 10 }), 1e6)).toBe(0.5);
    expect(after(cosineDecay({ from: 1, to: 0.5, steps: 10 }), 1e6)).toBe(0.5);
    expect(after(oneCycle({ peak: 1, to: 0.5, steps: 10 }), 1e6)).toBe(0.5);
  });

  test("a cycle may begin at its peak, or reach it at its first step", () => {
    expect(after(oneCycle({ peak: 1, steps: 10, warmup: 0, anneal: "linear" }), 0)).toBeLessThan(1);
    expect(after(oneCycle({ peak: 1, steps: 10, warmup: 0.1 }), 0)).toBe(1);
  });

  test("restarts come at the right step however late", () => {
    const schedule = cosineRestarts({ from: 1, steps: 3, growth: 2 });
    for (let start = 3; start < 2 ** 23; start = 2 * start + 3) {
      expect(after(schedule, start)).toBe(1);
      expect(after(schedule, start - 1)).toBeLessThan(0.3);
    }
  });

  test("restarts fall by their factor", () => {
    const falls = cosineRestarts({ from: 1, to: 0.5, steps: 2, factor: 0.75 });
    expect(falls(tensor([0, 2, 4])).toArray()).toEqual([1, 0.75, 0.5625]);
    const grows = cosineRestarts({ from: 1, to: 0.5, steps: 2, factor: 0.75, growth: 2 });
    expect(grows(tensor([0, 2, 6, 14])).toArray()).toEqual([1, 0.75, 0.5625, 0.421875]);
  });

  test("a constant is a constant", () => {
    expect(constantSchedule(0.5)(arange(3)).toArray()).toEqual([0.5, 0.5, 0.5]);
  });
});

describe("reduceOnPlateau", () => {
  const options = {
    min: { patience: 2, factor: 0.5 },
    minAbsolute: { patience: 1, threshold: 0.2, thresholdMode: "absolute", minScale: 0.03 },
    max: { mode: "max", patience: 1, thresholdMode: "absolute", factor: 0.3 },
    maxRelative: { mode: "max", patience: 0, cooldown: 3, factor: 0.7 },
  } as const;
  const params = { w: tensor([0], { dtype: "float64" }) };
  const grads = { w: tensor([-1], { dtype: "float64" }) };

  test.each(Object.entries(options))("has PyTorch's learning rates: %s", (name, given) => {
    const optimizer = reduceOnPlateau(sgd({ learningRate: 1 }), given);
    const observe = compile((s: OptimizerState, metric: Tensor) => optimizer.observe(s, metric));
    let state = optimizer.init(params);
    let compiled = state;
    plateaus["metrics"].forEach((metric, i) => {
      const value = tensor(name === "max" ? -metric : metric, { dtype: "float64" });
      state = optimizer.observe(state, value);
      compiled = observe(compiled, value);
      for (const after of [state, compiled]) {
        const next = optimizer.update(grads, after, params);
        expect(next.params.w.item()).toBeCloseTo(plateaus[name][i], 14);
      }
    });
  });

  test("takes plain numbers, and parameters of several types", () => {
    const optimizer = reduceOnPlateau(sgd({ learningRate: 1 }), { patience: 0, factor: 0.5 });
    const mixed = { a: tensor(0), b: tensor(0, { dtype: "float64" }) };
    let state = optimizer.init(mixed);
    for (const metric of [1, 1]) state = optimizer.observe(state, metric);
    const down = { a: tensor(1), b: tensor(1, { dtype: "float64" }) };
    const next = optimizer.update(down, state, mixed).params;
    expect(String(next.a)).toBe("float32[] -0.5");
    expect(String(next.b)).toBe("float64[] -0.5");
  });
});

test("numbers out of their range are refused", () => {
  expect(() => stepDecay({ from: -1, factor: 1, every: 1 })).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: stepDecay: from is a finite number from 0, got -1.]`,
  );
  expect(() => stepDecay({ from: 1, factor: 1, every: 0.5 })).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: stepDecay: every is a whole number from 1, got 0.5.]`,
  );
  expect(() =>
    exponentialDecay({ from: 1, factor: 0, every: 1 }),
  ).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: exponentialDecay: factor is a finite number above 0, got 0.]`,
  );
  expect(() => cosineDecay({ from: 1, steps: 0 })).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: cosineDecay: steps is a whole number from 1, got 0.]`,
  );
  expect(() =>
    cosineRestarts({ from: 1, steps: 1, growth: 1.5 }),
  ).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: cosineRestarts: growth is a whole number from 1, got 1.5.]`,
  );
  expect(() => oneCycle({ peak: 1, steps: 9, warmup: 1 })).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: oneCycle: warmup is in [0, 1), got 1.]`,
  );
  expect(() =>
    oneCycle({ peak: 1, steps: 9, anneal: "cos" as "cosine" }),
  ).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: oneCycle: anneal is "cosine" or "linear", got cos.]`,
  );
  expect(() => cyclicSchedule({ low: 0, high: 1, up: 0 })).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: cyclicSchedule: up is a whole number from 1, got 0.]`,
  );
  expect(() => linearWarmup({ steps: 1, after: -1 })).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: linearWarmup: after is a finite number from 0, got -1.]`,
  );
  expect(() => constantSchedule(NaN)).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: constantSchedule: value is a finite number from 0, got NaN.]`,
  );
});

test("pieces that do not fit together are refused", () => {
  expect(() =>
    piecewiseConstant({ boundaries: [2, 2], values: [1, 2, 3] }),
  ).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: piecewiseConstant: boundaries are rising whole numbers from 1, got 2, 2.]`,
  );
  expect(() =>
    piecewiseConstant({ boundaries: [2], values: [1] }),
  ).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: piecewiseConstant: there is one value more than boundaries, got 1 values for 1 boundaries.]`,
  );
  expect(() => joinSchedules([1], [2])).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: joinSchedules: there is one schedule more than boundaries, got 1 schedules for 1 boundaries.]`,
  );
  expect(() => joinSchedules([1, -1], [2])).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: joinSchedules: schedules[1] is a finite number from 0, got -1.]`,
  );
  expect(() => multiplySchedules()).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: multiplySchedules: needs at least one schedule, got none.]`,
  );
});

test("unknown options are refused", () => {
  const misspelt = { from: 1, steps: 2, form: 3 };
  expect(() => cosineDecay(misspelt)).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: cosineDecay: options are from, to, steps, got "form". Remove or correct it.]`,
  );
  const plateau = { paitence: 3 } as object;
  expect(() =>
    reduceOnPlateau(sgd({ learningRate: 1 }), plateau),
  ).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: reduceOnPlateau: options are mode, factor, patience, threshold, thresholdMode, cooldown, minScale, got "paitence". Remove or correct it.]`,
  );
});

test("choices of a plateau are checked", () => {
  const optimizer = sgd({ learningRate: 1 });
  expect(() =>
    reduceOnPlateau(optimizer, { mode: "less" as "min" }),
  ).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: reduceOnPlateau: mode is "min" or "max", got less.]`,
  );
  expect(() => reduceOnPlateau(optimizer, { factor: 1 })).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: reduceOnPlateau: factor is in [0, 1), got 1.]`,
  );
  expect(() => reduceOnPlateau(optimizer, { patience: -1 })).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: reduceOnPlateau: patience is a whole number from 0, got -1.]`,
  );
});
