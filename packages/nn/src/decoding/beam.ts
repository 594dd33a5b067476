/** @file Beam search: the likeliest whole sequences, as far as a few candidates at a time can find them. */
import {
  ArgumentError,
  checkFiniteNumbers,
  checkOptions,
  gather,
  Held,
  leaves,
  logSoftmax,
  mapTree,
  noGrad,
  tensor,
  type Tree,
} from "@tapeloop/autograd";
import {
  checkDecode,
  type Decoded,
  type DecodeOptions,
  decodeOptions,
  type DecoderStep,
} from "./decoder.ts";

/** Options of {@link beamSearch}. */
export interface BeamOptions extends DecodeOptions {
  /** How many candidates are kept for each sequence. Default: 4. */
  readonly beams?: number;
  /** α: scores are divided by ((5 + n) / 6)^α for n symbols; 0 prefers short sequences. Default: 0. */
  readonly lengthPenalty?: number;
  /** How many sequences are returned, at most as many as candidates. Default: 1. */
  readonly results?: number;
}

/** A sequence found by beam search. */
export interface BeamResult extends Decoded {
  /** What it was ordered by: its log-probability by the length penalty. */
  readonly score: number;
}

/** A beginning of a sequence. */
interface Candidate {
  readonly symbols: readonly number[];
  readonly logProbability: number;
  /** Its row in the state. */
  readonly row: number;
}

/**
 * Beam search: at every step each candidate is continued by all symbols, and the likeliest are kept. Sequences that end
 * are set aside, and compete at the end with those that have the full length. With as many candidates as there are
 * sequences it finds the likeliest of all.
 *
 * Source: the length penalty of Wu et al. 2016, arXiv:1609.08144, eq. 14, with n counted without the end.
 *
 * @param step - One step of the model; `compile` it for speed. It sees B · beams rows.
 * @param state - The state before the first step, with B rows.
 * @param batch - B.
 * @returns For each of B the best sequences, the best first.
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { beamSearch, log, tensor, type Tensor, gather } from "tapeloop";
 *
 * // The likeliest first symbol is 1, but what follows 2 is certain.
 * const next = log(tensor([[0, 0.6, 0.4, 0], [0, 0.4, 0.3, 0.3], [0, 0, 0, 1], [0, 0, 0, 1]]));
 * const step = (state: {}, symbols: Tensor) => [state, gather(next, symbols)] as const;
 * const options = { start: 0, end: 3, length: 4 };
 * console.log(beamSearch(step, {}, 1, options)[0][0].symbols); // [ 2 ]
 * ```
 */
export function beamSearch<S extends Tree>(
  step: DecoderStep<S>,
  state: S,
  batch: number,
  options: BeamOptions,
): BeamResult[][] {
  const op = "beamSearch";
  checkOptions(op, options, [...decodeOptions, "beams", "lengthPenalty", "results"]);
  checkDecode(op, options);
  const { start, end, length, beams = 4, lengthPenalty = 0, results = 1 } = options;
  for (const [name, n] of Object.entries({ beams, results })) {
    if (!Number.isInteger(n) || n < 1) {
      throw new ArgumentError(op, `${name} is a whole number from 1`, String(n));
    }
  }
  if (results > beams) {
    throw new ArgumentError(op, `results are at most the ${beams} beams`, String(results));
  }
  checkFiniteNumbers(op, { lengthPenalty });
  const rank = (c: Omit<Candidate, "row">): BeamResult => ({
    symbols: c.symbols,
    logProbability: c.logProbability,
    score: c.logProbability / ((5 + c.symbols.length) / 6) ** lengthPenalty,
  });
  const rows = batch * beams;
  const everyRow = Int32Array.from({ length: rows }, (_, i) => Math.floor(i / beams));
  const now = new Held(op, () => chosen(state, everyRow));
  let open: Candidate[][] = Array.from({ length: batch }, (_, b) => [
    { symbols: [], logProbability: 0, row: b * beams },
  ]);
  const ended: BeamResult[][] = Array.from({ length: batch }, () => []);
  try {
    for (let t = 0; t < length && open.some((all) => all.length > 0); t++) {
      const last = new Int32Array(rows).fill(start);
      for (const { symbols, row } of open.flat()) if (t > 0) last[row] = symbols[t - 1];
      let [logs, N]: [ArrayLike<number>, number] = [[], 0];
      now.replace((before) =>
        noGrad(() => {
          const [after, logits] = step(before, tensor(last));
          [logs, N] = [logSoftmax(logits).dataSync(), logits.shape[1]];
          return after;
        }),
      );
      const from = Int32Array.from({ length: rows }, (_, i) => i);
      open = open.map((candidates, b) => {
        const all = candidates.flatMap(({ symbols, logProbability, row }) =>
          Array.from({ length: N }, (_, symbol) => ({
            symbols,
            symbol,
            logProbability: logProbability + logs[row * N + symbol],
            row,
          })),
        );
        const best = all
          .filter(({ logProbability }) => logProbability > -Infinity)
          .toSorted((p, q) => q.logProbability - p.logProbability);
        const goOn: Candidate[] = [];
        for (const c of best.slice(0, 2 * beams)) {
          if (c.symbol === end) ended[b].push(rank(c));
          else if (goOn.length < beams) {
            const row = b * beams + goOn.length;
            from[row] = c.row;
            goOn.push({
              symbols: [...c.symbols, c.symbol],
              logProbability: c.logProbability,
              row,
            });
          }
        }
        return goOn;
      });
      now.replace((after) => chosen(after, from));
    }
  } finally {
    now.end();
  }
  // What has the full length counts as it is.
  open.forEach((candidates, b) => ended[b].push(...candidates.map(rank)));
  return ended.map((all) => all.toSorted((p, q) => q.score - p.score).slice(0, results));
}

/** Rows of a state. */
function chosen<S extends Tree>(state: S, rows: Int32Array): S {
  if (leaves(state).length === 0) return state;
  const places = tensor(rows);
  return mapTree((x) => gather(x, places), state);
}
