/** @file Safetensors files with a digest of their whole content, written all or nothing. */
import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import type { ArrayData, StoredArray } from "../array-data.ts";
import { FileError, FormatError } from "../errors.ts";
import { damaged, headerLength, inFileOrder, parseHeader } from "../header.ts";
import { encodeSafetensors, type Safetensors, toArray } from "../safetensors.ts";
import { systemReason, writeFileAtomic } from "./atomic-file.ts";

/** What {@link loadSafetensors} read. */
export interface LoadedSafetensors extends Safetensors {
  /** Whether the file had a digest; if it had, the digest was right. */
  readonly isVerified: boolean;
}

/**
 * The digest is of the whole file, header included, with zeros in its own place: a changed name or
 * step number is as wrong as a changed weight. Both keys are needed so that damage to one of them
 * cannot pass for a file that never had a digest.
 */
const digestKey = "tapeloop.sha256";
const versionKey = "tapeloop.version";
const noDigest = "0".repeat(64);

/**
 * Writes named arrays as a safetensors file with a SHA-256 digest, all or nothing.
 *
 * Every program that reads safetensors reads the file; the digest stands in its metadata, under
 * `tapeloop.sha256`. See {@link writeFileAtomic} for what a crash leaves behind: the old file.
 *
 * Throws: FormatError if the format cannot hold the arrays or the metadata, or a key of the metadata
 * starts with `tapeloop.`; FileError if the file cannot be written.
 *
 * @param path - The file to make or to replace.
 * @param tensors - The arrays by name.
 * @param metadata - Free text by key.
 *
 * @example
 * ```ts
 * import { mkdtemp } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { loadSafetensors, saveSafetensors } from "@tapeloop/io/node";
 *
 * const path = join(await mkdtemp(join(tmpdir(), "tapeloop-")), "model.safetensors");
 * const bias = { dtype: "float32", shape: [2], data: new Float32Array([0.5, -1]) } as const;
 * await saveSafetensors(path, { bias }, { step: "100" });
 * const { tensors, metadata, isVerified } = await loadSafetensors(path);
 * console.log(tensors["bias"]?.data, metadata, isVerified); // Float32Array(2) [ 0.5, -1 ] { step: '100' } true
 * ```
 */
export async function saveSafetensors(
  path: string,
  tensors: Readonly<Record<string, ArrayData>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const op = "saveSafetensors";
  const reserved = Object.keys(metadata).find((key) => key.startsWith("tapeloop."));
  if (reserved !== undefined) {
    const rule = "keys of metadata must not start with tapeloop.";
    throw new FormatError({ op, rule, got: reserved, remedy: "Choose another key." });
  }
  await withPath(op, path, async () => {
    const own = { [versionKey]: "1", [digestKey]: noDigest, ...metadata };
    const bytes = encodeSafetensors(tensors, own);
    const digest = createHash("sha256").update(bytes).digest("hex");
    bytes.set(new TextEncoder().encode(digest), digestPlace(bytes, noDigest));
    await writeFileAtomic(path, bytes);
  });
}

/**
 * Reads a safetensors file, and its digest if it has one.
 *
 * Of a file that {@link saveSafetensors} wrote, any changed, missing or added byte is an error. Files
 * of other programs have no digest: their structure is checked as by `decodeSafetensors`, and
 * `isVerified` is false. Elements are read straight into their arrays, so the file is in memory once.
 *
 * Throws: FileError if the file cannot be read; FormatError if it is damaged or breaks the format.
 *
 * @param path - The file to read.
 *
 * @example
 * ```ts
 * import { mkdtemp, writeFile } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { FormatError, loadSafetensors } from "@tapeloop/io/node";
 *
 * const path = join(await mkdtemp(join(tmpdir(), "tapeloop-")), "model.safetensors");
 * await writeFile(path, "PK"); // not a safetensors file
 * try {
 *   await loadSafetensors(path);
 * } catch (error) {
 *   console.log(error instanceof FormatError && error.parts.rule); // the file must have at least 8 bytes
 * }
 * ```
 */
