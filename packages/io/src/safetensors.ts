/**
 * @file The safetensors format, in memory: 8 bytes header length, a JSON header, the elements.
 *
 * Source: https://github.com/huggingface/safetensors, "Format". The format is little-endian; on a
 * big-endian machine bytes are swapped on the way in and out.
 */
import type { ArrayData, StoredArray, TypedArray } from "./array-data.ts";
import { arrayNames, native, storedNames, storedTypes } from "./elements.ts";
import { FormatError } from "./errors.ts";
import {
  damaged,
  headerLength,
  isWellFormed,
  maxHeaderLength,
  parseHeader,
  quote,
  type TensorEntry,
} from "./header.ts";

/** What a safetensors file holds. */
export interface Safetensors {
  /** The arrays by name, in the order of the header. */
  tensors: Record<string, StoredArray>;
  /** Free text by key; empty where a file has none. */
  metadata: Record<string, string>;
}

/**
 * Writes named arrays as the bytes of a safetensors file.
 *
 * The same arrays in the same order give the same bytes: the header names them in the order of the
 * keys, and spaces align the start of the data to 8 bytes. The arrays are copied.
 *
 * Throws: FormatError if `data` is not the typed array of its `dtype`, or has not as many elements
 * as its `shape` says, or a `bool` holds anything but 0 and 1, or a name is `__metadata__` or is
 * not valid Unicode, or metadata are not strings, or the header gets longer than 100 MB.
 *
 * @param tensors - The arrays by name.
 * @param metadata - Free text by key.
 *
 * @example
 * ```ts
 * import { encodeSafetensors } from "@tapeloop/io";
 *
 * const weight = { dtype: "float32", shape: [2, 2], data: new Float32Array([1, 2, 3, 4]) } as const;
 * const bytes = encodeSafetensors({ weight }, { step: "100" });
 * console.log(bytes.length); // 120
 * console.log(new TextDecoder().decode(bytes.subarray(8, 41))); // {"__metadata__":{"step":"100"},"w
 * ```
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, ArrayData>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const op = "encodeSafetensors";
  const members: string[] = [];
  checkMetadata(op, metadata);
  if (Object.keys(metadata).length > 0) members.push(`"__metadata__":${JSON.stringify(metadata)}`);
  let end = 0;
  for (const [name, array] of Object.entries(tensors)) {
    checkArray(op, name, array);
    const begin = end;
    end += array.data.byteLength;
    const dtype = storedNames[array.dtype];
    const info = JSON.stringify({ dtype, shape: array.shape, data_offsets: [begin, end] });
    members.push(`${JSON.stringify(name)}:${info}`);
  }
  const json = new TextEncoder().encode(`{${members.join(",")}}`);
  const length = Math.ceil(json.length / 8) * 8;
  if (length > maxHeaderLength) {
    const remedy = "Put less into the metadata, or the tensors into several files.";
    throw refused(op, `the header must have at most ${maxHeaderLength} bytes`, `${length}`, remedy);
  }
  const bytes = new Uint8Array(8 + length + end);
  new DataView(bytes.buffer).setUint32(0, length, true);
  bytes.set(json, 8);
  bytes.fill(0x20, 8 + json.length, 8 + length);
  let at = 8 + length;
  for (const { dtype, data } of Object.values(tensors)) {
    const place = bytes.subarray(at, at + data.byteLength);
    place.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    native(place, storedTypes[storedNames[dtype]].width);
    at += data.byteLength;
  }
  return bytes;
}

/**
 * Reads the bytes of a safetensors file, and trusts none of them.
 *
 * Every rule of the format is checked before elements are copied: the length and first byte of the
 * header, its padding, unique names, known types, offsets without gaps or overlaps, byte counts by
 * shape, the total length. So damage that breaks the structure is always an error. The format has
 * no checksum: changed elements show only in files that `saveSafetensors` of `@tapeloop/io/node`
 * wrote and `loadSafetensors` reads.
 *
 * Halves (`F16`) and `BF16` become `float32`, which holds each of their values exactly; `I64` and
 * `U64` become BigInt arrays. The arrays own their memory; `bytes` may lie anywhere, aligned or not.
 * Nothing is allocated by a number in the file before it was checked against the length of `bytes`.
 *
 * Throws: FormatError if `bytes` break any rule of the format.
 *
 * @param bytes - A whole file.
 *
 * @example
 * ```ts
 * import { decodeSafetensors, encodeSafetensors } from "@tapeloop/io";
 *
 * const bias = { dtype: "float64", shape: [3], data: new Float64Array([1, NaN, -0]) } as const;
 * const { tensors, metadata } = decodeSafetensors(encodeSafetensors({ bias }, { cell: "gru" }));
 * console.log(tensors["bias"]?.data); // Float64Array(3) [ 1, NaN, -0 ]
 * console.log(metadata["cell"]); // gru
 * ```
 */
