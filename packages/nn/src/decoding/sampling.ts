/** @file Decoding symbol by symbol: the likeliest one, or one drawn at random. */
import {
  ArgumentError,
  argmax,
  categorical,
  checkOptions,
  cumsum,
  div,
  expandDims,
  greater,
  Held,
  less,
  logSoftmax,
  noGrad,
  slice,
  softmax,
  sort,
  splitKey,
  sub,
  takeAlongAxis,
  tensor,
  type Tensor,
  topK as topOf,
  type Tree,
  where,
} from "@tapeloop/autograd";
import {
  checkDecode,
  type Decoded,
  type DecodeOptions,
  decodeOptions,
  type DecoderStep,
} from "./decoder.ts";

/** Says symbols, one after the other, as `choose` picks them from logits. */
function sayAll<S extends Tree>(
  op: string,
  step: DecoderStep<S>,
  state: S,
  batch: number,
  options: DecodeOptions,
  choose: (logits: Tensor, t: number) => Tensor,
): Decoded[] {
  checkDecode(op, options);
  const { start, end, length } = options;
  const said: number[][] = Array.from({ length: batch }, () => []);
  const scores = new Float64Array(batch);
  const isOpen = Array.from({ length: batch }, () => true);
  const now = new Held(op, () => state);
  let last: number[] = Array.from({ length: batch }, () => start);
  try {
    for (let t = 0; t < length && isOpen.includes(true); t++) {
      let logs: ArrayLike<number> = [];
      now.replace((before) =>
        noGrad(() => {
          const [after, logits] = step(before, tensor(Int32Array.from(last)));
          const chosen = choose(logits, t);
          const all = logSoftmax(logits);
          logs = takeAlongAxis(all, expandDims(chosen, -1), { axis: -1 }).dataSync();
          last = Array.from(chosen.dataSync());
          return after;
        }),
      );
      for (let b = 0; b < batch; b++) {
        if (!isOpen[b]) continue;
        scores[b] += logs[b];
        if (last[b] === end) isOpen[b] = false;
        else said[b].push(last[b]);
      }
    }
  } finally {
    now.end();
  }
  return said.map((symbols, b) => ({ symbols, logProbability: scores[b] }));
}

/**
 * Greedy decoding: the likeliest symbol at every step.
 *
 * @param step - One step of the model; `compile` it for speed.
 * @param state - The state before the first step.
 * @param batch - B, how many sequences are said side by side.
 * @throws ArgumentError if symbols or length are no whole numbers, or an option is unknown.
 *
 * @example
 * ```ts
 * import { greedyDecode, oneHot, type Tensor } from "tapeloop";
 *
 * // A model that counts up to 3, which ends.
 * const step = (state: {}, symbols: Tensor) => [state, oneHot(symbols.add(1), 4)] as const;
 * const [first] = greedyDecode(step, {}, 1, { start: 0, end: 3, length: 10 });
 * console.log(first.symbols); // [ 1, 2 ]
 * ```
 */
export function greedyDecode<S extends Tree>(
  step: DecoderStep<S>,
  state: S,
  batch: number,
  options: DecodeOptions,
): Decoded[] {
  checkOptions("greedyDecode", options, decodeOptions);
  return sayAll("greedyDecode", step, state, batch, options, (logits) => argmax(logits));
}

/** What symbols are drawn from. */
export interface SampleOptions {
  /** Logits are divided by it, above 0: below 1 likely symbols become likelier. Default: 1. */
  readonly temperature?: number;
  /** Draws from the k likeliest symbols alone. Default: all. */
  readonly topK?: number;
  /** Draws from the likeliest symbols whose probabilities reach p together, above 0. Default: 1, all. */
  readonly topP?: number;
}

const sampleOptions = ["temperature", "topK", "topP"];

/**
 * Logits at a temperature, −Infinity for symbols that are not to be drawn: not among the k likeliest, or not in the
 * smallest set of likeliest ones whose probabilities reach p.
 *
 * Shapes: [..., N] → the same.
 *
 * Source: top-k Fan, Lewis and Dauphin 2018, arXiv:1805.04833, section 5.4; top-p Holtzman et al. 2020, arXiv:1904.09751,
 * section 3.1. Symbols that are as likely as the last one of the set belong to it.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { sampleLogits, tensor } from "tapeloop";
 *
 * console.log(sampleLogits(tensor([1, 3, 2]), { topK: 2 }).toArray()); // [ -Infinity, 3, 2 ]
 * ```
 */
export function sampleLogits(logits: Tensor, options: SampleOptions = {}): Tensor {
  const op = "sampleLogits";
  checkOptions(op, options, sampleOptions);
  const { temperature = 1, topK, topP = 1 } = options;
  const N = logits.shape[logits.rank - 1];
  if (!(temperature > 0 && temperature < Infinity)) {
    const rule = "the temperature is a finite number above 0";
    throw new ArgumentError(op, rule, String(temperature), "Use greedyDecode() for 0.");
  }
  if (topK !== undefined && (!Number.isInteger(topK) || topK < 1)) {
    throw new ArgumentError(op, "topK is a whole number from 1", String(topK));
  }
  if (!(topP > 0 && topP <= 1)) {
    throw new ArgumentError(op, "topP is above 0 and at most 1", String(topP));
  }
  let kept = temperature === 1 ? logits : div(logits, temperature);
  if (topK !== undefined && topK < N) {
    const { values } = topOf(kept, topK);
    const least = slice(values, [...lead(values), { start: -1 }]);
    kept = where(less(kept, least), -Infinity, kept);
  }
  if (topP < 1) {
    const ordered = sort(kept, { axis: -1, descending: true });
    const p = softmax(ordered);
    // A symbol belongs to the set if those before it do not reach p.
    const isIn = less(sub(cumsum(p), p), topP);
    const least = where(isIn, ordered, Infinity).min({ axes: -1, keepAxes: true });
    kept = where(greater(least, kept), -Infinity, kept);
  }
  return kept;
}

/** All of the axes but the last. */
function lead(x: Tensor): null[] {
  return Array.from({ length: x.rank - 1 }, () => null);
}

/** Options of {@link sampleDecode}. */
export interface SampleDecodeOptions extends DecodeOptions, SampleOptions {
  /** Decides what is drawn. */
  readonly key: Tensor;
}

/**
 * Decoding by drawing a symbol at every step.
 *
 * @param step - One step of the model; `compile` it for speed.
 * @param state - The state before the first step.
 * @param batch - B, how many sequences are said side by side.
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { key, sampleDecode, type Tensor, zeros } from "tapeloop";
 *
 * // A model that finds all of 4 symbols as likely.
 * const step = (state: {}, symbols: Tensor) => [state, zeros([symbols.size, 4])] as const;
 * const said = sampleDecode(step, {}, 2, { start: 0, length: 5, key: key(0), topP: 0.9 });
 * console.log(said.map(({ symbols }) => symbols.length)); // [ 5, 5 ]
 * ```
 */
export function sampleDecode<S extends Tree>(
  step: DecoderStep<S>,
  state: S,
  batch: number,
  options: SampleDecodeOptions,
): Decoded[] {
  checkOptions("sampleDecode", options, [...decodeOptions, ...sampleOptions, "key"]);
  const { key, start, end, length, ...how } = options;
  checkDecode("sampleDecode", options);
  const keys = splitKey(key, length);
  const limits = end === undefined ? { start, length } : { start, end, length };
  try {
    return sayAll("sampleDecode", step, state, batch, limits, (logits, t) =>
      categorical(sampleLogits(logits, how), { key: keys[t] }),
    );
  } finally {
    for (const k of keys) k.dispose();
  }
}
