/** @file Safetensors for any arrays, any bytes and any header. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type ArrayData, decodeSafetensors, encodeSafetensors, FormatError } from "@tapeloop/io";

const arrays = [
  ["float64", Float64Array],
  ["float32", Float32Array],
  ["int64", BigInt64Array],
  ["int32", Int32Array],
  ["int16", Int16Array],
  ["int8", Int8Array],
  ["uint64", BigUint64Array],
  ["uint32", Uint32Array],
  ["uint16", Uint16Array],
  ["uint8", Uint8Array],
] as const;

const shape = fc.array(fc.nat(4), { maxLength: 4 });
const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** Any bits at all, so any NaN too. */
const anyBits = fc.tuple(fc.constantFrom(...arrays), shape).chain(([[dtype, Kind], sizes]) => {
  const length = product(sizes) * Kind.BYTES_PER_ELEMENT;
  return fc
    .uint8Array({ minLength: length, maxLength: length })
    .map((bytes): ArrayData => ({ dtype, shape: sizes, data: new Kind(bytes.slice().buffer) }));
});
const bools = shape.chain((sizes) =>
  fc
    .array(fc.nat(1), { minLength: product(sizes), maxLength: product(sizes) })
    .map((data): ArrayData => ({ dtype: "bool", shape: sizes, data: Uint8Array.from(data) })),
);
const text = fc.string({ unit: "binary" });
const names = text.filter((name) => name !== "__metadata__");
const contents = fc.record({
  tensors: fc.dictionary(names, fc.oneof(anyBits, bools), { maxKeys: 6 }),
  metadata: fc.dictionary(text, text, { maxKeys: 4 }),
});
const bits = (array: ArrayData): unknown[] => [
  array.dtype,
  array.shape,
  Buffer.from(array.data.buffer, array.data.byteOffset, array.data.byteLength).toString("hex"),
];

/** Reads bytes of which anything may be wrong: a value, or a FormatError of the right form. */
function tryDecode(bytes: Uint8Array): boolean {
  try {
    decodeSafetensors(bytes);
    return true;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    expect(error.message).toMatch(/^decodeSafetensors: [^]+, got [^]+\. [A-Z][^]+\.$/);
    return false;
  }
}

test("any arrays and any metadata come back bit for bit, in order, and aligned", () => {
  fc.assert(
    fc.property(contents, ({ tensors, metadata }) => {
      const bytes = encodeSafetensors(tensors, metadata);
      const back = decodeSafetensors(bytes);
      expect(Object.entries(back.tensors).map(([name, a]) => [name, bits(a)])).toEqual(
        Object.entries(tensors).map(([name, a]) => [name, bits(a)]),
      );
      expect(Object.entries(back.metadata)).toEqual(Object.entries(metadata));
      expect(new DataView(bytes.buffer).getUint32(0, true) % 8).toBe(0);
      expect(encodeSafetensors(back.tensors, back.metadata)).toEqual(bytes);
    }),
    { numRuns: 500 },
  );
});

test("no truncation of any file is read", () => {
  fc.assert(
    fc.property(contents, fc.double({ min: 0, max: 1, maxExcluded: true }), (file, part) => {
      const bytes = encodeSafetensors(file.tensors, file.metadata);
      const cut = bytes.subarray(0, Math.floor(part * bytes.length));
      expect(tryDecode(cut)).toBe(false);
    }),
    { numRuns: 500 },
  );
});

test("any bytes, and any header, give a value or a FormatError", () => {
  const piece = fc.constantFrom(
    '{"a":',
    '"dtype":',
    '"F32"',
    '"shape":',
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "0",
    "1",
    "-",
    '"data_offsets":',
    '"__metadata__":',
    '"b"',
    " ",
    "\\",
    '"',
    "9007199254740993",
    "null",
  );
  const header = fc.array(piece, { maxLength: 30 }).map((pieces) => `{"a":{${pieces.join("")}`);
  fc.assert(
    fc.property(header, fc.uint8Array({ maxLength: 8 }), (json, data) => {
      const start = Buffer.alloc(8);
      start.writeBigUInt64LE(BigInt(Buffer.byteLength(json)));
      tryDecode(Buffer.concat([start, Buffer.from(json), data]));
    }),
    { numRuns: 5000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      tryDecode(bytes);
    }),
    { numRuns: 2000 },
  );
});
