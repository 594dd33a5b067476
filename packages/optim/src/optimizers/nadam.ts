/** @file NAdam. */
import {
  add,
  checkOptions,
  div,
  exp,
  mul,
  sqrt,
  square,
  sub,
  type Tensor,
  tensor,
  zerosLike,
} from "@tapeloop/autograd";
import { descent } from "../descent.ts";
import { leafwise } from "../leafwise.ts";
import { movingMean, weightAfter } from "../moving-mean.ts";
import { checkRange } from "../numbers.ts";
import type { Optimizer } from "../optimizer.ts";
import { checkSchedule, type Schedule } from "../schedules/schedule.ts";
import {
  weightDecayOf,
  type WeightDecayOptions,
  weightDecayOptions,
} from "../transformations/weight-decay.ts";
import { type MomentOptions, momentOptions, momentsOf } from "./adam.ts";

/** Options of {@link nadam}. */
export interface NadamOptions extends MomentOptions, WeightDecayOptions {
  /** α. Default: 0.002. */
  readonly learningRate?: number | Schedule;
  /** ψ, how fast the momentum grows to β₁, from 0. Default: 0.004. */
  readonly momentumDecay?: number;
}

/**
 * NAdam: Adam with Nesterov's momentum.
 *
 * ```text
 * g = gradient + λ θ
 * μₜ = β₁ (1 − ½ · 0.96^(t ψ))
 * m′ = β₁ m + (1 − β₁) g
 * v′ = β₂ v + (1 − β₂) g²
 * m̂ = μₜ₊₁ m′ / (1 − μ₁…μₜ₊₁) + (1 − μₜ) g / (1 − μ₁…μₜ)
 * θ′ = θ − α m̂ / (√(v′ / (1 − β₂ᵗ)) + ε)
 * ```
 *
 * State: of a {@link descent} whose direction keeps `{ step, m, v, product }`; `step` int32[] is t, `m` and `v`
 * are like the parameters, `product` is μ₁…μₜ, a number for each of them.
 *
 * Source: Dozat 2016, "Incorporating Nesterov momentum into Adam", algorithm 2, with the schedule of μ given
 * there; m is the mean with the constant β₁, as in PyTorch. Defaults as in PyTorch.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { nadam, tensor } from "tapeloop";
 *
 * const optimizer = nadam({ learningRate: 0.5 });
 * const params = { w: tensor([1, 2]) };
 * const grads = { w: tensor([100, -0.25]) };
 * const next = optimizer.update(grads, optimizer.init(params), params);
 * console.log(next.params.w.less(params.w).toArray()); // [ 1, 0 ]
 * ```
 */
export function nadam(options: NadamOptions = {}): Optimizer {
  const known = ["learningRate", ...momentOptions, "momentumDecay", ...weightDecayOptions];
  checkOptions("nadam", options, known);
  const { learningRate = 2e-3, momentumDecay = 4e-3 } = options;
  checkSchedule("nadam", { learningRate });
  checkRange("nadam", { momentumDecay }, 0, Infinity);
  const { beta1, beta2, epsilon } = momentsOf("nadam", options);
  const momentumAt = (t: Tensor): Tensor =>
    mul(sub(1, mul(exp(mul(t, momentumDecay * Math.log(0.96))), 0.5)), beta1);
  const direction = leafwise({
    slots: {
      m: zerosLike,
      v: zerosLike,
      product: (x) => tensor(1, { dtype: x.dtype, backend: x.backend }),
    },
    numbers: (t) => ({
      mu: momentumAt(t),
      muNext: momentumAt(add(t, 1)),
      weight: weightAfter(t, beta2),
    }),
    next: (g, last, { mu, muNext, weight }) => {
      const m = movingMean(last.m, g, beta1);
      const v = movingMean(last.v, square(g), beta2);
      const product = mul(last.product, mu);
      const ofMean = div(muNext, sub(1, mul(product, muNext)));
      const ofGradient = div(sub(1, mu), sub(1, product));
      const ahead = add(mul(m, ofMean), mul(g, ofGradient));
      return { m, v, product, direction: div(ahead, add(sqrt(div(v, weight)), epsilon)) };
    },
  });
  return descent(learningRate, ...weightDecayOf("nadam", options), direction);
}
