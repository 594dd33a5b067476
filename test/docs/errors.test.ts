import { readFileSync } from "node:fs";
import * as autograd from "@tapeloop/autograd";
import { expect, test } from "vitest";
import { errorsPage, page } from "../../docs/generate-errors.ts";

test("docs/errors.md is what `pnpm docs:errors` writes", () => {
  expect(readFileSync(page, "utf8")).toBe(errorsPage());
});

test("every error class has an entry, and all but InternalError have wrong and right code", () => {
  const text = errorsPage();
  const names = Object.keys(autograd).filter((name) => name.endsWith("Error"));
  for (const name of names.filter((n) => n !== "TapeloopError")) {
    const entry = text.split(`## ${name}\n`)[1]?.split("\n## ")[0] ?? "";
    expect(entry, name).not.toBe("");
    if (name !== "InternalError") expect(entry, name).toMatch(/Wrong[^]*Right/);
  }
});
