/** @file Arrays in the linear memory: a part of it with a layout. */
import { type DType, rowMajorStrides, sizeOf, type TensorType } from "@tapeloop/autograd/backend";
import type { LinearMemory, Part } from "./memory.ts";

/** An array: where it lies, and how. */
export interface WasmArray extends TensorType {
  /** The memory that it looks at. */
  readonly part: Part;
  /** Elements between the part's first byte and the array's first element. */
  readonly offset: number;
  /** Elements between neighbours along each axis; 0 where one is repeated, below 0 backwards. */
  readonly strides: readonly number[];
}

/** Bytes of one element. */
export function bytesOf(dtype: DType): number {
  return dtype === "float64" ? 8 : dtype === "bool" ? 1 : 4;
}

/** A new array in row-major order; its elements are not set. */
export function fresh({ shape, dtype }: TensorType, memory: LinearMemory): WasmArray {
  const part = memory.allocate(sizeOf(shape) * bytesOf(dtype));
  return { shape, dtype, part, offset: 0, strides: rowMajorStrides(shape) };
}

/** The byte where an array begins. */
export function addressOf({ part, offset, dtype }: WasmArray): number {
  return part.pointer + offset * bytesOf(dtype);
}

/** Whether the elements lie one behind the other in row-major order. */
export function isRowMajor({ shape, strides }: Pick<WasmArray, "shape" | "strides">): boolean {
  let expected = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== expected) return sizeOf(shape) === 0;
    expected *= shape[i];
  }
  return true;
}
