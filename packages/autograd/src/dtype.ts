/** @file Element types: their order, their arrays in JavaScript, and what two of them make together. */
import { ShapeError } from "./errors.ts";

/**
 * The type of a tensor's elements. `float32` is the default, `float64` serves derivative checks,
 * `int32` is for indices and `bool` for masks (held as 0 and 1).
 */
export type DType = "bool" | "int32" | "float32" | "float64";

/** The typed array that holds elements of each {@link DType} on the host. */
export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/** From the narrowest to the widest: two types make the wider one. */
const order: readonly DType[] = ["bool", "int32", "float32", "float64"];

/** Whether a value names an element type. */
export function isDType(value: unknown): value is DType {
  return order.includes(value as DType);
}

/** Whether derivatives flow through elements of this type. */
export function isFloat(dtype: DType): boolean {
  return dtype === "float32" || dtype === "float64";
}

/** The element type that holds both: the wider in bool, int32, float32, float64. */
export function promote(a: DType, b: DType): DType {
  return order.indexOf(a) > order.indexOf(b) ? a : b;
}

/** Bytes that one element takes on the host. */
export function bytesOf(dtype: DType): number {
  return dtype === "float64" ? 8 : dtype === "bool" ? 1 : 4;
}

/**
 * A zeroed typed array of `length` elements.
 *
 * @throws ShapeError if the machine has no place for it.
 */
export function allocate(dtype: DType, length: number): TypedArray {
  try {
    return zeroed(dtype, length);
  } catch (cause) {
    // What JavaScript says where an array is too long or memory is short.
    if (!(cause instanceof RangeError)) throw cause;
    throw new ShapeError(
      "memory",
      "there must be place for the elements",
      `${length} of ${dtype}, ${length * bytesOf(dtype)} bytes`,
      "Work in smaller batches.",
    );
  }
}

/** A zeroed typed array. */
function zeroed(dtype: DType, length: number): TypedArray {
  switch (dtype) {
    case "float32":
      return new Float32Array(length);
    case "float64":
      return new Float64Array(length);
    case "int32":
      return new Int32Array(length);
    case "bool":
      return new Uint8Array(length);
    default:
      return dtype satisfies never;
  }
}
