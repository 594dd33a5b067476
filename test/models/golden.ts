/** @file Reads the values that PyTorch computed, and compares with them. */
import { readFileSync } from "node:fs";
import { type NestedArray, namedLeaves, type Tensor, tensor, type Tree } from "@tapeloop/autograd";
import { expect } from "vitest";

/** Reads a file of test/references. */
export function readReferences(name: string): unknown {
  const file = new URL(`../references/${name}`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8"));
}

/** Numbers where the value has tensors. */
export type Plain<T> = T extends Tensor ? NestedArray : { readonly [K in keyof T]: Plain<T[K]> };

/** A tensor of float64. */
export function float64(data: NestedArray): Tensor {
  return tensor(data, { dtype: "float64" });
}

/** An object of numbers in arrays as a tree of float64 tensors. */
export function treeOf<P extends Tree>(plain: Plain<P>): P {
  const read = (value: unknown): unknown =>
    Array.isArray(value) || typeof value === "number"
      ? float64(value as NestedArray)
      : Object.fromEntries(Object.entries(value as object).map(([k, v]) => [k, read(v)]));
  return read(plain) as P;
}

/** Every tensor must have the shape expected, and its values to an absolute or relative 1e-10. */
export function expectClose<T extends Tree>(actual: T, expected: Plain<T>): void {
  const wanted = namedLeaves(treeOf<T>(expected));
  const found = new Map(namedLeaves(actual).map(({ path, tensor: x }) => [path, x]));
  expect([...found.keys()].toSorted()).toEqual(wanted.map(({ path }) => path).toSorted());
  const wrong = wanted.flatMap(({ path, tensor: want }) => {
    const got = found.get(path) as Tensor;
    if (got.shape.join() !== want.shape.join()) return [`${path}: [${got.shape.join(", ")}]`];
    const error = greatestError(got, want);
    return error < 1e-10 ? [] : [`${path}: greatest error ${error}`];
  });
  expect(wrong).toEqual([]);
}

/** The greatest of |a − b| / max(1, |b|); NaN if there is one. */
function greatestError(a: Tensor, b: Tensor): number {
  const wanted = b.dataSync();
  return Math.max(
    0,
    ...a.dataSync().map((x, i) => Math.abs(x - wanted[i]) / Math.max(1, Math.abs(wanted[i]))),
  );
}
