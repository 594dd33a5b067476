/** @file Lion. */
import { add, checkOptions, mul, sign, sub, zerosLike } from "@tapeloop/autograd";
import { descent } from "../descent.ts";
import { leafwise } from "../leafwise.ts";
import { checkRange } from "../numbers.ts";
import type { Optimizer } from "../optimizer.ts";
import { checkSchedule, type Schedule } from "../schedules/schedule.ts";
import {
  weightDecayOf,
  type WeightDecayOptions,
  weightDecayOptions,
} from "../transformations/weight-decay.ts";

/** Options of {@link lion}. */
export interface LionOptions extends WeightDecayOptions {
  /** α; about a tenth of what Adam takes, since every element of a step is as long as this. Default: 1e-4. */
  readonly learningRate?: number | Schedule;
  /** β₁, the part of the mean in the direction, in [0, 1). Default: 0.9. */
  readonly beta1?: number;
  /** β₂, decay of the mean of gradients, in [0, 1). Default: 0.99. */
  readonly beta2?: number;
}

/**
 * Lion: steps of one size, in the direction of the sign of a mean of gradients.
 *
 * ```text
 * c = β₁ m + (1 − β₁) g
 * θ′ = θ − α (sign(c) + λ θ)
 * m′ = β₂ m + (1 − β₂) g
 * ```
 *
 * State: of a {@link descent} whose direction keeps `{ m }`, like the parameters.
 *
 * Source: Chen et al. 2023, arXiv:2302.06675, algorithm 2. Defaults of the paper, with λ = 0 as in Keras.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { lion, tensor } from "tapeloop";
 *
 * const optimizer = lion({ learningRate: 0.5 });
 * const params = { w: tensor([1, 2]) };
 * const grads = { w: tensor([100, -0.25]) };
 * const next = optimizer.update(grads, optimizer.init(params), params);
 * console.log(next.params.w); // float32[2] [0.5, 2.5]
 * ```
 */
export function lion(options: LionOptions = {}): Optimizer {
  checkOptions("lion", options, ["learningRate", "beta1", "beta2", ...weightDecayOptions]);
  const { learningRate = 1e-4, beta1 = 0.9, beta2 = 0.99 } = options;
  checkSchedule("lion", { learningRate });
  checkRange("lion", { beta1, beta2 }, 0, 1);
  const direction = leafwise({
    slots: { m: zerosLike },
    next: (g, { m }) => {
      const change = sub(g, m);
      return {
        m: add(m, mul(change, 1 - beta2)),
        direction: sign(add(m, mul(change, 1 - beta1))),
      };
    },
  });
  return descent(learningRate, direction, ...weightDecayOf("lion", options));
}