export function decodeSafetensors(bytes: Uint8Array): Safetensors {
  const op = "decodeSafetensors";
  const start = 8 + headerLength(op, bytes.subarray(0, 8), bytes.length);
  const header = parseHeader(op, bytes.subarray(8, start), bytes.length - start);
  const tensors = header.entries.map((entry): [string, StoredArray] => {
    const own = new Uint8Array(bytes.subarray(start + entry.begin, start + entry.end));
    return [entry.name, toArray(op, entry, own)];
  });
  return { tensors: Object.fromEntries(tensors), metadata: header.metadata };
}

/** The array of an entry, made of its bytes, which it may keep. */
export function toArray(
  op: string,
  { name, stored, shape }: TensorEntry,
  bytes: Uint8Array<ArrayBuffer>,
): StoredArray {
  const { dtype, toArray: convert } = storedTypes[stored];
  const wrong = dtype === "bool" ? bytes.find((byte) => byte > 1) : undefined;
  if (wrong !== undefined) {
    throw damaged(op, `tensor ${quote(name)} of dtype BOOL must hold 0 and 1`, `${wrong}`);
  }
  // The table of stored types pairs each dtype with its array; the compiler does not follow that.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { dtype, shape, data: convert(bytes) } as StoredArray;
}

function checkMetadata(op: string, metadata: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== "string" || !isWellFormed(value) || !isWellFormed(key)) {
      const rule = `metadata ${quote(key)} must be valid Unicode text`;
      throw refused(op, rule, typeof value, "Use String() or JSON.stringify().");
    }
  }
}

function checkArray(op: string, name: string, { dtype, shape, data }: ArrayData): void {
  if (name === "__metadata__" || !isWellFormed(name)) {
    const rule = "a tensor's name must be valid Unicode and not __metadata__";
    throw refused(op, rule, quote(name), "Give it another name.");
  }
  if (!Object.hasOwn(storedNames, dtype)) {
    const rule = `the dtype of tensor ${quote(name)} must be one of ${Object.keys(storedNames).join(" ")}`;
    throw refused(op, rule, dtype, "Convert its data.");
  }
  const given = kindOf(data);
  if (given !== arrayNames[dtype]) {
    const rule = `tensor ${quote(name)} of dtype ${dtype} must have its data in a ${arrayNames[dtype]}`;
    throw refused(op, rule, given, "Convert the data, or name their dtype.");
  }
  const isShape = shape.every((size) => Number.isSafeInteger(size) && size >= 0);
  const size = shape.reduce((product, length) => product * length, 1);
  if (!isShape || size !== data.length) {
    const rule = `tensor ${quote(name)} must have as many elements as its shape`;
    throw refused(op, rule, `${data.length} for [${shape.join()}]`, "Give the shape of the data.");
  }
  const wrong = dtype === "bool" ? data.find((value) => value > 1) : undefined;
  if (wrong !== undefined) {
    const rule = `tensor ${quote(name)} of dtype bool must hold 0 and 1`;
    throw refused(op, rule, `${wrong}`, "Write it as uint8, or compare it with 0 first.");
  }
}

/** The name of a value's class, the same for arrays of another window or worker. */
function kindOf(data: TypedArray): string {
  return Object.prototype.toString.call(data).slice("[object ".length, -1);
}

function refused(op: string, rule: string, got: string, remedy: string): FormatError {
  return new FormatError({ op, rule, got, remedy });
}
