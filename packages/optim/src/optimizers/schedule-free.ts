/** @file Schedule-free learning: the mean of the parameters does what a falling learning rate would. */
import {
  add,
  checkOptions,
  div,
  mapTree,
  maximum,
  mul,
  scope,
  sqrt,
  square,
  sub,
  type Tensor,
  tensor,
  type Tree,
  zerosLike,
} from "@tapeloop/autograd";
import { leafwise } from "../leafwise.ts";
import { movingMean, weightAfter } from "../moving-mean.ts";
import { checkRange } from "../numbers.ts";
import {
  type AveragingOptimizer,
  type OptimizerState,
  type Transformation,
  transformAll,
} from "../optimizer.ts";
import { checkSchedule, type Schedule, valueAt } from "../schedules/schedule.ts";
import {
  weightDecayOf,
  type WeightDecayOptions,
  weightDecayOptions,
} from "../transformations/weight-decay.ts";
import { mapTrees } from "../trees.ts";
import { firstStep, nextStep, perType, pure } from "../update.ts";
import { type MomentOptions, momentOptions, momentsOf } from "./adam.ts";

/** Options of {@link scheduleFreeSgd}. */
export interface ScheduleFreeSgdOptions extends WeightDecayOptions {
  /** γ; a schedule for a warm-up. Default: 1. */
  readonly learningRate?: number | Schedule;
  /** β, how much of the mean there is in the point where gradients are taken, in [0, 1). Default: 0.9. */
  readonly momentum?: number;
}

/** Options of {@link scheduleFreeAdamW}; λ is 0 by default. */
export interface ScheduleFreeAdamWOptions extends MomentOptions, WeightDecayOptions {
  /** γ; a schedule for a warm-up. Default: 0.0025. */
  readonly learningRate?: number | Schedule;
}

/** State of a schedule-free optimizer. */
interface ScheduleFreeState<P> {
  readonly directions: readonly OptimizerState[];
  readonly step: Tensor;
  readonly z: P;
  readonly average: P;
  readonly weight: P;
}

/** y = (1 − β) z + β x, where z goes along d by γ, and x is the mean of z, weighted by γ². */
function scheduleFree(
  rate: number | Schedule,
  beta: number,
  directions: readonly Transformation[],
): AveragingOptimizer {
  return {
    init: (params) => ({
      directions: directions.map((direction) => direction.init(params)),
      step: firstStep(params),
      z: params,
      average: params,
      weight: mapTree((x) => tensor(0, { dtype: x.dtype, backend: x.backend }), params),
    }),
    update: <P extends Tree>(grads: P, state: OptimizerState, params: P) =>
      pure(() => {
        const last = state as ScheduleFreeState<P>;
        const changed = transformAll(directions, grads, last.directions, params);
        const gamma = perType((dtype) => valueAt(rate, last.step, dtype));
        const { y, ...next } = mapTrees(
          ["y", "z", "average", "weight"],
          (g, lastZ, mean, lastWeight) => {
            const size = gamma(g.dtype);
            return scope(() => {
              const z = sub(lastZ, mul(g, size));
              const own = mul(size, size);
              const weight = add(lastWeight, own);
              // 0 while the learning rate has been 0.
              const part = div(own, maximum(weight, 1e-30));
              const average = add(mean, mul(sub(z, mean), part));
              return { y: add(average, mul(sub(z, average), 1 - beta)), z, average, weight };
            });
          },
          changed.grads,
          last.z,
          last.average,
          last.weight,
        );
        return {
          params: y,
          state: { directions: changed.states, step: nextStep(last.step), ...next },
        };
      }),
    average: (state) => (state as ScheduleFreeState<unknown>).average as never,
  };
}

