/** @file Noise on gradients. */
import {
  add,
  cast,
  checkOptions,
  leaves,
  mapTree,
  mul,
  normal,
  pow,
  splitKey,
  type Tensor,
} from "@tapeloop/autograd";
import { checkRange } from "../numbers.ts";
import type { Transformation } from "../optimizer.ts";
import { firstStep, nextStep, perType } from "../update.ts";

/** Options of {@link addGradientNoise}. */
export interface AddGradientNoiseOptions {
  /** Decides the noise; see `key`. */
  readonly key: Tensor;
  /** η, the variance at first, from 0. Default: 0.3. */
  readonly variance?: number;
  /** γ, how fast it falls, from 0. Default: 0.55. */
  readonly decay?: number;
}

/**
 * Adds normal noise of a falling variance: d = g + ε with ε of the variance η / (1 + t)^γ, t counting from 0.
 *
 * State: `step` int32[] and `key` int32[2], of the noise of the next update.
 *
 * Source: Neelakantan et al. 2015, arXiv:1511.06807, eq. 1. η is one of 0.01, 0.3 and 1 there, γ is 0.55.
 *
 * @throws ArgumentError if a number is below 0, or an option is unknown.
 *
 * @example
 * ```ts
 * import { addGradientNoise, adam, chain, key } from "tapeloop";
 *
 * const optimizer = chain(addGradientNoise({ key: key(0), variance: 0.01 }), adam());
 * console.log(Object.keys(optimizer)); // [ 'init', 'update' ]
 * ```
 */
export function addGradientNoise(options: AddGradientNoiseOptions): Transformation {
  checkOptions("addGradientNoise", options, ["key", "variance", "decay"]);
  const { key, variance = 0.3, decay = 0.55 } = options;
  checkRange("addGradientNoise", { variance, decay }, 0, Infinity);
  return {
    init: (params) => ({ step: firstStep(params), key }),
    transform: (grads, state) => {
      const last = state as { readonly step: Tensor; readonly key: Tensor };
      const [next, ...keys] = splitKey(last.key, leaves(grads).length + 1);
      const deviation = perType((dtype) =>
        mul(pow(add(cast(last.step, dtype), 1), -decay / 2), Math.sqrt(variance)),
      );
      let i = 0;
      const noisy = (g: Tensor): Tensor => {
        const dtype = g.dtype as "float32" | "float64";
        return add(g, mul(normal(g.shape, { key: keys[i++], dtype }), deviation(dtype)));
      };
      return { grads: mapTree(noisy, grads), state: { step: nextStep(last.step), key: next } };
    },
  };
}
