import {
  cast,
  type DType,
  eye,
  key,
  max,
  normal,
  setDefaultBackend,
  sum,
  to,
  where,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { beforeEach, describe, expect, test } from "vitest";
import { wasmBackend } from "../src/index.ts";

beforeEach(() => setDefaultBackend(wasmBackend()));

/** Fewer rows than are visited together, as many, and more, of whole lines of the cache and parts of them. */
const sizes = [1, 7, 8, 9, 16, 29].flatMap((rows) =>
  [2, 3, 5, 16, 17, 39, 64].map((columns) => [rows, columns] as const),
);
const dtypes: readonly DType[] = ["float32", "float64", "int32"];

describe("columns of all sizes, bit for bit as the reference has them", () => {
  for (const dtype of dtypes) {
    for (const [name, op] of [
      ["sum", sum],
      ["max", max],
    ] as const) {
      test(`${name} of ${dtype}`, () => {
        for (const [rows, columns] of sizes) {
          const x = cast(normal([3, rows, columns], { key: key(rows) }).mul(100), dtype);
          const found = op(x, { axes: 1 }).dataSync();
          const expected = op(to(x, ndarrayBackend), { axes: 1 }).dataSync();
          expect(found, `${rows} × ${columns}`).toEqual(expected);
        }
      });
    }
  }

  test("the greatest is NaN where one stands in the column, in whichever block of rows", () => {
    const x = where(eye(20, { dtype: "bool" }), NaN, normal([20, 20], { key: key(1) }));
    expect([...max(x, { axes: 0 }).dataSync()]).toEqual(Array.from({ length: 20 }, () => NaN));
    const below = max(x.slice([{ start: 10 }]), { axes: 0 }).dataSync();
    expect([...below].map(Number.isNaN)).toEqual(Array.from({ length: 20 }, (_, i) => i >= 10));
  });
});
