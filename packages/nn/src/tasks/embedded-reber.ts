/** @file The embedded Reber grammar. */
import { ArgumentError, checkOptions, scope, tensor, type Tensor } from "@tapeloop/autograd";
import { padSequences } from "../rnn/buckets.ts";
import { checkSizes } from "../sizes.ts";
import { Draws } from "./draws.ts";

/** Size of an {@link embeddedReber} task. */
export interface ReberOptions {
  /** B. */
  readonly batch: number;
  /** T, the most symbols of a word, of which 40 are hardly ever needed. Longer ones are drawn again. Default: 40. */
  readonly steps?: number;
}

/** Words, and what may come next. */
export interface EmbeddedReber {
  /** int32 [T, B]: places in {@link reberSymbols}; 0 past the end. */
  readonly xs: Tensor;
  /** The number of symbols of each word that something may follow: int32 [B]. */
  readonly lengths: Tensor;
  /** 1 for each symbol that may come next, else 0: [T, B, 7]. */
  readonly targets: Tensor;
}

/** The symbols of the grammar, in their order. */
export const reberSymbols = "BTPSXVE";

/** The inner grammar: from each state a symbol and the next state, two of them equally likely. */
const arcs: readonly (readonly (readonly [symbol: string, next: number])[])[] = [
  [["B", 1]],
  [
    ["T", 2],
    ["P", 3],
  ],
  [
    ["S", 2],
    ["X", 4],
  ],
  [
    ["T", 3],
    ["V", 5],
  ],
  [
    ["X", 3],
    ["S", 6],
  ],
  [
    ["P", 4],
    ["V", 6],
  ],
  [["E", 7]],
];

/** A word, and what may follow each of its symbols. */
interface Word {
  readonly symbols: readonly string[];
  /** The symbols that may come after each. */
  readonly next: readonly string[];
}

/** A word of the embedded grammar: B, T or P, an inner word, the same T or P, E. */
function word(draws: Draws): Word {
  const embedding = draws.below(2) === 0 ? "T" : "P";
  const symbols = ["B", embedding];
  const next = ["TP", "B"];
  for (let state = 0; state < arcs.length;) {
    const [symbol, after] = arcs[state][draws.below(arcs[state].length)];
    symbols.push(symbol);
    next.push(after === arcs.length ? embedding : arcs[after].map(([s]) => s).join(""));
    state = after;
  }
  return { symbols: [...symbols, embedding, "E"], next: [...next, "E", ""] };
}

/**
 * Words of the embedded Reber grammar, and after each symbol which ones may come next. The hard one is the
 * last but one: it is the second again, however long the inner word was. A word counts if all is right.
 *
 * Chance is 50 % at that symbol; an LSTM gets all words right.
 *
 * Source: Reber 1967; Cleeremans, Servan-Schreiber and McClelland 1989; Hochreiter and Schmidhuber 1997,
 * experiment 1.
 *
 * @throws ArgumentError if fewer steps are given than words need.
 *
 * @example
 * ```ts
 * import { embeddedReber, key, reberSymbols } from "tapeloop";
 *
 * const { xs, lengths } = embeddedReber(key(4), { batch: 1 });
 * const symbols = Array.from(xs.dataSync().subarray(0, lengths.dataSync()[0]), (i) => reberSymbols[i]);
 * console.log(symbols.join("")); // BTBPVVET
 * ```
 */
export function embeddedReber(key: Tensor, options: ReberOptions): EmbeddedReber {
  checkOptions("embeddedReber", options, ["batch", "steps"]);
  const { batch, steps = 40 } = options;
  checkSizes("embeddedReber", { batch, steps });
  if (steps < 12) {
    throw new ArgumentError("embeddedReber", "words need 12 steps", String(steps));
  }
  const draws = new Draws(key, batch * 1024);
  const words: Word[] = [];
  while (words.length < batch) {
    const drawn = word(draws);
    // Nothing follows the last symbol.
    if (drawn.symbols.length - 1 <= steps) words.push(drawn);
  }
  return scope(() => {
    const symbols = words.map(({ symbols: all }) =>
      Int32Array.from(all.slice(0, -1), (s) => reberSymbols.indexOf(s)),
    );
    const { xs, lengths } = padSequences(symbols, { length: steps });
    const targets = words.map(({ next }) =>
      tensor(
        next.slice(0, -1).map((all) => Array.from(reberSymbols, (s) => (all.includes(s) ? 1 : 0))),
      ),
    );
    return { xs, lengths, targets: padSequences(targets, { length: steps }).xs };
  });
}
