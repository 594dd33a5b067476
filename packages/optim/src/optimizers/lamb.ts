/** @file LAMB. */
import { checkOptions } from "@tapeloop/autograd";
import { descent } from "../descent.ts";
import type { Optimizer } from "../optimizer.ts";
import { checkSchedule, type Schedule } from "../schedules/schedule.ts";
import { scaleByTrustRatio } from "../transformations/trust-ratio.ts";
import {
  weightDecayOf,
  type WeightDecayOptions,
  weightDecayOptions,
} from "../transformations/weight-decay.ts";
import { type MomentOptions, momentOptions, momentsOf, scaleByAdam } from "./adam.ts";

/** Options of {@link lamb}; ε is 1e-6 by default. */
export interface LambOptions extends MomentOptions, WeightDecayOptions {
  /** α. Default: 0.001. */
  readonly learningRate?: number | Schedule;
}

/**
 * LAMB: Adam with steps as long as α times the parameter, for large batches.
 *
 * ```text
 * d = m̂ / (√v̂ + ε) + λ θ          with m̂ and v̂ as in adam
 * θ′ = θ − α d ‖θ‖ / ‖d‖           with norms over one tensor; θ − α d where one of them is 0
 * ```
 *
 * State: of a {@link descent} whose first direction keeps `{ step, m, v }`, as of {@link adam}.
 *
 * Source: You et al. 2020, arXiv:1904.00962, algorithm 2 with φ(z) = z. Defaults of Keras and Optax:
 * α = 0.001, ε = 1e-6, λ = 0.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { lamb, tensor } from "tapeloop";
 *
 * const optimizer = lamb({ learningRate: 0.5 });
 * const params = { w: tensor([3, 4]) };
 * const next = optimizer.update({ w: tensor([100, -7]) }, optimizer.init(params), params);
 * const length = next.params.w.sub(params.w).square().sum().sqrt();
 * console.log(length.item().toFixed(3)); // 2.500
 * ```
 */
export function lamb(options: LambOptions = {}): Optimizer {
  checkOptions("lamb", options, ["learningRate", ...momentOptions, ...weightDecayOptions]);
  const { learningRate = 1e-3 } = options;
  checkSchedule("lamb", { learningRate });
  return descent(
    learningRate,
    scaleByAdam(momentsOf("lamb", { epsilon: 1e-6, ...options })),
    ...weightDecayOf("lamb", options),
    scaleByTrustRatio(),
  );
}
