import {
  checkGradients,
  grad,
  key,
  leaves,
  memory,
  normal,
  ones,
  setDefaultBackend,
  splitKey,
  type Tensor,
  tensor,
  variance,
  zeros,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import {
  dropout,
  embedding,
  glorotNormal,
  glorotUniform,
  linear,
  orthogonal,
  uniformInit,
  zerosInit,
} from "@tapeloop/nn";
import { describe, expect, test } from "vitest";

setDefaultBackend(ndarrayBackend);

describe("linear", () => {
  test("multiplies by W and adds b, whatever the axes in front", () => {
    const layer = linear(2, 3);
    const parameters = {
      W: tensor([
        [1, 2, 3],
        [4, 5, 6],
      ]),
      b: tensor([10, 20, 30]),
    };
    expect(layer.apply(parameters, tensor([1, 1])).toArray()).toEqual([15, 27, 39]);
    expect(layer.apply(parameters, zeros([5, 4, 2])).shape).toEqual([5, 4, 3]);
  });

  test("has no bias if it is not wanted", () => {
    const layer = linear(2, 3, { bias: false });
    const parameters = layer.init(key(0));
    expect(Object.keys(parameters)).toEqual(["W"]);
    expect(layer.apply(parameters, zeros([2])).toArray()).toEqual([0, 0, 0]);
  });

  test("has the derivatives that differences have", () => {
    const layer = linear(2, 3, { dtype: "float64" });
    const at = { p: layer.init(key(0)), x: normal([4, 2], { key: key(1), dtype: "float64" }) };
    checkGradients(({ p, x }: typeof at) => layer.apply(p, x), at);
  });

  test("refuses wrong sizes and options", () => {
    const layer = linear(2, 3);
    expect(() => layer.apply(layer.init(key(0)), zeros([3]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: linear: the last axis of x must have size 2, got float32[3].]`,
    );
    expect(() => layer.apply(layer.init(key(0)), zeros([]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: linear: the last axis of x must have size 2, got float32[].]`,
    );
    expect(() => linear(2, -1)).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: linear: outputs is a whole number from 1, got -1.]`,
    );
    expect(() => linear(2, 1, { useBias: false } as object)).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: linear: options are bias, weights, dtype, got "useBias". Remove or correct it.]`,
    );
  });
});