export async function loadSafetensors(path: string): Promise<LoadedSafetensors> {
  const op = "loadSafetensors";
  return withPath(op, path, async () => {
    const file = await open(path, "r").catch((error: unknown) => {
      throw unreadable(op, path, error);
    });
    try {
      return await readSafetensors(op, path, file);
    } finally {
      await file.close();
    }
  });
}

async function readSafetensors(
  op: string,
  path: string,
  file: FileHandle,
): Promise<LoadedSafetensors> {
  const found = await file.stat();
  if (!found.isFile()) throw unreadable(op, path, found.isDirectory() ? "a folder" : "a device");
  const read = (length: number, at: number): Promise<Uint8Array<ArrayBuffer>> =>
    readExactly(op, path, file, length, at);
  const prefix = await read(Math.min(8, found.size), 0);
  const length = headerLength(op, prefix, found.size);
  const start = 8 + length;
  const headerBytes = await read(length, 8);
  const { entries, metadata } = parseHeader(op, headerBytes, found.size - start);
  const hash = startDigest(op, prefix, headerBytes, metadata);
  const arrays = new Map<string, StoredArray>();
  for (const entry of inFileOrder(entries)) {
    const bytes = await read(entry.end - entry.begin, start + entry.begin);
    hash?.update(bytes);
    arrays.set(entry.name, toArray(op, entry, bytes));
  }
  const digest = hash?.digest("hex");
  if (digest !== metadata[digestKey]) {
    throw damaged(op, `the digest must be the ${digestKey} of the file`, String(digest));
  }
  delete metadata[versionKey];
  delete metadata[digestKey];
  const tensors = entries.map(({ name }): [string, StoredArray] => [name, arrays.get(name)!]);
  return { tensors: Object.fromEntries(tensors), metadata, isVerified: hash !== undefined };
}

/** The digest up to the data, or undefined for a file of another program. */
function startDigest(
  op: string,
  prefix: Uint8Array,
  header: Uint8Array<ArrayBuffer>,
  metadata: Readonly<Record<string, string>>,
): Hash | undefined {
  if (!Object.keys(metadata).some((key) => key.startsWith("tapeloop."))) return undefined;
  const digest = Object.hasOwn(metadata, digestKey) ? metadata[digestKey] : undefined;
  const at = digest?.length === noDigest.length ? digestPlace(header, digest) : -1;
  if (at < 0) throw damaged(op, `metadata must have the digest ${digestKey}`, "none");
  const after = header.subarray(at + noDigest.length);
  return createHash("sha256")
    .update(prefix)
    .update(header.subarray(0, at))
    .update(noDigest)
    .update(after);
}

/** Where the digest stands. The quotes are bare only in a key, so no text in the metadata is like it. */
function digestPlace(bytes: Uint8Array<ArrayBuffer>, digest: string): number {
  const before = `"${digestKey}":"`;
  const at = Buffer.from(bytes.buffer).indexOf(`${before}${digest}"`);
  return at < 0 ? at : at + before.length;
}

async function readExactly(
  op: string,
  path: string,
  file: FileHandle,
  length: number,
  at: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const part = Math.min(length - done, 2 ** 30);
    const { bytesRead } = await file.read(bytes, done, part, at + done).catch((error: unknown) => {
      throw unreadable(op, path, error);
    });
    if (bytesRead === 0) {
      throw damaged(op, `the file must have ${at + length} bytes to the end`, `${at + done}`);
    }
    done += bytesRead;
  }
  return bytes;
}

function unreadable(op: string, path: string, cause: unknown): FileError {
  const got = typeof cause === "string" ? cause : systemReason(cause);
  const remedy = "Check the path and its permissions.";
  return new FileError(
    { op, rule: "the path must be a readable file", got, remedy, path },
    { cause },
  );
}

/** Adds the operation and the file to errors that come from further down. */
async function withPath<T>(op: string, path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof FormatError) {
      throw new FormatError({ ...error.parts, op, path }, { cause: error });
    }
    if (error instanceof FileError)
      throw new FileError({ ...error.parts, op }, { cause: error.cause });
    throw error;
  }
}
