/** @file Shapes and axes: sizes, strides, broadcasting, and how types are printed. */
import type { DType } from "./dtype.ts";
import { ArgumentError, AxisError, ShapeError } from "./errors.ts";

/** Sizes along each axis, outermost first; `[]` is a single number. */
export type Shape = readonly number[];

/** Shape and element type: all that is known of a tensor without its data. */
export interface TensorType {
  /** Sizes along each axis, outermost first. */
  readonly shape: Shape;
  /** The type of the elements. */
  readonly dtype: DType;
}

/** How types are printed everywhere: `float32[8,16]`. */
export function formatType(type: TensorType): string {
  return `${type.dtype}[${type.shape.join(",")}]`;
}

/** Types printed one after the other: `float32[8,16] and float32[32,4]`. */
export function formatTypes(types: readonly TensorType[]): string {
  return types.map(formatType).join(" and ");
}

/** The number of elements of a shape. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (let i = 0; i < shape.length; i++) size *= shape[i];
  return size;
}

/** A copy that its maker alone holds: the caller's array may change. What is no array is left to checks. */
export function ownShape(shape: Shape): Shape {
  return Array.isArray(shape) ? [...(shape as number[])] : shape;
}

/** Whether two shapes are the same. */
export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Whether two types are the same: shape and element type. */
export function sameType(a: TensorType, b: TensorType): boolean {
  return a.dtype === b.dtype && sameShape(a.shape, b.shape);
}

/** Whether two lists of types are the same. */
export function sameTypes(a: readonly TensorType[], b: readonly TensorType[]): boolean {
  return a.length === b.length && a.every((type, i) => sameType(type, b[i]));
}

/** Elements between neighbours along each axis when the last axis varies fastest. */
export function rowMajorStrides(shape: Shape): number[] {
  const strides = shape.slice();
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

/** Refuses sizes that are not whole numbers from 0, and shapes too big to address. */
export function checkShape(op: string, shape: Shape): void {
  if (!Array.isArray(shape)) {
    throw new ArgumentError(op, "a shape is an array of sizes", String(shape), "Write [2, 3].");
  }
  for (const size of shape as number[]) {
    if (!Number.isInteger(size) || size < 0) {
      throw new ShapeError(
        op,
        "sizes must be whole numbers from 0",
        `[${shape.join(", ")}]`,
        "Round or correct the size.",
      );
    }
  }
  if (sizeOf(shape) > 2 ** 32 - 1) {
    throw new ShapeError(
      op,
      "a tensor holds at most 4294967295 elements",
      `[${shape.join(", ")}]`,
      "Work in smaller batches.",
    );
  }
}

/** An axis counted from the front. Negative axes count from the back: −1 is the last. */
export function normalizeAxis(op: string, axis: number, type: TensorType): number {
  const rank = type.shape.length;
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new AxisError(
      op,
      rank === 0 ? "a single number has no axes" : `axis must be in [${-rank}, ${rank})`,
      `${axis} for ${formatType(type)}`,
    );
  }
  return axis < 0 ? axis + rank : axis;
}

/** Axes counted from the front, in rising order; every axis when none are given. */
export function normalizeAxes(
  op: string,
  axes: number | readonly number[] | undefined,
  type: TensorType,
): readonly number[] {
  if (axes === undefined) return type.shape.map((_, i) => i);
  if (typeof axes !== "number" && !Array.isArray(axes)) {
    throw new AxisError(op, "axes are a number or an array of numbers", String(axes));
  }
  const list = (typeof axes === "number" ? [axes] : axes)
    .map((axis) => normalizeAxis(op, axis, type))
    .toSorted((a, b) => a - b);
  for (let i = 1; i < list.length; i++) {
    if (list[i] === list[i - 1]) {
      throw new AxisError(op, "each axis may be named once", `[${[axes].flat().join(", ")}]`);
    }
  }
  return list;
}

/**
 * The shape that two shapes are broadcast to, by NumPy's rule: axes are aligned at the back,
 * and a size of 1, or an axis that is not there, is repeated.
 */
export function broadcastShapes(op: string, a: TensorType, b: TensorType): Shape {
  if (sameShape(a.shape, b.shape)) return a.shape;
  const rank = Math.max(a.shape.length, b.shape.length);
  const shape: number[] = [];
  for (let i = 0; i < rank; i++) {
    const m = a.shape[a.shape.length - rank + i] ?? 1;
    const n = b.shape[b.shape.length - rank + i] ?? 1;
    if (m !== n && m !== 1 && n !== 1) {
      throw new ShapeError(
        op,
        `shapes must agree or be 1 along each axis, aligned at the last`,
        `${formatTypes([a, b])} (${m} ≠ ${n})`,
        "Use reshape() or expandDims() to line the axes up.",
      );
    }
    shape.push(m === 1 ? n : m);
  }
  return shape;
}
