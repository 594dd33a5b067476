/** @file Distributions by their moments and ends; random orders. */
import {
  exponential,
  grad,
  gumbel,
  key,
  laplace,
  mul,
  permutation,
  randomInts,
  setDefaultBackend,
  shuffle,
  sum,
  type Tensor,
  tensor,
  truncatedNormal,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { beforeAll, expect, test } from "vitest";

beforeAll(() => setDefaultBackend(ndarrayBackend));

const count = 20_000;
type Draw = (options: { key: Tensor; dtype: "float32" | "float64" }) => Tensor;

// Johnson, Kotz and Balakrishnan, "Continuous univariate distributions", chapters 10, 13, 19, 22 and 24.
const euler = 0.577_215_664_901_532_9;
test.each<[string, Draw, number, number]>([
  ["truncatedNormal", (o) => truncatedNormal([count], -2, 2, o), 0, 0.773_741_3],
  [
    "truncatedNormal on one side",
    (o) => truncatedNormal([count], 0, Infinity, o),
    Math.sqrt(2 / Math.PI),
    1 - 2 / Math.PI,
  ],
  ["exponential", (o) => exponential([count], o), 1, 1],
  ["gumbel", (o) => gumbel([count], o), euler, Math.PI ** 2 / 6],
  ["laplace", (o) => laplace([count], o), 0, 2],
])("%s has its mean and variance", (_, draw, mean, variance) => {
  for (const dtype of ["float32", "float64"] as const) {
    const x = draw({ key: key(3), dtype });
    expect(x.dtype).toBe(dtype);
    const data = Array.from(x.dataSync());
    expect(data.every(Number.isFinite)).toBe(true);
    const found = data.reduce((a, b) => a + b, 0) / count;
    const spread = data.reduce((a, b) => a + (b - found) ** 2, 0) / count;
    expect(Math.abs(found - mean)).toBeLessThan(5 * Math.sqrt(variance / count));
    expect(Math.abs(spread - variance)).toBeLessThan((variance * 20) / Math.sqrt(count));
  }
});

test("truncatedNormal stays within its ends", () => {
  const data = truncatedNormal([count], 0.5, 0.6, { key: key(1) }).dataSync();
  expect(Math.min(...data)).toBeGreaterThanOrEqual(Math.fround(0.5));
  expect(Math.max(...data)).toBeLessThanOrEqual(Math.fround(0.6));
  expect(() => truncatedNormal([1], 2, 2)).toThrow(
    "truncatedNormal: the lower end must be below the upper one, got 2 and 2.",
  );
});

test("randomInts draws every number equally often", () => {
  const counts = [0, 0, 0, 0, 0];
  for (const n of randomInts([count], -2, 3, { key: key(2) }).dataSync()) counts[n + 2]++;
  for (const n of counts) expect(Math.abs(n / count - 0.2)).toBeLessThan(0.02);
  expect(() => randomInts([1], 0, 0.5)).toThrow(
    "randomInts: ends are whole numbers of 32 bits, got 0 and 0.5.",
  );
});

test("permutation has every number once, and every order comes up", () => {
  const orders = new Map<string, number>();
  for (let i = 0; i < 600; i++) {
    const order = permutation(3, { key: key(i) }).toArray() as number[];
    expect(order.toSorted((a, b) => a - b)).toEqual([0, 1, 2]);
    orders.set(order.join(""), (orders.get(order.join("")) ?? 0) + 1);
  }
  expect(orders.size).toBe(6);
  for (const n of orders.values()) expect(Math.abs(n - 100)).toBeLessThan(45);
  expect(permutation(0, { key: key(0) }).shape).toEqual([0]);
  expect(() => permutation(-1)).toThrow(
    "permutation: the number of elements is whole, from 0, got -1.",
  );
});

test("shuffle moves whole slices, and derivatives back to where they came from", () => {
  const x = tensor([
    [1, 10],
    [2, 20],
    [3, 30],
  ]);
  const y = shuffle(x, { key: key(5) }).toArray() as number[][];
  for (const [a, b] of y) expect(b).toBe(10 * a);
  expect(y.map(([a]) => a).toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
  const weights = tensor([[1], [2], [3]]);
  const g = grad((t: Tensor) => sum(mul(shuffle(t, { key: key(5) }), weights)))(
    x,
  ).toArray() as number[][];
  y.forEach(([a], place) => expect(g[a - 1]).toEqual([place + 1, place + 1]));
});