describe("embedding", () => {
  const layer = embedding(3, 2);
  const W = tensor([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  const indices = tensor(
    [
      [2, 0],
      [2, 2],
    ],
    { dtype: "int32" },
  );

  test("takes the rows of its indices", () => {
    expect(layer.apply({ W }, indices).toArray()).toEqual([
      [
        [5, 6],
        [1, 2],
      ],
      [
        [5, 6],
        [5, 6],
      ],
    ]);
  });

  test("adds up the gradients of rows that were read more than once", () => {
    const { W: dW } = grad((p: { W: Tensor }) => layer.apply(p, indices).sum())({ W });
    expect(dW.toArray()).toEqual([
      [1, 1],
      [0, 0],
      [3, 3],
    ]);
  });

  test("scores symbols by its rows, and refuses vectors of another size", () => {
    expect(layer.logits({ W }, tensor([1, -1])).toArray()).toEqual([-1, -1, -1]);
    expect(() => layer.logits({ W }, tensor([1, 2, 3]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: embedding: the last axis of x must have size 2, got float32[3].]`,
    );
  });

  test("starts small", () => {
    const first = layer.init(key(0)).W;
    expect(first.shape).toEqual([3, 2]);
    expect(first.abs().max().item()).toBeLessThan(0.05);
  });

  test("refuses indices that are no rows", () => {
    const apply = (x: Tensor) => (): Tensor => layer.apply({ W }, x);
    expect(apply(tensor([3], { dtype: "int32" }))).toThrowErrorMatchingInlineSnapshot(
      `[IndexError: embeddingLookup: indices along axis 0 must be in [0, 3), got 3 at place 0. Indices count from 0. (in embedding)]`,
    );
    expect(apply(tensor([-1], { dtype: "int32" }))).toThrowErrorMatchingInlineSnapshot(
      `[IndexError: embeddingLookup: indices along axis 0 must be in [0, 3), got -1 at place 0. Indices count from 0. (in embedding)]`,
    );
    expect(apply(tensor([1]))).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: embeddingLookup: indices must be int32, got float32[1]. Use cast(x, "int32"). (in embedding)]`,
    );
  });
});

describe("dropout", () => {
  const wide = normal([100, 100], { key: key(0) }).add(3);

  test.each([0.1, 0.5, 0.9])("drops the rate of elements and keeps the mean, rate %d", (rate) => {
    const y = dropout(rate).apply(wide, key(1));
    const dropped = y.equal(0).mean().item();
    // Ten standard deviations of 10,000 draws is 0.05 at most.
    expect(Math.abs(dropped - rate)).toBeLessThan(0.02);
    expect(Math.abs(y.mean().item() / wide.mean().item() - 1)).toBeLessThan(0.1);
    const scale = y.div(wide);
    const scales = new Set(Array.from(scale.dataSync(), (s) => s.toFixed(4)));
    expect(scales).toEqual(new Set(["0.0000", (1 / (1 - rate)).toFixed(4)]));
  });

  test("hands x through in evaluation and at rate 0", () => {
    expect(dropout(0.5).apply(wide, null)).toBe(wide);
    expect(dropout(0).apply(wide, key(1))).toBe(wide);
  });

  test("drops the same elements with the same key, others with another", () => {
    const [k1, k2] = splitKey(key(3));
    const half = dropout(0.5);
    const sum = (k: Tensor): number => half.apply(wide, k).sum().item();
    expect(sum(k1)).toBe(sum(k1));
    expect(sum(k1)).not.toBe(sum(k2));
  });

  test("passes gradients where it passes values", () => {
    const at = ones([8]);
    const half = (x: Tensor): Tensor => dropout(0.5).apply(x, key(2));
    expect(grad((x: Tensor) => half(x).sum())(at).toArray()).toEqual(half(at).toArray());
  });

  test("drops what is not finite as well", () => {
    const y = dropout(0.9).apply(tensor(Array.from({ length: 50 }, () => NaN)), key(1));
    expect(y.equal(0).sum().item()).toBeGreaterThan(30);
  });

  test("refuses rates that leave nothing, or are none", () => {
    expect(() => dropout(1)).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: dropout: rate is from 0 and below 1, got 1.]`,
    );
    expect(() => dropout(-0.1)).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: dropout: rate is from 0 and below 1, got -0.1.]`,
    );
    expect(() => dropout(NaN)).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: dropout: rate is from 0 and below 1, got NaN.]`,
    );
  });
});

describe("first values", () => {
  test("of glorotUniform fill ±√(6 / (fanIn + fanOut)) evenly", () => {
    const W = glorotUniform(key(0), [100, 200]);
    const a = Math.sqrt(6 / 300);
    expect(W.abs().max().item()).toBeLessThanOrEqual(Math.fround(a));
    expect(W.abs().max().item()).toBeGreaterThan(0.999 * a);
    expect(Math.abs(W.mean().item())).toBeLessThan(0.002);
    expect(variance(W).item() / (2 / 300)).toBeCloseTo(1, 1);
  });

  test("of glorotNormal have the variance 2 / (fanIn + fanOut)", () => {
    const W = glorotNormal(key(0), [100, 200]);
    expect(Math.abs(W.mean().item())).toBeLessThan(0.003);
    expect(variance(W).item() / (2 / 300)).toBeCloseTo(1, 1);
  });

  test.each([
    [4, 4],
    [5, 20],
    [20, 5],
    [1, 3],
    [1, 1],
    [64, 64],
  ])("of orthogonal are orthonormal to the last digits, [%d, %d]", (m, n) => {
    const W = orthogonal(key(1), [m, n], { dtype: "float64" });
    expect(W.shape).toEqual([m, n]);
    const product = m <= n ? W.matmul(W.transpose()) : W.transpose().matmul(W);
    const least = Math.min(m, n);
    product.dataSync().forEach((x, i) => {
      expect(Math.abs(x - (i % (least + 1) === 0 ? 1 : 0))).toBeLessThan(1e-14);
    });
  });

  test("of orthogonal have no preferred sign or direction", () => {
    // Without the right signs of R, the trace of a random 2 × 2 matrix is biased.
    const traces = Array.from({ length: 400 }, (_, i) => {
      const [a, , , d] = orthogonal(key(i), [2, 2]).dataSync();
      return a + d;
    });
    expect(Math.abs(traces.reduce((a, b) => a + b) / 400)).toBeLessThan(0.15);
  });

  test("depend on the key alone, and have the element type asked for", () => {
    for (const init of [glorotUniform, glorotNormal, orthogonal, uniformInit(0, 1)]) {
      const first = (k: number): string => String(init(key(k), [3, 3]));
      expect(first(0)).toBe(first(0));
      expect(first(0)).not.toBe(first(1));
      expect(init(key(0), [3, 3]).dtype).toBe("float32");
      expect(init(key(0), [3, 3], { dtype: "float64" }).dtype).toBe("float64");
    }
    expect(String(zerosInit(key(0), [2], { dtype: "float64" }))).toBe("float64[2] [0, 0]");
  });

  test("come in the sizes of daily use", () => {
    expect(orthogonal(key(0), [128, 513]).shape).toEqual([128, 513]);
    expect(glorotNormal(key(0), [300, 400]).size).toBe(120_000);
  });

  test("need a matrix", () => {
    expect(() => glorotUniform(key(0), [3])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: glorotUniform: weights are a matrix [inputs, outputs], got [3].]`,
    );
    expect(() => orthogonal(key(0), [3, 0])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: orthogonal: weights are a matrix [inputs, outputs], got [3, 0].]`,
    );
    expect(() =>
      glorotNormal(key(0), [3, 3], { gain: 2 } as object),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: glorotNormal: options are dtype, got "gain". Remove or correct it.]`,
    );
  });

  test("leave nothing behind but the parameters", () => {
    const k = key(0);
    const before = memory().buffers;
    const parameters = [linear(3, 4).init(k), embedding(3, 4).init(k)];
    expect(memory().buffers - before).toBe(leaves(parameters).length);
  });
});
