import { expect, expectTypeOf, test } from "vitest";
import { helpText } from "../src/cli/help.ts";
import { command, parseOptions, wantsHelp } from "../src/cli/options.ts";
import { closest, editDistance } from "../src/cli/spelling.ts";
import { UsageError } from "../src/cli/usage-error.ts";

const train = command({
  name: "train",
  summary: "Trains a character model on a text.",
  options: {
    text: { type: "string", help: "the text to learn" },
    steps: { type: "integer", short: "s", default: 1000, min: 1, help: "training steps" },
    shift: { type: "integer", default: 0, help: "where to start" },
    learningRate: { type: "number", default: 0.002, above: 0, max: 1, help: "step size" },
    dropout: { type: "number", default: 0, min: 0, below: 1, help: "share left out" },
    cell: { type: ["lstm", "gru", "rnn"], default: "lstm", help: "the recurrent cell" },
    color: { type: "boolean", default: true, help: "use colours" },
    plot: { type: "boolean", help: "draw the curves" },
  },
});
const parse = (...args: string[]): ReturnType<typeof parseOptions<typeof train.options>> =>
  parseOptions(train, args);

function failure(...args: string[]): string {
  try {
    parse(...args);
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return error instanceof UsageError ? error.message : "";
  }
  throw new Error("nothing was thrown");
}

const defaults = {
  text: undefined,
  steps: 1000,
  shift: 0,
  learningRate: 0.002,
  dropout: 0,
  cell: "lstm",
  color: true,
  plot: false,
};

test("options that are not given have their defaults", () => {
  expect(parse()).toEqual(defaults);
});

test("the types of the values follow from the table", () => {
  expectTypeOf(parse()).toEqualTypeOf<{
    readonly text: string | undefined;
    readonly steps: number;
    readonly shift: number;
    readonly learningRate: number;
    readonly dropout: number;
    readonly cell: "lstm" | "gru" | "rnn";
    readonly color: boolean;
    readonly plot: boolean;
  }>();
});

test.each([
  [["--steps", "5"], { steps: 5 }],
  [["--steps=5"], { steps: 5 }],
  [["-s", "5"], { steps: 5 }],
  [["-s5"], { steps: 5 }],
  [["--steps", "1e3"], { steps: 1000 }],
  [["--shift", "-5"], { shift: -5 }],
  [["--shift=+5"], { shift: 5 }],
  [["--learning-rate", ".5"], { learningRate: 0.5 }],
  [["--learning-rate", "1E-3"], { learningRate: 0.001 }],
  [["--learning-rate=1."], { learningRate: 1 }],
  [["--dropout", "0"], { dropout: 0 }],
  [["--cell", "gru"], { cell: "gru" }],
  [["--text", "a=b.txt"], { text: "a=b.txt" }],
  [["--text=--odd"], { text: "--odd" }],
  [["--text", ""], { text: "" }],
  [["--no-color", "--plot"], { color: false, plot: true }],
  [["--plot", "--no-plot", "--steps", "1", "--steps", "2"], { plot: false, steps: 2 }],
  [["--", "--steps", "2"], { steps: 2 }],
])("%j is understood", (args, expected) => {
  expect(parse(...args)).toEqual({ ...defaults, ...expected });
});

