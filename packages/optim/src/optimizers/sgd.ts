/** @file Stochastic gradient descent, with momentum. */
import { ArgumentError, checkOptions } from "@tapeloop/autograd";
import { descent } from "../descent.ts";
import { checkRange } from "../numbers.ts";
import type { Optimizer } from "../optimizer.ts";
import { checkSchedule, type Schedule } from "../schedules/schedule.ts";
import { momentum as withMomentum } from "../transformations/momentum.ts";
import {
  weightDecayOf,
  type WeightDecayOptions,
  weightDecayOptions,
} from "../transformations/weight-decay.ts";

/** Options of {@link sgd}. */
export interface SgdOptions extends WeightDecayOptions {
  /** α. */
  readonly learningRate: number | Schedule;
  /** μ, the part of its velocity that the parameter keeps, in [0, 1), or a schedule. Default: 0. */
  readonly momentum?: number | Schedule;
  /** τ, the part of the gradient that the velocity does not take, in [0, 1). Default: 0. */
  readonly dampening?: number;
  /** Whether the gradient counts as if the velocity had been added already. Default: false. */
  readonly nesterov?: boolean;
}

/**
 * Stochastic gradient descent:
 *
 * ```text
 * g = gradient + λ θ
 * θ′ = θ − α g                                    without momentum
 * v′ = μ v + (1 − τ) g,  θ′ = θ − α v′            with momentum; v is g at first
 * v′ = μ v + (1 − τ) g,  θ′ = θ − α (g + μ v′)    with Nesterov's momentum
 * ```
 *
 * State: of a {@link descent}, with momentum one whose direction keeps `{ velocity }`, like the parameters.
 *
 * Source: Polyak 1964; Sutskever et al. 2013, "On the importance of initialization and momentum in deep
 * learning"; in the form of PyTorch, where α multiplies the velocity. Defaults as in PyTorch.
 *
 * @throws ArgumentError if a number is out of its range, an option unknown, `nesterov` without momentum or
 *   with dampening.
 *
 * @example
 * ```ts
 * import { sgd, tensor } from "tapeloop";
 *
 * const optimizer = sgd({ learningRate: 0.5, momentum: 0.9 });
 * const params = { w: tensor([1, 2]) };
 * const grads = { w: tensor([2, 2]) };
 * const next = optimizer.update(grads, optimizer.init(params), params);
 * console.log(next.params.w); // float32[2] [0, 1]
 * ```
 */
export function sgd(options: SgdOptions): Optimizer {
  checkOptions("sgd", options, [
    "learningRate",
    "momentum",
    "dampening",
    "nesterov",
    ...weightDecayOptions,
  ]);
  const { learningRate, momentum = 0, dampening = 0, nesterov = false } = options;
  checkSchedule("sgd", { learningRate });
  if (typeof momentum !== "function") checkRange("sgd", { momentum }, 0, 1);
  checkRange("sgd", { dampening }, 0, 1);
  if (nesterov && (momentum === 0 || dampening !== 0)) {
    const rule = "nesterov needs momentum above 0 and no dampening";
    throw new ArgumentError("sgd", rule, `${String(momentum)} and ${dampening}`);
  }
  const velocity = momentum === 0 ? [] : [withMomentum(momentum, { dampening, nesterov })];
  return descent(learningRate, ...weightDecayOf("sgd", options), ...velocity);
}
