/** @file Adamax. */
import { abs, add, checkOptions, div, maximum, mul, zerosLike } from "@tapeloop/autograd";
import { descent } from "../descent.ts";
import { leafwise } from "../leafwise.ts";
import { movingMean, weightAfter } from "../moving-mean.ts";
import type { Optimizer } from "../optimizer.ts";
import { checkSchedule, type Schedule } from "../schedules/schedule.ts";
import {
  weightDecayOf,
  type WeightDecayOptions,
  weightDecayOptions,
} from "../transformations/weight-decay.ts";
import { type MomentOptions, momentOptions, momentsOf } from "./adam.ts";

/** Options of {@link adamax}. */
export interface AdamaxOptions extends MomentOptions, WeightDecayOptions {
  /** α. Default: 0.002. */
  readonly learningRate?: number | Schedule;
}

/**
 * Adamax: Adam with the greatest gradient, fading, in the place of the root of the mean square.
 *
 * ```text
 * g = gradient + λ θ
 * m′ = β₁ m + (1 − β₁) g
 * u′ = max(β₂ u, |g| + ε)
 * θ′ = θ − α m′ / ((1 − β₁ᵗ) u′)
 * ```
 *
 * State: of a {@link descent} whose direction keeps `{ step, m, u }`; `step` int32[] is t, `m` and `u` are like
 * the parameters.
 *
 * Source: Kingma and Ba 2015, arXiv:1412.6980, algorithm 2; ε as in PyTorch. Defaults of both: α = 0.002.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { adamax, tensor } from "tapeloop";
 *
 * const optimizer = adamax({ learningRate: 0.5 });
 * const params = { w: tensor([1, 2]) };
 * const grads = { w: tensor([100, -0.25]) };
 * const next = optimizer.update(grads, optimizer.init(params), params);
 * console.log(next.params.w); // float32[2] [0.5, 2.5]
 * ```
 */
export function adamax(options: AdamaxOptions = {}): Optimizer {
  checkOptions("adamax", options, ["learningRate", ...momentOptions, ...weightDecayOptions]);
  const { learningRate = 2e-3 } = options;
  checkSchedule("adamax", { learningRate });
  const { beta1, beta2, epsilon } = momentsOf("adamax", options);
  const direction = leafwise({
    slots: { m: zerosLike, u: zerosLike },
    numbers: (t) => weightAfter(t, beta1),
    next: (g, last, weight) => {
      const m = movingMean(last.m, g, beta1);
      const u = maximum(mul(last.u, beta2), add(abs(g), epsilon));
      return { m, u, direction: div(m, mul(u, weight)) };
    },
  });
  return descent(learningRate, ...weightDecayOf("adamax", options), direction);
}
