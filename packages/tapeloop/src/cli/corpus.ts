/** @file The text that a model is trained on: a user's file, or text that is installed anyway. */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { randomWords } from "@tapeloop/autograd/backend";
import { UsageError } from "./usage-error.ts";

/** A text and where it is from. */
export interface Corpus {
  /** The whole text. */
  readonly text: string;
  /** Where it is from, for people to read. */
  readonly source: string;
}

/** The least length of a text, and what needs it. */
export interface Minimum {
  /** Characters (code points). */
  readonly characters: number;
  /** What they are needed for, as in "8 streams of 64 characters need". */
  readonly reason: string;
}

/**
 * The type declarations of JavaScript's own library, as the `typescript` package brings them: the
 * files `lib.*.d.ts`, sorted by name and joined by line feeds. About 3.8 million characters of code
 * and prose, the same for everyone who has that version of TypeScript.
 *
 * All the files start with the same licence (Apache 2.0). A model would only learn it by heart, and
 * find it again in the validation text, so that comment is left out.
 *
 * Throws: UsageError if TypeScript or its files are not installed.
 *
 * @param from - The file from which `typescript` is looked up.
 */
export function findDefaultCorpus(from: string | URL = import.meta.url): Corpus {
  const remedy = "Name a text of your own with --text FILE.";
  let manifest: string;
  try {
    manifest = createRequire(from).resolve("typescript/package.json");
  } catch (cause) {
    throw new UsageError(
      `the default text is part of TypeScript, which is not installed. ${remedy}`,
      {
        cause,
      },
    );
  }
  const folder = libraryFolders(manifest).find((path) => declarations(path).length > 0);
  if (folder === undefined) {
    const where = dirname(manifest);
    throw new UsageError(`the default text, lib.*.d.ts, is not in ${where}. ${remedy}`);
  }
  const files = declarations(folder);
  const texts = files.map((name) => readFileSync(join(folder, name), "utf8"));
  const version = /"version":\s*"([^"]+)"/.exec(readFileSync(manifest, "utf8"))?.[1] ?? "";
  return {
    text: withoutBanner(texts).join("\n"),
    source: `${files.length} files lib.*.d.ts of typescript ${version}`.trimEnd(),
  };
}

/** Where the declarations can lie: in the package, or (since version 7) in that of the platform. */
function libraryFolders(manifest: string): string[] {
  const folders = [join(dirname(manifest), "lib")];
  try {
    const platform = `@typescript/typescript-${process.platform}-${process.arch}/package.json`;
    folders.push(join(dirname(createRequire(manifest).resolve(platform)), "lib"));
  } catch {
    // Before version 7 there is no such package.
  }
  return folders;
}

function declarations(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^lib\..+\.d\.ts$/.test(name))
      .toSorted();
  } catch {
    return [];
  }
}

/** Removes the comment at the start of the texts, if it is the same in all of them. */
export function withoutBanner(texts: readonly string[]): string[] {
  const banner = /^\/\*[^]*?\*\/\s*/.exec(texts[0] ?? "")?.[0].trimEnd();
  if (banner === undefined || !texts.every((text) => text.startsWith(banner))) return [...texts];
  return texts.map((text) => text.slice(banner.length).trimStart());
}

/**
 * Reads the text of a file, or the default text.
 *
 * Throws: UsageError if the file is missing, not readable, a folder, empty, not UTF-8, or shorter
 * than the minimum.
 */
export function readCorpus(path: string | undefined, minimum: Minimum): Corpus {
  const corpus =
    path === undefined
      ? findDefaultCorpus()
      : { text: readText(path), source: JSON.stringify(path) };
  const length = countCharacters(corpus.text);
  if (length < minimum.characters) {
    const needed = `${minimum.reason} at least ${minimum.characters}`;
    throw new UsageError(`${corpus.source} has ${length} characters, but ${needed}.`);
  }
  return corpus;
}

