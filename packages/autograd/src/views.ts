/** @file Movements that need no copy, for backends: other shapes and strides over the same memory. */
import type { Shape } from "./shape.ts";

/** How elements of some memory make an array. */
export interface View {
  /** Sizes along each axis. */
  readonly shape: Shape;
  /** Elements between neighbours along each axis. */
  readonly strides: readonly number[];
  /** Elements in front of the first. */
  readonly offset: number;
}

/** Another layout of the same elements; null where there is none without moving them. */
export type Movement = (from: View) => View | null;

/** The axes in another order. */
export function permuted(axes: readonly number[]): (from: View) => View {
  return ({ shape, strides, offset }) => ({
    shape: axes.map((axis) => shape[axis]),
    strides: axes.map((axis) => strides[axis]),
    offset,
  });
}

/** New axes in front, and axes of size 1 repeated. */
export function repeated(to: Shape): (from: View) => View {
  return ({ shape, strides, offset }) => {
    const missing = to.length - shape.length;
    const next = to.map((size, i) =>
      i < missing || shape[i - missing] !== size ? 0 : strides[i - missing],
    );
    return { shape: to, strides: next, offset };
  };
}

/** Every so-many-th element along each axis. */
export function sliced(
  starts: readonly number[],
  sizes: Shape,
  steps: readonly number[],
): (from: View) => View {
  return ({ strides, offset }) => ({
    shape: sizes,
    strides: strides.map((stride, i) => stride * steps[i]),
    offset: starts.reduce((sum, start, i) => sum + start * strides[i], offset),
  });
}

/** A range of one axis. */
export function ranged(axis: number, start: number, size: number): (from: View) => View {
  return ({ shape, strides, offset }) => ({
    shape: shape.with(axis, size),
    strides,
    offset: offset + start * strides[axis],
  });
}

/** The same elements in row-major order under another shape, where strides can say so. */
export function reshaped(to: Shape): Movement {
  return ({ shape, strides, offset }) => {
    const real = shape.flatMap((size, i) => (size === 1 ? [] : [{ size, stride: strides[i] }]));
    const next: number[] = Array.from({ length: to.length }, () => 0);
    // From the back: axes of both shapes are used up in groups of equal size.
    let at = real.length - 1;
    let [left, stride] = [1, 0];
    for (let i = to.length - 1; i >= 0; i--) {
      if (to[i] === 1) continue;
      if (left === 1) {
        // A new group begins: join what lies behind one another.
        if (at < 0) return null;
        ({ size: left, stride } = real[at--]);
        while (at >= 0 && real[at].stride === stride * left) left *= real[at--].size;
      }
      if (left % to[i] !== 0) return null;
      next[i] = stride;
      stride *= to[i];
      left /= to[i];
    }
    return { shape: to, strides: next, offset };
  };
}
