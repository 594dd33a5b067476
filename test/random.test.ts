/** @file Random numbers: the published bits, the distributions, and that keys are independent. */
import {
  bernoulli,
  categorical,
  key,
  nextKey,
  normal,
  seed,
  setDefaultBackend,
  splitKey,
  sum,
  type Tensor,
  tensor,
  uniform,
} from "@tapeloop/autograd";
import { apply, primitives, randomWords, threefry2x32 } from "@tapeloop/autograd/backend";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { beforeAll, expect, test } from "vitest";

beforeAll(() => setDefaultBackend(ndarrayBackend));

const hex = (words: Int32Array): string[] =>
  Array.from(words, (word) => (word >>> 0).toString(16).padStart(8, "0"));

// The known answers for threefry2x32 with 20 rounds in `kat_vectors` of the Random123 distribution.
test.each([
  ["zeros", [0, 0], [0, 0], ["6b200159", "99ba4efe"]],
  ["ones", [-1, -1], [-1, -1], ["1cb996fc", "bb002be7"]],
  ["π", [0x13198a2e, 0x03707344], [0x243f6a88, 0x85a308d3], ["c4923a9c", "483df7a0"]],
])("threefry2x32 gives the published bits for %s", (_, [k0, k1], [c0, c1], expected) => {
  const out = new Int32Array(2);
  threefry2x32(k0, k1, c0, c1, out, 0);
  expect(hex(out)).toEqual(expected);
});

test("the words of a key are the blocks of its counters, one after the other", () => {
  const words = randomWords(3, -4, 5);
  for (const counter of [0, 1]) {
    const block = new Int32Array(2);
    threefry2x32(3, -4, counter, 0, block, 0);
    expect(words.slice(2 * counter, 2 * counter + 2)).toEqual(block);
  }
  expect(randomWords(3, -4, 4)).toEqual(words.slice(0, 4));
});

test("the first words of key 0 are the published ones", () => {
  const words = apply(primitives.random, [key(0)], { shape: [2], dtype: "int32" });
  expect(hex(words.dataSync() as Int32Array)).toEqual(["6b200159", "99ba4efe"]);
});

test("a key holds a whole number of up to 53 bits", () => {
  expect(key(5).toArray()).toEqual([0, 5]);
  expect(key(2 ** 32 + 7).toArray()).toEqual([1, 7]);
  expect(key(Number.MAX_SAFE_INTEGER).toArray()).toEqual([2 ** 21 - 1, -1]);
  expect(() => key(-1)).toThrow("key: a seed is a whole number from 0 to 2⁵³ − 1, got -1.");
  expect(() => key(0.5)).toThrow("key: a seed is a whole number");
});

const count = 20_000;

/** Mean, variance, skewness and kurtosis. */
function momentsOf(data: ArrayLike<number>): number[] {
  const list = Array.from(data);
  const mean = list.reduce((a, b) => a + b, 0) / list.length;
  const central = (power: number): number =>
    list.reduce((total, x) => total + (x - mean) ** power, 0) / list.length;
  const variance = central(2);
  return [mean, variance, central(3) / variance ** 1.5, central(4) / variance ** 2];
}

/** Checks moments to five standard errors of the sample. */
function expectMoments(data: ArrayLike<number>, expected: readonly number[]): void {
  const errors = [1, 2, 3, 5].map((factor) => (5 * factor) / Math.sqrt(data.length));
  momentsOf(data).forEach((moment, i) => {
    expect(Math.abs(moment - expected[i])).toBeLessThan(errors[i]);
  });
}

