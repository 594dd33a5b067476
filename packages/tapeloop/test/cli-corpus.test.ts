import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  countCharacters,
  findDefaultCorpus,
  readCorpus,
  shuffleBlocks,
  splitCorpus,
  withoutBanner,
} from "../src/cli/corpus.ts";
import { UsageError } from "../src/cli/usage-error.ts";
import { Vocabulary } from "../src/cli/vocabulary.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tapeloop-cli-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a file below the folder of this test. */
function put(path: string, content: string | Uint8Array): string {
  const full = join(folder, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, content);
  return full;
}

function failure(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error("nothing was thrown");
}
const any = { characters: 1, reason: "a model needs" };

test("the default text is the declarations that come with TypeScript", () => {
  const { text, source } = findDefaultCorpus();
  expect(source).toMatch(/^1\d\d files lib\.\*\.d\.ts of typescript \d+\.\d+\.\d+$/);
  expect(text.length).toBeGreaterThan(3_000_000);
  expect(text).toContain("interface Array<T>");
  expect(text).not.toContain("Licensed under the Apache License");
  expect(text).not.toContain("\r");
});

test("the declarations are found in the lib folder of typescript, in the order of their names", () => {
  put("node_modules/typescript/package.json", '{ "version": "6.0.3" }');
  put("node_modules/typescript/lib/lib.b.d.ts", "/*! same */\n\ntype B = 1;\n");
  put("node_modules/typescript/lib/lib.a.d.ts", "/*! same */\n\ntype A = 1;\n");
  put("node_modules/typescript/lib/lib.d.ts", "left out");
  put("node_modules/typescript/lib/typescript.d.ts", "left out");
  expect(findDefaultCorpus(pathToFileURL(join(folder, "main.js")))).toEqual({
    text: "type A = 1;\n\ntype B = 1;\n",
    source: "2 files lib.*.d.ts of typescript 6.0.3",
  });
});

test("since version 7 they are in the package of the platform", () => {
  const platform = `@typescript/typescript-${process.platform}-${process.arch}`;
  put("node_modules/typescript/package.json", '{ "version": "7.0.2" }');
  put("node_modules/typescript/lib/version.d.ts", "left out");
  put(`node_modules/${platform}/package.json`, "{}");
  put(`node_modules/${platform}/lib/lib.es5.d.ts`, "type A = 1;");
  expect(findDefaultCorpus(pathToFileURL(join(folder, "main.js")))).toEqual({
    text: "type A = 1;",
    source: "1 files lib.*.d.ts of typescript 7.0.2",
  });
});

// The packages here give nothing away: NODE_PATH may name folders that hold the real ones.
test("without TypeScript the remedy is named", () => {
  put("node_modules/typescript/package.json", '{ "exports": {} }');
  expect(failure(() => findDefaultCorpus(pathToFileURL(join(folder, "main.js"))))).toBe(
    "the default text is part of TypeScript, which is not installed. " +
      "Name a text of your own with --text FILE.",
  );
});

test("without the declarations the folder and the remedy are named", () => {
  put("node_modules/typescript/package.json", "{}");
  put(`node_modules/@typescript/typescript-${process.platform}-${process.arch}/package.json`, "{}");
  expect(failure(() => findDefaultCorpus(pathToFileURL(join(folder, "main.js"))))).toMatch(
    /^the default text, lib\.\*\.d\.ts, is not in .+typescript\. Name a text/,
  );
});

test("only a comment that starts all files is taken away", () => {
  expect(withoutBanner(["/* L */\n\nA\n", "/* L */\nB"])).toEqual(["A\n", "B"]);
  expect(withoutBanner(["/* L */\nA", "/* M */\nB"])).toEqual(["/* L */\nA", "/* M */\nB"]);
  expect(withoutBanner(["A", "B"])).toEqual(["A", "B"]);
  expect(withoutBanner([])).toEqual([]);
});

test("a user's file is read as UTF-8, without a byte order mark", () => {
  const path = put("a.txt", "\uFEFFé 漢 🙂\r\n");
  expect(readCorpus(path, any)).toEqual({ text: "é 漢 🙂\r\n", source: JSON.stringify(path) });
});

test.each([
  ["a byte that starts no character", [0x61, 0x62, 0xff, 0x63], 2],
  ["a character that is not finished", [0x61, 0xc3, 0x28], 1],
  ["an end within a character", [0x61, 0xf0, 0x9f, 0x99], 1],
  ["half a surrogate pair", [0x61, 0x61, 0xed, 0xa0, 0x80], 2],
  ["a form that is too long", [0xc0, 0xaf], 0],
])("%s is refused, and found", (_title, bytes, at) => {
  const path = put("latin.txt", Uint8Array.from(bytes));
  expect(failure(() => readCorpus(path, any))).toBe(
    `"${path}" is not UTF-8 text: byte ${at} starts no character. ` +
      "Convert it, for example with iconv -f LATIN1 -t UTF-8.",
  );
});

