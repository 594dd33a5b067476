/** @file Means of parameters over updates, to evaluate with. */
import {
  add,
  checkOptions,
  div,
  equal,
  less,
  mapTree,
  mul,
  rem,
  sub,
  type Tensor,
  type Tree,
  where,
} from "@tapeloop/autograd";
import { checkCounts, checkRange } from "../numbers.ts";
import type { AveragingOptimizer, Optimizer, OptimizerState } from "../optimizer.ts";
import { type Schedule, valueAt } from "../schedules/schedule.ts";
import { firstStep, nextStep, perType, pure } from "../update.ts";

/** State of a {@link weightedAverage}. */
interface AverageState {
  readonly step: Tensor;
  readonly average: Tree;
  readonly optimizer: OptimizerState;
}

/**
 * An optimizer whose parameters are averaged: mean′ = mean + w (θ′ − mean), from the first parameters on.
 *
 * @param weight - w, by the number of updates before this one.
 */
export function weightedAverage(
  optimizer: Optimizer,
  weight: number | Schedule,
): AveragingOptimizer {
  return {
    init: (params) => ({
      step: firstStep(params),
      average: params,
      optimizer: optimizer.init(params),
    }),
    update: <P extends Tree>(grads: P, state: OptimizerState, params: P) =>
      pure(() => {
        const last = state as AverageState;
        const next = optimizer.update(grads, last.optimizer, params);
        const part = perType((dtype) => valueAt(weight, last.step, dtype));
        const average = mapTree(
          (x, mean) => add(mean, mul(sub(x, mean), part(x.dtype))),
          next.params,
          last.average as P,
        );
        return {
          params: next.params,
          state: { step: nextStep(last.step), average, optimizer: next.state },
        };
      }),
    average: (state) => (state as AverageState).average as never,
  };
}

/** Options of {@link exponentialAverage}. */
export interface ExponentialAverageOptions {
  /** β, the part of the mean that stays, in [0, 1), or a schedule. Default: 0.999. */
  readonly decay?: number | Schedule;
}

/**
 * An optimizer with an exponential moving average of its parameters (EMA): mean′ = β mean + (1 − β) θ′,
 * starting with the first parameters. Evaluate with `average(state, params)`.
 *
 * State: `{ step, average, optimizer }`; `step` int32[], `average` like the parameters.
 *
 * Source: Polyak and Juditsky 1992; with a fading memory as in Keras's `use_ema`.
 *
 * @param optimizer - What moves the parameters.
 * @throws ArgumentError if the decay is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { exponentialAverage, sgd, tensor } from "tapeloop";
 *
 * const optimizer = exponentialAverage(sgd({ learningRate: 1 }), { decay: 0.75 });
 * const params = { w: tensor([4]) };
 * const next = optimizer.update({ w: tensor([4]) }, optimizer.init(params), params);
 * console.log(next.params.w.item(), optimizer.average(next.state, next.params).w.item()); // 0 3
 * ```
 */
export function exponentialAverage(
  optimizer: Optimizer,
  options: ExponentialAverageOptions = {},
): AveragingOptimizer {
  checkOptions("exponentialAverage", options, ["decay"]);
  const { decay = 0.999 } = options;
  if (typeof decay === "function") return weightedAverage(optimizer, (t) => sub(1, decay(t)));
  checkRange("exponentialAverage", { decay }, 0, 1);
  return weightedAverage(optimizer, 1 - decay);
}

/** Options of {@link stochasticWeightAverage}. */
export interface StochasticWeightAverageOptions {
  /** The number of updates after which the mean begins, from 1. Default: 1. */
  readonly start?: number;
  /** How many updates there are from one model in the mean to the next. Default: 1. */
  readonly every?: number;
}

/**
 * An optimizer with the plain mean of its parameters after the updates `start`, `start + every`, …: SWA.
 * Evaluate with `average(state, params)`, which is the parameters themselves until the mean begins.
 *
 * State: `{ step, average, optimizer }`; `step` int32[], `average` like the parameters.
 *
 * Source: Izmailov et al. 2018, arXiv:1803.05407, algorithm 1. PyTorch's AveragedModel.
 *
 * @param optimizer - What moves the parameters.
 * @throws ArgumentError if a number is not a whole one from 1, or an option is unknown.
 *
 * @example
 * ```ts
 * import { sgd, stochasticWeightAverage, tensor } from "tapeloop";
 *
 * const optimizer = stochasticWeightAverage(sgd({ learningRate: 1 }), { start: 2 });
 * let params = { w: tensor([0]) };
 * let state = optimizer.init(params);
 * for (let i = 0; i < 4; i++) {
 *   ({ params, state } = optimizer.update({ w: tensor([-1]) }, state, params));
 * }
 * console.log(params.w.item(), optimizer.average(state, params).w.item()); // 4 3
 * ```
 */
export function stochasticWeightAverage(
  optimizer: Optimizer,
  options: StochasticWeightAverageOptions = {},
): AveragingOptimizer {
  checkOptions("stochasticWeightAverage", options, ["start", "every"]);
  const { start = 1, every = 1 } = options;
  checkCounts("stochasticWeightAverage", { start, every });
  return weightedAverage(optimizer, (step) => {
    // The number of models in the mean, of which this is the last; below 1 there are none yet.
    const since = sub(step, start - 1);
    const models = add(div(since, every), 1);
    const one = div(1, where(less(models, 1), 1, models));
    return every === 1
      ? one
      : where(less(models, 1), 1, where(equal(rem(since, every), 0), one, 0));
  });
}
