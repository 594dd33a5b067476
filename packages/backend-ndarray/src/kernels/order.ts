/** @file Running sums and sorting: rows along one axis. */
import type { TypedArray } from "@tapeloop/autograd/backend";
import { assign, elements, type Kernels, type NdArray, rowMajor, view, zeros } from "../array.ts";

/** Every row of `x` along an axis, one after the other, with its place in the row-major result. */
function eachRow(x: NdArray, axis: number, visit: (row: TypedArray, start: number) => void): void {
  const size = x.shape[axis];
  if (x.size === 0) return;
  const order = x.shape.map((_, i) => i).filter((i) => i !== axis);
  const rows = elements(rowMajor(x.transpose(...order, axis)));
  for (let at = 0; at < rows.length; at += size) visit(rows.subarray(at, at + size), at);
}

/** Results written row by row, in the order of axes that the result has. */
function fromRows(rows: TypedArray, out: NdArray, axis: number): NdArray {
  const order = out.shape.map((_, i) => i).filter((i) => i !== axis);
  const moved = out.transpose(...order, axis);
  const dtype = out.dtype === "uint8" ? "bool" : out.dtype;
  assign(moved, view(rows, { shape: moved.shape, dtype }));
  return out;
}

/** Rising order, NaN last. */
function compare(x: number, y: number): number {
  if (x < y) return -1;
  if (x > y) return 1;
  return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
}

/** `cumsum` and `argsort`. */
export const order: Kernels<"cumsum" | "argsort"> = {
  // Totals are kept in float64 and rounded as they are written, as in `sum`.
  cumsum: ([x], { axis, reverse }, type) => {
    const out = zeros(type);
    const sums = out.data.slice();
    eachRow(x, axis, (row, start) => {
      let total = 0;
      for (let i = 0; i < row.length; i++) {
        const at = reverse ? row.length - 1 - i : i;
        total += row[at];
        sums[start + at] = total;
      }
    });
    return fromRows(sums, out, axis);
  },

  argsort: ([x], { axis }, type) => {
    const out = zeros(type);
    const places = out.data.slice();
    eachRow(x, axis, (row, start) => {
      // The sort is stable.
      const list = Int32Array.from(row.keys()).toSorted((i, j) => compare(row[i], row[j]));
      places.set(list, start);
    });
    return fromRows(places, out, axis);
  },
};
