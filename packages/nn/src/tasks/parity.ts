/** @file Parity: one bit of memory that every input may turn over. */
import {
  bernoulli,
  cast,
  checkOptions,
  cumsum,
  expandDims,
  mod,
  scope,
  type Tensor,
} from "@tapeloop/autograd";
import { checkSizes } from "../sizes.ts";

/** Size of a {@link parity} task. */
export interface ParityOptions {
  /** T. */
  readonly steps: number;
  /** B. */
  readonly batch: number;
}

/** Bits, and whether their number so far is odd. */
export interface Parity {
  /** 0 or 1: [T, B, 1]. */
  readonly xs: Tensor;
  /** int32 [T, B]: 1 after an odd number of ones. */
  readonly targets: Tensor;
}

/**
 * Parity of the ones so far, after every bit. A single input changes all later answers, and guessing is
 * right half of the time. Models whose state only adds up or fades cannot do it for long rows.
 *
 * In ops alone, so that a compiled training step can make its own data.
 *
 * Source: Graves 2016, arXiv:1603.08983, section 3.1; Hahn 2020, arXiv:1906.06755, on what cannot.
 *
 * @example
 * ```ts
 * import { key, parity } from "tapeloop";
 *
 * const { xs, targets } = parity(key(0), { steps: 6, batch: 1 });
 * console.log(xs.reshape([6]).toArray(), targets.reshape([6]).toArray()); // [ 1, 0, 1, 0, 1, 0 ] [ 1, 1, 0, 0, 1, 1 ]
 * ```
 */
export function parity(key: Tensor, options: ParityOptions): Parity {
  checkOptions("parity", options, ["steps", "batch"]);
  const { steps, batch } = options;
  checkSizes("parity", { steps, batch });
  return scope(() => {
    const bits = cast(bernoulli([steps, batch], 0.5, { key }), "float32");
    const odd = mod(cumsum(bits, { axis: 0 }), 2);
    return { xs: expandDims(bits, -1), targets: cast(odd, "int32") };
  });
}
