/** @file Metrics of batches of sequences that go on from batch to batch: error rate and BLEU, in ops. */
import {
  add,
  ArgumentError,
  arange,
  cast,
  checkOptions,
  concat,
  cummin,
  div,
  equal,
  exp,
  expandDims,
  log,
  logicalAnd,
  mean,
  minimum,
  mul,
  notEqual,
  scan,
  ShapeError,
  squeeze,
  stack,
  sub,
  sum,
  takeAlongAxis,
  type Tensor,
  where,
} from "@tapeloop/autograd";
import { typeOf } from "../sizes.ts";
import { added, countsOf, type Metric, nothing, weighted } from "./metric.ts";
import { type BleuOptions, checkBleu } from "./sequences.ts";

/** Options of {@link sequenceErrorRate}. */
export interface SequencesOptions {
  /** The symbol that stands behind the end of a sequence, in both. Default: −1. */
  readonly padding?: number;
}

/** Options of {@link corpusBleu}. */
export interface CorpusBleuOptions extends BleuOptions, SequencesOptions {}

/** State of {@link sequenceErrorRate}. */
export interface ErrorRateState {
  /** Changes of all sequences: float64[]. */
  readonly edits: Tensor;
  /** Symbols that were meant: float64[]. */
  readonly length: Tensor;
}

/** State of {@link corpusBleu}. */
export interface BleuState {
  /** Runs of 1, 2, … symbols that were said and meant: float64[N]. */
  readonly hits: Tensor;
  /** Runs that were said: float64[N]. */
  readonly totals: Tensor;
  /** Symbols that were said: float64[]. */
  readonly said: Tensor;
  /** Symbols that were meant: float64[]. */
  readonly meant: Tensor;
}

/** Sequences must be symbols, as many in both. */
function checkSequences(op: string, said: Tensor, meant: Tensor): void {
  const fits =
    said.rank === 2 && meant.rank === 2 && said.shape[1] === meant.shape[1] && said.shape[0] > 0;
  if (!fits || said.dtype !== "int32" || meant.dtype !== "int32" || meant.shape[0] === 0) {
    throw new ShapeError(
      op,
      "takes symbols int32 [T, B] and int32 [S, B], of one step or more",
      `${typeOf(said)} and ${typeOf(meant)}`,
    );
  }
}

/** The padding must be a symbol. */
function checkPadding(op: string, padding: number): void {
  if (!Number.isInteger(padding)) {
    throw new ArgumentError(op, "padding is a symbol, a whole number", String(padding));
  }
}

/** 1 where there is a symbol, in float64. */
function places(symbols: Tensor, padding: number): Tensor {
  return cast(notEqual(symbols, padding), "float64");
}

/** The edit distance of each pair of sequences [B]: a scan over what was said, over a row of distances [S + 1, B]. */
function distances(said: Tensor, meant: Tensor, padding: number): Tensor {
  const real = places(meant, padding);
  const [S] = meant.shape;
  const column = expandDims(cast(arange(0, S + 1, 1, { dtype: "int32" }), "float64"), 1);
  const start = add(column, mul(sum(real, { axes: 0, keepAxes: true }), 0));
  const [row] = scan(
    (_, before: Tensor, symbol: Tensor) => {
      const exchanged = add(before.slice([{ stop: S }]), cast(notEqual(meant, symbol), "float64"));
      const removed = add(before, 1);
      const best = concat(
        [removed.slice([{ stop: 1 }]), minimum(exchanged, removed.slice([{ start: 1 }]))],
        { axis: 0 },
      );
      // Putting in the symbols from i to j costs j − i.
      const least = cummin(sub(best, column), { axis: 0 });
      return [where(notEqual(symbol, padding), add(least, column), before), null];
    },
    null,
    start,
    said,
  );
  const count = cast(sum(real, { axes: 0, keepAxes: true }), "int32");
  return squeeze(takeAlongAxis(row, count, { axis: 0 }), { axes: 0 });
}

/**
 * The error rate of batches of sequences: edit distances of all of them divided by the number of symbols that were
 * meant, as `errorRate` of single pairs. In ops, so that it can be a part of compiled steps.
 *
 * Shapes: said int32 [T, B], meant int32 [S, B], both padded behind their ends; masks and weights are those of
 * sequences [B].
 *
 * Source: Levenshtein 1966; the algorithm of Wagner and Fischer 1974, row by row.
 *
 * @throws ShapeError from `update` if they are not symbols of one batch; ArgumentError if an option is unknown or wrong.
 *
 * @example
 * ```ts
 * import { measure, sequenceErrorRate, tensor } from "tapeloop";
 *
 * // [1, 2] for [1, 3], and [4] for [4, 5, 6].
 * const said = tensor([[1, 4], [2, -1]], { dtype: "int32" });
 * const meant = tensor([[1, 4], [3, 5], [-1, 6]], { dtype: "int32" });
 * console.log(measure(sequenceErrorRate(), said, meant).item()); // 0.6
 * ```
 */