test.each(["float32", "float64"] as const)("uniform %s is spread over [0, 1)", (dtype) => {
  const data = uniform([count], 0, 1, { key: key(1), dtype }).dataSync();
  expectMoments(data, [1 / 2, 1 / 12, 0, 9 / 5]);
  expect(Math.min(...data)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...data)).toBeLessThan(1);
  const bins = Array.from({ length: 20 }, () => 0);
  for (const x of data) bins[Math.floor(20 * x)]++;
  const chiSquare = bins.reduce((total, n) => total + (n - count / 20) ** 2 / (count / 20), 0);
  expect(chiSquare).toBeLessThan(43.8); // 0.1 % of the distribution with 19 degrees of freedom
});

test("uniform numbers lie between the given ends", () => {
  const data = uniform([1000], -3, 5, { key: key(2) }).dataSync();
  expect(Math.min(...data)).toBeGreaterThanOrEqual(-3);
  expect(Math.max(...data)).toBeLessThan(5);
  expect(Math.abs(momentsOf(data)[0] - 1)).toBeLessThan(0.4);
});

test.each(["float32", "float64"] as const)(
  "normal %s has the moments of the bell curve",
  (dtype) => {
    const data = normal([count], { key: key(3), dtype }).dataSync();
    expectMoments(data, [0, 1, 0, 3]);
    expect(data.every(Number.isFinite)).toBe(true);
    const inside = data.filter((x) => Math.abs(x) < 1.96).length / count;
    expect(Math.abs(inside - 0.95)).toBeLessThan(0.01);
  },
);

test("bernoulli is true as often as asked for", () => {
  const share = (p: number): number => sum(bernoulli([count], p, { key: key(4) })).item() / count;
  expect(Math.abs(share(0.3) - 0.3)).toBeLessThan(0.02);
  expect(share(0)).toBe(0);
  expect(share(1)).toBe(1);
  expect(() => bernoulli([1], 1.5)).toThrow("bernoulli: a probability is in [0, 1], got 1.5.");
});

test("categorical draws each index with its probability", () => {
  const logits = tensor([0.1, 0.2, 0.7].map(Math.log)).broadcastTo([count, 3]);
  const counts = [0, 0, 0];
  for (const i of categorical(logits, { key: key(5) }).dataSync()) counts[i]++;
  counts.forEach((n, i) => expect(Math.abs(n / count - [0.1, 0.2, 0.7][i])).toBeLessThan(0.02));
});

test("an impossible index is never drawn", () => {
  const logits = tensor([0, -Infinity, 0]).broadcastTo([1000, 3]);
  expect(categorical(logits, { key: key(6) }).dataSync()).not.toContain(1);
});

test("one key gives the same numbers again, another key others", () => {
  const draw = (k: Tensor): unknown => normal([8], { key: k }).dataSync();
  expect(draw(key(7))).toEqual(draw(key(7)));
  expect(draw(key(7))).not.toEqual(draw(key(8)));
  expect(uniform([3], 0, 1, { key: key(7) }).dataSync()).toEqual(
    uniform([6], 0, 1, { key: key(7) })
      .dataSync()
      .slice(0, 3),
  );
});

test("the keys of a split are different, and so are those of their splits", () => {
  const level = [key(0), ...splitKey(key(0), 5), ...splitKey(splitKey(key(0))[1], 5)];
  const seen = new Set(level.map((k) => String(k.toArray())));
  expect(seen.size).toBe(level.length);
});

test("numbers of split keys are not correlated", () => {
  const [a, b] = splitKey(key(9)).map((k) => Array.from(normal([count], { key: k }).dataSync()));
  const correlation = a.reduce((total, x, i) => total + x * b[i], 0) / count;
  expect(Math.abs(correlation)).toBeLessThan(5 / Math.sqrt(count));
});

test("the common sequence starts at the seed", () => {
  const draw = (): unknown[] => [uniform([2]).toArray(), uniform([2]).toArray()];
  seed(11);
  const first = draw();
  expect(first[0]).not.toEqual(first[1]);
  seed(11);
  expect(draw()).toEqual(first);
  seed(12);
  expect(draw()).not.toEqual(first);
  expect(nextKey().toArray()).not.toEqual(nextKey().toArray());
});
