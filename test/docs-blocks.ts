/**
 * @file Finds the `ts` code blocks of the documentation and of the comments in packages/, and writes
 * each as a module to test/blocks/: `pnpm typecheck` checks those, docs.test.ts runs them.
 *
 * Opened by "```ts no-run", a block is only type-checked. What a block shows, it says in these ways:
 *
 *     console.log(f(2)); // 4          prints 4
 *     f(2); // => 4                    the same, shorter; also after `const y = …`
 *     f("2"); // throws TypeError: …   … stands for anything
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { relative, resolve } from "node:path";

export interface Block {
  /** Where it stands: "docs/index.md:12". */
  name: string;
  /** The module that was written. */
  file: string;
  /** The texts it must print, one for each call of console.log; undefined if it promises none. */
  prints: string[] | undefined;
  runs: boolean;
}

const root = resolve(import.meta.dirname, "..");
const out = resolve(import.meta.dirname, "blocks");
const documents =
  /^(README|CONTRIBUTING)\.md$|^docs\/(?!api\/).*\.md$|^packages\/[^/]+\/(README\.md|src\/.*\.ts)$/;

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = resolve(folder, entry.name);
    if (entry.isFile()) return [path];
    const isOurs = entry.isDirectory() && !/^(node_modules|dist|api|\..*)$/.test(entry.name);
    return isOurs ? filesUnder(path) : [];
  });
}

/** The Markdown in a file. In TypeScript that is the text of its comments, on the same lines. */
function markdownOf(file: string): string {
  const text = readFileSync(file, "utf8").replaceAll("\r\n", "\n");
  if (!file.endsWith(".ts")) return text;
  const commentLine = /^\s*\*(?: (?<text>.*)|$)/;
  return text
    .split("\n")
    .map((line) => commentLine.exec(line)?.groups?.["text"] ?? "")
    .join("\n");
}

/** Writes out what `// =>` and `// throws` abbreviate. */
function spellOut(line: string): string {
  const [, code = "", kind, text] = /^(.*\S)\s*\/\/ (=>|throws) (.*)$/.exec(line) ?? [];
  if (kind === "throws") {
    return `try { ${code} } catch (error) { console.log(String(error)); } // ${text}`;
  }
  if (kind !== "=>" || code.includes("console.log(")) return line.replace("// => ", "// ");
  const name = /^\s*(?:const|let) (\w+)\b/.exec(code)?.[1];
  if (name !== undefined) return `${code} console.log(${name}); // ${text}`;
  return `console.log(${code.trim().replace(/;$/, "")}); // ${text}`;
}

/** Finds all blocks and writes their modules. */
export function writeBlocks(): Block[] {
  mkdirSync(out, { recursive: true });
  const stale = new Set(readdirSync(out));
  const blocks: Block[] = [];
  for (const path of filesUnder(root).toSorted()) {
    const document = relative(root, path).replaceAll("\\", "/");
    if (!documents.test(document)) continue;
    const markdown = markdownOf(path);
    for (const match of markdown.matchAll(/^```ts\b(?<flags>.*)\n(?<code>[^]*?)^```$/gm)) {
      const name = `${document}:${markdown.slice(0, match.index).split("\n").length}`;
      const code = (match.groups?.["code"] ?? "").split("\n").map(spellOut).join("\n");
      const prints = [...code.matchAll(/console\.log\([^;]*?\);?[ }]*\/\/ (.*)$/gm)];
      const module = `${name.replace(/\W+/g, "_")}.ts`;
      // Only on change, so that a run beside this one never finds half of a module.
      const text = `// ${name}\n${code}\nexport {};\n`;
      if (!stale.delete(module) || readFileSync(resolve(out, module), "utf8") !== text) {
        writeFileSync(resolve(out, module), text);
      }
      blocks.push({
        name,
        file: resolve(out, module),
        prints: prints.length > 0 ? prints.map((print) => print[1] ?? "") : undefined,
        runs: !/\bno-run\b/.test(match.groups?.["flags"] ?? ""),
      });
    }
  }
  for (const module of stale) rmSync(resolve(out, module), { force: true });
  return blocks;
}

if (process.argv[1] === import.meta.filename) writeBlocks();