/**
 * Schedule-free stochastic gradient descent. The parameters are the points y where gradients are taken;
 * evaluate with `average(state, params)`, the mean x. A long constant learning rate takes no schedule but,
 * at most, a {@link linearWarmup}.
 *
 * ```text
 * g = gradient at y + λ y
 * z′ = z − γ g
 * x′ = (1 − c) x + c z′,  c = γ² / Σ γ²
 * y′ = (1 − β) z′ + β x′
 * ```
 *
 * State: `{ directions, step, z, average, weight }`; `step` int32[], `z` and `average` (x) like the parameters,
 * `weight` Σ γ², a number for each of them; `directions` is empty.
 *
 * Source: Defazio et al. 2024, "The road less scheduled", arXiv:2405.15682, eqs. 3–5, with the weights of
 * algorithm 1. Defaults of the authors' code.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { linearWarmup, scheduleFreeSgd, tensor } from "tapeloop";
 *
 * const learningRate = linearWarmup({ steps: 4, from: 0.25, after: 1 });
 * const optimizer = scheduleFreeSgd({ learningRate, momentum: 0.5 });
 * const params = { w: tensor([1]) };
 * const next = optimizer.update({ w: tensor([4]) }, optimizer.init(params), params);
 * console.log(optimizer.average(next.state, next.params).w.item()); // 0
 * ```
 */
export function scheduleFreeSgd(options: ScheduleFreeSgdOptions = {}): AveragingOptimizer {
  const known = ["learningRate", "momentum", ...weightDecayOptions];
  checkOptions("scheduleFreeSgd", options, known);
  const { learningRate = 1, momentum = 0.9 } = options;
  checkSchedule("scheduleFreeSgd", { learningRate });
  checkRange("scheduleFreeSgd", { momentum }, 0, 1);
  return scheduleFree(learningRate, momentum, weightDecayOf("scheduleFreeSgd", options));
}

/**
 * Schedule-free AdamW: see {@link scheduleFreeSgd}. The parameters are the points y where gradients are
 * taken; evaluate with `average(state, params)`, the mean x.
 *
 * ```text
 * v′ = β₂ v + (1 − β₂) g²
 * γₜ = γ √(1 − β₂ᵗ)
 * z′ = z − γₜ (g / (√v′ + ε) + λ y)
 * x′ = (1 − c) x + c z′,  c = γₜ² / Σ γₜ²
 * y′ = (1 − β₁) z′ + β₁ x′
 * ```
 *
 * State: `{ directions, step, z, average, weight }`; `step` int32[], `z` and `average` (x) like the parameters,
 * `weight` Σ γₜ², a number for each of them; `directions` is `[{ v }]`.
 *
 * Source: Defazio et al. 2024, "The road less scheduled", arXiv:2405.15682, algorithm 1, with the warm-up as a
 * schedule. Defaults of the authors' code: γ = 0.0025, λ = 0.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { scheduleFreeAdamW, tensor } from "tapeloop";
 *
 * const optimizer = scheduleFreeAdamW({ learningRate: 0.5 });
 * const params = { w: tensor([1, 2]) };
 * const grads = { w: tensor([100, -0.25]) };
 * const next = optimizer.update(grads, optimizer.init(params), params);
 * console.log(Array.from(next.params.w.dataSync(), (x) => x.toFixed(3))); // [ '0.500', '2.500' ]
 * ```
 */
export function scheduleFreeAdamW(options: ScheduleFreeAdamWOptions = {}): AveragingOptimizer {
  const known = ["learningRate", ...momentOptions, ...weightDecayOptions];
  checkOptions("scheduleFreeAdamW", options, known);
  const { learningRate = 2.5e-3 } = options;
  checkSchedule("scheduleFreeAdamW", { learningRate });
  const { beta1, beta2, epsilon } = momentsOf("scheduleFreeAdamW", options);
  const rate: Schedule = (step) =>
    mul(sqrt(weightAfter(add(step, 1), beta2)), valueAt(learningRate, step, step.dtype));
  const direction = leafwise({
    slots: { v: zerosLike },
    next: (g, last) => {
      const v = movingMean(last.v, square(g), beta2);
      return { v, direction: div(g, add(sqrt(v), epsilon)) };
    },
  });
  const decay = weightDecayOf("scheduleFreeAdamW", options);
  return scheduleFree(rate, beta1, [direction, ...decay]);
}
