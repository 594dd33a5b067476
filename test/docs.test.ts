/** @file Every `ts` block of the documentation runs, and prints what its comments say. */
import { format } from "node:util";
import { expect, test, vi } from "vitest";
import { writeBlocks } from "./docs-blocks.ts";

const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim();
const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");

/** The text itself where it agrees with what the comment says, else that comment. */
function agreed(text: string | undefined, comment: string): string {
  const pattern = oneLine(comment).split("…").map(escaped).join(".*");
  return text !== undefined && new RegExp(`^${pattern}$`).test(text) ? text : comment;
}

for (const { name, file, prints, runs } of writeBlocks()) {
  test.skipIf(!runs)(name, { timeout: 60_000 }, async () => {
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    try {
      await import(/* @vite-ignore */ file);
      const printed = log.mock.calls.map((values) => oneLine(format(...values)));
      if (prints) expect(printed).toEqual(prints.map((text, i) => agreed(printed[i], text)));
    } finally {
      log.mockRestore();
    }
  });
}
