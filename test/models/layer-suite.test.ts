/** @file Layers: PyTorch's values and gradients, derivatives against differences, masks that hold. */
import {
  type NestedArray,
  tanh,
  checkGradients,
  compile,
  grad,
  key,
  leaves,
  mapTree,
  normal,
  setDefaultBackend,
  type Tensor,
  tensor,
  type Tree,
  where,
  zeros,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import {
  additiveAttention,
  alibiBias,
  type AttentionLayer,
  type AttentionOptions,
  batchNorm,
  convolution1d,
  convolution2d,
  crnn,
  ctcLoss,
  dotProductAttention,
  groupNorm,
  layerNorm,
  lstmCell,
  luongAttention,
  multiHeadAttention,
  rmsNorm,
  rotaryPositions,
  sinusoidalPositions,
  embedding,
} from "@tapeloop/nn";
import { describe, expect, test } from "vitest";
import { expectClose, float64, type Plain, readReferences, treeOf } from "./golden.ts";
import { distance } from "./distance.ts";

setDefaultBackend(ndarrayBackend);

const f64 = { dtype: "float64" } as const;
const random = (shape: number[], seed: number): Tensor => normal(shape, { key: key(seed), ...f64 });

/** A case of make-layer-references.py. */
interface Case {
  readonly x: number[];
  readonly parameters: Plain<Tree>;
  readonly weights: number[];
  readonly y: number[];
  readonly grads: Plain<Tree>;
  readonly gradX: number[];
  readonly causal: boolean;
  readonly mask: boolean[][] | null;
  readonly running: Plain<Tree>;
  readonly evaluation: { readonly x: number[]; readonly y: number[] };
}

const references = readReferences("layers.json") as Record<string, Case> & {
  readonly multiHeadAttention: readonly Case[];
};

/** Outputs, and the gradients of their weighted sum. */
function expectReference(c: Case, run: (parameters: never, x: Tensor) => Tensor): void {
  const parameters = treeOf<Tree>(c.parameters);
  const x = float64(c.x);
  expectClose({ y: run(parameters as never, x) }, { y: c.y });
  const g = grad((at: { parameters: Tree; x: Tensor }) =>
    run(at.parameters as never, at.x)
      .mul(float64(c.weights))
      .sum(),
  )({ parameters, x });
  expectClose(g, { parameters: c.grads, x: c.gradX });
}

describe("values and gradients of PyTorch", () => {
  test("layerNorm, groupNorm", () => {
    expectReference(references["layerNorm"], (p, x) => layerNorm(5, f64).apply(p, x));
    expectReference(references["groupNorm"], (p, x) => groupNorm(2, 4, f64).apply(p, x));
  });

  test("convolutions", () => {
    const one = convolution1d(4, 6, 3, { stride: 2, padding: 2, dilation: 2, groups: 2, ...f64 });
    expectReference(references["convolution1d"], (p, x) => one.apply(p, x));
    const two = convolution2d(2, 3, [3, 2], { stride: 2, padding: 1, ...f64 });
    expectReference(references["convolution2d"], (p, x) => two.apply(p, x));
  });

  test("batchNorm, with its running means", () => {
    const c = references["batchNorm"];
    const layer = batchNorm(4, { momentum: 0.2, ...f64 });
    const training = { training: true };
    expectReference(c, (p, x) => layer.apply(p, layer.initialState(), x, training)[0]);
    const parameters = treeOf<Tree>(c.parameters) as never;
    const [, next] = layer.apply(parameters, layer.initialState(), float64(c.x), training);
    expectClose({ ...next }, c.running as never);
    const [y, same] = layer.apply(parameters, next, float64(c.evaluation.x));
    expectClose({ y }, { y: c.evaluation.y });
    expect(same).toBe(next);
  });

  test("embedding in both directions, tied", () => {
    const c = references["tied"] as unknown as Record<string, NestedArray>;
    const layer = embedding(5, 3, f64);
    const symbols = tensor(c["symbols"], { dtype: "int32" });
    const parameters = { W: float64(c["W"]) };
    const run = (p: typeof parameters): Tensor => layer.logits(p, tanh(layer.apply(p, symbols)));
    expectClose({ y: run(parameters) }, { y: c["y"] });
    const g = grad((p: typeof parameters) => run(p).mul(float64(c["weights"])).sum())(parameters);
    expectClose(g, { W: c["gradW"] });
  });

  test.each([0, 1, 2])("multiHeadAttention, case %i", (i) => {
    const c = references.multiHeadAttention[i];
    const layer = multiHeadAttention(6, 3, f64);
    const looks: AttentionOptions = {
      causal: c.causal,
      ...(c.mask && { mask: tensor(c.mask).reshape([2, 1, 1, 4]) }),
    };
    expectReference(c, (p, x) => layer.apply(p, x, looks).outputs);
  });
});

describe("attention layers", () => {
  const [D, E, S] = [3, 4, 5];
  const rows: Record<string, AttentionLayer<never>> = {
    additive: additiveAttention(D, E, { attentionSize: 2, ...f64 }) as AttentionLayer<never>,
    "Luong, general": luongAttention(D, E, f64) as AttentionLayer<never>,
    "Luong, concat": luongAttention(D, E, { score: "concat", ...f64 }) as AttentionLayer<never>,
    "Luong, dot": luongAttention(E, E, { score: "dot" }) as AttentionLayer<never>,
  };
  const memory = random([2, S, E], 1);

  test.each(Object.entries(rows))(
    "%s: weights that sum to 1, masked keys without a trace",
    (name, layer) => {
      const size = name.endsWith("dot") ? E : D;
      const queries = random([2, 3, size], 2);
      const parameters = layer.init(key(0));
      const mask = tensor([[[true, true, false, true, false]], [[false, true, true, true, true]]]);
      const run = (m: Tensor): { outputs: Tensor; weights: Tensor } =>
        layer.apply(parameters, queries, m, { mask });
      const { outputs, weights } = run(memory);
      expect(outputs.shape).toEqual([2, 3, E]);
      expect(weights.sum({ axes: -1 }).sub(1).abs().max().item()).toBeLessThan(1e-12);
      const other = where(mask.reshape([2, S, 1]), memory, random([2, S, E], 7).mul(50));
      expect(distance(run(other), { outputs, weights })).toBe(0);
      const g = grad((m: Tensor) => run(m).outputs.square().sum())(memory);
      expect(
        where(mask.reshape([2, S, 1]), 0, g)
          .abs()
          .max()
          .item(),
      ).toBe(0);
      // One query for each is the same as a row of one.
      const single = queries.slice([{}, { stop: 1 }]).reshape([2, size]);
      const alone = layer.apply(parameters, single, memory, { mask: mask.reshape([2, S]) });
      const first = mapTree((t) => t.slice([{}, { stop: 1 }]).reshape([2, -1]), {
        outputs,
        weights,
      });
      expect(distance(alone, first)).toBeLessThan(1e-12);
      checkGradients(
        (at: { q: Tensor; m: Tensor }) => layer.apply(parameters, at.q, at.m).outputs,
        {
          q: queries,
          m: memory,
        },
      );
    },
  );

  test("additive attention is its formula", () => {
    const layer = additiveAttention(D, E, { attentionSize: 2, ...f64 });
    const p = layer.init(key(3));
    const query = random([D], 4);
    const [m] = [random([S, E], 5)];
    const { weights, outputs } = layer.apply(p, query, m);
    const [Wq, Wk, v, q, rowsOf] = [p.Wq, p.Wk, p.v, query, m].map((t) => t.toArray()) as [
      number[][],
      number[][],
      number[][],
      number[],
      number[][],
    ];
    const scores = rowsOf.map((row) =>
      [0, 1].reduce((sum, a) => {
        const inner =
          q.reduce((s, x, i) => s + x * Wq[i][a], 0) + row.reduce((s, x, i) => s + x * Wk[i][a], 0);
        return sum + Math.tanh(inner) * v[a][0];
      }, 0),
    );
    const total = scores.reduce((s, x) => s + Math.exp(x), 0);
    const wanted = scores.map((x) => Math.exp(x) / total);
    weights.dataSync().forEach((w, i) => expect(w).toBeCloseTo(wanted[i], 12));
    const mean = rowsOf[0].map((_, e) => rowsOf.reduce((s, row, i) => s + wanted[i] * row[e], 0));
    outputs.dataSync().forEach((y, e) => expect(y).toBeCloseTo(mean[e], 12));
  });
});

describe("dotProductAttention", () => {
  test("gives 0 to queries that may see nothing, with no gradient", () => {
    const [q, k, v] = [random([2, 3], 1), random([4, 3], 2), random([4, 2], 3)];
    const mask = tensor([
      [true, true, true, true],
      [false, false, false, false],
    ]);
    const f = (x: Tensor): Tensor => dotProductAttention(x, k, v, { mask }).outputs;
    expect(
      f(q)
        .slice([{ start: 1 }])
        .toArray(),
    ).toEqual([[0, 0]]);
    expect(
      grad((x: Tensor) => f(x).sum())(q)
        .slice([{ start: 1 }])
        .toArray(),
    ).toEqual([[0, 0, 0]]);
  });

  test("is causal from the end: a last query sees all keys", () => {
    const [q, k, v] = [random([2, 3], 1), random([4, 3], 2), random([4, 2], 3)];
    const { weights } = dotProductAttention(q, k, v, { causal: true });
    const seen = (weights.toArray() as number[][]).map((row) => row.map((w) => w > 0));
    expect(seen).toEqual([
      [true, true, true, false],
      [true, true, true, true],
    ]);
  });
});

test("multi-head attention step by step with a cache is the causal one at once", () => {
  const layer = multiHeadAttention(6, 2, f64);
  const parameters = layer.init(key(0));
  const x = random([2, 5, 6], 1);
  const whole = layer.apply(parameters, x, { causal: true }).outputs;
  let cache: ReturnType<typeof layer.apply>["cache"] | undefined;
  for (let t = 0; t < 5; t++) {
    const now = x.slice([{}, { start: t, stop: t + 1 }]);
    const step = layer.apply(parameters, now, cache === undefined ? {} : { cache });
    cache = step.cache;
    expect(distance([step.outputs], [whole.slice([{}, { start: t, stop: t + 1 }])])).toBeLessThan(
      1e-12,
    );
  }
});

test("multi-head attention looks at other sequences, of other sizes", () => {
  const layer = multiHeadAttention(4, 2, { keySize: 3, valueSize: 5, bias: false, ...f64 });
  const parameters = layer.init(key(0));
  const inputs = { keys: random([2, 7, 3], 2), values: random([2, 7, 5], 3) };
  const f = (x: Tensor): Tensor => layer.apply(parameters, x, inputs).outputs;
  const x = random([2, 3, 4], 1);
  expect(f(x).shape).toEqual([2, 3, 4]);
  checkGradients(f, x);
  expect(distance([compile(f)(x)], [f(x)])).toBeLessThan(1e-14);
  expect(leaves(parameters)).toHaveLength(4);
});

describe("positions", () => {
  test("are sines and cosines of the paper", () => {
    const [length, size] = [4, 6];
    const found = sinusoidalPositions(length, size).toArray() as number[][];
    for (let p = 0; p < length; p++) {
      for (let i = 0; i < size / 2; i++) {
        const angle = p / 10_000 ** ((2 * i) / size);
        expect(found[p][2 * i]).toBeCloseTo(Math.sin(angle), 5);
        expect(found[p][2 * i + 1]).toBeCloseTo(Math.cos(angle), 5);
      }
    }
  });

  test("that are rotary make products depend on distances alone, and keep lengths", () => {
    const [q, k] = [random([1, 8], 1), random([1, 8], 2)];
    const product = (p: number, r: number): number =>
      rotaryPositions(q, { start: p })
        .mul(rotaryPositions(k, { start: r }))
        .sum()
        .item();
    expect(product(5, 2)).toBeCloseTo(product(9, 6), 4);
    expect(product(5, 2)).not.toBeCloseTo(product(5, 3), 2);
    const turned = rotaryPositions(random([6, 8], 3));
    expect(
      distance([turned.square().sum({ axes: -1 })], [random([6, 8], 3).square().sum({ axes: -1 })]),
    ).toBeLessThan(1e-5);
  });

  test("of ALiBi fall with the distance, by a slope for each head", () => {
    const bias = alibiBias(2, 2, 3).toArray() as number[][][];
    expect(bias[0]).toEqual([
      [-0.0625, 0, -0.0625],
      [-0.125, -0.0625, 0],
    ]);
    expect(bias[1][1][0]).toBe(-2 / 256);
  });
});

describe("normalizations", () => {
  test("rmsNorm is its formula, with its derivatives", () => {
    const layer = rmsNorm(4, { epsilon: 0.01, ...f64 });
    const x = random([3, 4], 1);
    const parameters = { gain: random([4], 2) };
    const y = layer.apply(parameters, x).toArray() as number[][];
    (x.toArray() as number[][]).forEach((row, i) => {
      const rms = Math.sqrt(row.reduce((s, v) => s + v * v, 0) / 4 + 0.01);
      row.forEach((v, j) =>
        expect(y[i][j]).toBeCloseTo((v / rms) * parameters.gain.dataSync()[j], 12),
      );
    });
    checkGradients((at: { x: Tensor; p: typeof parameters }) => layer.apply(at.p, at.x), {
      x,
      p: parameters,
    });
  });

  test("batchNorm sees real rows alone", () => {
    const layer = batchNorm(2, f64);
    const p = layer.init(key(0));
    const x = random([3, 4, 2], 1);
    const lengths = [4, 2, 1];
    const mask = tensor(lengths.map((n) => [0, 1, 2, 3].map((t) => t < n)));
    const dirty = where(mask.reshape([3, 4, 1]), x, 1e6);
    const options = { training: true, mask };
    const [a, b] = [x, dirty].map((z) => layer.apply(p, layer.initialState(), z, options));
    expect(distance(a[1], b[1])).toBe(0);
    const list = x.toArray() as number[][][];
    const rows = lengths.flatMap((n, i) => list[i].slice(0, n));
    const alone = layer.apply(p, layer.initialState(), float64(rows), { training: true });
    expect(distance(a[1], alone[1])).toBeLessThan(1e-12);
    const real = lengths.flatMap((n, i) => (a[0].toArray() as number[][][])[i].slice(0, n));
    expect(distance([float64(real)], [alone[0]])).toBeLessThan(1e-12);
  });
});

describe("convolutions", () => {
  test("keep lengths with same, and see nothing that comes later with causal", () => {
    for (const [length, stride] of [
      [9, 1],
      [9, 2],
      [10, 3],
    ]) {
      const layer = convolution1d(2, 3, 4, { padding: "same", stride, ...f64 });
      const y = layer.apply(layer.init(key(0)), random([1, 2, length], 1));
      expect(y.shape).toEqual([1, 3, Math.ceil(length / stride)]);
    }
    const causal = convolution1d(2, 3, 3, { padding: "causal", dilation: 2, ...f64 });
    const p = causal.init(key(0));
    const g = grad((x: Tensor) =>
      causal
        .apply(p, x)
        .slice([{}, {}, { start: 4, stop: 5 }])
        .sum(),
    )(random([1, 2, 8], 1));
    const seen = (
      g
        .abs()
        .sum({ axes: [0, 1] })
        .toArray() as number[]
    ).map((v) => v > 0);
    expect(seen).toEqual([true, false, true, false, true, false, false, false]);
  });

  test("make columns of pictures steps of a recurrent net, which learns by CTC", () => {
    const model = crnn({ height: 8, classes: 4, filters: [3, 4], hiddenSize: 5, ...f64 });
    const parameters = model.init(key(0));
    const x = random([2, 1, 8, 16], 1);
    expect(model.apply(parameters, x).shape).toEqual([4, 2, 4]);
    const labels = tensor(
      [
        [1, 2],
        [3, 1],
      ],
      { dtype: "int32" },
    );
    const loss = (p: typeof parameters): Tensor => ctcLoss(model.apply(p, x).sub(0), labels);
    const g = leaves(grad((p: typeof parameters) => loss(p))(parameters));
    expect(g.every((t) => t.abs().max().item() > 0)).toBe(true);
  });
});

test("what does not fit is refused by name", () => {
  const x = zeros([2, 3, 4]);
  const heads = multiHeadAttention(4, 2);
  const p = heads.init(key(0));
  const messages = [
    () => multiHeadAttention(6, 4),
    () => multiHeadAttention(4, 2, { head: 2 } as object),
    () => heads.apply(p, zeros([2, 3, 5])),
    () => heads.apply(p, x, { keys: zeros([2, 3, 5]) }),
    () => heads.apply(p, x, { mask: zeros([3]) }),
    () => dotProductAttention(zeros([2, 3]), zeros([2, 4]), zeros([2, 4])),
    () => luongAttention(2, 3, { score: "dot" }),
    () => luongAttention(2, 3, { score: "add" as "dot" }),
    () => groupNorm(3, 4),
    () => groupNorm(2, 4).apply(groupNorm(2, 4).init(key(0)), zeros([2, 3])),
    () => batchNorm(3, { momentum: 2 }),
    () => batchNorm(3, { epsilon: Number.NaN }),
    () => groupNorm(2, 4, { epsilon: -1 }),
    () => layerNorm(3, { epsilon: -1 }),
    () => layerNorm(lstmCell(2, 3), { epsilon: Infinity }),
    () => rmsNorm(3, { epsilon: -1 }),
    () => convolution1d(2, 3, 2, { padding: -1 }),
    () => convolution2d(2, 3, 2, { padding: "causal" }),
    () => convolution1d(2, 3, 2, { groups: 2 }),
    () => convolution1d(2, 3, 2).apply({ W: zeros([3, 2, 2]) }, zeros([2, 3])),
    () => crnn({ height: 6, classes: 3 }),
    () => sinusoidalPositions(3, 5),
    () => rotaryPositions(zeros([2, 3])),
    () => rotaryPositions(zeros([2, 4]), { base: Number.NaN }),
  ].map((f) => {
    try {
      return JSON.stringify(f());
    } catch (error) {
      return (error as Error).message;
    }
  });
  expect(messages).toMatchInlineSnapshot(`
    [
      "multiHeadAttention: heads divide the size 6, got 4.",
      "multiHeadAttention: options are keySize, valueSize, bias, weights, dtype, got "head". Remove or correct it.",
      "multiHeadAttention: the last axis of x must have size 4, got float32[2,3,5].",
      "multiHeadAttention: the last axis of keys must have size 4, got float32[2,3,5].",
      "dotProductAttention: the mask must be bool, got float32[3]. (in multiHeadAttention, dotProductAttention)",
      "dotProductAttention: takes queries [..., Q, D] and keys [..., K, D], got [2,3] and [2,4].",
      "luongAttention: "dot" needs queries and rows of one size, got 2 and 3. Use "general".",
      "luongAttention: score is dot, general or concat, got add.",
      "groupNorm: groups divide the 4 channels, got 3.",
      "groupNorm: x is [B, 4, ...], got float32[2,3].",
      "batchNorm: momentum is from 0 to 1, got 2.",
      "batchNorm: epsilon is a finite number from 0, got NaN.",
      "groupNorm: epsilon is a finite number from 0, got -1.",
      "layerNorm: epsilon is a finite number from 0, got -1.",
      "layerNorm: epsilon is a finite number from 0, got Infinity.",
      "rmsNorm: epsilon is a finite number from 0, got -1.",
      "convolution1d: padding is a whole number from 0, "same" or "causal", got -1.",
      "convolution2d: padding is a whole number from 0, or "same", got causal.",
      "convolution1d: groups divide 2 inputs and 3 outputs, got 2.",
      "convolution1d: x is [B, 2, L], got float32[2,3].",
      "crnn: the height can be halved 2 times, got 6.",
      "sinusoidalPositions: the size is even, got 5.",
      "rotaryPositions: the size is even, got 3.",
      "rotaryPositions: base is a finite number, got NaN.",
    ]
  `);
});
