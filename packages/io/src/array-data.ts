/** @file Arrays outside of the framework: an element type, a shape, and the elements in C order. */

/** The typed array that holds elements of each type. `bool` holds 0 and 1. */
export interface ArrayByDType {
  /** IEEE 754 double precision. */
  float64: Float64Array;
  /** IEEE 754 single precision. */
  float32: Float32Array;
  /** 64-bit signed integers. */
  int64: BigInt64Array;
  /** 32-bit signed integers. */
  int32: Int32Array;
  /** 16-bit signed integers. */
  int16: Int16Array;
  /** 8-bit signed integers. */
  int8: Int8Array;
  /** 64-bit unsigned integers. */
  uint64: BigUint64Array;
  /** 32-bit unsigned integers. */
  uint32: Uint32Array;
  /** 16-bit unsigned integers. */
  uint16: Uint16Array;
  /** 8-bit unsigned integers. */
  uint8: Uint8Array;
  /** Truth values: 0 or 1. */
  bool: Uint8Array;
}

/**
 * The name of an element type. The framework computes in `float64`, `float32`, `int32` and `bool`;
 * the others occur in files.
 */
export type ArrayDType = keyof ArrayByDType;

/** Any typed array that holds elements of an {@link ArrayDType}. */
export type TypedArray = ArrayByDType[ArrayDType];

/**
 * An array to be written: `data` holds the elements in C order (last axis fastest), as many as the
 * product of `shape`, in the typed array that belongs to `dtype`.
 */
export interface ArrayData<D extends ArrayDType = ArrayDType> {
  /** The element type. */
  readonly dtype: D;
  /** The length of each axis; `[]` is a single number. */
  readonly shape: readonly number[];
  /** The elements in C order. */
  readonly data: ArrayByDType[D];
}

/** An array that was read: asking for its `dtype` tells the compiler the type of its `data`. */
export type StoredArray = { readonly [D in ArrayDType]: ArrayData<D> }[ArrayDType];
