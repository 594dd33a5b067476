/** @file Metrics: their definitions in plain JavaScript, in batches, masked, weighted, compiled. */
import {
  compile,
  concat,
  key,
  mapTree,
  normal,
  randomInts,
  setDefaultBackend,
  sigmoid,
  type Tensor,
  tensor,
  uniform,
  zeros,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import {
  absoluteError,
  accuracy,
  areaUnderCurve,
  binaryAccuracy,
  type BleuState,
  corpusBleu,
  type ErrorRateState,
  sequenceErrorRate,
  bitsPerCharacter,
  bleu,
  confusionMatrix,
  editDistance,
  errorRate,
  f1Score,
  measure,
  type Metric,
  perplexity,
  precision,
  recall,
  rootMeanSquaredError,
  rSquared,
  squaredError,
  topKAccuracy,
} from "@tapeloop/nn";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

setDefaultBackend(ndarrayBackend);

const N = 12;
const float64 = { dtype: "float64" } as const;
const scores = normal([N, 4], { key: key(1), ...float64 });
const labels = randomInts([N], 0, 4, { key: key(2) });
const chances = uniform([N], 0, 1, { key: key(3), ...float64 });
const sides = tensor(
  Array.from(normal([N], { key: key(4) }).dataSync(), (v) => (v > 0.2 ? 1 : 0)),
  float64,
);
const [x, y] = [normal([N], { key: key(5), ...float64 }), normal([N], { key: key(6), ...float64 })];

/** One prediction: what was said, what is right, what it counts. */
interface One {
  readonly said: number | number[];
  readonly right: number;
  readonly w: number;
}

const total = (all: readonly One[], f: (one: One) => number): number =>
  all.reduce((sum, one) => sum + one.w * f(one), 0);
const mean = (f: (one: One) => number) => (all: readonly One[]) =>
  total(all, f) / total(all, () => 1);
const best = (one: One): number => {
  const list = one.said as number[];
  return list.indexOf(Math.max(...list));
};
const entropy = ({ said, right }: One): number => {
  const list = said as number[];
  return Math.log(list.reduce((sum, v) => sum + Math.exp(v), 0)) - list[right];
};
/** Hits, false alarms and misses of a class. */
const outcomes = (all: readonly One[], label: (one: One) => number, c: number): number[] => [
  total(all, (one) => (label(one) === c && one.right === c ? 1 : 0)),
  total(all, (one) => (label(one) === c && one.right !== c ? 1 : 0)),
  total(all, (one) => (label(one) !== c && one.right === c ? 1 : 0)),
];
const isYes = ({ said }: One): number => ((said as number) > 0.5 ? 1 : 0);
const f1 = ([hits, falses, misses]: number[]): number =>
  hits === 0 ? 0 : (2 * hits) / (2 * hits + falses + misses);
const classes = [0, 1, 2, 3];

interface Row {
  readonly metric: Metric;
  readonly said: Tensor;
  readonly right: Tensor;
  readonly wanted: (all: readonly One[]) => number;
}

const rows: Record<string, Row> = {
  accuracy: {
    metric: accuracy(),
    said: scores,
    right: labels,
    wanted: mean((one) => (best(one) === one.right ? 1 : 0)),
  },
  "accuracy of yes or no": {
    metric: accuracy(),
    said: chances,
    right: sides,
    wanted: mean((one) => (isYes(one) === one.right ? 1 : 0)),
  },
  binaryAccuracy: {
    metric: binaryAccuracy({ threshold: 0.3 }),
    said: chances,
    right: sides,
    wanted: mean(({ said, right }) => (Number((said as number) > 0.3) === right ? 1 : 0)),
  },
  topKAccuracy: {
    metric: topKAccuracy(2),
    said: scores,
    right: labels,
    wanted: mean(({ said, right }) => {
      const list = said as number[];
      return list.filter((v) => v > list[right]).length < 2 ? 1 : 0;
    }),
  },
  precision: {
    metric: precision(),
    said: chances,
    right: sides,
    wanted: (all) => {
      const [hits, falses] = outcomes(all, isYes, 1);
      return hits / (hits + falses);
    },
  },
  "recall, macro": {
    metric: recall({ classes: 4 }),
    said: scores,
    right: labels,
    wanted: (all) =>
      classes.reduce((sum, c) => {
        const [hits, , misses] = outcomes(all, best, c);
        return sum + (hits + misses === 0 ? 0 : hits / (hits + misses)) / 4;
      }, 0),
  },
  "f1Score, binary": {
    metric: f1Score(),
    said: chances,
    right: sides,
    wanted: (all) => f1(outcomes(all, isYes, 1)),
  },
  "f1Score, micro": {
    metric: f1Score({ classes: 4, average: "micro" }),
    said: scores,
    right: labels,
    wanted: (all) =>
      f1(
        classes
          .map((c) => outcomes(all, best, c))
          .reduce((a, b) => a.map((v, i) => v + b[i]), [0, 0, 0]),
      ),
  },
  "f1Score, weighted": {
    metric: f1Score({ classes: 4, average: "weighted" }),
    said: scores,
    right: labels,
    wanted: (all) =>
      classes.reduce((sum, c) => {
        const [hits, falses, misses] = outcomes(all, best, c);
        return sum + f1([hits, falses, misses]) * (hits + misses);
      }, 0) / total(all, () => 1),
  },
  areaUnderCurve: {
    metric: areaUnderCurve({ bins: 100_000 }),
    said: chances,
    right: sides,
    wanted: (all) => {
      let [won, pairs] = [0, 0];
      for (const a of all.filter(({ right }) => right === 1)) {
        for (const b of all.filter(({ right }) => right === 0)) {
          won += a.said > b.said ? a.w * b.w : 0;
          pairs += a.w * b.w;
        }
      }
      return won / pairs;
    },
  },
  absoluteError: {
    metric: absoluteError(),
    said: x,
    right: y,
    wanted: mean(({ said, right }) => Math.abs((said as number) - right)),
  },
  squaredError: {
    metric: squaredError(),
    said: x,
    right: y,
    wanted: mean(({ said, right }) => ((said as number) - right) ** 2),
  },
  rootMeanSquaredError: {
    metric: rootMeanSquaredError(),
    said: x,
    right: y,
    wanted: (all) => Math.sqrt(mean(({ said, right }) => ((said as number) - right) ** 2)(all)),
  },
  rSquared: {
    metric: rSquared(),
    said: x,
    right: y,
    wanted: (all) => {
      const middle = mean(({ right }) => right)(all);
      const residual = total(all, ({ said, right }) => ((said as number) - right) ** 2);
      return 1 - residual / total(all, ({ right }) => (right - middle) ** 2);
    },
  },
  perplexity: {
    metric: perplexity(),
    said: scores,
    right: labels,
    wanted: (all) => Math.exp(mean(entropy)(all)),
  },
  bitsPerCharacter: {
    metric: bitsPerCharacter(),
    said: scores,
    right: labels,
    wanted: (all) => mean(entropy)(all) / Math.LN2,
  },
};

describe.each(Object.entries(rows))("%s", (_, { metric, said, right, wanted }) => {
  const all = (w: (i: number) => number): One[] => {
    const [a, b] = [said.toArray() as (number | number[])[], right.toArray() as number[]];
    return a.map((v, i) => ({ said: v, right: b[i], w: w(i) }));
  };
  const isKept = (i: number): boolean => i % 4 !== 1;

  test("is its definition, weighted and masked too", () => {
    expect(measure(metric, said, right).item()).toBeCloseTo(wanted(all(() => 1)), 10);
    const weights = tensor(Array.from({ length: N }, (__, i) => 1 + (i % 3)));
    const mask = tensor(Array.from({ length: N }, (__, i) => isKept(i)));
    const found = measure(metric, said, right, { weights, mask }).item();
    expect(found).toBeCloseTo(wanted(all((i) => (isKept(i) ? 1 + (i % 3) : 0))), 10);
  });

  test("goes on from batch to batch, compiled too", () => {
    const next = compile((state: object, a: Tensor, b: Tensor) => metric.update(state, a, b));
    let state: object = metric.init();
    for (const [start, stop] of [
      [0, 5],
      [5, 10],
      [10, 12],
    ]) {
      state = next(state, said.slice([{ start, stop }]), right.slice([{ start, stop }]));
    }
    expect(metric.result(state).item()).toBeCloseTo(wanted(all(() => 1)), 10);
  });

  test("counts the same with more axes", () => {
    const fold = (z: Tensor): Tensor => z.reshape([3, 4, ...z.shape.slice(1)]);
    const flat = measure(metric, said, right).item();
    // Rows of several numbers of one shape are one-hot classes to accuracy.
    if (metric.name === "accuracy" && said.rank === 1) return;
    expect(measure(metric, fold(said), fold(right)).item()).toBeCloseTo(flat, 10);
  });

  test("refuses what does not fit", () => {
    expect(() => measure(metric, said, zeros([N, 4, 2]))).toThrow(/got float(32|64)\[12/);
    expect(() => measure(metric, said, right, { mask: zeros([N]) })).toThrow("mask must be bool");
    expect(() => measure(metric, said, right, { weights: zeros([5]) })).toThrow("must broadcast");
    expect(() => measure(metric, said, right, { examples: zeros([5]) })).toThrow("first axes");
    expect(() => measure(metric, said, right, { weight: y } as object)).toThrow("options are");
  });
});

test("examples count along the first axes, whatever is behind", () => {
  const examples = tensor([1, 0, 3]);
  const [a, b] = [x.reshape([3, 2, 2]), y.reshape([3, 2, 2])];
  const kept = [0, 2].map((i) => squaredErrors(a, b).slice(4 * i, 4 * i + 4));
  const [first, last] = kept.map((values) => values.reduce((p, q) => p + q, 0));
  expect(measure(squaredError(), a, b, { examples }).item()).toBeCloseTo(
    (first + 3 * last) / 16,
    10,
  );
  const steps = tensor([
    [1, 0],
    [0, 0],
    [0, 2],
  ]);
  const found = measure(squaredError(), a, b, { examples: steps }).item();
  const [p, q] = [squaredErrors(a, b).slice(0, 2), squaredErrors(a, b).slice(10, 12)];
  expect(found).toBeCloseTo((p[0] + p[1] + 2 * (q[0] + q[1])) / 6, 10);
});

/** (a − b)² of all numbers. */
function squaredErrors(a: Tensor, b: Tensor): number[] {
  return Array.from(a.sub(b).square().dataSync());
}

test("accuracy sees classes in one-hot rows", () => {
  const oneHot = tensor([
    [0, 1],
    [1, 0],
  ]);
  const said = tensor([
    [0.2, 0.7],
    [0.1, 0.3],
  ]);
  expect(measure(accuracy(), said, oneHot).item()).toBe(0.5);
});

test("states of parts may be added", () => {
  const metric = f1Score({ classes: 4 });
  const part = (start: number, stop: number): object =>
    metric.update(metric.init(), scores.slice([{ start, stop }]), labels.slice([{ start, stop }]));
  const both = mapTree((a, b) => a.add(b), part(0, 7), part(7, 12));
  expect(metric.result(both as ReturnType<typeof metric.init>).item()).toBe(
    measure(metric, scores, labels).item(),
  );
});

test("the area under the curve counts what is level half, and is NaN without both sides", () => {
  const level = tensor([0.5, 0.5]);
  expect(measure(areaUnderCurve(), level, tensor([0, 1])).item()).toBe(0.5);
  expect(measure(areaUnderCurve(), level, tensor([1, 1])).item()).toBeNaN();
  const order = measure(areaUnderCurve(), sigmoid(concat([x, y])), concat([sides, sides]));
  expect(order.item()).toBeGreaterThan(0);
});

test("wrong options are refused by name", () => {
  expect(() => precision({ classes: 3, average: "binary" })).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: precision: "binary" is for 2 classes, got 3 classes.]`,
  );
  expect(() => precision({ average: "mean" as "macro" })).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: precision: average is binary, macro, micro or weighted, got mean.]`,
  );
  expect(() => topKAccuracy(0)).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: topKAccuracy: k is a whole number from 1, got 0.]`,
  );
  expect(() => confusionMatrix({ classes: 1 })).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: confusionMatrix: classes are a whole number from 2, got 1.]`,
  );
  const threshold = Number.NaN;
  for (const make of [accuracy, binaryAccuracy, confusionMatrix, precision, recall, f1Score]) {
    expect(() => make({ threshold })).toThrow(
      `${make.name}: threshold is a finite number, got NaN.`,
    );
  }
  expect(() => areaUnderCurve({ bins: 1 })).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: areaUnderCurve: bins are a whole number from 2, got 1.]`,
  );
});

describe("edit distance", () => {
  /** The definition, by going through all ways. */
  function byAllWays(a: readonly string[], b: readonly string[]): number {
    if (a.length === 0 || b.length === 0) return a.length + b.length;
    const [p, q] = [a.slice(1), b.slice(1)];
    if (a[0] === b[0]) return byAllWays(p, q);
    return 1 + Math.min(byAllWays(p, b), byAllWays(a, q), byAllWays(p, q));
  }

  test("is the least number of changes", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 5 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(editDistance(a, b)).toBe(byAllWays(Array.from(a), Array.from(b)));
        expect(editDistance(a, b)).toBe(editDistance(b, a));
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  test("makes error rates of all pairs together", () => {
    expect(
      errorRate([
        { said: "abc", meant: "abd" },
        { said: [1], meant: [1, 2, 3] },
      ]),
    ).toBe(0.5);
    expect(errorRate([])).toBeNaN();
  });
});

describe("bleu", () => {
  const words = (text: string): string[] => text.split(" ");

  test("clips what is said again and again, as in the paper's examples", () => {
    const references = ["the cat is on the mat", "there is a cat on the mat"].map(words);
    const said = words("the the the the the the the");
    expect(bleu([{ said, references }], { longest: 1 })).toBeCloseTo(2 / 7, 12);
    expect(bleu([{ said, references }], { longest: 2 })).toBe(0);
  });

  test("is the geometric mean of precisions times the penalty, of the corpus", () => {
    const pairs = [
      { said: words("a b c d"), references: [words("a b c e f")] },
      { said: words("x y"), references: [words("x y"), words("x z y")] },
    ];
    // Single words: 3 + 2 of 6; pairs: 2 + 1 of 4; lengths: 6 said, 5 + 2 meant.
    const wanted = Math.exp(1 - 7 / 6) * Math.sqrt((5 / 6) * (3 / 4));
    expect(bleu(pairs, { longest: 2 })).toBeCloseTo(wanted, 12);
    const smoothed = Math.exp(1 - 7 / 6) * Math.sqrt((5 / 6) * (4 / 5));
    expect(bleu(pairs, { longest: 2, smoothing: 1 })).toBeCloseTo(smoothed, 12);
  });

  test("needs references, and counts that are some", () => {
    expect(() => bleu([{ said: "a", references: [] }])).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: bleu: needs a reference, got none.]`,
    );
    expect(() => bleu([], { longest: 0 })).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: bleu: longest is a whole number from 1, got 0.]`,
    );
    expect(bleu([{ said: "", references: ["a"] }])).toBe(0);
  });
});

describe("batches of sequences", () => {
  const symbols = fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 6 });
  const pairs = fc.array(fc.record({ said: symbols, meant: symbols }), {
    minLength: 1,
    maxLength: 4,
  });
  /** Sequences side by side [T, B], with the padding behind them. */
  const beside = (texts: readonly (readonly number[])[], padding: number): Tensor => {
    const T = Math.max(1, ...texts.map(({ length }) => length));
    const steps = Array.from({ length: T }, (_, t) => texts.map((text) => text[t] ?? padding));
    return tensor(steps, { dtype: "int32" });
  };
  type Pair = { readonly said: readonly number[]; readonly meant: readonly number[] };
  const both = (some: readonly Pair[], padding = -1): readonly [Tensor, Tensor] => [
    beside(
      some.map(({ said }) => said),
      padding,
    ),
    beside(
      some.map(({ meant }) => meant),
      padding,
    ),
  ];
  const bleuOf = (some: readonly Pair[], options: object): number =>
    bleu(
      some.map(({ said, meant }) => ({ said, references: [meant] })),
      options,
    );

  test("have the error rate and the BLEU of their pairs", { timeout: 30_000 }, () => {
    fc.assert(
      fc.property(pairs, (some) => {
        const [said, meant] = both(some, 7);
        const rate = measure(sequenceErrorRate({ padding: 7 }), said, meant).item();
        if (some.some((pair) => pair.meant.length > 0)) expect(rate).toBeCloseTo(errorRate(some));
        for (const options of [{ longest: 2 }, { longest: 3, smoothing: 1 }]) {
          const found = measure(corpusBleu({ padding: 7, ...options }), said, meant).item();
          expect(found).toBeCloseTo(bleuOf(some, options), 10);
        }
      }),
      { numRuns: 30, seed: 2 },
    );
  });

  const some = [
    { said: [1, 2, 3, 4], meant: [1, 2, 4] },
    { said: [2, 2], meant: [2, 3, 2] },
    { said: [0], meant: [1, 2, 3, 0] },
  ];

  test("go on from batch to batch, compiled, and leave out those of a mask", () => {
    const [rate, score] = [sequenceErrorRate(), corpusBleu({ longest: 2 })];
    const next = compile((state: { a: ErrorRateState; b: BleuState }, s: Tensor, m: Tensor) => ({
      a: rate.update(state.a, s, m),
      b: score.update(state.b, s, m),
    }));
    let state = { a: rate.init(), b: score.init() };
    state = next(state, ...both(some.slice(0, 2)));
    state = next(state, ...both(some.slice(2)));
    expect(rate.result(state.a).item()).toBeCloseTo(errorRate(some), 12);
    expect(score.result(state.b).item()).toBeCloseTo(bleuOf(some, { longest: 2 }), 12);

    const kept = { mask: tensor([true, false, true]) };
    const left = [some[0], some[2]];
    expect(measure(rate, ...both(some), kept).item()).toBeCloseTo(errorRate(left), 12);
    expect(measure(score, ...both(some), kept).item()).toBeCloseTo(
      bleuOf(left, { longest: 2 }),
      12,
    );
  });

  test("refuse what are no sequences", () => {
    const [said] = both(some);
    expect(() => measure(sequenceErrorRate(), said, x)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: sequenceErrorRate: takes symbols int32 [T, B] and int32 [S, B], of one step or more, got int32[4,3] and float64[12].]`,
    );
    expect(() => measure(corpusBleu(), said, x)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: corpusBleu: takes symbols int32 [T, B] and int32 [S, B], of one step or more, got int32[4,3] and float64[12].]`,
    );
    expect(() => corpusBleu({ longest: 0 })).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: corpusBleu: longest is a whole number from 1, got 0.]`,
    );
    expect(() => corpusBleu({ padding: 0.5 })).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: corpusBleu: padding is a symbol, a whole number, got 0.5.]`,
    );
    expect(() => sequenceErrorRate({ pad: 0 } as object)).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: sequenceErrorRate: options are padding, got "pad". Remove or correct it.]`,
    );
  });
});
