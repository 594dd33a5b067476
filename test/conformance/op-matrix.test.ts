/** @file The matrix in the guides says what the tests find. `pnpm test op-matrix -u` writes it. */
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { matrix } from "./matrix.ts";

const page = new URL("../../docs/guides/op-matrix.md", import.meta.url);

test("the published matrix is up to date and has no blanks", { timeout: 120_000 }, async () => {
  const text = matrix();
  expect(text).not.toMatch(/\| +\||missing/);
  await expect(text, "run `pnpm test op-matrix -u`").toMatchFileSnapshot(fileURLToPath(page));
});
