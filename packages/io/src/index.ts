/** @file The public names of `@tapeloop/io` that work in browsers too; files are in `@tapeloop/io/node`. */

export type { ArrayByDType, ArrayData, ArrayDType, StoredArray, TypedArray } from "./array-data.ts";
export { type ErrorParts, FileError, FormatError, IoError } from "./errors.ts";
export { decodeSafetensors, encodeSafetensors, type Safetensors } from "./safetensors.ts";