export function sequenceErrorRate(options: SequencesOptions = {}): Metric<ErrorRateState> {
  const op = "sequenceErrorRate";
  checkOptions(op, options, ["padding"]);
  const { padding = -1 } = options;
  checkPadding(op, padding);
  return {
    name: op,
    init: () => ({ edits: nothing(), length: nothing() }),
    update: (state, said, meant, given = {}) => {
      checkSequences(op, said, meant);
      const lengths = sum(places(meant, padding), { axes: 0 });
      const counts = countsOf(op, lengths, given);
      const edits = weighted(distances(said, meant, padding), counts);
      return added(state, { edits, length: weighted(lengths, counts) });
    },
    result: ({ edits, length }) => div(edits, length),
  };
}

/** The k-th symbols of so many runs. */
function at(x: Tensor, count: number, k: number): Tensor {
  return x.slice([{ start: k, stop: k + count }]);
}

/** How many of the runs of n symbols at each place of what was said are hits, and whether there is such a run [I, B]. */
function runsOf(
  said: Tensor,
  meant: Tensor,
  padding: number,
  n: number,
): readonly [hits: Tensor, runs: Tensor] | null {
  const [T, S] = [said.shape[0] - n + 1, meant.shape[0] - n + 1];
  if (T < 1) return null;
  /** At which places [I, J, B] of two texts the same run stands. */
  const same = (x: Tensor, y: Tensor, count: number): Tensor =>
    Array.from({ length: n }, (_, k) =>
      equal(expandDims(at(x, T, k), 1), expandDims(at(y, count, k), 0)),
    ).reduce((a, b) => logicalAnd(a, b));
  const isRun = (x: Tensor, count: number): Tensor => places(at(x, count, n - 1), padding);
  /** How often each run of what was said stands in a text. */
  const often = (y: Tensor, count: number): Tensor =>
    sum(mul(cast(same(said, y, count), "float64"), expandDims(isRun(y, count), 0)), { axes: 1 });
  const runs = isRun(said, T);
  if (S < 1) return [mul(runs, 0), runs];
  const own = often(said, T);
  // Of a run that is said c times each time is a c-th of the hits of all.
  const parts = div(minimum(own, often(meant, S)), where(equal(own, 0), 1, own));
  return [mul(parts, runs), runs];
}

/**
 * BLEU of batches of sequences with one reference each, as `bleu` of single pairs: runs of all batches are counted
 * together. In ops, so that it can be a part of compiled steps.
 *
 * Shapes: said int32 [T, B], meant int32 [S, B], both padded behind their ends; masks and weights are those of
 * sequences [B].
 *
 * Source: Papineni, Roukos, Ward and Zhu 2002, "BLEU: a method for automatic evaluation of machine translation",
 * sections 2.1–2.3.
 *
 * @throws ShapeError from `update` if they are not symbols of one batch; ArgumentError if an option is unknown or wrong.
 *
 * @example
 * ```ts
 * import { corpusBleu, measure, tensor } from "tapeloop";
 *
 * const text = tensor([[1], [2], [3], [4], [5]], { dtype: "int32" });
 * console.log(measure(corpusBleu(), text, text).item()); // 1
 * ```
 */
export function corpusBleu(options: CorpusBleuOptions = {}): Metric<BleuState> {
  const op = "corpusBleu";
  checkOptions(op, options, ["longest", "smoothing", "padding"]);
  const { longest, smoothing } = checkBleu(op, options);
  const { padding = -1 } = options;
  checkPadding(op, padding);
  return {
    name: "bleu",
    init: () => ({
      hits: nothing([longest]),
      totals: nothing([longest]),
      said: nothing(),
      meant: nothing(),
    }),
    update: (state, said, meant, given = {}) => {
      checkSequences(op, said, meant);
      const [ofSaid, ofMeant] = [said, meant].map((x) => sum(places(x, padding), { axes: 0 }));
      const counts = countsOf(op, ofSaid, given);
      const of = (x: Tensor): Tensor => weighted(sum(x, { axes: 0 }), counts);
      const zero = mul(sum(counts), 0);
      const runs = Array.from({ length: longest }, (_, i) =>
        (runsOf(said, meant, padding, i + 1) ?? [null, null]).map((x) =>
          x === null ? zero : of(x),
        ),
      );
      return added(state, {
        hits: stack(runs.map(([hits]) => hits)),
        totals: stack(runs.map(([, totals]) => totals)),
        said: weighted(ofSaid, counts),
        meant: weighted(ofMeant, counts),
      });
    },
    result: ({ hits, totals, said, meant }) => {
      // Lin and Och 2004 leave runs of one symbol as they are.
      const extra = where(equal(arange(0, longest, 1, { dtype: "int32" }), 0), 0, smoothing);
      const all = add(totals, extra);
      const precisions = where(
        equal(all, 0),
        0,
        div(add(hits, extra), where(equal(all, 0), 1, all)),
      );
      const penalty = minimum(sub(1, div(meant, said)), 0);
      return where(equal(said, 0), 0, exp(add(penalty, mean(log(precisions)))));
    },
  };
}
