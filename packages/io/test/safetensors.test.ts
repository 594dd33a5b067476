import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type ArrayData, decodeSafetensors, encodeSafetensors, FormatError } from "@tapeloop/io";
import { native, swapBytes } from "../src/elements.ts";
import { fileOf, golden, hex } from "./golden.ts";

/** The text of the error that a call throws, which must be a FormatError. */
function failure(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof FormatError) return error.message;
    throw error;
  }
  throw new Error("nothing was thrown");
}
const refusal = (header: string, data: number[] = []): string =>
  failure(() => decodeSafetensors(fileOf(header, data)));

const everyType: Record<string, ArrayData> = {
  float64: { dtype: "float64", shape: [2, 2], data: new Float64Array([1 / 3, -0, NaN, Infinity]) },
  float32: { dtype: "float32", shape: [3], data: new Float32Array([0.1, -Infinity, 1e-45]) },
  int64: { dtype: "int64", shape: [2], data: new BigInt64Array([-(2n ** 63n), 2n ** 63n - 1n]) },
  int32: { dtype: "int32", shape: [1, 2], data: new Int32Array([-(2 ** 31), 2 ** 31 - 1]) },
  int16: { dtype: "int16", shape: [2], data: new Int16Array([-32768, 32767]) },
  int8: { dtype: "int8", shape: [3], data: new Int8Array([-128, 0, 127]) },
  uint64: { dtype: "uint64", shape: [1], data: new BigUint64Array([2n ** 64n - 1n]) },
  uint32: { dtype: "uint32", shape: [1], data: new Uint32Array([2 ** 32 - 1]) },
  uint16: { dtype: "uint16", shape: [1], data: new Uint16Array([65535]) },
  uint8: { dtype: "uint8", shape: [1], data: new Uint8Array([255]) },
  bool: { dtype: "bool", shape: [3], data: new Uint8Array([1, 0, 1]) },
  number: { dtype: "float32", shape: [], data: new Float32Array([7]) },
  empty: { dtype: "float64", shape: [3, 0, 2], data: new Float64Array(0) },
};

test("reads a file written by hand from the published format", () => {
  expect(decodeSafetensors(golden)).toEqual({
    metadata: { k: "é" },
    tensors: {
      v: { dtype: "int32", shape: [3], data: new Int32Array([1, -1, 256]) },
      s: { dtype: "float64", shape: [], data: new Float64Array([-1.5]) },
    },
  });
});

test("writes exactly the bytes that the format prescribes", () => {
  const bytes = encodeSafetensors({
    a: { dtype: "int16", shape: [2], data: Int16Array.of(1, -2) },
  });
  const header = '{"a":{"dtype":"I16","shape":[2],"data_offsets":[0,4]}}  ';
  expect(header).toHaveLength(56); // a multiple of 8
  const expected = [...hex("38 00 00 00 00 00 00 00"), ...Buffer.from(header), 1, 0, 0xfe, 0xff];
  expect([...bytes]).toEqual(expected);
});

test("every element type, a single number and an empty array come back as they were", () => {
  const metadata = { step: "12", note: 'quoted "text", \\ and \n, 漢字 🙂', "": "" };
  const back = decodeSafetensors(encodeSafetensors(everyType, metadata));
  expect(back).toEqual({ tensors: everyType, metadata });
  expect(Object.keys(back.tensors)).toEqual(Object.keys(everyType));
});

test("NaN keeps its payload, and zero its sign", () => {
  const data = new Float32Array(new Uint32Array([0x7fa00001, 0xffc12345, 0x80000000]).buffer);
  const back = decodeSafetensors(encodeSafetensors({ a: { dtype: "float32", shape: [3], data } }));
  const bits = new Uint32Array(back.tensors["a"].data.buffer);
  expect([...bits]).toEqual([0x7fa00001, 0xffc12345, 0x80000000]);
});

test("no tensors, and names that objects know already, come back too", () => {
  expect(decodeSafetensors(encodeSafetensors({}))).toEqual({ tensors: {}, metadata: {} });
  const one: ArrayData = { dtype: "int8", shape: [1], data: new Int8Array([1]) };
  const tensors = Object.fromEntries(["__proto__", "toString", "7", ""].map((n) => [n, one]));
  const metadata = Object.fromEntries([["__proto__", "x"]]);
  const back = decodeSafetensors(encodeSafetensors(tensors, metadata));
  expect(Object.keys(back.tensors).toSorted()).toEqual(["", "7", "__proto__", "toString"]);
  expect(Object.entries(back.metadata)).toEqual([["__proto__", "x"]]);
});

