/** @file RMSprop. */
import {
  add,
  checkOptions,
  div,
  sqrt,
  square,
  sub,
  type Tensor,
  zerosLike,
} from "@tapeloop/autograd";
import { descent } from "../descent.ts";
import { leafwise } from "../leafwise.ts";
import { movingMean } from "../moving-mean.ts";
import { checkRange } from "../numbers.ts";
import type { Optimizer, Transformation } from "../optimizer.ts";
import { checkSchedule, type Schedule } from "../schedules/schedule.ts";
import { momentum as withMomentum } from "../transformations/momentum.ts";
import {
  weightDecayOf,
  type WeightDecayOptions,
  weightDecayOptions,
} from "../transformations/weight-decay.ts";

/** Options of {@link scaleByRms}. */
export interface ScaleByRmsOptions {
  /** β, decay of the mean of squared gradients, in [0, 1). Default: 0.99. */
  readonly beta?: number;
  /** ε, beside the square root. Default: 1e-8. */
  readonly epsilon?: number;
  /** Whether the mean gradient is taken out of the squares. Default: false. */
  readonly centered?: boolean;
}

/** Options of {@link rmsprop}. */
export interface RmspropOptions extends ScaleByRmsOptions, WeightDecayOptions {
  /** α. Default: 0.01. */
  readonly learningRate?: number | Schedule;
  /** μ, the part of its velocity that the parameter keeps, in [0, 1), or a schedule. Default: 0. */
  readonly momentum?: number | Schedule;
}

/**
 * The direction of {@link rmsprop} without momentum: g / (√v + ε).
 *
 * State: `v` like the parameters, and with `centered` `m`, too.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { descent, momentum, scaleByRms } from "tapeloop";
 *
 * const rmsprop = descent(0.01, scaleByRms({ beta: 0.9 }), momentum(0.9, { nesterov: true }));
 * console.log(Object.keys(rmsprop)); // [ 'init', 'update' ]
 * ```
 */
export function scaleByRms(options: ScaleByRmsOptions = {}): Transformation {
  checkOptions("scaleByRms", options, ["beta", "epsilon", "centered"]);
  const { beta = 0.99, epsilon = 1e-8, centered = false } = options;
  checkRange("scaleByRms", { beta }, 0, 1);
  checkRange("scaleByRms", { epsilon }, 0, Infinity);
  const quotient = (g: Tensor, v: Tensor): Tensor => div(g, add(sqrt(v), epsilon));
  if (centered) {
    return leafwise({
      slots: { v: zerosLike, m: zerosLike },
      next: (g, last) => {
        const v = movingMean(last.v, square(g), beta);
        const m = movingMean(last.m, g, beta);
        return { v, m, direction: quotient(g, sub(v, square(m))) };
      },
    });
  }
  return leafwise({
    slots: { v: zerosLike },
    next: (g, last) => {
      const v = movingMean(last.v, square(g), beta);
      return { v, direction: quotient(g, v) };
    },
  });
}

/**
 * RMSprop: gradients in units of their own root mean square.
 *
 * ```text
 * g = gradient + λ θ
 * v′ = β v + (1 − β) g²
 * d = g / (√v′ + ε)              or, centered,
 * d = g / (√(v′ − m′²) + ε)      with m′ = β m + (1 − β) g
 * θ′ = θ − α d                   without momentum
 * b′ = μ b + d,  θ′ = θ − α b′   with momentum
 * ```
 *
 * State: of a {@link descent} whose first direction keeps `{ v }`, with `centered` `{ v, m }`, and the second,
 * where there is momentum, `{ velocity }`, b; all like the parameters.
 *
 * Source: Tieleman and Hinton 2012, "Lecture 6.5: rmsprop"; centered: Graves 2013, arXiv:1308.0850, eqs.
 * 38–45. Form and defaults as in PyTorch.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { rmsprop, tensor } from "tapeloop";
 *
 * const optimizer = rmsprop({ learningRate: 0.1, beta: 0.99 });
 * const params = { w: tensor([1, 2]) };
 * const grads = { w: tensor([100, -0.25]) };
 * const next = optimizer.update(grads, optimizer.init(params), params);
 * console.log(Array.from(next.params.w.dataSync(), (x) => x.toFixed(3))); // [ '0.000', '3.000' ]
 * ```
 */
export function rmsprop(options: RmspropOptions = {}): Optimizer {
  const known = ["learningRate", "beta", "epsilon", "centered", "momentum", ...weightDecayOptions];
  checkOptions("rmsprop", options, known);
  const { learningRate = 1e-2, momentum = 0, beta = 0.99, epsilon = 1e-8 } = options;
  checkSchedule("rmsprop", { learningRate });
  checkRange("rmsprop", { beta, ...(typeof momentum !== "function" && { momentum }) }, 0, 1);
  checkRange("rmsprop", { epsilon }, 0, Infinity);
  return descent(
    learningRate,
    ...weightDecayOf("rmsprop", options),
    scaleByRms({ beta, epsilon, centered: options.centered === true }),
    ...(momentum === 0 ? [] : [withMomentum(momentum)]),
  );
}
