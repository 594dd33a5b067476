/** @file Adagrad. */
import {
  add,
  checkOptions,
  div,
  fullLike,
  mul,
  sqrt,
  square,
  type Tensor,
} from "@tapeloop/autograd";
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

/** Options of {@link adagrad}. */
export interface AdagradOptions extends WeightDecayOptions {
  /** α. Default: 0.01. */
  readonly learningRate?: number | Schedule;
  /** η: α is divided by 1 + (t − 1) η. From 0. Default: 0. */
  readonly learningRateDecay?: number;
  /** The sum of squares before the first update, from 0. Default: 0. */
  readonly initialSum?: number;
  /** ε, beside the square root. Default: 1e-10. */
  readonly epsilon?: number;
}

/**
 * Adagrad: a learning rate for every weight that falls with the gradients it has had.
 *
 * ```text
 * g = gradient + λ θ
 * s′ = s + g²
 * θ′ = θ − α / (1 + (t − 1) η) · g / (√s′ + ε)
 * ```
 *
 * State: of a {@link descent} whose direction keeps `{ sum }`, s, like the parameters.
 *
 * Source: Duchi, Hazan and Singer 2011, "Adaptive subgradient methods for online learning and stochastic
 * optimization", fig. 1 with diagonal matrices. Form and defaults as in PyTorch.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { adagrad, tensor } from "tapeloop";
 *
 * const optimizer = adagrad({ learningRate: 0.5 });
 * const params = { w: tensor([1, 2]) };
 * const grads = { w: tensor([100, -0.25]) };
 * const next = optimizer.update(grads, optimizer.init(params), params);
 * console.log(next.params.w); // float32[2] [0.5, 2.5]
 * ```
 */
export function adagrad(options: AdagradOptions = {}): Optimizer {
  const known = ["learningRate", "learningRateDecay", "initialSum", "epsilon"];
  checkOptions("adagrad", options, [...known, ...weightDecayOptions]);
  const { learningRate = 1e-2, learningRateDecay = 0, initialSum = 0, epsilon = 1e-10 } = options;
  checkSchedule("adagrad", { learningRate });
  checkRange("adagrad", { learningRateDecay, initialSum, epsilon }, 0, Infinity);
  const direction = leafwise({
    slots: { sum: (x) => fullLike(x, initialSum) },
    next: (g, last) => {
      const sum = add(last.sum, square(g));
      return { sum, direction: div(g, add(sqrt(sum), epsilon)) };
    },
  });
  const falling = (step: Tensor): Tensor =>
    div(
      typeof learningRate === "number" ? learningRate : learningRate(step),
      add(mul(step, learningRateDecay), 1),
    );
  return descent(
    learningRateDecay === 0 ? learningRate : falling,
    ...weightDecayOf("adagrad", options),
    direction,
  );
}
