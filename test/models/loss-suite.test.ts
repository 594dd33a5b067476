/** @file Every loss: PyTorch's values and gradients, derivatives against differences, weights, masks, refusals. */
import {
  checkGradients,
  compile,
  cosineSimilarity,
  expandDims,
  grad,
  key,
  logSoftmax,
  type NestedArray,
  normal,
  randomInts,
  setDefaultBackend,
  sign,
  sigmoid,
  softmax,
  softplus,
  type Tensor,
  tensor,
  uniform,
  where,
  zeros,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import * as nn from "@tapeloop/nn";
import type { LossOptions } from "@tapeloop/nn";
import { describe, expect, test } from "vitest";
import { expectClose, float64, readReferences } from "./golden.ts";

setDefaultBackend(ndarrayBackend);

type Loss = (x: Tensor, ...rest: (Tensor | object)[]) => Tensor;

/** Losses by name that take logarithms where PyTorch's case begins with logits. */
const losses: Record<string, Loss> = {
  ...(nn as unknown as Record<string, Loss>),
  ctcLoss: (x, ...rest) => (nn.ctcLoss as Loss)(logSoftmax(x), ...rest),
};

/** A case of make-loss-references.py. */
interface Case {
  readonly loss: string;
  readonly arguments: readonly NestedArray[];
  readonly options: object;
  readonly tensors: Readonly<Record<string, NestedArray>>;
  readonly none: NestedArray;
  readonly sum: NestedArray;
  readonly mean: NestedArray;
  readonly grad: NestedArray;
}

/** Which losses take labels, in place of numbers, as their second argument. */
const ofLabels = new Set([
  "softmaxCrossEntropy",
  "negativeLogLikelihood",
  "multiClassHinge",
  "ctcLoss",
]);

/** Whether all numbers are whole. */
function areWhole(data: NestedArray): boolean {
  return Array.isArray(data) ? data.every(areWhole) : Number.isInteger(data);
}

const cases = (readReferences("losses.json") as Case[]).map(
  (c) => [`${c.loss} ${JSON.stringify(c.options)} ${Object.keys(c.tensors).join()}`, c] as const,
);

describe.each(cases)("%s", (_, c) => {
  const [x, ...rest] = c.arguments.map((data, i) =>
    i === 1 && ofLabels.has(c.loss) && areWhole(data)
      ? tensor(data, { dtype: "int32" })
      : float64(data),
  );
  const options = {
    ...c.options,
    ...Object.fromEntries(Object.entries(c.tensors).map(([name, data]) => [name, float64(data)])),
  };
  const loss = (at: Tensor, more: LossOptions = {}): Tensor =>
    losses[c.loss](at, ...rest, { ...options, ...more });

  test("has the values and the gradient of PyTorch", () => {
    for (const reduction of ["none", "sum", "mean"] as const) {
      expectClose({ y: loss(x, { reduction }) }, { y: c[reduction] });
    }
    expectClose({ g: grad((at: Tensor) => loss(at))(x) }, { g: c.grad });
  });

  test("is the same compiled", () => {
    const g = grad((at: Tensor) => loss(at));
    expect(compile(g)(x).sub(g(x)).abs().max().item()).toBeLessThan(1e-14);
  });
});

const random = (shape: number[], seed: number): Tensor =>
  normal(shape, { key: key(seed), dtype: "float64" });
const [x, y] = [random([4, 3], 1), random([4, 3], 2)];
const labels = randomInts([4], 0, 3, { key: key(3) });
const part = uniform([4, 3], 0.05, 0.95, { key: key(4), dtype: "float64" });

/** A loss of [4, 3] or [4, 3, …] numbers, and the shape of the single losses. */
interface Row {
  readonly loss: (x: Tensor, options?: LossOptions) => Tensor;
  readonly at?: Tensor;
  readonly single: readonly number[];
}

const mixture = (at: Tensor): nn.GaussianMixture => ({
  logits: at.slice([{}, { stop: 2 }]).mul(2),
  means: expandDims(at.slice([{}, { start: 1 }]), -1),
  logDeviations: expandDims(at.slice([{}, { stop: 2 }]), -1).mul(0.3),
});
const rows: Record<string, Row> = {
  meanSquaredError: { loss: (at, o) => nn.meanSquaredError(at, y, o), single: [4, 3] },
  meanAbsoluteError: { loss: (at, o) => nn.meanAbsoluteError(at, y, o), single: [4, 3] },
  huber: { loss: (at, o) => nn.huber(at, y, { delta: 0.8, ...o }), single: [4, 3] },
  logCosh: { loss: (at, o) => nn.logCosh(at, y, o), single: [4, 3] },
  poissonLoss: { loss: (at, o) => nn.poissonLoss(at, part, o), single: [4, 3] },
  gaussianNegativeLogLikelihood: {
    loss: (at, o) => nn.gaussianNegativeLogLikelihood(at, y, softplus(at.mul(2)).add(0.1), o),
    single: [4, 3],
  },
  quantileLoss: {
    loss: (at, o) => nn.quantileLoss(at, y, { quantile: 0.7, ...o }),
    single: [4, 3],
  },
  cosineLoss: { loss: (at, o) => nn.cosineLoss(at, y, o), single: [4] },
  softmaxCrossEntropy: {
    loss: (at, o) => nn.softmaxCrossEntropy(at, labels, { labelSmoothing: 0.1, ...o }),
    single: [4],
  },
  "softmaxCrossEntropy of probabilities": {
    loss: (at, o) => nn.softmaxCrossEntropy(at, softmax(y), o),
    single: [4],
  },
  negativeLogLikelihood: {
    loss: (at, o) => nn.negativeLogLikelihood(logSoftmax(at), labels, o),
    single: [4],
  },
  klDivergence: { loss: (at, o) => nn.klDivergence(logSoftmax(at), softmax(y), o), single: [4] },
  softmaxFocalLoss: { loss: (at, o) => nn.softmaxFocalLoss(at, labels, o), single: [4] },
  sigmoidCrossEntropy: {
    loss: (at, o) =>
      nn.sigmoidCrossEntropy(at, part, { labelSmoothing: 0.1, positiveWeights: 2, ...o }),
    single: [4, 3],
  },
  binaryCrossEntropy: {
    loss: (at, o) => nn.binaryCrossEntropy(sigmoid(at), part, o),
    single: [4, 3],
  },
  sigmoidFocalLoss: {
    loss: (at, o) => nn.sigmoidFocalLoss(at, part, { alpha: 0.3, ...o }),
    single: [4, 3],
  },
  hinge: { loss: (at, o) => nn.hinge(at, sign(y), o), single: [4, 3] },
  squaredHinge: { loss: (at, o) => nn.squaredHinge(at, sign(y), o), single: [4, 3] },
  multiClassHinge: { loss: (at, o) => nn.multiClassHinge(at, labels, o), single: [4] },
  tripletLoss: { loss: (at, o) => nn.tripletLoss(at, y, part, { margin: 3, ...o }), single: [4] },
  mixtureDensityLoss: {
    loss: (at, o) => nn.mixtureDensityLoss(mixture(at), part.slice([{}, { stop: 1 }]), o),
    single: [4],
  },
  ctcLoss: {
    loss: (at, o) =>
      nn.ctcLoss(logSoftmax(at), tensor([[1], [2], [1], [1]], { dtype: "int32" }), o),
    at: random([3, 4, 3], 5),
    single: [4],
  },
};

describe.each(Object.entries(rows))("%s", (name, { loss, at = x, single }) => {
  test("has the first and second derivatives that differences have", () => {
    expect(checkGradients((z: Tensor) => loss(z), at).first).toBeLessThan(1e-8);
  });

  test("adds up, takes the mean, or leaves single losses as they are", () => {
    const each = loss(at, { reduction: "none" });
    expect(each.shape).toEqual(single);
    expect(loss(at, { reduction: "sum" }).item()).toBeCloseTo(each.sum().item(), 10);
    expect(loss(at).item()).toBeCloseTo(each.mean().item(), 10);
  });

  test("weighs and masks single losses, and takes the mean of what counts", () => {
    const each = Array.from(loss(at, { reduction: "none" }).dataSync());
    const weights = uniform([...single], 0.5, 2, { key: key(8), dtype: "float64" });
    const mask = tensor(
      each.map((_, i) => i % 3 !== 1),
      { shape: [...single] },
    );
    const w = Array.from(weights.dataSync(), (v, i) => (i % 3 === 1 ? 0 : v));
    const wanted = each.reduce((total, v, i) => total + v * w[i], 0);
    expect(loss(at, { weights, mask, reduction: "sum" }).item()).toBeCloseTo(wanted, 10);
    const all = w.reduce((a, b) => a + b, 0);
    expect(loss(at, { weights, mask }).item()).toBeCloseTo(wanted / all, 10);
    const none = tensor(
      each.map(() => false),
      { shape: [...single] },
    );
    expect(loss(at, { mask: none }).item()).toBe(0);
    expect(
      grad((z: Tensor) => loss(z, { mask: none }))(at)
        .abs()
        .max()
        .item(),
    ).toBe(0);
  });

  test("refuses weights that do not fit, masks that are none, and unknown options", () => {
    const op = name.split(" ")[0];
    expect(() => loss(at, { weights: zeros([7]) })).toThrow(`${op}: weights must broadcast`);
    expect(() => loss(at, { mask: zeros([4]) })).toThrow(`${op}: the mask must be bool`);
    expect(() => loss(at, { reduce: "sum" } as LossOptions)).toThrow(`${op}: options are`);
    expect(() => loss(at, { reduction: "max" as "sum" })).toThrow(`${op}: reduction is`);
  });
});

describe("losses without a counterpart in PyTorch", () => {
  const each = (f: (a: number, b: number) => number, a: Tensor, b: Tensor): number[] =>
    Array.from(a.dataSync(), (v, i) => f(v, b.dataSync()[i]));
  const close = (found: Tensor, wanted: readonly number[]): void =>
    found.dataSync().forEach((v, i) => expect(v).toBeCloseTo(wanted[i], 10));
  const none = { reduction: "none" } as const;

  test("are their formulas", () => {
    close(
      nn.logCosh(x, y, none),
      each((a, b) => Math.log(Math.cosh(a - b)), x, y),
    );
    close(
      nn.quantileLoss(x, y, { quantile: 0.9, ...none }),
      each((a, b) => Math.max(0.9 * (b - a), 0.1 * (a - b)), x, y),
    );
    close(
      nn.squaredHinge(x, sign(y), none),
      each((a, t) => Math.max(0, 1 - a * t) ** 2, x, sign(y)),
    );
    const p = (a: number): number => 1 / (1 + Math.exp(-a));
    const q = (a: number, t: number): number => (t === 1 ? p(a) : 1 - p(a));
    const sides = tensor(
      Array.from(y.dataSync(), (v) => (v > 0 ? 1 : 0)),
      { shape: [4, 3], dtype: "float64" },
    );
    close(
      nn.sigmoidFocalLoss(x, sides, { gamma: 3, alpha: 0.25, ...none }),
      each((a, t) => (t === 1 ? 0.25 : 0.75) * (1 - q(a, t)) ** 3 * -Math.log(q(a, t)), x, sides),
    );
    close(
      nn.cosineLoss(x, y, none),
      Array.from(cosineSimilarity(x, y).dataSync(), (c) => 1 - c),
    );
    const chosen = Array.from(softmax(x).dataSync()).filter(
      (_, i) => i % 3 === labels.dataSync()[Math.floor(i / 3)],
    );
    close(
      nn.softmaxFocalLoss(x, labels, none),
      chosen.map((c) => -((1 - c) ** 2) * Math.log(c)),
    );
  });

  test("with γ = 0 focal losses are cross-entropies", () => {
    close(
      nn.softmaxFocalLoss(x, labels, { gamma: 0, ...none }),
      Array.from(nn.softmaxCrossEntropy(x, labels, none).dataSync()),
    );
    close(
      nn.sigmoidFocalLoss(x, part, { gamma: 0, ...none }),
      Array.from(nn.sigmoidCrossEntropy(x, part, none).dataSync()),
    );
  });

  test("a mixture of normal distributions has their density", () => {
    const [logits, means, logDeviations] = [
      random([2, 3], 1),
      random([2, 3, 2], 2),
      random([2, 3, 2], 3).mul(0.3),
    ];
    const targets = random([2, 2], 4);
    const [w, mu, ls, t] = [softmax(logits), means, logDeviations, targets].map((z) =>
      z.dataSync(),
    );
    const wanted = [0, 1].map((b) => {
      let density = 0;
      for (let k = 0; k < 3; k++) {
        let product = w[b * 3 + k];
        for (let i = 0; i < 2; i++) {
          const at = (b * 3 + k) * 2 + i;
          const s = Math.exp(ls[at]);
          product *=
            Math.exp(-0.5 * ((t[b * 2 + i] - mu[at]) / s) ** 2) / (s * Math.sqrt(2 * Math.PI));
        }
        density += product;
      }
      return -Math.log(density);
    });
    close(nn.mixtureDensityLoss({ logits, means, logDeviations }, targets, none), wanted);
    expect(() =>
      nn.mixtureDensityLoss({ logits, means, logDeviations }, zeros([2, 3])),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: mixtureDensityLoss: takes logits [..., K], means and deviations [..., K, D], targets [..., D], got float64[2,3], float64[2,3,2], float64[2,3,2], float32[2,3].]`,
    );
  });
});

describe("ctcLoss", () => {
  const [T, N] = [5, 3];
  const logits = random([T, 1, N], 6);
  const p = softmax(logits).reshape([T, N]).toArray() as number[][];

  /** The probability of labels, by going through all ways to say something in T steps. */
  function byAllWays(wanted: readonly number[], steps: number): number {
    let total = 0;
    for (let way = 0; way < N ** steps; way++) {
      const said = Array.from({ length: steps }, (_, t) => Math.floor(way / N ** t) % N);
      const collapsed = said.filter((c, t) => c !== 0 && c !== said[t - 1]);
      if (collapsed.join() === wanted.join()) {
        total += said.reduce((product, c, t) => product * p[t][c], 1);
      }
    }
    return total;
  }

  test.each([[[1, 2]], [[1, 1]], [[2, 1, 2]], [[1]], [[]]] as number[][][])(
    "is the probability of all ways to say %j",
    (wanted) => {
      for (const steps of [5, 4]) {
        const padded = tensor([[...wanted, 1, 1, 1].slice(0, 3)], { dtype: "int32" });
        const loss = nn.ctcLoss(logSoftmax(logits), padded, {
          inputLengths: [steps],
          labelLengths: [wanted.length],
        });
        expect(Math.exp(-loss.item())).toBeCloseTo(byAllWays(wanted, steps), 12);
      }
    },
  );

  test("is blind for what stands behind the ends, in values and derivatives", () => {
    const [logs, lengths] = [logSoftmax(random([5, 2, 4], 7)), [5, 3]];
    const said = tensor(
      [
        [1, 2],
        [3, 3],
      ],
      { dtype: "int32" },
    );
    const isReal = tensor([0, 1, 2, 3, 4].map((t) => lengths.map((n) => [t < n])));
    const spoilt = where(isReal, logs, NaN);
    const out = tensor(
      [
        [1, 2],
        [3, -7],
      ],
      { dtype: "int32" },
    );
    const options = { inputLengths: lengths, labelLengths: [2, 1] };
    const [clean, dirty] = [
      (z: Tensor) => nn.ctcLoss(z, said, options),
      (z: Tensor) => nn.ctcLoss(z, out, options),
    ];
    expect(dirty(spoilt).item()).toBe(clean(logs).item());
    expect(grad(dirty)(spoilt).sub(grad(clean)(logs)).abs().max().item()).toBe(0);
  });

  test("of labels that cannot be said in time is Infinity, with a gradient of 0", () => {
    const long = tensor([[1, 1, 2, 2]], { dtype: "int32" });
    const loss = (z: Tensor): Tensor => nn.ctcLoss(logSoftmax(z), long);
    expect(loss(logits).item()).toBe(Infinity);
    expect(grad(loss)(logits).abs().max().item()).toBe(0);
  });

  test("refuses what does not fit", () => {
    const log = zeros([4, 2, 3]);
    const two = tensor([[1], [2]], { dtype: "int32" });
    const messages = [
      () => nn.multiClassHinge(zeros([2, 3]), two.reshape([2]), { margin: Number.NaN }),
      () => nn.ctcLoss(log, zeros([2, 1])),
      () => nn.ctcLoss(zeros([2, 3]), two),
      () => nn.ctcLoss(log, two, { blank: 3 }),
      () => nn.ctcLoss(log, two, { inputLengths: [5, 1] }),
      () => nn.ctcLoss(log, two, { labelLengths: tensor([1, 1]) }),
    ].map((f) => {
      try {
        return JSON.stringify(f());
      } catch (error) {
        return (error as Error).message;
      }
    });
    expect(messages).toMatchInlineSnapshot(`
      [
        "multiClassHinge: margin is a finite number, got NaN.",
        "ctcLoss: labels must be int32, got float32[2,1]. Use cast(x, "int32").",
        "ctcLoss: takes logarithms [T, B, N] and labels [B, S], got float32[2,3] and int32[2,1].",
        "ctcLoss: blank is a class, from 0 and below 3, got 3.",
        "ctcLoss: inputLengths are whole numbers from 0 to 4, got [5, 1].",
        "ctcLoss: labelLengths are int32[2], got float32[2].",
      ]
    `);
  });
});