function readText(path: string): string {
  const name = JSON.stringify(path);
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    const reasons: Record<string, string> = {
      ENOENT: "does not exist",
      EISDIR: "is a folder, not a text file",
      EACCES: "may not be read: no permission",
    };
    throw new UsageError(`${name} ${reasons[code] ?? `cannot be read: ${String(cause)}`}.`, {
      cause,
    });
  }
  if (bytes.length === 0) throw new UsageError(`${name} is empty.`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    const at = firstInvalidByte(bytes);
    const remedy = "Convert it, for example with iconv -f LATIN1 -t UTF-8.";
    throw new UsageError(`${name} is not UTF-8 text: byte ${at} starts no character. ${remedy}`, {
      cause,
    });
  }
}

/** The offset of the first byte that starts no character, in bytes that are not UTF-8. */
function firstInvalidByte(bytes: Uint8Array): number {
  const isValid = (end: number, stream: boolean): boolean => {
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, end), { stream });
      return true;
    } catch {
      return false;
    }
  };
  // A start of the text is invalid from some length on; halve the interval until it is known.
  let [valid, invalid] = [0, bytes.length + 1];
  while (invalid - valid > 1) {
    const middle = (valid + invalid) >> 1;
    if (isValid(middle, true)) valid = middle;
    else invalid = middle;
  }
  while (!isValid(valid, false)) valid--; // back over the bytes of an unfinished character
  return valid;
}

/** The number of code points. */
export function countCharacters(text: string): number {
  let count = text.length;
  // Each character outside of the basic plane takes two code units.
  for (let i = 0; i + 1 < text.length; i++) {
    if (text.codePointAt(i)! > 0xffff) {
      count--;
      i++;
    }
  }
  return count;
}

/**
 * Cuts a text at ends of lines into blocks and puts them in random order, so that every part of it,
 * the end that is kept for validation too, is like the rest.
 *
 * @param text - The text.
 * @param length - The least length of a block, but for the last, in UTF-16 units; 0 keeps the order.
 * @param seed - Decides the order.
 */
export function shuffleBlocks(text: string, length: number, seed: number): string {
  if (length === 0) return text;
  const blocks: string[] = [];
  for (let start = 0; start < text.length;) {
    const line = text.indexOf("\n", start + length - 1);
    const end = line < 0 ? text.length : line + 1;
    blocks.push(text.slice(start, end));
    start = end;
  }
  // A last block without an end of line must not run into the one that then follows it.
  if (blocks.length > 1) blocks.push(`${blocks.pop()?.replace(/\n?$/, "\n")}`);
  return permutation(blocks.length, seed)
    .map((i) => blocks[i])
    .join("");
}

/** The numbers below `count` in random order, by Fisher and Yates. */
function permutation(count: number, seed: number): number[] {
  const order = Array.from({ length: count }, (_, i) => i);
  const words = randomWords(seed | 0, Math.floor(seed / 2 ** 32), count);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(((words[i] >>> 0) / 2 ** 32) * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** A text in two parts, one after the other. */
export interface Split {
  /** What the model learns from. */
  readonly training: Int32Array;
  /** The end of the text, which the model never sees in training. */
  readonly validation: Int32Array;
}

/**
 * Keeps the end of a text for validation, in one piece: characters picked at random would have
 * neighbours in the training text that give them away.
 *
 * Throws: UsageError if one part is left with fewer than two characters; with a fraction of 0 the
 * validation part is empty.
 *
 * @param ids - The text.
 * @param validationFraction - From 0 to below 1; rounded down to whole characters.
 */
export function splitCorpus(ids: Int32Array, validationFraction: number): Split {
  const kept = Math.floor(ids.length * validationFraction);
  const at = ids.length - kept;
  if (at < 2 || (validationFraction > 0 && kept < 2)) {
    const parts = `${at} for training and ${kept} for validation`;
    throw new UsageError(
      `${ids.length} characters split into ${parts}; each needs 2 or more. Use a longer text.`,
    );
  }
  return { training: ids.subarray(0, at), validation: ids.subarray(at) };
}
