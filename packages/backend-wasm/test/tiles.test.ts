/** @file Products of matrices: every edge, layout and element type against a plain loop. */
import { describe, expect, test } from "vitest";
import { Machine, type Tile, usualTile } from "../src/machine.ts";
import { product, type ProductForm } from "../src/products/product.ts";

/** Numbers that repeat, from −1 to 1. */
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  };
}

interface Case {
  readonly dtype?: "float32" | "float64";
  readonly sizes: readonly [number, number, number];
  /** Bytes of the left and the right operand between rows and columns, in elements; default row-major. */
  readonly isLeftTurned?: boolean;
  readonly isRightTurned?: boolean;
  /** Elements between neighbours along the operand's inner axis. */
  readonly spread?: number;
  readonly isRightKept?: boolean;
  readonly addend?: "matrix" | "row" | "result";
  readonly tile?: Tile;
}

/** The largest difference between the product and a loop that adds in the same order. */
function difference(machine: Machine, given: Case): number {
  const { dtype = "float32", sizes, spread = 1, isRightKept = false, addend } = given;
  machine.tile = given.tile ?? usualTile;
  const [m, k, n] = sizes;
  const bytes = dtype === "float32" ? 4 : 8;
  const round = dtype === "float32" ? Math.fround : (x: number) => x;
  const strides = (rows: number, columns: number, isTurned = false) =>
    isTurned
      ? { down: spread * bytes, across: spread * bytes * rows }
      : { down: spread * bytes * columns, across: spread * bytes };
  const left = strides(m, k, given.isLeftTurned);
  const right = strides(k, n, given.isRightTurned);
  const down = bytes * (n + 3);
  const form: ProductForm = {
    dtype,
    sizes,
    left,
    right,
    isRightKept,
    down,
    addendDown: addend === undefined ? null : addend === "row" ? 0 : down,
  };
  const { memory } = machine;
  const place = (count: number): number => memory.allocate(bytes * count).pointer;
  const [a, b, c] = [m * k * spread, k * n * spread, m * (n + 3)].map(place);
  const d = addend === "result" ? c : place(m * (n + 3));
  const run = product(machine, form);
  const scratch = memory.allocate(run.scratch).pointer;
  const panels = memory.allocate(run.rightBytes).pointer;
  const next = noise(m + 31 * k + 1009 * n);
  const all = memory.views[dtype];
  for (const [start, count] of [
    [a, m * k * spread],
    [b, k * n * spread],
    [c, m * (n + 3)],
    [d, m * (n + 3)],
  ]) {
    for (let i = 0; i < count; i++) all[start / bytes + i] = next();
  }
  const expected = Array.from(all.subarray(c / bytes, c / bytes + m * (n + 3)));
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let l = 0; l < k; l++) {
        const x = all[(a + i * left.down + l * left.across) / bytes];
        const y = all[(b + l * right.down + j * right.across) / bytes];
        sum = round(sum + round(x * y));
      }
      if (addend !== undefined)
        sum = round(sum + all[(d + i * (form.addendDown ?? 0)) / bytes + j]);
      expected[i * (n + 3) + j] = sum;
    }
  }
  if (isRightKept) run.packRight(panels, b);
  run.run(c, a, isRightKept ? panels : b, addend === undefined ? 0 : d, scratch);
  return Math.max(...expected.map((x, i) => Math.abs(x - memory.views[dtype][c / bytes + i])));
}

const sizes: readonly (readonly [number, number, number])[] = [
  [1, 1, 1],
  [1, 7, 33],
  [2, 3, 16],
  [3, 5, 17],
  [4, 4, 15],
  [5, 9, 18],
  [7, 8, 19],
  [8, 6, 130],
  [9, 1, 64],
  [13, 21, 1],
  [33, 300, 35],
  [131, 17, 129],
  [139, 257, 130],
];

describe.each(["float32", "float64"] as const)("products of %s", (dtype) => {
  const machine = new Machine(false);
  test.each(sizes)("%d × %d × %d equal sums in order of k, bit for bit", (...size) => {
    for (const isLeftTurned of [false, true]) {
      for (const isRightTurned of [false, true]) {
        const layout = { dtype, sizes: size, isLeftTurned, isRightTurned };
        expect(difference(machine, layout)).toBe(0);
        expect(difference(machine, { ...layout, isRightKept: true })).toBe(0);
      }
    }
    expect(difference(machine, { dtype, sizes: size, spread: 2 })).toBe(0);
  });

  test.each(["matrix", "row"] as const)("a %s is added at the end", (addend) => {
    for (const size of sizes) expect(difference(machine, { dtype, sizes: size, addend })).toBe(0);
  });

  test("the result may be what is added to, where k is taken at once", () => {
    for (const size of sizes.filter(([, k]) => k <= 256)) {
      expect(difference(machine, { dtype, sizes: size, addend: "result" })).toBe(0);
    }
  });

  test.each([
    { rows: 4, vectors: 2, together: 1 },
    { rows: 4, vectors: 4, together: 2 },
  ])("a tile of $rows rows and $vectors vectors gives the same bits", (tile) => {
    const other = new Machine(false);
    for (const size of sizes) {
      for (const isRightTurned of [false, true]) {
        expect(difference(other, { dtype, sizes: size, tile, isRightTurned })).toBe(0);
      }
    }
  });
});
