/** @file Averaged stochastic gradient descent. */
import { add, checkOptions, div, maximum, mul, pow, sub, type Tensor } from "@tapeloop/autograd";
import { descent } from "../descent.ts";
import { checkPositive, checkRange } from "../numbers.ts";
import type { AveragingOptimizer } from "../optimizer.ts";
import {
  addDecayedWeights,
  weightDecayOf,
  type WeightDecayOptions,
  weightDecayOptions,
} from "../transformations/weight-decay.ts";
import { weightedAverage } from "../wrappers/averages.ts";

/** Options of {@link asgd}. */
export interface AsgdOptions extends WeightDecayOptions {
  /** η₀. Default: 0.01. */
  readonly learningRate?: number;
  /** Λ, the decay that is part of the method, from 0. Default: 1e-4. */
  readonly lambda?: number;
  /** α, how fast the learning rate falls, from 0. Default: 0.75. */
  readonly power?: number;
  /** t₀, the number of updates after which the mean begins, from 0. Default: 1e6. */
  readonly start?: number;
}

/**
 * Averaged stochastic gradient descent: steps of a falling size, and the mean of where they led.
 *
 * ```text
 * η = η₀ / (1 + Λ η₀ t)^α                    t counts from 0
 * g = gradient + λ θ
 * θ′ = θ − η (g + Λ θ)
 * mean′ = mean + (θ′ − mean) / max(1, t − t₀)
 * ```
 *
 * Evaluate with `average(state, params)`, which is the parameters themselves until the mean begins.
 *
 * State: `{ step, average, optimizer }`; `step` int32[], `average` like the parameters.
 *
 * Source: Polyak and Juditsky 1992, "Acceleration of stochastic approximation by averaging"; with the rates of
 * Bottou 2010, "Large-scale machine learning with stochastic gradient descent", as in PyTorch. Defaults as in
 * PyTorch.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { asgd, tensor } from "tapeloop";
 *
 * const optimizer = asgd({ learningRate: 0.5, lambda: 0, start: 1 });
 * let params = { w: tensor([0]) };
 * let state = optimizer.init(params);
 * for (let i = 0; i < 4; i++) {
 *   ({ params, state } = optimizer.update({ w: tensor([-2]) }, state, params));
 * }
 * console.log(params.w.item(), optimizer.average(state, params).w.item()); // 4 3.5
 * ```
 */
export function asgd(options: AsgdOptions = {}): AveragingOptimizer {
  const known = ["learningRate", "lambda", "power", "start"];
  checkOptions("asgd", options, [...known, ...weightDecayOptions]);
  const { learningRate = 1e-2, lambda = 1e-4, power = 0.75, start = 1e6 } = options;
  checkRange("asgd", { lambda, power, start }, 0, Infinity);
  checkPositive("asgd", { learningRate });
  const rate = (step: Tensor): Tensor =>
    div(learningRate, pow(add(mul(step, lambda * learningRate), 1), power));
  const optimizer = descent(
    rate,
    ...weightDecayOf("asgd", options),
    ...(lambda === 0 ? [] : [addDecayedWeights(lambda)]),
  );
  return weightedAverage(optimizer, (step) => div(1, maximum(sub(step, start), 1)));
}
