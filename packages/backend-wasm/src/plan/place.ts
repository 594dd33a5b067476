/** @file Where the values of a plan lie: buffers, whose addresses are known when a plan runs, and layouts on them. */
import { rowMajorStrides, type Shape, sizeOf, type TensorType } from "@tapeloop/autograd/backend";
import { bytesOf } from "../array.ts";
import type { Expression } from "../expression.ts";

/** A part of the memory while a plan runs: so many bytes behind the address in a slot. */
export class Buffer {
  /** Its size. */
  readonly bytes: number;
  /** The list of steps that it is made in. */
  readonly home: object;
  /** Whose address it is counted from; −1 until the plan's memory is laid out. */
  slot: number;
  /** Bytes behind that address. */
  start = 0;

  /** A buffer of the given home; with a slot, it is wherever that slot says. */
  constructor(bytes: number, home: object, slot = -1) {
    this.bytes = bytes;
    this.home = home;
    this.slot = slot;
  }
}

/** How elements of a buffer make an array. */
export interface View {
  /** Sizes along each axis. */
  readonly shape: Shape;
  /** Elements between neighbours along each axis. */
  readonly strides: readonly number[];
  /** Elements in front of the first. */
  readonly offset: number;
}

/** Elements of a buffer as an array. */
export interface Place extends View, TensorType {
  readonly kind: "place";
  /** Where they are. */
  readonly buffer: Buffer;
}

/** One number everywhere. */
export interface Filled extends TensorType {
  readonly kind: "filled";
  /** The number. */
  readonly value: number;
}

/** Not computed yet: a function of single elements of places that all have its shape. */
export interface Lazy extends TensorType {
  readonly kind: "lazy";
  /** The function; its operands are numbered by {@link Leaves}. */
  readonly expression: Expression;
}

/** What a variable of a program stands for while its plan is made. */
export type Value = Place | Filled | Lazy;

/** A whole buffer in row-major order. */
export function placeOf({ shape, dtype }: TensorType, buffer: Buffer, offset = 0): Place {
  return { kind: "place", buffer, shape, dtype, strides: rowMajorStrides(shape), offset };
}

/** Bytes that elements of a type take. */
export function bytesFor({ shape, dtype }: TensorType): number {
  return sizeOf(shape) * bytesOf(dtype);
}

/** Another layout of the same elements; null where there is none without moving them. */
export type Movement = (from: View) => View | null;

/** The axes in another order. */
export function permuted(axes: readonly number[]): Movement {
  return ({ shape, strides, offset }) => ({
    shape: axes.map((axis) => shape[axis]),
    strides: axes.map((axis) => strides[axis]),
    offset,
  });
}

/** New axes in front, and axes of size 1 repeated. */
export function repeated(to: Shape): Movement {
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
): Movement {
  return ({ strides, offset }) => ({
    shape: sizes,
    strides: strides.map((stride, i) => stride * steps[i]),
    offset: starts.reduce((sum, start, i) => sum + start * strides[i], offset),
  });
}

/** A range of one axis. */
export function ranged(axis: number, start: number, size: number): Movement {
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
