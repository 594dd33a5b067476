/** @file Walking along several arrays of one shape at once, row by row. */
import type { WasmArray } from "./array.ts";

/** What is needed of an array: elements between neighbours along each axis. */
type Strided = Pick<WasmArray, "strides">;

/** Rows of the result that operands can be walked along together, and how far apart they are. */
export interface Rows {
  /** Elements in a row. */
  readonly length: number;
  /** Sizes of the outer axes. */
  readonly sizes: readonly number[];
  /** Elements between neighbours along them, for every operand. */
  readonly strides: readonly (readonly number[])[];
  /** Elements between neighbours in a row, for every operand. */
  readonly inner: readonly number[];
}

/** Axes that are one for all operands, joined. The result is in row-major order. */
export function rowsOf(shape: readonly number[], operands: readonly Strided[]): Rows {
  const sizes: number[] = [];
  const strides: number[][] = operands.map(() => []);
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const last = sizes.length - 1;
    const joins =
      last >= 0 && operands.every((x, k) => strides[k][last] === x.strides[axis] * size);
    if (joins) {
      sizes[last] *= size;
      operands.forEach((x, k) => (strides[k][last] = x.strides[axis]));
    } else {
      sizes.push(size);
      operands.forEach((x, k) => strides[k].push(x.strides[axis]));
    }
  });
  if (sizes.length === 0) {
    sizes.push(1);
    for (const list of strides) list.push(1);
  }
  return {
    length: sizes.pop() as number,
    inner: strides.map((list) => list.pop() as number),
    sizes,
    strides,
  };
}

/** Visits every combination of outer indices, with the place of each operand's row. */
export function eachRow(
  { sizes, strides }: Pick<Rows, "sizes" | "strides">,
  visit: (offsets: readonly number[]) => void,
): void {
  const index = sizes.map(() => 0);
  const offsets = strides.map(() => 0);
  if (sizes.includes(0)) return;
  for (;;) {
    visit(offsets);
    let axis = sizes.length - 1;
    for (; axis >= 0; axis--) {
      index[axis]++;
      for (let k = 0; k < offsets.length; k++) offsets[k] += strides[k][axis];
      if (index[axis] < sizes[axis]) break;
      for (let k = 0; k < offsets.length; k++) offsets[k] -= strides[k][axis] * sizes[axis];
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}

/** Bytes from every operand's beginning to each of its rows. */
export function offsetsOf(
  rows: Pick<Rows, "sizes" | "strides">,
  widths: readonly number[],
): number[][] {
  const found: number[][] = [];
  eachRow(rows, (offsets) => found.push(offsets.map((offset, k) => offset * widths[k])));
  return found;
}
