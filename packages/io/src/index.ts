/**
 * File formats on plain typed arrays: what works on bytes, in browsers too. Files are in
 * `@tapeloop/io/node`.
 *
 * @packageDocumentation
 */

export type { ArrayByDType, ArrayData, ArrayDType, StoredArray, TypedArray } from "./array-data.ts";
export { type ErrorParts, FileError, FormatError, IoError } from "./errors.ts";
export { decodeSafetensors, encodeSafetensors, type Safetensors } from "./safetensors.ts";