test("arrays may be parts of larger buffers, and files may start anywhere in memory", () => {
  const whole = new Float64Array([9, 1, 2, 9]);
  const part: ArrayData = { dtype: "float64", shape: [2], data: whole.subarray(1, 3) };
  const bytes = encodeSafetensors({ flag: everyType["bool"], part });
  for (let shift = 0; shift < 8; shift++) {
    const moved = Buffer.alloc(bytes.length + shift);
    moved.set(bytes, shift);
    const { tensors } = decodeSafetensors(moved.subarray(shift));
    expect(tensors["part"]?.data).toEqual(new Float64Array([1, 2]));
    moved.fill(0xff); // the arrays own their memory
    expect(tensors["flag"]?.data).toEqual(new Uint8Array([1, 0, 1]));
  }
});

test("halves are widened exactly, all 65,536 of them", () => {
  const data = Uint8Array.from({ length: 2 ** 17 }, (_, i) => (i >> 1) >> (8 * (i & 1)));
  const header = '{"h":{"dtype":"F16","shape":[65536],"data_offsets":[0,131072]}}';
  const { dtype, data: wide } = decodeSafetensors(fileOf(header, [...data])).tensors["h"];
  expect(dtype).toBe("float32");
  for (let bits = 0; bits < 65536; bits++) {
    // IEEE 754-2008, 3.4: (-1)^S · 2^(E-15) · (1 + T·2^-10), or · 2^-14 · T·2^-10 where E is 0.
    const [sign, e, t] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, (bits & 1023) / 1024];
    const value = e === 0 ? 2 ** -14 * t : e < 31 ? 2 ** (e - 15) * (1 + t) : t ? NaN : Infinity;
    if (!Object.is(wide[bits], sign * value)) throw new Error(`${bits}: ${wide[bits]}`);
  }
});

test("bfloat16 is the upper half of float32", () => {
  const header = '{"b":{"dtype":"BF16","shape":[4],"data_offsets":[0,8]}}';
  const data = [...hex("80 3f   49 40   80 ff   01 00")];
  const wide = decodeSafetensors(fileOf(header, data)).tensors["b"];
  // 1, 3.140625 = 2·(1 + 2^-1 + 2^-4 + 2^-7), -Infinity, and 2^-126 · 2^-7.
  expect(wide).toEqual({
    dtype: "float32",
    shape: [4],
    data: new Float32Array([1, 3.140625, -Infinity, 2 ** -133]),
  });
});

test("a header may name tensors in another order than their data", () => {
  const header =
    '{"z":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},' +
    '"e":{"dtype":"U8","shape":[0],"data_offsets":[1,1]},' +
    '"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}';
  const { tensors } = decodeSafetensors(fileOf(header, [5, 6]));
  expect(Object.values(tensors).map((t) => Array.from<unknown>(t.data))).toEqual([[6], [], [5]]);
});

test("every truncation and every added byte is an error", () => {
  for (let length = 0; length < golden.length; length++) {
    failure(() => decodeSafetensors(golden.subarray(0, length)));
  }
  failure(() => decodeSafetensors(Uint8Array.of(...golden, 0)));
});

test("a changed bit in the frame of a file never crashes the reader", () => {
  for (let bit = 0; bit < 8 * golden.length; bit++) {
    const changed = golden.slice();
    changed[bit >> 3] ^= 1 << (bit & 7);
    try {
      decodeSafetensors(changed);
    } catch (error) {
      expect(error).toBeInstanceOf(FormatError);
    }
    if (bit < 8 * 11) failure(() => decodeSafetensors(changed)); // the length and `{"_`
  }
});

