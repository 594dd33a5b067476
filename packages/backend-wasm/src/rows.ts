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

/** Axes that are one for all operands, joined: sizes, and strides of every operand. None where there is one element. */
export function joined(
  shape: readonly number[],
  operands: readonly Strided[],
): { readonly sizes: number[]; readonly strides: number[][] } {
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
  return { sizes, strides };
}

/** Rows of axes that are one for all operands. The result is in row-major order. */
export function rowsOf(shape: readonly number[], operands: readonly Strided[]): Rows {
  const { sizes, strides } = joined(shape, operands);
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

/** Rows for kernels that walk along the last of the outer axes themselves. */
export function lastOuter({ sizes, strides }: Pick<Rows, "sizes" | "strides">): {
  /** How many rows a kernel walks along, and elements from one to the next, for every operand. */
  readonly count: number;
  readonly down: readonly number[];
  /** The outer axes that are left. */
  readonly outer: Pick<Rows, "sizes" | "strides">;
} {
  return {
    count: sizes.at(-1) ?? 1,
    down: strides.map((list) => list.at(-1) ?? 0),
    outer: { sizes: sizes.slice(0, -1), strides: strides.map((list) => list.slice(0, -1)) },
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
