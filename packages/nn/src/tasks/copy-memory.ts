/** @file The copy memory task: symbols to say again after a long time. */
import { checkOptions, concat, full, randomInts, scope, type Tensor } from "@tapeloop/autograd";
import { checkSizes } from "../sizes.ts";

/** Size of a {@link copyMemory} task. */
export interface CopyOptions {
  /** Steps between the last symbol and the sign to begin, from 1. */
  readonly lag: number;
  /** B. */
  readonly batch: number;
  /** How many symbols there are to remember. Default: 10. */
  readonly length?: number;
  /** K, how many kinds of them. Default: 8. */
  readonly kinds?: number;
}

/** Symbols that come in, and those that a model shall say. */
export interface CopyMemory {
  /** int32 [T, B], T = lag + 2 · length: symbols 0 to K − 1, the blank K, the sign to begin K + 1. */
  readonly xs: Tensor;
  /** int32 [T, B]: blanks, and at the end the symbols. */
  readonly targets: Tensor;
}

/**
 * The copy memory task: remember a row of symbols over a lag, and say it when told to. Without memory, all
 * there is to know is when to begin: a mean cross-entropy of length · ln K / T.
 *
 * In ops alone, so that a compiled training step can make its own data.
 *
 * Source: Hochreiter and Schmidhuber 1997, in the form of Arjovsky, Shah and Bengio 2016, arXiv:1511.06464,
 * section 5.1.
 *
 * @example
 * ```ts
 * import { copyMemory, key } from "tapeloop";
 *
 * const { xs, targets } = copyMemory(key(0), { lag: 30, batch: 4 });
 * console.log(xs.shape, targets.shape); // [ 50, 4 ] [ 50, 4 ]
 * ```
 */
export function copyMemory(key: Tensor, options: CopyOptions): CopyMemory {
  checkOptions("copyMemory", options, ["lag", "batch", "length", "kinds"]);
  const { lag, batch, length = 10, kinds = 8 } = options;
  checkSizes("copyMemory", { lag, batch, length, kinds });
  return scope(() => {
    const symbols = randomInts([length, batch], 0, kinds, { key });
    const all = (steps: number, symbol: number): Tensor =>
      full([steps, batch], symbol, { dtype: "int32" });
    const [blank, sign] = [kinds, kinds + 1];
    const parts = [symbols, all(lag - 1, blank), all(1, sign), all(length, blank)];
    return {
      xs: concat(parts, { axis: 0 }),
      targets: concat([all(lag + length, blank), symbols], { axis: 0 }),
    };
  });
}
