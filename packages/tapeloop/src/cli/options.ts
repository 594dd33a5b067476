/**
 * @file Options of a command as a table: the type of the parsed options, the checks, and the help
 * text all follow from it.
 *
 * A key `learningRate` is the flag `--learning-rate`. Values come as `--flag value` or
 * `--flag=value`; of a flag given twice the last counts; `--no-flag` turns a boolean off.
 */
import { parseArgs } from "node:util";
import { closest } from "./spelling.ts";
import { UsageError } from "./usage-error.ts";

interface Described<T> {
  /** What the option does, for the help text; no final period. */
  readonly help: string;
  /** The value where the flag is absent. Without one, the option is undefined there. */
  readonly default?: T;
  /** One letter. */
  readonly short?: string;
}

/** The bounds of a number. */
interface Bounds {
  /** The lowest value allowed. */
  readonly min?: number;
  /** The highest value allowed. */
  readonly max?: number;
  /** Every value allowed is greater. */
  readonly above?: number;
  /** Every value allowed is less. */
  readonly below?: number;
}

/** One option: text, a whole number, any number, on or off, or one of a list of words. */
export type Option =
  | (Described<string> & { readonly type: "string" })
  | (Described<number> & Bounds & { readonly type: "integer" | "number" })
  | (Described<boolean> & { readonly type: "boolean" })
  | (Described<string> & { readonly type: readonly string[] });

/** The options of a command, by the name of their value. */
export type OptionTable = Readonly<Record<string, Option>>;

/** A command of the program, as far as its options go. */
export interface Command<T extends OptionTable = OptionTable> {
  /** The word that calls it. */
  readonly name: string;
  /** What it does, in a sentence. */
  readonly summary: string;
  /** Its options. */
  readonly options: T;
}

type ValueOf<O extends Option> = O["type"] extends "integer" | "number"
  ? number
  : O["type"] extends "boolean"
    ? boolean
    : O["type"] extends readonly (infer Choice extends string)[]
      ? Choice
      : string;

/** The values of a table's options. Booleans are false unless they say otherwise. */
export type OptionValues<T extends OptionTable> = {
  readonly [Name in keyof T]: T[Name] extends { default: unknown } | { type: "boolean" }
    ? ValueOf<T[Name]>
    : ValueOf<T[Name]> | undefined;
};

/** Declares a command; the types of its options are kept. */
export function command<const T extends OptionTable>(definition: Command<T>): Command<T> {
  return definition;
}

/** Whether `--help` or `-h` is among the arguments. */
export function wantsHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--", 1);
  return args.slice(0, end < 0 ? undefined : end).some((arg) => arg === "--help" || arg === "-h");
}

/**
 * Reads the arguments of a command.
 *
 * A `--` in front of all is passed over, because package managers hand it on.
 *
 * Throws: UsageError for an unknown flag, a missing or wrong value, or any other argument.
 */
export function parseOptions<T extends OptionTable>(
  { name: commandName, options: table }: Command<T>,
  args: readonly string[],
): OptionValues<T> {
  const names = new Map(Object.keys(table).map((name) => [flagOf(name), name]));
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(table)) {
    values[name] = option.default ?? (option.type === "boolean" ? false : undefined);
  }
  const given = args[0] === "--" ? args.slice(1) : args;
  for (const { flag, rawFlag = "", value, isInline = false } of tokensOf(table, given)) {
    if (flag === undefined) {
      const hint = `See tapeloop ${commandName} --help.`;
      throw new UsageError(`takes options only, got ${JSON.stringify(value)}. ${hint}`);
    }
    const isOff = !names.has(flag) && flag.startsWith("no-");
    const name = names.get(isOff ? flag.slice("no-".length) : flag);
    const option = name === undefined ? undefined : table[name];
    if (name === undefined || option === undefined || (isOff && option.type !== "boolean")) {
      throw unknown(rawFlag, table);
    }
    if (option.type !== "boolean") {
      const isMissing = value === undefined || (!isInline && isFlag(value));
      values[name] = parseValue(rawFlag, option, isMissing ? undefined : value);
    } else if (value === undefined) {
      values[name] = !isOff;
    } else {
      const both = `Write --${flagOf(name)} or --no-${flagOf(name)}.`;
      throw new UsageError(`${rawFlag} takes no value, got ${JSON.stringify(value)}. ${both}`);
    }
  }
  // Each value was checked against its own row of the table.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return values as OptionValues<T>;
}