test.each([
  [["--stepz", "5"], "--stepz is not an option. Did you mean --steps?"],
  [["--leraning-rate=1"], "--leraning-rate is not an option. Did you mean --learning-rate?"],
  [["--no-colour"], "--no-colour is not an option. Did you mean --no-color?"],
  [["--no-steps"], "--no-steps is not an option. See --help for the options."],
  [["--learningRate", "1"], "--learningRate is not an option. Did you mean --learning-rate?"],
  [["-x"], "-x is not an option. See --help for the options."],
  [["--no-"], "--no- is not an option. See --help for the options."],
  [["--constructor"], "--constructor is not an option. See --help for the options."],
  [["--steps"], "--steps needs a value: a whole number, at least 1."],
  [["--steps", "--plot"], "--steps needs a value: a whole number, at least 1."],
  [["--text"], "--text needs a value: a text."],
  [["--steps="], '--steps must be a whole number, at least 1, got "".'],
  [["--steps", " "], '--steps must be a whole number, at least 1, got " ".'],
  [["--steps", "0"], '--steps must be a whole number, at least 1, got "0".'],
  [["-s", "1.5"], '-s must be a whole number, at least 1, got "1.5".'],
  [["--steps", "0x10"], '--steps must be a whole number, at least 1, got "0x10".'],
  [
    ["--steps", "9007199254740993"],
    '--steps must be a whole number, at least 1, got "9007199254740993".',
  ],
  [["--learning-rate", "0"], '--learning-rate must be a number, above 0 and at most 1, got "0".'],
  [
    ["--learning-rate", "NaN"],
    '--learning-rate must be a number, above 0 and at most 1, got "NaN".',
  ],
  [
    ["--learning-rate", "1,5"],
    '--learning-rate must be a number, above 0 and at most 1, got "1,5".',
  ],
  [["--dropout", "1"], '--dropout must be a number, at least 0 and below 1, got "1".'],
  [["--dropout=-0.1"], '--dropout must be a number, at least 0 and below 1, got "-0.1".'],
  [["--shift", "Infinity"], '--shift must be a whole number, got "Infinity".'],
  [["--shift", "1e999"], '--shift must be a whole number, got "1e999".'],
  [["--cell", "lsmt"], '--cell must be lstm, gru or rnn, got "lsmt". Did you mean lstm?'],
  [["--cell", "attention"], '--cell must be lstm, gru or rnn, got "attention".'],
  [["--plot=yes"], '--plot takes no value, got "yes". Write --plot or --no-plot.'],
  [["file.txt"], 'takes options only, got "file.txt". See tapeloop train --help.'],
  [["--plot", "yes"], 'takes options only, got "yes". See tapeloop train --help.'],
  [["--plot", "--", "--steps"], 'takes options only, got "--steps". See tapeloop train --help.'],
])("%j is refused in one line", (args, message) => {
  expect(failure(...args)).toBe(message);
});

test("help is asked for by --help or -h, but not after --", () => {
  expect(wantsHelp(["--steps", "--help"])).toBe(true);
  expect(wantsHelp(["-h"])).toBe(true);
  expect(wantsHelp(["--", "-h"])).toBe(true); // the -- that package managers hand on
  expect(wantsHelp(["--plot", "--", "--help"])).toBe(false);
  expect(wantsHelp([])).toBe(false);
});

test("the help text is aligned and names bounds and defaults", () => {
  expect(helpText(train, 80)).toBe(
    `
Usage: tapeloop train [options]

Trains a character model on a text.

Options:
      --text <string>           the text to learn
  -s, --steps <integer>         training steps (at least 1; default: 1000)
      --shift <integer>         where to start (default: 0)
      --learning-rate <number>  step size (above 0 and at most 1; default:
                                0.002)
      --dropout <number>        share left out (at least 0 and below 1; default:
                                0)
      --cell <lstm|gru|rnn>     the recurrent cell (lstm, gru or rnn; default:
                                lstm)
      --[no-]color              use colours (default: on)
      --[no-]plot               draw the curves (default: off)
  -h, --help                    show this text`.trimStart(),
  );
  for (const width of [10, 80, 90, 500]) {
    const longest = Math.max(
      ...helpText(train, width)
        .split("\n")
        .map((line) => line.length),
    );
    expect(longest).toBeLessThanOrEqual(Math.min(100, Math.max(80, width)));
  }
});

test("distances between words are those counted by hand", () => {
  expect(editDistance("", "abc")).toBe(3);
  expect(editDistance("kitten", "sitting")).toBe(3); // k→s, e→i, +g
  expect(editDistance("lsmt", "lstm")).toBe(1); // one swap
  expect(editDistance("same", "same")).toBe(0);
  expect(closest("grv", ["lstm", "gru"])).toBe("gru");
  expect(closest("zzz", ["lstm", "gru"])).toBeUndefined();
});
