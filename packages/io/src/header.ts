/**
 * @file The header of a safetensors file: read from untrusted bytes, and checked against the length
 * of the file before anything is allocated by it.
 *
 * A parser of its own, because `JSON.parse` silently keeps the last of two equal names and takes
 * `1e1` for 10. The grammar is closed, so it needs no recursion.
 */
import { type StoredDType, storedTypes } from "./elements.ts";
import { FormatError } from "./errors.ts";

/** Where one tensor lies: the bytes `begin` to `end` of the data. */
export interface TensorEntry {
  readonly name: string;
  readonly stored: StoredDType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** What a header says, in its own order. */
export interface Header {
  readonly entries: readonly TensorEntry[];
  readonly metadata: Record<string, string>;
}

/** The most bytes a header may have; the limit of the format. */
export const maxHeaderLength = 100_000_000;

const remedy = "The file is damaged or is not a safetensors file: take it from its source again.";

/** The error of a damaged file. */
export function damaged(op: string, rule: string, got: string): FormatError {
  return new FormatError({ op, rule, got, remedy });
}

/** The length of the header, from the first 8 bytes of a file of `fileLength` bytes. */
export function headerLength(op: string, start: Uint8Array, fileLength: number): number {
  if (start.length < 8) {
    throw damaged(op, "the file must have at least 8 bytes", `${fileLength}`);
  }
  const view = new DataView(start.buffer, start.byteOffset, 8);
  const length = view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
  if (length > maxHeaderLength) {
    throw damaged(op, `the header must have at most ${maxHeaderLength} bytes`, `${length}`);
  }
  if (length > fileLength - 8) {
    throw damaged(op, `the header must end within the ${fileLength} bytes`, `${length} + 8`);
  }
  return length;
}

/** Reads a header whose file goes on with `dataLength` bytes, and checks that they are all named. */
export function parseHeader(op: string, bytes: Uint8Array, dataLength: number): Header {
  if (bytes[0] !== 0x7b) {
    const got = bytes[0] === undefined ? "nothing" : `byte ${bytes[0]}`;
    throw damaged(op, "the header must start with {", got);
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw damaged(op, "the header must be UTF-8", "other bytes");
  }
  const cursor = new Cursor(op, text);
  const entries: TensorEntry[] = [];
  const metadata: [string, string][] = [];
  cursor.object((name) => {
    if (name === "__metadata__") cursor.object((key) => metadata.push([key, cursor.string()]));
    else entries.push(parseEntry(op, cursor, name));
  });
  cursor.padding();
  checkLayout(op, entries, dataLength);
  return { entries, metadata: Object.fromEntries(metadata) };
}

function parseEntry(op: string, cursor: Cursor, name: string): TensorEntry {
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  cursor.object((field) => {
    if (field === "dtype") dtype = cursor.string();
    else if (field === "shape") shape = cursor.integers();
    else if (field === "data_offsets") offsets = cursor.integers();
    else throw damaged(op, `tensor ${quote(name)} must have no further fields`, quote(field));
  });
  if (dtype === undefined || shape === undefined || offsets === undefined) {
    const missing = dtype === undefined ? "dtype" : shape === undefined ? "shape" : "data_offsets";
    throw damaged(op, `tensor ${quote(name)} must have a ${missing}`, "none");
  }
  if (!isStored(dtype)) {
    throw new FormatError({
      op,
      rule: `the dtype of tensor ${quote(name)} must be one of ${Object.keys(storedTypes).join(" ")}`,
      got: quote(dtype),
      remedy: "Convert the tensor to F32 with the program that wrote the file.",
    });
  }
  const [begin, end] = offsets;
  if (begin === undefined || end === undefined || offsets.length > 2 || begin > end) {
    throw damaged(
      op,
      `tensor ${quote(name)} must have offsets [begin, end]`,
      `[${offsets.join()}]`,
    );
  }
  let length = storedTypes[dtype].width;
  for (const size of shape) {
    length *= size;
    if (!Number.isSafeInteger(length)) {
      throw damaged(
        op,
        `the bytes of tensor ${quote(name)} must be countable`,
        `[${shape.join()}]`,
      );
    }
  }
  if (end - begin !== length) {
    const got = `[${begin}, ${end}]`;
    throw damaged(
      op,
      `tensor ${quote(name)} as ${dtype}[${shape.join()}] must have ${length} bytes`,
      got,
    );
  }
  return { name, stored: dtype, shape, begin, end };
}

function isStored(dtype: string): dtype is StoredDType {
  return Object.hasOwn(storedTypes, dtype);
}

/** The tensors, one after the other, must be the data: no gap, no overlap, nothing left over. */
function checkLayout(op: string, entries: readonly TensorEntry[], dataLength: number): void {
  let at = 0;
  for (const { name, begin, end } of inFileOrder(entries)) {
    if (begin !== at) {
      throw damaged(op, `tensor ${quote(name)} must begin at ${at}, after the others`, `${begin}`);
    }
    at = end;
  }
  if (at !== dataLength) {
    throw damaged(op, `the data must have the ${at} bytes of the tensors`, `${dataLength}`);
  }
}

/** The tensors as their data lie in the file; a header may name them in any order. */
export function inFileOrder(entries: readonly TensorEntry[]): readonly TensorEntry[] {
  return entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end);
}