/** The names of the options that stand among the arguments, whatever their values. */
export function givenOptions(
  { options: table }: Command,
  args: readonly string[],
): ReadonlySet<string> {
  const flags = new Set(tokensOf(table, args).map(({ flag }) => flag));
  return new Set(Object.keys(table).filter((name) => flags.has(flagOf(name))));
}

/** A flag or another argument, as it was written. */
interface Token {
  readonly flag?: string;
  readonly rawFlag?: string;
  readonly value: string | undefined;
  readonly isInline?: boolean;
}

/** Splits arguments without judging them. */
function tokensOf(table: OptionTable, args: readonly string[]): Token[] {
  const options: Record<string, { type: "string" | "boolean"; short?: string }> = {};
  for (const [name, { type, short }] of Object.entries(table)) {
    const kind = type === "boolean" ? "boolean" : "string";
    options[flagOf(name)] = short === undefined ? { type: kind } : { type: kind, short };
  }
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true });
  return tokens.flatMap((token): Token[] => {
    if (token.kind === "option-terminator") return [];
    if (token.kind === "positional") return [{ value: token.value }];
    const { name: flag, rawName: rawFlag, value, inlineValue } = token;
    return [{ flag, rawFlag, value, isInline: inlineValue === true }];
  });
}

/** The value of an option, checked. */
function parseValue(
  flag: string,
  option: Exclude<Option, { type: "boolean" }>,
  given: string | undefined,
): string | number {
  const wanted = requirement(option);
  if (given === undefined) throw new UsageError(`${flag} needs a value: ${wanted}.`);
  const refuse = (): UsageError =>
    new UsageError(`${flag} must be ${wanted}, got ${JSON.stringify(given)}.`);
  if (option.type === "string") return given;
  if (option.type === "integer" || option.type === "number") {
    // Decimal digits only: Number() would also take "", "0x10" and "Infinity".
    const isNumber = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(given);
    const value = isNumber ? Number(given) : Number.NaN;
    const isKind = option.type === "integer" ? Number.isSafeInteger(value) : Number.isFinite(value);
    if (!isKind || !isWithin(value, option)) throw refuse();
    return value;
  }
  if (!option.type.includes(given)) {
    const near = closest(given, option.type);
    const hint = near === undefined ? "" : ` Did you mean ${near}?`;
    throw new UsageError(`${flag} must be ${wanted}, got ${JSON.stringify(given)}.${hint}`);
  }
  return given;
}

function isWithin(value: number, { min, max, above, below }: Bounds): boolean {
  return (
    value >= (min ?? -Infinity) &&
    value <= (max ?? Infinity) &&
    value > (above ?? -Infinity) &&
    value < (below ?? Infinity)
  );
}

/** What a value must be, as it stands in messages and in the help text. */
export function requirement(option: Option): string {
  if (option.type === "string") return "a text";
  if (option.type === "boolean") return "on or off";
  if (option.type !== "integer" && option.type !== "number") return oneOf(option.type);
  const { min, max, above, below } = option;
  const bounds = [
    min === undefined ? "" : `at least ${min}`,
    above === undefined ? "" : `above ${above}`,
    max === undefined ? "" : `at most ${max}`,
    below === undefined ? "" : `below ${below}`,
  ].filter((bound) => bound !== "");
  const kind = option.type === "integer" ? "a whole number" : "a number";
  return bounds.length === 0 ? kind : `${kind}, ${bounds.join(" and ")}`;
}

function oneOf(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

function unknown(rawName: string, table: OptionTable): UsageError {
  const flags = Object.entries(table).flatMap(([name, { type }]) =>
    type === "boolean" ? [`--${flagOf(name)}`, `--no-${flagOf(name)}`] : [`--${flagOf(name)}`],
  );
  const near = closest(rawName, [...flags, "--help"]);
  const hint = near === undefined ? "See --help for the options." : `Did you mean ${near}?`;
  return new UsageError(`${rawName} is not an option. ${hint}`);
}

/** Whether an argument looks like a flag, so that it is not the value of the one before. */
function isFlag(arg: string): boolean {
  return /^-[^\d.]/.test(arg);
}

/** `learningRate` is written `--learning-rate`. */
export function flagOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
