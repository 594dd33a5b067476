/** @file Where the values of a plan lie: buffers, whose addresses are known when a plan runs, and layouts on them. */
import {
  rowMajorStrides,
  type Shape,
  sizeOf,
  type TensorType,
  type View,
} from "@tapeloop/autograd/backend";
import { bytesOf } from "../array.ts";
import type { LaneCount } from "../elementwise.ts";
import type { Expression } from "../expression.ts";
import type { Reduction } from "../folds.ts";

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

/** The rows of a shape: so many neighbours in row-major order. */
export interface Rows {
  /** The shape. */
  readonly shape: Shape;
  /** The elements of a row: all of the axes from this one on. */
  readonly axis: number;
}

/**
 * Not computed yet: a function of single elements of places that all have its shape; and, where there are rows,
 * of numbers that rows are reduced to. Then it is one number for each element of these rows, or for each row.
 */
export interface Lazy extends TensorType {
  readonly kind: "lazy";
  /** How many elements go together when it is computed. */
  readonly lanes: LaneCount;
  /** The function; its operands are numbered by {@link Leaves}. */
  readonly expression: Expression;
  /** What it reads reductions of. */
  readonly rows: Rows | null;
}

/** The numbers that the rows of a function of elements are reduced to. */
export interface Reduced {
  readonly kind: "reduced";
  readonly name: Reduction;
  readonly rows: Rows;
  /** What is reduced; its operands are numbered by {@link Leaves}. */
  readonly of: Expression;
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

/** Whether a mask lies in a way that lanes cannot read it. */
export function isScatteredMask({ dtype, shape, strides }: Place): boolean {
  if (dtype !== "bool") return false;
  const last = shape.findLastIndex((size) => size !== 1);
  return last >= 0 && strides[last] !== 0 && strides[last] !== 1;
}
