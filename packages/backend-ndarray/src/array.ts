/** @file Arrays of this backend: `ndarray`s over typed arrays, with any strides, and how they are made. */
import { allocate, type DType, rowMajorStrides, sizeOf } from "@tapeloop/autograd/backend";
import type {
  KernelTable,
  PrimitiveName,
  TensorType,
  TypedArray,
} from "@tapeloop/autograd/backend";
import ndarray from "ndarray";
import ops from "ndarray-ops";

/** An array of this backend. Masks are of `uint8`, with 0 and 1. */
export type NdArray = ndarray.NdArray<TypedArray>;

/** The kernels of one family. */
export type Kernels<N extends PrimitiveName> = Pick<KernelTable<NdArray>, N>;

/** `ndarray` makes one class per element type and rank, with sizes and strides as single arguments. */
type View = new (data: TypedArray, ...sizesStridesOffset: number[]) => NdArray;

/** The class of views of a shape's rank on data of this type. */
function classOf(data: TypedArray, shape: readonly number[]): View {
  return ndarray(data, [...shape]).constructor as View;
}

/** The classes by rank, as far as they have been asked for. */
const views: Readonly<Record<DType, View[]>> = {
  bool: [classOf(allocate("bool", 1), [])],
  int32: [classOf(allocate("int32", 1), [])],
  float32: [classOf(allocate("float32", 1), [])],
  float64: [classOf(allocate("float64", 1), [])],
};

/**
 * A view of typed-array data: `ndarray(data, shape, stride, offset)`, but in a fourth of the time, since
 * the class is not looked up by the data.
 *
 * @param stride - Elements between neighbours along each axis. Default: row-major.
 * @param offset - The place of the first element.
 */
export function view(
  data: TypedArray,
  { shape, dtype }: TensorType,
  stride: readonly number[] = rowMajorStrides(shape),
  offset = 0,
): NdArray {
  const ofRank = (views[dtype][shape.length] ??= classOf(data, shape));
  return new ofRank(data, ...shape, ...stride, offset);
}

/** A new array of zeros. */
export function zeros(type: TensorType): NdArray {
  return view(allocate(type.dtype, sizeOf(type.shape)), type);
}

/** A new array of rank 0. */
export function single(value: number, dtype: DType): NdArray {
  const data = allocate(dtype, 1);
  data[0] = value;
  return new views[dtype][0](data, 0);
}

/** Whether the elements lie in row-major order without gaps. */
function isRowMajor({ shape, stride }: NdArray): boolean {
  let expected = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && stride[i] !== expected) return shape.includes(0);
    expected *= shape[i];
  }
  return true;
}

/** The element type of an array of this backend. */
function dtypeOf(x: NdArray): DType {
  return x.dtype === "uint8" ? "bool" : x.dtype;
}

/** The array itself if its elements lie in row-major order, else a copy in which they do. */
export function rowMajor(x: NdArray): NdArray {
  return isRowMajor(x) ? x : copy(x);
}

/** A copy in row-major order. */
export function copy(x: NdArray): NdArray {
  const out = zeros({ shape: x.shape, dtype: dtypeOf(x) });
  assign(out, x);
  return out;
}

/** Writes the elements of `from` to the places that `to` shows; both have the same shape. */
export function assign(to: NdArray, from: NdArray): void {
  if (to.size === 0) return;
  if (isRowMajor(to) && isRowMajor(from)) to.data.set(elements(from), to.offset);
  else ops.assign(to, from);
}

/** The elements of a row-major array: a window on its data. */
export function elements(x: NdArray): TypedArray {
  return x.data.subarray(x.offset, x.offset + x.size);
}