test("a bad byte deep in a large file is found", () => {
  const bytes = new Uint8Array(1_000_003).fill(0x61);
  bytes[777_777] = 0xe9;
  expect(failure(() => readCorpus(put("large.txt", bytes), any))).toMatch(/: byte 777777 starts/);
});

test("files that are missing, empty, too short or folders are refused", () => {
  const path = join(folder, "none.txt");
  expect(failure(() => readCorpus(path, any))).toBe(`"${path}" does not exist.`);
  expect(failure(() => readCorpus("", any))).toBe('"" does not exist.');
  expect(failure(() => readCorpus(folder, any))).toBe(`"${folder}" is a folder, not a text file.`);
  expect(failure(() => readCorpus(put("empty.txt", ""), any))).toMatch(/empty\.txt" is empty\.$/);
  const minimum = { characters: 5, reason: "2 streams of 2 characters need" };
  expect(failure(() => readCorpus(put("short.txt", "ab🙂d"), minimum))).toMatch(
    /short\.txt" has 4 characters, but 2 streams of 2 characters need at least 5\.$/,
  );
  expect(readCorpus(put("enough.txt", "ab🙂de"), minimum).text).toBe("ab🙂de");
});

test("characters are code points", () => {
  expect(countCharacters("")).toBe(0);
  expect(countCharacters("aé漢🙂")).toBe(4);
  expect(countCharacters("🙂🙂")).toBe(2);
  expect(countCharacters("👩‍💻")).toBe(3); // woman, joiner, computer
});

test("a vocabulary numbers characters in the order of their code points", () => {
  const vocabulary = Vocabulary.of("b🙂a\uFF5Eba");
  // In UTF-16 units 🙂 (U+1F642) would come before ～ (U+FF5E).
  expect(vocabulary.characters).toBe("ab\uFF5E🙂");
  expect(vocabulary.size).toBe(4);
  expect(vocabulary.encode("🙂ab")).toEqual(new Int32Array([3, 0, 1]));
  expect(vocabulary.decode([3, 2, 0])).toBe("🙂\uFF5Ea");
  expect(vocabulary.encode("")).toEqual(new Int32Array(0));
});

test("a vocabulary is stored as its characters", () => {
  const vocabulary = Vocabulary.of("hello\n world 🙂");
  const again = Vocabulary.of(vocabulary.characters);
  expect(again.characters).toBe(vocabulary.characters);
  expect(again.decode(vocabulary.encode("low 🙂"))).toBe("low 🙂");
});

test("an unknown character is named", () => {
  const vocabulary = Vocabulary.of("abc");
  expect(failure(() => vocabulary.encode("abé", "the prompt"))).toBe(
    'the prompt has "é" (U+00E9) at character 3, which is not among the 3 characters the model ' +
      "knows. Leave it out.",
  );
  expect(failure(() => vocabulary.encode("a\n"))).toMatch(/^the text has "\\n" \(U\+000A\)/);
  expect(() => vocabulary.decode([3])).toThrow("decode: ids must be in [0, 3), got 3.");
});

test("validation is the end of the text", () => {
  const ids = Int32Array.from({ length: 11 }, (_, i) => i);
  const { training, validation } = splitCorpus(ids, 0.25); // 2.75 characters
  expect([...training]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  expect([...validation]).toEqual([9, 10]);
  expect(splitCorpus(ids, 0).validation).toHaveLength(0);
});

test("a part that is too short for one prediction is refused", () => {
  const ids = new Int32Array(10);
  expect(failure(() => splitCorpus(ids, 0.1))).toBe(
    "10 characters split into 9 for training and 1 for validation; each needs 2 or more. " +
      "Use a longer text.",
  );
  expect(failure(() => splitCorpus(ids, 0.9))).toMatch(/into 1 for training and 9/);
});

describe("shuffleBlocks", () => {
  const lines = Array.from({ length: 50 }, (_, i) => `line ${i}\n`).join("");

  test("keeps every line whole and once, in another order", () => {
    const shuffled = shuffleBlocks(lines, 20, 1);
    expect(shuffled).not.toBe(lines);
    expect(shuffled.split("\n").toSorted()).toEqual(lines.split("\n").toSorted());
  });

  test("the order follows from the seed; a length of 0 keeps it", () => {
    expect(shuffleBlocks(lines, 20, 1)).toBe(shuffleBlocks(lines, 20, 1));
    expect(shuffleBlocks(lines, 20, 2)).not.toBe(shuffleBlocks(lines, 20, 1));
    expect(shuffleBlocks(lines, 0, 1)).toBe(lines);
  });

  test("a text without lines is one block, and stays as it is", () => {
    expect(shuffleBlocks("no line", 3, 5)).toBe("no line");
  });

  test("a last line without an end gets one, so that it joins no other", () => {
    expect(shuffleBlocks("a\nb\nc", 1, 0).split("\n").toSorted()).toEqual(["", "a", "b", "c"]);
  });
});
