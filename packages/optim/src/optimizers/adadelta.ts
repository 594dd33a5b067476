/** @file Adadelta. */
import { add, checkOptions, div, mul, sqrt, square, zerosLike } from "@tapeloop/autograd";
import { descent } from "../descent.ts";
import { leafwise } from "../leafwise.ts";
import { movingMean } from "../moving-mean.ts";
import { checkPositive, checkRange } from "../numbers.ts";
import type { Optimizer } from "../optimizer.ts";
import { checkSchedule, type Schedule } from "../schedules/schedule.ts";
import {
  weightDecayOf,
  type WeightDecayOptions,
  weightDecayOptions,
} from "../transformations/weight-decay.ts";

/** Options of {@link adadelta}. */
export interface AdadeltaOptions extends WeightDecayOptions {
  /** α. Default: 1. */
  readonly learningRate?: number | Schedule;
  /** β, decay of both means of squares, in [0, 1). Default: 0.9. */
  readonly beta?: number;
  /** ε, under the square roots, above 0. Default: 1e-6. */
  readonly epsilon?: number;
}

/**
 * Adadelta: gradients in units of their root mean square, times the root mean square of the steps so far, so
 * that steps have the unit of the parameters.
 *
 * ```text
 * g = gradient + λ θ
 * v′ = β v + (1 − β) g²
 * d = √(u + ε) / √(v′ + ε) · g
 * u′ = β u + (1 − β) d²
 * θ′ = θ − α d
 * ```
 *
 * State: of a {@link descent} whose direction keeps `{ v, u }`, both like the parameters.
 *
 * Source: Zeiler 2012, arXiv:1212.5701, algorithm 1. Defaults as in PyTorch; the paper has β = 0.95.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { adadelta, tensor } from "tapeloop";
 *
 * const optimizer = adadelta();
 * const params = { w: tensor([1, 2]) };
 * const grads = { w: tensor([100, -0.25]) };
 * const next = optimizer.update(grads, optimizer.init(params), params);
 * console.log(next.params.w.less(params.w).toArray()); // [ 1, 0 ]
 * ```
 */
export function adadelta(options: AdadeltaOptions = {}): Optimizer {
  checkOptions("adadelta", options, ["learningRate", "beta", "epsilon", ...weightDecayOptions]);
  const { learningRate = 1, beta = 0.9, epsilon = 1e-6 } = options;
  checkSchedule("adadelta", { learningRate });
  checkRange("adadelta", { beta }, 0, 1);
  checkPositive("adadelta", { epsilon });
  const direction = leafwise({
    slots: { v: zerosLike, u: zerosLike },
    next: (g, last) => {
      const v = movingMean(last.v, square(g), beta);
      const d = mul(sqrt(div(add(last.u, epsilon), add(v, epsilon))), g);
      return { v, u: movingMean(last.u, square(d), beta), direction: d };
    },
  });
  return descent(learningRate, ...weightDecayOf("adadelta", options), direction);
}
