/** @file Metrics of sequences of symbols: edit distance, error rates, BLEU. */
import { ArgumentError, checkOptions } from "@tapeloop/autograd";

/** Symbols: words, characters or numbers. */
export type Symbols = readonly (string | number)[] | string | Int32Array;

/** Symbols one by one; a text is its characters. */
function listOf(symbols: Symbols): readonly (string | number)[] {
  return Array.from<string | number>(symbols);
}

/**
 * Levenshtein distance: how many symbols must be put in, taken out or exchanged to make one sequence of another.
 *
 * Source: Levenshtein 1966; the algorithm of Wagner and Fischer 1974.
 *
 * @example
 * ```ts
 * import { editDistance } from "tapeloop";
 *
 * console.log(editDistance("kitten", "sitting"), editDistance([1, 2, 3], [1, 3])); // 3 1
 * ```
 */
export function editDistance(a: Symbols, b: Symbols): number {
  const [x, y] = [listOf(a), listOf(b)];
  let row = Array.from({ length: y.length + 1 }, (_, j) => j);
  x.forEach((symbol, i) => {
    const next = [i + 1];
    for (let j = 0; j < y.length; j++) {
      const exchanged = row[j] + (symbol === y[j] ? 0 : 1);
      next.push(Math.min(exchanged, row[j + 1] + 1, next[j] + 1));
    }
    row = next;
  });
  return row[y.length];
}

/** What was said, and what should have been. */
export interface SaidAndMeant {
  /** What a model says. */
  readonly said: Symbols;
  /** What is right. */
  readonly meant: Symbols;
}

/**
 * The error rate: edit distances of all pairs divided by the lengths of what was meant. Of words it is the word
 * error rate, of characters the character error rate. NaN if nothing was meant.
 *
 * @example
 * ```ts
 * import { errorRate } from "tapeloop";
 *
 * const pairs = [{ said: "the cat sat".split(" "), meant: "the cat sat down".split(" ") }];
 * console.log(errorRate(pairs)); // 0.25
 * ```
 */
export function errorRate(pairs: readonly SaidAndMeant[]): number {
  let [edits, length] = [0, 0];
  for (const { said, meant } of pairs) {
    edits += editDistance(said, meant);
    length += listOf(meant).length;
  }
  return edits / length;
}

/** Options of {@link bleu}. */
export interface BleuOptions {
  /** The longest runs of symbols that are compared. Default: 4. */
  readonly longest?: number;
  /**
   * Added to the hits and the number of runs of two symbols and more, so that short texts are not 0 (Lin and Och
   * 2004). Default: 0.
   */
  readonly smoothing?: number;
}

/** What was said, and one or several ways to say it right. */
export interface SaidAndReferences {
  /** What a model says. */
  readonly said: Symbols;
  /** What would be right. */
  readonly references: readonly Symbols[];
}

/** How often each run of n symbols is there. */
function runsOf(symbols: readonly (string | number)[], n: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + n <= symbols.length; i++) {
    const run = JSON.stringify(symbols.slice(i, i + n));
    counts.set(run, (counts.get(run) ?? 0) + 1);
  }
  return counts;
}

/** The options of BLEU, where they are right. */
export function checkBleu(op: string, options: BleuOptions): Required<BleuOptions> {
  const { longest = 4, smoothing = 0 } = options;
  if (!Number.isInteger(longest) || longest < 1) {
    throw new ArgumentError(op, "longest is a whole number from 1", String(longest));
  }
  if (!(smoothing >= 0)) {
    throw new ArgumentError(op, "smoothing is a number from 0", String(smoothing));
  }
  return { longest, smoothing };
}

/**
 * BLEU, from 0 to 1: how many runs of 1 to 4 symbols of what was said stand in a reference (their precisions,
 * clipped, as a geometric mean), times a penalty for what is shorter than the references. Of a whole corpus: runs
 * of all pairs are counted together.
 *
 * Source: Papineni, Roukos, Ward and Zhu 2002, "BLEU: a method for automatic evaluation of machine translation",
 * sections 2.1–2.3; the length of the nearest reference counts, the shorter one of two that are as near.
 *
 * @throws ArgumentError if a pair has no reference, or the longest run is not a whole number from 1.
 *
 * @example
 * ```ts
 * import { bleu } from "tapeloop";
 *
 * const said = "the cat sat on the mat".split(" ");
 * console.log(bleu([{ said, references: [said] }])); // 1
 * ```
 */
export function bleu(pairs: readonly SaidAndReferences[], options: BleuOptions = {}): number {
  checkOptions("bleu", options, ["longest", "smoothing"]);
  const { longest, smoothing } = checkBleu("bleu", options);
  const hits = Array.from({ length: longest }, () => 0);
  const totals = hits.slice();
  let [saidLength, meantLength] = [0, 0];
  for (const pair of pairs) {
    const said = listOf(pair.said);
    const references = pair.references.map(listOf);
    if (references.length === 0) throw new ArgumentError("bleu", "needs a reference", "none");
    saidLength += said.length;
    meantLength += references
      .map(({ length }) => length)
      .reduce((a, b) => {
        const [da, db] = [a, b].map((length) => Math.abs(length - said.length));
        return da < db || (da === db && a < b) ? a : b;
      });
    for (let n = 1; n <= longest; n++) {
      const allowed = references.map((reference) => runsOf(reference, n));
      for (const [run, count] of runsOf(said, n)) {
        totals[n - 1] += count;
        hits[n - 1] += Math.min(count, Math.max(...allowed.map((counts) => counts.get(run) ?? 0)));
      }
    }
  }
  const logs = hits.map((hit, i) => {
    const extra = i === 0 ? 0 : smoothing;
    return totals[i] + extra === 0 ? -Infinity : Math.log((hit + extra) / (totals[i] + extra));
  });
  const penalty = saidLength === 0 ? -Infinity : Math.min(0, 1 - meantLength / saidLength);
  return Math.exp(penalty + logs.reduce((a, b) => a + b, 0) / longest);
}