/** Whether a text has no half of a surrogate pair, so that UTF-8 can hold it. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/** A name as it stands in messages: quoted, and cut if it is long. */
export function quote(name: string): string {
  return JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name);
}

/** A position in the text of a header; each method reads one thing there, or throws. */
class Cursor {
  readonly #op: string;
  readonly #text: string;
  #at = 0;

  constructor(op: string, text: string) {
    this.#op = op;
    this.#text = text;
  }

  /** Reads `{"name": …, …}`; `member` reads each value. */
  object(member: (name: string) => void): void {
    const names = new Set<string>();
    this.#take("{");
    if (this.#skip("}")) return;
    do {
      const name = this.string();
      if (names.has(name)) throw damaged(this.#op, "names must be unique", `${quote(name)} twice`);
      names.add(name);
      this.#take(":");
      member(name);
    } while (this.#skip(","));
    this.#take("}");
  }

  integers(): number[] {
    const values: number[] = [];
    this.#take("[");
    if (this.#skip("]")) return values;
    do values.push(this.#integer());
    while (this.#skip(","));
    this.#take("]");
    return values;
  }

  string(): string {
    this.#space();
    const start = this.#at;
    if (this.#text[start] !== '"') throw this.#expected("a string");
    let end = start + 1;
    while (end < this.#text.length && this.#text[end] !== '"') {
      end += this.#text[end] === "\\" ? 2 : 1;
    }
    let value: unknown;
    try {
      value = JSON.parse(this.#text.slice(start, end + 1)); // escapes, and no control characters
    } catch {
      throw this.#expected("a string");
    }
    if (typeof value !== "string" || !isWellFormed(value)) throw this.#expected("a string");
    this.#at = end + 1;
    return value;
  }

  /** After the header only spaces may follow. */
  padding(): void {
    while (this.#text[this.#at] === " ") this.#at++;
    if (this.#at < this.#text.length) throw this.#expected("only spaces");
  }

  #integer(): number {
    this.#space();
    const start = this.#at;
    let end = start;
    while (end - start < 17 && isDigit(this.#text.charCodeAt(end))) end++;
    const digits = this.#text.slice(start, end);
    const value = Number(digits);
    if (digits === "" || (digits.length > 1 && digits[0] === "0") || !Number.isSafeInteger(value)) {
      throw this.#expected("an integer from 0 to 2^53 - 1");
    }
    this.#at = end;
    return value;
  }

  #take(character: string): void {
    if (!this.#skip(character)) throw this.#expected(character);
  }

  #skip(character: string): boolean {
    this.#space();
    const found = this.#text[this.#at] === character;
    if (found) this.#at++;
    return found;
  }

  #space(): void {
    while (" \t\n\r".includes(this.#text[this.#at] ?? "x")) this.#at++;
  }

  #expected(what: string): FormatError {
    const rest = this.#text.slice(this.#at, this.#at + 12);
    const got = rest === "" ? "its end" : JSON.stringify(rest);
    return damaged(this.#op, `the header must have ${what} at character ${this.#at}`, got);
  }
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
