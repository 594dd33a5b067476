import {
  associativeScan,
  checkGradients,
  compile,
  key,
  setDefaultBackend,
  splitKey,
  tensor,
  type Tensor,
  uniform,
  vmap,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { describe, expect, test } from "vitest";

setDefaultBackend(ndarrayBackend);

/** A linear recurrence h[t] = a[t] h[t−1] + b[t], as pairs. */
interface Pair {
  a: Tensor;
  b: Tensor;
}
const combine = (p: Pair, q: Pair): Pair => ({ a: p.a.mul(q.a), b: q.a.mul(p.b).add(q.b) });
const h = (pair: Pair): Tensor => associativeScan(combine, pair).b;

const pairOf = (...shape: number[]): Pair => {
  const [ka, kb] = splitKey(key(shape.length + (shape[0] ?? 0)));
  return {
    a: uniform(shape, -1, 1, { key: ka, dtype: "float64" }),
    b: uniform(shape, -1, 1, { key: kb, dtype: "float64" }),
  };
};

describe("associativeScan", () => {
  test.each([0, 1, 2, 3, 4, 5, 7, 8, 13, 32, 33])("equals the loop for %i steps", (T) => {
    const pair = pairOf(T, 3);
    const [a, b] = [pair.a.toArray() as number[][], pair.b.toArray() as number[][]];
    const state = [0, 0, 0];
    const loop = a.map((row, t) => row.map((x, i) => (state[i] = x * state[i] + b[t][i])));
    const found = h(pair).toArray() as number[][];
    expect(found).toHaveLength(T);
    loop.forEach((row, t) => row.forEach((x, i) => expect(found[t][i]).toBeCloseTo(x, 13)));
  });

  test("runs along another axis, and in reverse", () => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const sums = associativeScan((p: Tensor, q: Tensor) => p.add(q), x, { axis: 1, reverse: true });
    expect(sums.toArray()).toEqual([
      [6, 5, 3],
      [15, 11, 6],
    ]);
  });

  test("keeps signs of zero and NaN at their places", () => {
    const last = associativeScan((_: Tensor, q: Tensor) => q, tensor([NaN, -0, 1]));
    expect(last.toArray()).toEqual([NaN, -0, 1]);
  });

  test("has derivatives of first and second order, batches and compiles", () => {
    const pair = pairOf(6, 2);
    checkGradients((p: Pair) => h(p).square().sum(), pair);
    expect(compile(h)(pair).toArray()).toEqual(h(pair).toArray());
    const batched = vmap((p: Pair) => h(p))(pairOf(2, 5));
    expect(batched.shape).toEqual([2, 5]);
  });

  test("needs a number of passes that grows as log T", () => {
    const callsAt = (T: number): number => {
      let calls = 0;
      const count = (p: Tensor, q: Tensor): Tensor => {
        calls++;
        return p.add(q);
      };
      associativeScan(count, tensor(Array.from({ length: T }, () => 1)));
      return calls;
    };
    expect([callsAt(8), callsAt(64), callsAt(1024)]).toEqual([5, 11, 19]);
  });

  test("refuses leaves of different sizes, and a combine that changes types", () => {
    expect(() => associativeScan((p) => p, { a: tensor([1]), b: tensor([1, 2]) })).toThrow(
      'associativeScan: all leaves must have the same size along the axis, got float32[1] and float32[2] at "b".',
    );
    expect(() => associativeScan((p: Tensor) => p.greater(0), tensor([1, 2]))).toThrow(
      "associativeScan: combine must return the types it was given, got bool[1] for float32[1].",
    );
  });
});