const damage: [title: string, header: string, data: number[], message: RegExp][] = [
  ["a header that does not start with {", " {}", [], /must start with \{, got byte 32\./],
  ["an empty header", "", [], /must start with \{, got nothing\./],
  ["padding that is not spaces", "{}\n", [], /only spaces at character 2, got "\\n"/],
  ["more than one value", "{}{}", [], /only spaces at character 2, got "\{\}"/],
  ["an open header", '{"a":', [], /must have \{ at character 5, got its end/],
  ["a trailing comma", '{"__metadata__":{"a":"b",}}', [], /a string at character 25, got "\}\}"/],
  ["single quotes", "{'a':1}", [], /a string at character 1/],
  ["a control character in a name", '{"a\u0001":{}}', [], /a string at character 1/],
  ["half a surrogate pair", String.raw`{"\ud800":{}}`, [], /a string at character 1/],
  ["metadata that are not text", '{"__metadata__":{"a":1}}', [], /a string at character 21/],
  [
    "metadata twice",
    '{"__metadata__":{},"__metadata__":{}}',
    [],
    /unique, got "__metadata__" twice/,
  ],
  ["a key of the metadata twice", '{"__metadata__":{"a":"","a":""}}', [], /unique, got "a" twice/],
  ["a tensor twice", `{${tensor("a")},${tensor("a")}}`, [1], /unique, got "a" twice/],
  ["a field twice", '{"a":{"dtype":"U8","dtype":"U8"}}', [], /unique, got "dtype" twice/],
  [
    "the same name, once escaped",
    `{${tensor("a")},${tensor(String.raw`\u0061`)}}`,
    [1],
    /"a" twice/,
  ],
  ["an unknown field", '{"a":{"type":"U8"}}', [], /no further fields, got "type"/],
  ["no dtype", '{"a":{}}', [], /"a" must have a dtype, got none/],
  ["no shape", '{"a":{"dtype":"U8"}}', [], /must have a shape, got none/],
  ["no offsets", '{"a":{"dtype":"U8","shape":[]}}', [], /must have a data_offsets, got none/],
  [
    "an unknown dtype",
    tensorFile("F8_E4M3", "[1]", "[0,1]"),
    [1],
    /one of F64 .* got "F8_E4M3"\. Convert/,
  ],
  ["a dtype that objects know", tensorFile("toString", "[1]", "[0,1]"), [1], /got "toString"/],
  ["a negative size", tensorFile("U8", "[-1]", "[0,1]"), [1], /an integer .* got "-1\]/],
  ["a fraction", tensorFile("U8", "[1.0]", "[0,1]"), [1], /must have \] at .* got "\.0\]/],
  ["an exponent", tensorFile("U8", "[1e0]", "[0,1]"), [1], /must have \] at .* got "e0\]/],
  ["a leading zero", tensorFile("U8", "[01]", "[0,1]"), [1], /an integer .* got "01\]/],
  ["a size above 2^53", tensorFile("U8", "[9007199254740992]", "[0,1]"), [1], /an integer/],
  ["nested sizes", tensorFile("U8", "[[1]]", "[0,1]"), [1], /an integer .* got "\[1\]\]/],
  [
    "a product that overflows",
    tensorFile("U8", "[4294967296,4294967296,0]", "[0,0]"),
    [],
    /countable/,
  ],
  ["bytes that overflow", tensorFile("F64", "[9007199254740991]", "[0,8]"), [], /countable/],
  ["one offset", tensorFile("U8", "[1]", "[0]"), [1], /offsets \[begin, end\], got \[0\]/],
  ["three offsets", tensorFile("U8", "[1]", "[0,1,1]"), [1], /offsets \[begin, end\]/],
  ["offsets that run backwards", tensorFile("U8", "[1]", "[1,0]"), [1], /offsets \[begin, end\]/],
  [
    "offsets of another length",
    tensorFile("F32", "[2]", "[0,4]"),
    [0, 0, 0, 0],
    /F32\[2\] must have 8 bytes/,
  ],
  [
    "a gap at the start",
    tensorFile("U8", "[1]", "[1,2]"),
    [1, 1],
    /begin at 0, after the others, got 1/,
  ],
  ["a gap", `{${tensor("a")},${tensor("b", "[2,3]")}}`, [1, 1, 1], /"b" must begin at 1, .* got 2/],
  ["an overlap", `{${tensor("a")},${tensor("b")}}`, [1], /"b" must begin at 1, .* got 0/],
  ["bytes left over", tensorFile("U8", "[1]", "[0,1]"), [1, 2], /must have the 1 bytes .* got 2/],
  ["too few bytes", tensorFile("U8", "[2]", "[0,2]"), [1], /must have the 2 bytes .* got 1/],
  ["a bool of 2", tensorFile("BOOL", "[2]", "[0,2]"), [1, 2], /must hold 0 and 1, got 2/],
];

function tensor(name: string, offsets = "[0,1]"): string {
  return `"${name}":{"dtype":"U8","shape":[1],"data_offsets":${offsets}}`;
}
function tensorFile(dtype: string, shape: string, offsets: string): string {
  return `{"a":{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}}`;
}

test.each(damage)("refuses %s", (_title, header, data, message) => {
  const text = refusal(header, data);
  expect(text).toMatch(message);
  expect(text).toMatch(/^decodeSafetensors: .+, got .+\. [A-Z].+\.$/);
});

test("refuses headers that are not UTF-8", () => {
  const bytes = fileOf('{"?":{}}');
  bytes[10] = 0xff;
  expect(failure(() => decodeSafetensors(bytes))).toMatch(/must be UTF-8/);
});

/** 16 bytes that claim a header of any length. */
function fileSaying(length: bigint): Uint8Array {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setBigUint64(0, length, true);
  return bytes;
}

test("refuses header lengths beyond the file or the limit before reading on", () => {
  expect(failure(() => decodeSafetensors(fileSaying(9n)))).toMatch(
    /within the 16 bytes, got 9 \+ 8\./,
  );
  expect(failure(() => decodeSafetensors(fileSaying(100_000_001n)))).toMatch(
    /at most 100000000 bytes/,
  );
  expect(failure(() => decodeSafetensors(fileSaying(2n ** 64n - 1n)))).toMatch(
    /at most 100000000 bytes/,
  );
  expect(failure(() => decodeSafetensors(new Uint8Array(7)))).toMatch(/at least 8 bytes, got 7\./);
});

test("reads a header of a million characters of any one kind without overflow", () => {
  for (const character of ["[", "{", '"', "\\", "1", " ", "\0"]) {
    refusal(`{"a":{"shape":[${character.repeat(1e6)}`);
  }
});

const good: ArrayData = { dtype: "float32", shape: [1], data: new Float32Array(1) };
const refusals: [title: string, tensors: Record<string, ArrayData>, message: string][] = [
  [
    "another array than the dtype's",
    { w: { ...good, dtype: "float64" } },
    'encodeSafetensors: tensor "w" of dtype float64 must have its data in a Float64Array, got Float32Array. Convert the data, or name their dtype.',
  ],
  [
    "fewer elements than the shape",
    { w: { ...good, shape: [2, 3] } },
    'encodeSafetensors: tensor "w" must have as many elements as its shape, got 1 for [2,3]. Give the shape of the data.',
  ],
  [
    "a shape of fractions",
    { w: { ...good, shape: [0.5, 2] } },
    'encodeSafetensors: tensor "w" must have as many elements as its shape, got 1 for [0.5,2]. Give the shape of the data.',
  ],
  [
    "a bool of 3",
    { w: { dtype: "bool", shape: [1], data: Uint8Array.of(3) } },
    'encodeSafetensors: tensor "w" of dtype bool must hold 0 and 1, got 3. Write it as uint8, or compare it with 0 first.',
  ],
  [
    "a reserved name",
    { __metadata__: good },
    `encodeSafetensors: a tensor's name must be valid Unicode and not __metadata__, got "__metadata__". Give it another name.`,
  ],
  [
    "a name that UTF-8 cannot hold",
    { "\ud800": good },
    String.raw`encodeSafetensors: a tensor's name must be valid Unicode and not __metadata__, got "\ud800". Give it another name.`,
  ],
];

test.each(refusals)("does not write %s", (_title, tensors, message) => {
  const text = failure(() => encodeSafetensors(tensors));
  expect(text).toBe(message);
});

test("does not write what the compiler refuses already", () => {
  // @ts-expect-error -- text only
  expect(failure(() => encodeSafetensors({}, { step: 5 }))).toBe(
    'encodeSafetensors: metadata "step" must be valid Unicode text, got number. Use String() or JSON.stringify().',
  );
  // @ts-expect-error -- there is no such element type
  const text = failure(() => encodeSafetensors({ half: { ...good, dtype: "float16" } }));
  expect(text).toMatch(/must be one of float64 .*, got float16/);
});

test("does not write a header that nobody would read", () => {
  const text = failure(() => encodeSafetensors({}, { long: "x".repeat(1e8) }));
  expect(text).toMatch(/at most 100000000 bytes, got 100000032\. Put less/);
});

test("bytes are swapped per element for the other byte order", () => {
  expect([...swapBytes(Uint8Array.of(1, 2, 3, 4), 2)]).toEqual([2, 1, 4, 3]);
  expect([...swapBytes(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), 8)]).toEqual([
    8, 7, 6, 5, 4, 3, 2, 1,
  ]);
  // Whatever this machine is: the native bytes of 0x0201, stored as 01 02.
  expect(new Uint16Array(native(Uint8Array.of(1, 2), 2).buffer)[0]).toBe(0x0201);
});

test("the main entry reaches no module of Node", () => {
  const source = new URL("../src/", import.meta.url);
  const reached = new Set(["index.ts"]);
  for (const name of reached) {
    const text = readFileSync(new URL(name, source), "utf8");
    const imports = [...text.matchAll(/^(?:import|export|\}).* from "(.+)";$/gm)].map((m) => m[1]);
    for (const path of imports) {
      expect(path).toMatch(/^\.\//);
      reached.add(path.slice(2));
    }
  }
  const all = readdirSync(source).toSorted();
  expect(all.filter((name) => !reached.has(name))).toEqual(["node", "node.ts"]);
});
