/** @file Names of the world's regions in many languages: which language is it? */
import { ArgumentError, checkOptions, permutation, scope, type Tensor } from "@tapeloop/autograd";

/** Which {@link regionNames} there are. */
export interface RegionNamesOptions {
  /** Languages by their codes. Default: 20 that write in Latin letters. */
  readonly languages?: readonly string[];
  /** The part of names that is held out, from 0, below 1. Default: 0.2. */
  readonly heldOut?: number;
}

/** A name and its language. */
export interface RegionName {
  /** In lower case. */
  readonly name: string;
  /** Characters by their places in the alphabet, from 1; 0 is padding. */
  readonly symbols: Int32Array;
  /** The place of the language among the languages. */
  readonly label: number;
}

/** Names to learn from, and names to be asked for. */
export interface RegionNames {
  /** Shuffled. */
  readonly train: readonly RegionName[];
  /** Held out. */
  readonly test: readonly RegionName[];
  /** All characters, the padding, which is none, before them. */
  readonly alphabet: readonly string[];
  /** The languages by their codes. */
  readonly languages: readonly string[];
}

const latin = "en de fr es it pt nl sv da nb fi et lv lt pl cs hu ro hr tr".split(" ");

/** Two-letter codes of all regions that have a name. */
function regionsOf(names: Intl.DisplayNames): string[] {
  const letters = Array.from("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  return letters
    .flatMap((a) => letters.map((b) => a + b))
    .filter((code) => names.of(code) !== undefined);
}

/**
 * The names of the world's countries and regions in many languages, as the host knows them
 * (`Intl.DisplayNames`): say from its characters which language a name is of. Names that several of the
 * languages share are left out.
 *
 * Guessing one of 20 languages is right in 5 of 100; a bidirectional GRU comes to 57 on names that it has not
 * seen, in 20 seconds (the example region-names of the package tapeloop). Hosts with other versions of Unicode's data have slightly other names.
 *
 * Source: Unicode CLDR; as a task after the name classification of Robertson's PyTorch tutorial.
 *
 * @param key - Decides which names are held out, and the order.
 * @throws ArgumentError if the host has no names for a language, or heldOut is no part.
 *
 * @example
 * ```ts
 * import { key, regionNames } from "tapeloop";
 *
 * const { train, test, languages } = regionNames(key(0), { languages: ["en", "de", "fi"] });
 * console.log(languages, train.length > 200, test.length > 50); // [ 'en', 'de', 'fi' ] true true
 * ```
 */
export function regionNames(key: Tensor, options: RegionNamesOptions = {}): RegionNames {
  checkOptions("regionNames", options, ["languages", "heldOut"]);
  const { languages = latin, heldOut = 0.2 } = options;
  if (!(heldOut >= 0 && heldOut < 1)) {
    throw new ArgumentError("regionNames", "heldOut is from 0 and below 1", String(heldOut));
  }
  const owners = new Map<string, Set<number>>();
  languages.forEach((language, label) => {
    for (const name of namesIn(language)) {
      owners.set(name, (owners.get(name) ?? new Set()).add(label));
    }
  });
  const own = [...owners].flatMap(([name, labels]) =>
    labels.size === 1 ? [{ name, label: [...labels][0] }] : [],
  );
  const alphabet = ["", ...new Set(own.flatMap(({ name }) => Array.from(name)))];
  const placeOf = new Map(alphabet.map((character, i) => [character, i]));
  const all = own.map(({ name, label }) => ({
    name,
    label,
    symbols: Int32Array.from(name, (character) => placeOf.get(character) ?? 0),
  }));
  const order = scope(() => Array.from(permutation(all.length, { key }).dataSync()));
  const count = Math.round(heldOut * all.length);
  const chosen = order.map((i) => all[i]);
  return { train: chosen.slice(count), test: chosen.slice(0, count), alphabet, languages };
}

/** The names of all regions in a language, in lower case. */
function namesIn(language: string): string[] {
  if (Intl.DisplayNames.supportedLocalesOf([language]).length === 0) {
    throw new ArgumentError("regionNames", "the host must know the language", `"${language}"`);
  }
  const names = new Intl.DisplayNames([language], { type: "region", fallback: "none" });
  return regionsOf(names).map((code) => (names.of(code) ?? "").toLocaleLowerCase(language));
}
