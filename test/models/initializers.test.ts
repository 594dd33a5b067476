/** @file First values of weights: their moments, bounds and patterns. */
import { key, mean, setDefaultBackend, type Tensor, variance } from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import {
  chronoBias,
  chronoUpdateBias,
  constantInit,
  diracInit,
  glorotNormal,
  glorotUniform,
  gruCell,
  heNormal,
  heUniform,
  identityInit,
  type Initializer,
  lecunNormal,
  lecunUniform,
  lstmCell,
  normalInit,
  onesInit,
  orthogonalTimes,
  sparseInit,
  truncatedNormalInit,
  unitForgetBias,
  uniformInit,
  varianceScaling,
  zerosInit,
} from "@tapeloop/nn";
import { describe, expect, test } from "vitest";

setDefaultBackend(ndarrayBackend);

const [I, O] = [90, 160];

/** An initializer, its variance for [I, O], and the greatest value it may have. */
interface Row {
  readonly init: Initializer;
  readonly variance: number;
  readonly bound?: number;
  /** Its mean, if not 0. */
  readonly around?: number;
}

const random: Record<string, Row> = {
  uniformInit: { init: uniformInit(-0.3, 0.3), variance: 0.03, bound: 0.3 },
  normalInit: { init: normalInit(0.2), variance: 0.04 },
  // A normal distribution cut off at ±2 has the variance 1 − 4 φ(2) / (2 Φ(2) − 1).
  truncatedNormalInit: { init: truncatedNormalInit(0.5), variance: 0.25 * 0.773_741, bound: 1 },
  "normalInit, around 3": { init: normalInit(0.2, 3), variance: 0.04, around: 3 },
  "truncatedNormalInit, around −1": {
    init: truncatedNormalInit(0.5, -1),
    variance: 0.25 * 0.773_741,
    bound: 2,
    around: -1,
  },
  glorotUniform: {
    init: glorotUniform,
    variance: 2 / (I + O),
    bound: Math.sqrt(6 / (I + O)),
  },
  glorotNormal: { init: glorotNormal, variance: 2 / (I + O) },
  heUniform: { init: heUniform, variance: 2 / I, bound: Math.sqrt(6 / I) },
  heNormal: { init: heNormal, variance: 2 / I },
  lecunUniform: { init: lecunUniform, variance: 1 / I, bound: Math.sqrt(3 / I) },
  lecunNormal: { init: lecunNormal, variance: 1 / I },
  varianceScaling: {
    init: varianceScaling(),
    variance: 1 / I,
    bound: (2 / 0.879_625_661) * Math.sqrt(1 / I),
  },
  "varianceScaling, even, by outputs": {
    init: varianceScaling({ scale: 3, mode: "fanOut", distribution: "uniform" }),
    variance: 3 / O,
    bound: 3 / Math.sqrt(O),
  },
  "varianceScaling, normal, by both": {
    init: varianceScaling({ mode: "fanMean", distribution: "normal" }),
    variance: 2 / (I + O),
  },
  sparseInit: { init: sparseInit(0.5, 0.3), variance: 0.045 },
  orthogonalTimes: { init: orthogonalTimes(3), variance: 9 / O },
};

describe.each(Object.entries(random))("%s", (_, { init, variance: wanted, bound, around = 0 }) => {
  const W = init(key(1), [I, O], { dtype: "float64" });

  test("has its mean, its variance and its bounds", () => {
    const error = Math.sqrt(wanted / (I * O));
    expect(Math.abs(mean(W).item() - around)).toBeLessThan(4 * error);
    expect(variance(W).item() / wanted).toBeGreaterThan(0.95);
    expect(variance(W).item() / wanted).toBeLessThan(1.05);
    if (bound !== undefined) {
      const greatest = W.abs().max().item();
      expect(greatest).toBeLessThanOrEqual(bound * (1 + 1e-6));
      expect(greatest).toBeGreaterThan(0.97 * bound);
    }
  });

  test("depends on its key alone, in the element type asked for", () => {
    const text = (seed: number): string => JSON.stringify(init(key(seed), [6, 4]).toArray());
    expect(text(1)).toBe(text(1));
    expect(text(1)).not.toBe(text(2));
    expect(init(key(1), [6, 4]).dtype).toBe("float32");
    expect(W.dtype).toBe("float64");
    expect(() => init(key(0), [6, 4], { gain: 2 } as object)).toThrow("options are dtype");
  });
});

