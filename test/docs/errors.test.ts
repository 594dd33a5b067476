import { readFileSync } from "node:fs";
import * as autograd from "@tapeloop/autograd";
import { expect, test } from "vitest";
import { errorsPage, page } from "../../docs/generate-errors.ts";

test("docs/errors.md is what `pnpm docs:errors` writes", () => {
  expect(readFileSync(page, "utf8")).toBe(errorsPage());
});

test("every error class has an entry, and all but InternalError have wrong and right code", () => {
  const names = Object.keys(autograd).filter((name) => /(?<!Tapeloop)Error$/.test(name));
  const entryOf = (name: string): string =>
    errorsPage().split(`## ${name}\n`)[1]?.split("\n## ")[0] ?? "";
  expect(names.filter((name) => entryOf(name) === "")).toEqual([]);
  expect(names.filter((name) => !/Wrong[^]*Right/.test(entryOf(name)))).toEqual(["InternalError"]);
});
