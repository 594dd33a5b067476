/** @file The help text of a command, made of its table of options. */
import { type Command, flagOf, type Option, requirement } from "./options.ts";

/** The help text of a command, in lines of at most `width` characters (80 to 100). */
export function helpText({ name, summary, options }: Command, width = 100): string {
  const columns = Math.min(100, Math.max(80, width));
  const rows = Object.entries(options).map(([key, option]): [string, string] => [
    flagColumn(key, option),
    [option.help, details(option)].filter((part) => part !== "").join(" "),
  ]);
  rows.push(["  -h, --help", "show this text"]);
  const indent = Math.max(...rows.map(([flag]) => flag.length)) + 2;
  const lines = rows.flatMap(([flag, text]) =>
    wrap(text, columns - indent).map((line, i) => (i === 0 ? flag : "").padEnd(indent) + line),
  );
  const head = [`Usage: tapeloop ${name} [options]`, "", ...wrap(summary, columns), ""];
  return [...head, "Options:", ...lines].join("\n");
}

function flagColumn(key: string, { short, type }: Option): string {
  const letter = short === undefined ? "    " : `-${short}, `;
  const negated = type === "boolean" ? "[no-]" : "";
  const value =
    type === "boolean" ? "" : typeof type === "string" ? ` <${type}>` : ` <${type.join("|")}>`;
  const column = `  ${letter}--${negated}${flagOf(key)}`;
  // A long list of choices stands in the text only.
  return column + (column.length + value.length > 36 ? " <word>" : value);
}

/** What the value must be, and what it is by default, in parentheses. */
function details(option: Option): string {
  const isPlain = option.type === "string" || option.type === "boolean";
  const wanted = isPlain ? "" : requirement(option).replace(/^a (?:whole )?number(?:, )?/, "");
  const byDefault =
    option.type === "boolean"
      ? `default: ${option.default === true ? "on" : "off"}`
      : option.default === undefined
        ? ""
        : `default: ${option.default}`;
  const parts = [wanted, byDefault].filter((part) => part !== "");
  return parts.length === 0 ? "" : `(${parts.join("; ")})`;
}

/** Breaks a text between words. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
