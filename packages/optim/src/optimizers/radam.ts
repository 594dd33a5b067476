/** @file RAdam. */
import {
  add,
  checkOptions,
  div,
  greater,
  mul,
  sqrt,
  square,
  sub,
  where,
  zerosLike,
} from "@tapeloop/autograd";
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

/** Options of {@link radam}. */
export interface RadamOptions extends MomentOptions, WeightDecayOptions {
  /** α. Default: 0.001. */
  readonly learningRate?: number | Schedule;
}

/**
 * RAdam: Adam that steps along its mean of gradients alone, until the mean of squares is one of enough
 * values to be trusted; a warm-up of its own.
 *
 * ```text
 * g = gradient + λ θ
 * m′ = β₁ m + (1 − β₁) g,  v′ = β₂ v + (1 − β₂) g²
 * ρ∞ = 2 / (1 − β₂) − 1,  ρₜ = ρ∞ − 2 t β₂ᵗ / (1 − β₂ᵗ)
 * r = √((ρₜ − 4) (ρₜ − 2) ρ∞ / ((ρ∞ − 4) (ρ∞ − 2) ρₜ))
 * θ′ = θ − α r m′ √(1 − β₂ᵗ) / ((1 − β₁ᵗ) (√v′ + ε))    for ρₜ > 5
 * θ′ = θ − α m′ / (1 − β₁ᵗ)                             else
 * ```
 *
 * State: of a {@link descent} whose direction keeps `{ step, m, v }`; `step` int32[] is t, `m` and `v` are like
 * the parameters.
 *
 * Source: Liu et al. 2020, arXiv:1908.03265, algorithm 2, with the limit 5 and the place of ε as in PyTorch.
 * Defaults as in PyTorch.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { radam, tensor } from "tapeloop";
 *
 * const optimizer = radam({ learningRate: 0.5 });
 * const params = { w: tensor([1, 2]) };
 * const grads = { w: tensor([2, -4]) };
 * const next = optimizer.update(grads, optimizer.init(params), params);
 * console.log(next.params.w); // float32[2] [0, 4]
 * ```
 */
export function radam(options: RadamOptions = {}): Optimizer {
  checkOptions("radam", options, ["learningRate", ...momentOptions, ...weightDecayOptions]);
  const { learningRate = 1e-3 } = options;
  checkSchedule("radam", { learningRate });
  const { beta1, beta2, epsilon } = momentsOf("radam", options);
  const most = 2 / (1 - beta2) - 1;
  const direction = leafwise({
    slots: { m: zerosLike, v: zerosLike },
    numbers: (t) => {
      const [w1, w2] = [weightAfter(t, beta1), weightAfter(t, beta2)];
      // βᵗ / (1 − βᵗ) = 1/w − 1
      const rho = sub(most, mul(mul(t, 2), sub(div(1, w2), 1)));
      const rectified = greater(rho, 5);
      const ratio = div(mul(sub(rho, 4), sub(rho, 2)), mul(rho, ((most - 4) * (most - 2)) / most));
      return { rectified, scale: div(where(rectified, sqrt(mul(ratio, w2)), 1), w1) };
    },
    next: (g, last, { rectified, scale }) => {
      const m = movingMean(last.m, g, beta1);
      const v = movingMean(last.v, square(g), beta2);
      const size = where(rectified, add(sqrt(v), epsilon), 1);
      return { m, v, direction: div(mul(m, scale), size) };
    },
  });
  return descent(learningRate, ...weightDecayOf("radam", options), direction);
}
