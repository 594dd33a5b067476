/** @file Rprop. */
import {
  ArgumentError,
  checkOptions,
  clip,
  fullLike,
  greater,
  less,
  mul,
  sign,
  where,
  zerosLike,
} from "@tapeloop/autograd";
import { descent } from "../descent.ts";
import { leafwise } from "../leafwise.ts";
import { checkPositive, checkRange } from "../numbers.ts";
import type { Optimizer } from "../optimizer.ts";

/** Options of {@link rprop}. */
export interface RpropOptions {
  /** The first step of every element. Default: 0.01. */
  readonly learningRate?: number;
  /** η⁻, what a step is multiplied by where the gradient has changed its sign, in (0, 1). Default: 0.5. */
  readonly shrink?: number;
  /** η⁺, what it is multiplied by where it has not, above 1. Default: 1.2. */
  readonly grow?: number;
  /** The least step. Default: 1e-6. */
  readonly minStep?: number;
  /** The greatest step. Default: 50. */
  readonly maxStep?: number;
}

/**
 * Resilient backpropagation: a step size for every element, that grows while the sign of its gradient stays
 * and shrinks when it changes. For gradients of all the data, not of small batches.
 *
 * ```text
 * s = g · last g
 * Δ′ = clip(η⁺ Δ where s > 0, η⁻ Δ where s < 0, Δ where s = 0)
 * g′ = 0 where s < 0, else g
 * θ′ = θ − Δ′ sign(g′)
 * ```
 *
 * State: of a {@link descent} whose direction keeps `{ last, size }`, g′ and Δ, like the parameters.
 *
 * Source: Riedmiller and Braun 1993, "A direct adaptive method for faster backpropagation learning: the RPROP
 * algorithm"; without taking steps back (iRprop−, Igel and Hüsken 2000), as in PyTorch. Defaults as in
 * PyTorch.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { rprop, tensor } from "tapeloop";
 *
 * const optimizer = rprop({ learningRate: 0.5 });
 * const params = { w: tensor([1, 2]) };
 * const grads = { w: tensor([100, -0.25]) };
 * const next = optimizer.update(grads, optimizer.init(params), params);
 * console.log(next.params.w); // float32[2] [0.5, 2.5]
 * ```
 */
export function rprop(options: RpropOptions = {}): Optimizer {
  checkOptions("rprop", options, ["learningRate", "shrink", "grow", "minStep", "maxStep"]);
  const { learningRate = 1e-2, shrink = 0.5, grow = 1.2, minStep = 1e-6, maxStep = 50 } = options;
  checkRange("rprop", { learningRate, minStep }, 0, Infinity);
  checkPositive("rprop", { shrink, grow, maxStep });
  if (shrink >= 1 || grow <= 1) {
    const rule = "shrink is below 1 and grow above";
    throw new ArgumentError("rprop", rule, `${shrink} and ${grow}`);
  }
  const direction = leafwise({
    slots: { last: zerosLike, size: (x) => fullLike(x, learningRate) },
    next: (g, kept) => {
      const product = mul(g, kept.last);
      const turned = less(product, 0);
      const same = greater(product, 0);
      const changed = where(
        same,
        mul(kept.size, grow),
        where(turned, mul(kept.size, shrink), kept.size),
      );
      const size = clip(changed, minStep, maxStep);
      const last = where(turned, 0, g);
      return { last, size, direction: mul(sign(last), size) };
    },
  });
  return descent(1, direction);
}
