/**
 * @file Mutants of the text of the rules: one operator, call or number of `primitives/*.ts` changed. Each
 * is built as a copy of the core of its own, and imported from there.
 */
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type * as Check from "./check.ts";

const root = resolve(import.meta.dirname, "../..");
const rules = join(root, "packages/autograd/src/primitives");

/** The compiler that runs sources here: the workspace has it for its scripts. */
const { transform } = createRequire(join(root, "package.json"))("@oxc-node/core") as {
  readonly transform: (path: string, text: string) => { source(): string };
};

/** One change to one file. */
export interface TextMutant {
  /** Inside of `primitives/`. */
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  /** The line, as it is. */
  readonly text: string;
  /** What stands there, and what is put in its place. */
  readonly from: string;
  readonly to: string;
  /** Where it stands in the file. */
  readonly at: number;
}

/** Texts that are exchanged, where the file has the name that is put in. */
const exchanges: readonly (readonly [from: RegExp, to: string, needs?: RegExp])[] = [
  [/\badd\(/g, "sub(", /\bsub\b/],
  [/\bsub\(/g, "add(", /\badd\b/],
  [/\bmul\(/g, "div(", /\bdiv\b/],
  [/\bdiv\(/g, "mul(", /\bmul\b/],
  [/\bneg\(/g, "("],
  [/\bsin\(/g, "cos(", /\bcos\b/],
  [/\bcos\(/g, "sin(", /\bsin\b/],
  [/\bexp\(/g, "("],
  [/\blog\(/g, "("],
  [/\bsqrt\(/g, "("],
  [/\bsign\(/g, "("],
  [/\bsquare\(/g, "("],
  [/\bshifted\(/g, "("],
  [/\bequal\(/g, "less(", /\bless\b/],
  [/\bgreater\(/g, "less(", /\bless\b/],
  [/\bgreaterEqual\(/g, "greater(", /\bgreater\b/],
  [/\bMath\.(?:sign|abs)\(/g, "("],
  [/\bMath\.max\(/g, "Math.min("],
  [/\bMath\.min\(/g, "Math.max("],
  [/ \+ 1\b/g, ""],
  [/ \+ /g, " - "],
  [/ - /g, " + "],
  [/ \* /g, " / "],
  [/ === /g, " !== "],
  [/ !== /g, " === "],
  [/ < /g, " >= "],
  [/ > /g, " <= "],
  [/ && /g, " || "],
  [/\btrue\b/g, "false"],
  [/\bfalse\b/g, "true"],
  [/\b0\b(?!\.)/g, "1"],
  [/\b1\b(?!\.)/g, "0"],
  [/\b1\b(?!\.)/g, "2"],
  [/\b2\b(?!\.)/g, "3"],
  [/\b\d+\.\d+\b/g, "0.25"],
];

/** The same text with everything blanked that is not code: comments, strings. */
function codeOnly(text: string): string {
  const blank = (found: string): string => found.replace(/[^\n]/g, " ");
  return text.replace(/\/\*[^]*?\*\/|\/\/.*|"(?:[^"\\\n]|\\.)*"|`[^`]*`/g, blank);
}

/** Where the bracket, list item or statement that begins at `start` ends. */
function endOf(code: string, start: number, stops: string): number {
  let depth = 0;
  for (let i = start; i < code.length; i++) {
    if ("([{".includes(code[i])) depth++;
    if (")]}".includes(code[i])) depth--;
    if (depth < 0 || (depth === 0 && stops.includes(code[i]))) return i;
  }
  return code.length;
}

/** Functions that only the type rules and the public ops call: their checks are tested by refusals. */
const notRules =
  /^(?:reduced|checkNotEmpty|checkIndices|checkAxes|padded|sameType|floatType|resolveRange|promoted|finish|takeRange|check\w*)$/;

/** The parts of a file that are rules: records of primitives but for their types, and helpers. */
function spansOf(code: string): [from: number, to: number][] {
  const spans: [number, number][] = [];
  for (const { index } of code.matchAll(/^export const [A-Z]/gm)) {
    const begin = code.indexOf(" =", index);
    const end = endOf(code, begin, ";");
    const skipped = [...code.slice(begin, end).matchAll(/\b(?:type|name|results):/g)];
    let from = begin;
    for (const match of skipped) {
      const at = begin + match.index;
      if (at < from) continue;
      spans.push([from, at]);
      from = endOf(code, at, ",");
    }
    spans.push([from, end]);
  }
  for (const match of code.matchAll(/^(?<exported>export )?function (?<name>\w+)/gm)) {
    const { exported, name = "" } = match.groups ?? {};
    const isShared =
      exported !== undefined &&
      /^(?:aligned|withFirstAxis|elementwise|shifted|moveAxis)$/.test(name);
    if ((exported !== undefined && !isShared) || notRules.test(name)) continue;
    const open = code.indexOf("{\n", match.index);
    spans.push([open, endOf(code, open + 1, "")]);
  }
  return spans.toSorted((a, b) => a[0] - b[0]);
}

/** Every mutant of the text of the rules. */
export function textMutants(): TextMutant[] {
  const files = readdirSync(rules).filter((file) => file.endsWith(".ts") && file !== "index.ts");
  return files.toSorted().flatMap((file) => {
    const text = readFileSync(join(rules, file), "utf8");
    const code = codeOnly(text);
    const seen = new Set<string>();
    return spansOf(code).flatMap(([from, to]) =>
      exchanges.flatMap(([pattern, into, needs]) => {
        if (needs !== undefined && !needs.test(code)) return [];
        return [...code.slice(from, to).matchAll(pattern)].flatMap((match): TextMutant[] => {
          const at = from + match.index;
          const before = match[0];
          if (before === into || seen.has(`${at} ${into}`)) return [];
          seen.add(`${at} ${into}`);
          const line = code.slice(0, at).split("\n").length;
          const words = text.split("\n")[line - 1].trim();
          return [{ file, line, text: words, from: before, to: into, at }];
        });
      }),
    );
  });
}

// ----- Building -----

/** What needs all backends, of which copies have only the reference. */
const ofAllBackends = new Set(["backends.ts", "matrix.ts"]);

/** The TypeScript files of a folder and the folders in it, but for tests; a file itself. */
function sourcesIn(folder: string): string[] {
  if (folder.endsWith(".ts")) return [folder];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourcesIn(path);
    const isLeftOut = entry.name.endsWith(".test.ts") || ofAllBackends.has(entry.name);
    return entry.name.endsWith(".ts") && !isLeftOut ? [path] : [];
  });
}

/** TypeScript as JavaScript. */
function compiled(path: string, text: string): string {
  return transform(path, text).source();
}

/** Copies of the core, the reference backend and the properties, of which one file may be another. */
export class Workshop {
  readonly #folder = mkdtempSync(join(tmpdir(), "tapeloop-mutation-"));
  readonly #files: readonly (readonly [from: string, to: string])[];
  #count = 0;

  /** Compiles everything once. */
  constructor() {
    const parts = [
      ["packages/autograd/src", "node_modules/@tapeloop/autograd"],
      ["packages/backend-ndarray/src", "node_modules/@tapeloop/backend-ndarray"],
      ["test/conformance", "conformance"],
      ["test/mutation/check.ts", "mutation/check.ts"],
    ];
    this.#files = parts.flatMap(([from, to]) =>
      sourcesIn(join(root, from)).map((path) => {
        const name = join(to, relative(join(root, from), path)).replace(/\.ts$/, ".js");
        this.#write(join("right", name), compiled(path, readFileSync(path, "utf8")));
        return [path, name] as const;
      }),
    );
  }

  #write(name: string, text: string): void {
    const path = join(this.#folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

  /** The check, on a core with this change; null where the text is no program any more. */
  async load({ file, at, from, to }: TextMutant): Promise<typeof Check | null> {
    const copy = String(this.#count++);
    const wrong = join(rules, file);
    const text = readFileSync(wrong, "utf8");
    let changed: string;
    try {
      changed = compiled(wrong, text.slice(0, at) + to + text.slice(at + from.length));
    } catch {
      return null;
    }
    for (const [path, name] of this.#files) {
      if (path === wrong) this.#write(join(copy, name), changed);
      else {
        mkdirSync(dirname(join(this.#folder, copy, name)), { recursive: true });
        linkSync(join(this.#folder, "right", name), join(this.#folder, copy, name));
      }
    }
    const modules = { autograd: ["index", "backend"], "backend-ndarray": ["index"] };
    for (const [name, entries] of Object.entries(modules)) {
      const exports = Object.fromEntries(
        entries.map((entry) => [entry === "index" ? "." : `./${entry}`, `./${entry}.js`]),
      );
      this.#write(
        join(copy, "node_modules/@tapeloop", name, "package.json"),
        JSON.stringify({ name: `@tapeloop/${name}`, type: "module", exports }),
      );
    }
    const backend = createRequire(join(root, "packages/backend-ndarray/package.json"));
    for (const name of ["ndarray", "ndarray-ops"]) {
      const target = dirname(backend.resolve(`${name}/package.json`));
      symlinkSync(target, join(this.#folder, copy, "node_modules", name));
    }
    this.#write(join(copy, "package.json"), '{ "type": "module" }');
    const url = pathToFileURL(join(this.#folder, copy, "mutation/check.js")).href;
    return (await import(/* @vite-ignore */ url)) as typeof Check;
  }

  /** Removes all copies. */
  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
