/** @file Tensors to and from `ndarray`. */
import { ArgumentError, type DType, type Tensor, tensor } from "@tapeloop/autograd/backend";
import ndarray from "ndarray";
import ops from "ndarray-ops";
import type { NdArray } from "./array.ts";

/**
 * A tensor's elements as an `ndarray` in row-major order; masks become `uint8` with 0 and 1.
 * It is a copy, so it may be changed. The tensor may live on any backend that can be read at once.
 */
export function toNdarray(x: Tensor): NdArray {
  return ndarray(x.dataSync(), [...x.shape]);
}

/** The element type of a tensor for each of `ndarray`'s: float32 for plain arrays, else one that holds all its numbers. */
const dtypes: Readonly<Record<string, DType>> = {
  float64: "float64",
  float32: "float32",
  float16: "float32",
  array: "float32",
  generic: "float32",
  int32: "int32",
  int16: "int32",
  int8: "int32",
  uint16: "int32",
  uint8: "int32",
  uint8_clamped: "int32",
  buffer: "int32",
  uint32: "float64",
};

/**
 * A tensor with the elements of an `ndarray`, which may be transposed, reversed or a part of another.
 * The elements are copied, so the array may be changed afterwards. It lives on the default backend.
 *
 * @param dtype - Default: float32 and float64 stay, plain arrays become float32, whole numbers int32, or
 *   float64 for uint32. Masks cannot be told from bytes: give `"bool"` for them.
 * @throws ArgumentError for arrays of anything but numbers.
 */
export function fromNdarray(array: ndarray.NdArray, dtype?: DType): Tensor {
  const natural = dtypes[array.dtype];
  if (natural === undefined) {
    throw new ArgumentError("fromNdarray", "elements must be numbers", array.dtype);
  }
  const data = new Float64Array(array.size);
  ops.assign(ndarray(data, [...array.shape]), array);
  return tensor(data, { dtype: dtype ?? natural, shape: array.shape });
}