describe("kernels of convolutions", () => {
  test("count every element of their window as inputs and outputs", () => {
    const spread = (init: Initializer): number =>
      variance(init(key(2), [40, 30, 3, 2], { dtype: "float64" })).item();
    expect(spread(heNormal) * (30 * 6)).toBeCloseTo(2, 0);
    expect(spread(glorotUniform) * (70 * 6)).toBeCloseTo(2, 0);
    const byOutputs = varianceScaling({ mode: "fanOut", distribution: "normal" });
    expect(spread(byOutputs) * (40 * 6)).toBeCloseTo(1, 0);
  });

  test("of diracInit hand their inputs through, in groups too", () => {
    expect(diracInit()(key(0), [3, 2, 3]).toArray()).toEqual([
      [
        [0, 1, 0],
        [0, 0, 0],
      ],
      [
        [0, 0, 0],
        [0, 1, 0],
      ],
      [
        [0, 0, 0],
        [0, 0, 0],
      ],
    ]);
    expect(diracInit(2)(key(0), [2, 1, 2, 3]).toArray()).toEqual(
      [0, 1].map(() => [
        [
          [0, 0, 0],
          [0, 1, 0],
        ],
      ]),
    );
  });
});

test("numbers and identities are what they say", () => {
  expect(zerosInit(key(0), [2]).toArray()).toEqual([0, 0]);
  expect(onesInit(key(0), [2]).toArray()).toEqual([1, 1]);
  expect(constantInit(-2)(key(0), [2]).toArray()).toEqual([-2, -2]);
  expect(identityInit(2)(key(0), [2, 3]).toArray()).toEqual([
    [2, 0, 0],
    [0, 2, 0],
  ]);
  expect(identityInit()(key(0), [2, 1]).toArray()).toEqual([[1], [0]]);
});

test("sparseInit has as many zeros in every column", () => {
  const W = sparseInit(0.3)(key(0), [10, 50]);
  expect(W.equal(0).sum({ axes: 0 }).toArray()).toEqual(Array.from({ length: 50 }, () => 3));
  const rows = W.equal(0).sum({ axes: 1 }).toArray() as number[];
  expect(new Set(rows).size).toBeGreaterThan(1);
});

