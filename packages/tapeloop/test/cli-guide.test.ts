import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { flagOf, type Option, type OptionTable } from "../src/cli/options.ts";
import { sampleCommand } from "../src/cli/sample.ts";
import { trainCommand } from "../src/cli/train.ts";

const path = resolve(import.meta.dirname, "../../../docs/guides/command-line.md");
const guide = readFileSync(path, "utf8").replaceAll(/ +/g, " ");

/** The row of an option in the guide. */
function row([name, option]: readonly [string, Option]): string {
  const byDefault = option.default === undefined ? "" : `\`${JSON.stringify(option.default)}\` `;
  return `| \`--${flagOf(name)}\` | ${byDefault}| ${option.help} |`;
}

const tables: readonly OptionTable[] = [trainCommand.options, sampleCommand.options];
test.each(tables)("the guide has the options as they are", (options) => {
  expect(guide).toContain(Object.entries(options).map(row).join("\n"));
});
