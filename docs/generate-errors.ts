/**
 * @file Writes docs/errors.md from the comments of the error classes: `pnpm docs:errors`. A test fails
 * while the page is not up to date.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(import.meta.dirname, "..");
const source = resolve(root, "packages/autograd/src/errors.ts");

/** The page, to be kept. */
export const page: string = resolve(root, "docs/errors.md");

/** The text of the page: one entry per class, with its code, when it comes, and wrong and right code. */
export function errorsPage(): string {
  const text = readFileSync(source, "utf8");
  const classes =
    /\/\*\*\n((?: \*[^\n]*\n)+) \*\/\nexport class (\w+) extends TapeloopError \{\n\s+readonly code = "(\w+)"/g;
  const entries = [...text.matchAll(classes)].map(([, comment = "", name = "", code = ""]) => {
    const lines = comment.split("\n").map((line) => line.replace(/^ \* ?/, ""));
    const body = lines
      .join("\n")
      .replace("@example\n", "")
      .replaceAll(/\{@link (\w+)\}/g, "`$1`")
      .trim();
    return `## ${name}\n\nCode \`"${code}"\`. ${body}\n`;
  });
  return `---
title: Errors
group: Reference
---

# Errors

Every error that Tapeloop throws is a \`TapeloopError\`: its message says which rule was broken, what came
instead and what to do; \`code\` and \`op\` tell programs the same. Inside of a scan it names the step, and
inside of \`within(name, …)\` the place.

This page is generated from the comments of the classes.

${entries.join("\n")}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(page, errorsPage());
