/** @file Momentum. */
import {
  add,
  checkOptions,
  equal,
  mul,
  sub,
  type Tensor,
  where,
  zerosLike,
} from "@tapeloop/autograd";
import { leafwise } from "../leafwise.ts";
import { checkRange } from "../numbers.ts";
import type { Transformation } from "../optimizer.ts";
import { type Schedule, valueAt } from "../schedules/schedule.ts";

/** Options of {@link momentum}. */
export interface MomentumOptions {
  /** τ, the part of the gradient that is not added to the velocity, in [0, 1). Default: 0. */
  readonly dampening?: number;
  /** Whether the gradient counts as if the velocity had been added already. Default: false. */
  readonly nesterov?: boolean;
}

/**
 * Gradients with momentum: v′ = μ v + (1 − τ) g, a sum over past gradients that fades by μ with every
 * update. v is g after the first one.
 *
 * ```text
 * d = v′            or
 * d = g + μ v′      with Nesterov's momentum
 * ```
 *
 * State: `velocity` like the parameters, and `step` int32[] where μ is a schedule or there is dampening.
 *
 * Source: Polyak 1964; Sutskever et al. 2013, "On the importance of initialization and momentum in deep
 * learning"; in the form of PyTorch, where the learning rate multiplies the velocity.
 *
 * @param mu - μ, in [0, 1), or a schedule.
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { momentum, tensor } from "tapeloop";
 *
 * const transformation = momentum(0.5);
 * const g = { w: tensor([4]) };
 * const first = transformation.transform(g, transformation.init(g), g);
 * console.log(transformation.transform(g, first.state, g).grads.w.item()); // 6
 * ```
 */
export function momentum(mu: number | Schedule, options: MomentumOptions = {}): Transformation {
  checkOptions("momentum", options, ["dampening", "nesterov"]);
  const { dampening = 0, nesterov = false } = options;
  if (typeof mu !== "function") checkRange("momentum", { momentum: mu }, 0, 1);
  checkRange("momentum", { dampening }, 0, 1);
  const slots = { velocity: zerosLike };
  const next = (
    g: Tensor,
    velocity: Tensor,
    kept: number | Tensor,
    added: Tensor,
  ): Record<"velocity" | "direction", Tensor> => {
    const v = add(mul(velocity, kept), added);
    return { velocity: v, direction: nesterov ? add(g, mul(v, kept)) : v };
  };
  if (typeof mu === "number" && dampening === 0) {
    return leafwise({ slots, next: (g, { velocity }) => next(g, velocity, mu, g) });
  }
  return leafwise({
    slots,
    numbers: (t) => ({
      kept: valueAt(mu, sub(t, 1), t.dtype),
      // t is 1 where it is chosen.
      part: dampening === 0 ? null : where(equal(t, 1), t, 1 - dampening),
    }),
    next: (g, { velocity }, { kept, part }) =>
      next(g, velocity, kept, part === null ? g : mul(g, part)),
  });
}
