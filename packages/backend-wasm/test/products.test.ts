import {
  einsum,
  key,
  matmul,
  normal,
  setDefaultBackend,
  type Tensor,
  to,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { wasmBackend } from "../src/index.ts";

const backend = wasmBackend();
beforeEach(() => setDefaultBackend(backend));

/** Expects a product to be that of the reference, to the rounding of sums of k products. */
function expectProduct(f: (a: Tensor, b: Tensor) => Tensor, a: Tensor, b: Tensor, k: number): void {
  const [found, expected] = [
    f(a, b).dataSync(),
    f(to(a, ndarrayBackend), to(b, ndarrayBackend)).dataSync(),
  ];
  const [p, q] = [a.abs(), b.abs()].map((x) => Math.max(...x.dataSync()));
  const bound = 2 * k * k * 2 ** -24 * p * q;
  expect(found).toHaveLength(expected.length);
  found.forEach((x, i) => expect(Math.abs(x - expected[i])).toBeLessThanOrEqual(bound));
}

describe("products", () => {
  test("of all sizes and orders of axes are those of the reference", () => {
    const size = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(size, size, size, fc.nat(3), (m, k, n, turn) => {
        const a = normal(turn & 1 ? [k, m] : [m, k], { key: key(m + 41 * k) });
        const b = normal(turn & 2 ? [n, k] : [k, n], { key: key(n + 41 * k + 7) });
        const f = (x: Tensor, y: Tensor): Tensor =>
          matmul(turn & 1 ? x.transpose() : x, turn & 2 ? y.transpose() : y);
        expectProduct(f, a, b, k);
      }),
      { numRuns: 60 },
    );
  });

  test("with more rows than a panel keeps in the cache", () => {
    for (const k of [255, 256, 257, 600]) {
      const [a, b] = [normal([3, k], { key: key(k) }), normal([k, 19], { key: key(k + 1) })];
      expectProduct(matmul, a, b, k);
    }
  });

  test("of slices, reversed and repeated operands, and batches", () => {
    const [a, b] = [normal([2, 5, 6], { key: key(1) }), normal([2, 6, 20], { key: key(2) })];
    expectProduct(matmul, a, b, 6);
    expectProduct(
      (x, y) => matmul(x.slice([{ step: -1 }, null, { step: 2 }]), y.slice([null, { step: 2 }])),
      a,
      b,
      6,
    );
    expectProduct((x, y) => matmul(x, y.slice([{ stop: 1 }]).broadcastTo([2, 6, 20])), a, b, 6);
    expectProduct((x, y) => einsum("bij,bjk->ki", x, y), a, b, 12);
  });

  test("with infinities and NaN in the operands keep them in their rows", () => {
    const a = normal([3, 4], { key: key(1) })
      .mul(0)
      .add(Infinity)
      .slice([{ stop: 1 }]);
    const b = normal([4, 17], { key: key(2) }).abs();
    expect([...matmul(a, b).dataSync()]).toEqual(Array.from({ length: 17 }, () => Infinity));
  });
});
