/** @file Rows in plans: which shapes have them, how elements lie in them, and what becomes of them in movements. */
import {
  type Movement,
  rowMajorStrides,
  type Shape,
  sizeOf,
  type View,
} from "@tapeloop/autograd/backend";
import { isRowMajor } from "../array.ts";
import type { Rows } from "./place.ts";

/** The rows of so many elements. */
export function rowsOf(shape: Shape, length: number): Rows {
  return { shape, axis: shape.findIndex((_, i) => sizeOf(shape.slice(i)) === length) };
}

/** Whether two shapes have the same rows. */
export function areSame(a: Rows, b: Rows): boolean {
  return a.axis === b.axis && a.shape.join() === b.shape.join();
}

/** Whether the elements of each row have equal distances, so that one loop visits them. */
export function joins({ shape, strides }: Pick<View, "shape" | "strides">, axis: number): boolean {
  const real = shape.map((_, i) => i).filter((i) => i >= axis && shape[i] !== 1);
  return real.every((at, i) => {
    const next = real[i + 1];
    return next === undefined || strides[at] === strides[next] * shape[next];
  });
}

/** Strides along all axes of rows, of elements that lie so or of one for each row, which all of its elements see. */
export function spread(
  { shape, strides }: Pick<View, "shape" | "strides">,
  rows: Rows,
): readonly number[] {
  if (shape.join() === rows.shape.join()) return strides;
  const real = strides.filter((_, i) => shape[i] !== 1);
  let next = 0;
  return rows.shape.map((size, i) => (i < rows.axis && size !== 1 ? real[next++] : 0));
}

/** The sizes of a shape that say something. */
function sizes(shape: Shape): string {
  return shape.filter((size) => size !== 1).join();
}

/**
 * Where a movement takes numbers of elements of rows, or of rows, if they are such numbers still: the first must
 * stay where they are; the others may be repeated along their rows, or get and lose axes of size 1.
 */
export function movedRows(shape: Shape, rows: Rows, movement: Movement): View | null {
  const to = movement({ shape, strides: rowMajorStrides(shape), offset: 0 });
  if (to === null || to.offset !== 0) return null;
  const outer = rows.shape.slice(0, rows.axis);
  const isForRows = sizes(shape) === sizes(outer);
  const isUnmoved = to.shape.join() === shape.join() && isRowMajor(to);
  const isReshaped = isForRows && sizes(to.shape) === sizes(outer) && isRowMajor(to);
  const each = rowMajorStrides(outer);
  const isRepeated =
    isForRows &&
    to.shape.join() === rows.shape.join() &&
    to.strides.every((stride, i) => to.shape[i] === 1 || stride === (each[i] ?? 0));
  return isUnmoved || isReshaped || isRepeated ? to : null;
}
