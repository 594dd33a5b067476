/** @file Where the values of a plan lie: buffers, whose addresses are known when a plan runs, and layouts on them. */
import { rowMajorStrides, sizeOf, type TensorType, type View } from "@tapeloop/autograd/backend";
import { bytesOf } from "../array.ts";
import type { Lanes } from "../elementwise.ts";
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
  /** How many elements go together when it is computed. */
  readonly lanes: Lanes;
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
