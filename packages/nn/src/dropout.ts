/** @file Dropout. */
import { ArgumentError, bernoulli, div, type Tensor, where, within } from "@tapeloop/autograd";

/** Dropout at one rate. */
export interface Dropout {
  /**
   * Drops elements of x in training; hands x through in evaluation.
   *
   * @param key - Decides which elements; null in evaluation.
   */
  apply(x: Tensor, key: Tensor | null): Tensor;
}

/**
 * Dropout: each element becomes 0 with the probability `rate`; the others are divided by 1 − rate, so
 * that the mean stays and evaluation needs no correction ("inverted" dropout).
 *
 * Randomness is explicit: training hands in a fresh key each time, evaluation hands in null. The same
 * key drops the same elements, so one key for all steps of a sequence is dropout fixed in time
 * (Gal and Ghahramani 2016, arXiv:1512.05287).
 *
 * Shapes: any → the same. Parameters: none.
 *
 * Source: Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting".
 *
 * @param rate - From 0, below 1.
 * @throws ArgumentError for any other rate.
 *
 * @example
 * ```ts
 * import { dropout, key, ones } from "tapeloop";
 *
 * const half = dropout(0.5);
 * console.log(half.apply(ones([4]), null).toArray()); // [ 1, 1, 1, 1 ]
 * console.log(half.apply(ones([1000]), key(0)).max().item()); // 2
 * ```
 */
export function dropout(rate: number): Dropout {
  if (!(rate >= 0 && rate < 1)) {
    throw new ArgumentError("dropout", "rate is from 0 and below 1", String(rate));
  }
  return {
    apply(x, key) {
      if (key === null || rate === 0) return x;
      return within("dropout", () => {
        const kept = bernoulli(x.shape, 1 - rate, { key });
        // Chosen, not multiplied: an infinite element that is dropped is 0, not NaN.
        return where(kept, div(x, 1 - rate), 0);
      });
    },
  };
}
