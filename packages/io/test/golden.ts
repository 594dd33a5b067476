/**
 * @file Safetensors files written out by hand from the published format, not by our own writer:
 * header length as a little-endian u64, JSON header, elements.
 */

/** The bytes of lines of hexadecimal digits; what follows a `|` is a comment. */
export function hex(lines: string): Uint8Array {
  const digits = lines.replaceAll(/\|.*$/gm, "").replaceAll(/\s/g, "");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** One int32 vector and one float64 number, with metadata, a space of padding, and mixed order. */
export const golden: Uint8Array = hex(`
  88 00 00 00 00 00 00 00                          | 136 bytes of header
  7b 22 5f 5f 6d 65 74 61 64 61 74 61 5f 5f 22 3a  | {"__metadata__":
  7b 22 6b 22 3a 22 c3 a9 22 7d 2c                 | {"k":"é"},
  22 76 22 3a 7b 22 64 74 79 70 65 22 3a 22 49 33  | "v":{"dtype":"I3
  32 22 2c 22 73 68 61 70 65 22 3a 5b 33 5d 2c 22  | 2","shape":[3],"
  64 61 74 61 5f 6f 66 66 73 65 74 73 22 3a 5b 38  | data_offsets":[8
  2c 32 30 5d 7d 2c                                | ,20]},
  22 73 22 3a 7b 22 73 68 61 70 65 22 3a 5b 5d 2c  | "s":{"shape":[],
  22 64 74 79 70 65 22 3a 22 46 36 34 22 2c 22 64  | "dtype":"F64","d
  61 74 61 5f 6f 66 66 73 65 74 73 22 3a 5b 30 2c  | ata_offsets":[0,
  38 5d 7d 7d                                      | 8]}}
  20 20 20                                         | padding
  00 00 00 00 00 00 f8 bf                          | -1.5
  01 00 00 00 ff ff ff ff 00 01 00 00              | 1 -1 256
`);

/** A file of one tensor, with any header text. */
export function fileOf(header: string, data: readonly number[] = []): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}
