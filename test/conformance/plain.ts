/** @file Plain arrays of numbers: what samples are made of, and what definitions are written in. */
import { allocate, type DType, type Shape, type TypedArray } from "@tapeloop/autograd/backend";

/** Elements of one input, in row-major order. `real` stands for float32 and float64: both are run. */
export interface Input {
  readonly dtype: DType | "real";
  readonly shape: Shape;
  readonly data: readonly number[];
}

/** The number of elements of a shape. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** Every index of a shape, in row-major order. */
export function indicesOf(shape: Shape): number[][] {
  return shape.reduce<number[][]>(
    (found, size) => found.flatMap((head) => Array.from({ length: size }, (_, i) => [...head, i])),
    [[]],
  );
}

/** The place of an index in row-major order. */
function placeOf(shape: Shape, index: readonly number[]): number {
  return shape.reduce((place, size, i) => place * size + index[i], 0);
}

/** The element of an input at an index. */
export function at(x: Input, index: readonly number[]): number {
  if (index.length !== x.shape.length || index.some((i, axis) => !(i >= 0 && i < x.shape[axis]))) {
    throw new Error(`the definition reads [${index.join()}] of [${x.shape.join()}]`);
  }
  return x.data[placeOf(x.shape, index)];
}

const golden = (Math.sqrt(5) - 1) / 2;

/**
 * Float input between `low` and `high`, evenly spread and all different, as float32 holds them.
 *
 * @param turn - Another start; inputs with different starts differ everywhere.
 */
export function real(shape: Shape, low = -2, high = 2, turn = 0): Input {
  const value = (i: number): number => low + (high - low) * ((i * golden + turn + 0.21) % 1);
  const data = Array.from({ length: sizeOf(shape) }, (_, i) => Math.fround(value(i)));
  return { dtype: "real", shape, data };
}

/** Float input with given elements. */
export function reals(shape: Shape, data: readonly number[]): Input {
  return { dtype: "real", shape, data };
}

/** Whole numbers with given elements. */
export function ints(shape: Shape, data: readonly number[]): Input {
  return { dtype: "int32", shape, data };
}

/** A mask with given elements. */
export function bools(shape: Shape, data: readonly number[]): Input {
  return { dtype: "bool", shape, data };
}

/** A typed array with an input's elements. */
export function typed(data: readonly number[], dtype: DType): TypedArray {
  const array = allocate(dtype, data.length);
  array.set(data);
  return array;
}

/** The element types that an input is run in. */
export function dtypeIn(x: Input, float: "float32" | "float64"): DType {
  return x.dtype === "real" ? float : x.dtype;
}
