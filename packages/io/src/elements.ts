/** @file The element types of safetensors files: their size, and how stored bytes become typed arrays. */
import type { ArrayDType, TypedArray } from "./array-data.ts";

interface StoredType {
  /** The element type that the bytes become. */
  readonly dtype: ArrayDType;
  /** Bytes of one stored element. */
  readonly width: number;
  /** Makes the typed array of bytes that it may keep: little-endian, at the start of their buffer. */
  readonly toArray: (bytes: Uint8Array<ArrayBuffer>) => TypedArray;
}

/** Every element type that is read, by its name in a file. */
export const storedTypes: Readonly<Record<StoredDType, StoredType>> = {
  F64: { dtype: "float64", width: 8, toArray: (b) => new Float64Array(native(b, 8).buffer) },
  F32: { dtype: "float32", width: 4, toArray: (b) => new Float32Array(native(b, 4).buffer) },
  F16: { dtype: "float32", width: 2, toArray: (b) => widen(b, halfBits) },
  BF16: { dtype: "float32", width: 2, toArray: (b) => widen(b, (bits) => bits << 16) },
  I64: { dtype: "int64", width: 8, toArray: (b) => new BigInt64Array(native(b, 8).buffer) },
  I32: { dtype: "int32", width: 4, toArray: (b) => new Int32Array(native(b, 4).buffer) },
  I16: { dtype: "int16", width: 2, toArray: (b) => new Int16Array(native(b, 2).buffer) },
  I8: { dtype: "int8", width: 1, toArray: (b) => new Int8Array(b.buffer) },
  U64: { dtype: "uint64", width: 8, toArray: (b) => new BigUint64Array(native(b, 8).buffer) },
  U32: { dtype: "uint32", width: 4, toArray: (b) => new Uint32Array(native(b, 4).buffer) },
  U16: { dtype: "uint16", width: 2, toArray: (b) => new Uint16Array(native(b, 2).buffer) },
  U8: { dtype: "uint8", width: 1, toArray: (b) => b },
  BOOL: { dtype: "bool", width: 1, toArray: (b) => b },
};

/** The name of an element type in a file. */
export type StoredDType =
  | "F64"
  | "F32"
  | "F16"
  | "BF16"
  | "I64"
  | "I32"
  | "I16"
  | "I8"
  | "U64"
  | "U32"
  | "U16"
  | "U8"
  | "BOOL";

/** The name in a file under which each element type is written. */
export const storedNames: Readonly<Record<ArrayDType, StoredDType>> = {
  float64: "F64",
  float32: "F32",
  int64: "I64",
  int32: "I32",
  int16: "I16",
  int8: "I8",
  uint64: "U64",
  uint32: "U32",
  uint16: "U16",
  uint8: "U8",
  bool: "BOOL",
};

/** The name of the typed array that holds each element type. */
export const arrayNames: Readonly<Record<ArrayDType, string>> = {
  float64: "Float64Array",
  float32: "Float32Array",
  int64: "BigInt64Array",
  int32: "Int32Array",
  int16: "Int16Array",
  int8: "Int8Array",
  uint64: "BigUint64Array",
  uint32: "Uint32Array",
  uint16: "Uint16Array",
  uint8: "Uint8Array",
  bool: "Uint8Array",
};

/** Whether this machine stores the lowest byte first, as the format does. */
const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Reverses the bytes of each element, in place. */
export function swapBytes(bytes: Uint8Array<ArrayBuffer>, width: number): Uint8Array<ArrayBuffer> {
  for (let at = 0; at < bytes.length; at += width) bytes.subarray(at, at + width).reverse();
  return bytes;
}

/** Between the byte order of the format and the one of this machine, in place. */
export function native(bytes: Uint8Array<ArrayBuffer>, width: number): Uint8Array<ArrayBuffer> {
  return isLittleEndian || width === 1 ? bytes : swapBytes(bytes, width);
}

/** Two bytes each to float32, by their bits, so that every value and every NaN comes out exactly. */
function widen(bytes: Uint8Array<ArrayBuffer>, toFloat32: (bits: number) => number): Float32Array {
  const narrow = new Uint16Array(native(bytes, 2).buffer);
  const wide = new Uint32Array(narrow.length);
  for (let i = 0; i < narrow.length; i++) wide[i] = toFloat32(narrow[i]);
  return new Float32Array(wide.buffer);
}

/**
 * The bits of a float32 with the value of a half: 1 sign, 5 exponent (bias 15), 10 fraction bits
 * become 1, 8 (bias 127) and 23.
 */
function halfBits(bits: number): number {
  const sign = (bits & 0x8000) << 16;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return sign | 0x7f800000 | (fraction << 13); // infinity, or NaN as it was
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // Subnormal: fraction · 2^-24. The leading one moves to where float32 leaves it out.
  const shift = Math.clz32(fraction) - 21;
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
}