describe("biases of an LSTM and a GRU", () => {
  const H = 1000;
  const gates = (b: Tensor): number[][] => {
    const all = Array.from(b.dataSync());
    return [0, 1, 2, 3].map((gate) => all.slice(gate * H, (gate + 1) * H));
  };

  test("of chronoBias let units remember for times that are spread evenly", () => {
    const [i, f, g, o] = gates(chronoBias(101)(key(0), [4 * H], { dtype: "float64" }));
    expect(i).toEqual(f.map((v) => -v));
    expect([...g, ...o].every((v) => v === 0)).toBe(true);
    const times = f.map(Math.exp);
    expect(Math.min(...times)).toBeGreaterThanOrEqual(1);
    expect(Math.max(...times)).toBeLessThan(100);
    expect(times.reduce((a, b) => a + b) / H).toBeCloseTo(50.5, -1);
  });

  test("of chronoUpdateBias let a GRU keep as long", () => {
    const { b } = gruCell(2, H, {
      biases: chronoUpdateBias(101),
      recurrentWeights: zerosInit,
      dtype: "float64",
    }).init(key(0));
    const all = Array.from(b.dataSync());
    const [r, z, n] = [0, 1, 2].map((gate) => all.slice(gate * H, (gate + 1) * H));
    expect([...r, ...n].every((v) => v === 0)).toBe(true);
    const times = z.map(Math.exp);
    expect(Math.min(...times)).toBeGreaterThanOrEqual(1);
    expect(Math.max(...times)).toBeLessThan(100);
    expect(times.reduce((a, c) => a + c) / H).toBeCloseTo(50.5, -1);
    expect(gruCell(2, 2).init(key(0)).b.toArray()).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test("are an option of the cell", () => {
    const { b } = lstmCell(2, H, {
      biases: chronoBias(50),
      recurrentWeights: zerosInit,
      dtype: "float64",
    }).init(key(0));
    expect(b.dtype).toBe("float64");
    expect(gates(b)[1].some((v) => v > 3)).toBe(true);
    const plain = lstmCell(2, 2, { forgetBias: 3 }).init(key(0)).b;
    expect(plain.toArray()).toEqual(unitForgetBias(3)(key(9), [8]).toArray());
    expect(plain.toArray()).toEqual([0, 0, 3, 3, 0, 0, 0, 0]);
  });
});

test("wrong numbers and shapes are refused by name", () => {
  const messages = [
    () => uniformInit(0, 1)(key(0), [2], { gain: 1 } as object),
    () => normalInit(0),
    () => truncatedNormalInit(-1),
    () => normalInit(1, NaN),
    () => truncatedNormalInit(1, Infinity),
    () => constantInit(Number.NaN),
    () => orthogonalTimes(Infinity),
    () => sparseInit(1),
    () => sparseInit(0.5)(key(0), [3]),
    () => varianceScaling({ scale: 0 }),
    () => varianceScaling({ mode: "fan" as "fanIn" }),
    () => varianceScaling({ distribution: "even" as "normal" }),
    () => varianceScaling({ gain: 1 } as object),
    () => heNormal(key(0), [3]),
    () => heNormal(key(0), [3, 0, 2]),
    () => identityInit()(key(0), [3]),
    () => diracInit()(key(0), [3, 3]),
    () => diracInit(2)(key(0), [3, 3, 1]),
    () => diracInit(Number.NaN),
    () => identityInit(Number.NaN),
    () => uniformInit(0, Infinity),
    () => unitForgetBias()(key(0), [6]),
    () => unitForgetBias(Number.NaN),
    () => chronoBias(2),
    () => chronoUpdateBias(2),
    () => chronoUpdateBias(9)(key(0), [8]),
  ].map((f) => {
    try {
      return JSON.stringify(f());
    } catch (error) {
      return (error as Error).message;
    }
  });
  expect(messages).toMatchInlineSnapshot(`
    [
      "uniformInit: options are dtype, got "gain". Remove or correct it.",
      "normalInit: the deviation is a finite number above 0, got 0.",
      "truncatedNormalInit: the deviation is a finite number above 0, got -1.",
      "normalInit: the mean is a finite number, got NaN.",
      "truncatedNormalInit: the mean is a finite number, got Infinity.",
      "constantInit: the value is a finite number, got NaN.",
      "orthogonalTimes: the gain is a finite number, got Infinity.",
      "sparseInit: zeroPart is from 0 and below 1, got 1.",
      "sparseInit: weights are a matrix [inputs, outputs], got [3].",
      "varianceScaling: scale is a finite number above 0, got 0.",
      "varianceScaling: mode is fanIn, fanOut or fanMean, got fan.",
      "varianceScaling: distribution is uniform, normal or truncatedNormal, got even.",
      "varianceScaling: options are scale, mode, distribution, got "gain". Remove or correct it.",
      "heNormal: weights are a matrix [inputs, outputs], got [3].",
      "heNormal: weights need a size in every axis, got [3, 0, 2].",
      "identityInit: weights are a matrix [inputs, outputs], got [3].",
      "diracInit: weights are kernels [outputs, inputs, ...window], got [3, 3].",
      "diracInit: groups divide the 3 outputs, got 2.",
      "diracInit: groups is a whole number from 1, got NaN.",
      "identityInit: gain is a finite number, got NaN.",
      "uniformInit: high is a finite number, got Infinity.",
      "unitForgetBias: biases are [4H], of the gates i, f, g, o, got [6].",
      "unitForgetBias: the bias is a finite number, got NaN.",
      "chronoBias: longest is a number above 2, got 2.",
      "chronoUpdateBias: longest is a number above 2, got 2.",
      "chronoUpdateBias: biases are [3H], of the gates r, z, n, got [8].",
    ]
  `);
});
