/** @file Adam. */
import {
  add,
  cast,
  checkOptions,
  div,
  expm1,
  mapTree,
  mul,
  neg,
  sqrt,
  square,
  sub,
  type Tensor,
  zerosLike,
} from "@tapeloop/autograd";
import { checkRange, descend, firstStep, nextStep, pure } from "./descent.ts";
import type { Optimizer } from "./optimizer.ts";

/** Options of {@link adam}. */
export interface AdamOptions {
  /** α. Default: 0.001. */
  readonly learningRate?: number;
  /** β₁, decay of the mean of gradients, in [0, 1). Default: 0.9. */
  readonly beta1?: number;
  /** β₂, decay of the mean of squared gradients, in [0, 1). Default: 0.999. */
  readonly beta2?: number;
  /** ε, beside the square root. Default: 1e-8. */
  readonly epsilon?: number;
}

/** State of {@link adam}: updates so far, and the two moving means. */
interface AdamState<P> {
  readonly step: Tensor;
  readonly m: P;
  readonly v: P;
}

/**
 * Adam: steps of about the learning rate, whatever the scale of the gradients.
 *
 * ```text
 * m′ = β₁ m + (1 − β₁) g          mean of gradients
 * v′ = β₂ v + (1 − β₂) g²         mean of squared gradients
 * m̂ = m′ / (1 − β₁ᵗ)              both start at 0; this takes out their bias
 * v̂ = v′ / (1 − β₂ᵗ)
 * θ′ = θ − α m̂ / (√v̂ + ε)
 * ```
 *
 * State: `{ step, m, v }`; `step` int32[] is t, `m` and `v` are like the parameters.
 *
 * Source: Kingma and Ba 2015, arXiv:1412.6980, algorithm 1.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { adam, tensor } from "tapeloop";
 *
 * const optimizer = adam({ learningRate: 0.5 });
 * const params = { w: tensor([1, 2]) };
 * const grads = { w: tensor([100, -0.25]) };
 * const next = optimizer.update(grads, optimizer.init(params), params);
 * console.log(next.params.w); // float32[2] [0.5, 2.5]
 * ```
 */
export function adam(options: AdamOptions = {}): Optimizer {
  checkOptions("adam", options, ["learningRate", "beta1", "beta2", "epsilon"]);
  const { learningRate = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
  checkRange("adam", { learningRate, epsilon }, 0, Infinity);
  checkRange("adam", { beta1, beta2 }, 0, 1);
  return {
    init: (params) => ({
      step: firstStep(params),
      m: mapTree(zerosLike, params),
      v: mapTree(zerosLike, params),
    }),
    update: (grads, state, params) =>
      pure(() => {
        const last = state as AdamState<typeof params>;
        const step = nextStep(last.step);
        const m = mapTree(movingMean(beta1), last.m, grads);
        const v = mapTree(movingMean(beta2), last.v, mapTree(square, grads));
        const direction = mapTree(
          (mean, meanSquare) => {
            const mHat = div(mean, weightAfter(step, beta1, mean));
            const vHat = div(meanSquare, weightAfter(step, beta2, meanSquare));
            return div(mHat, add(sqrt(vHat), epsilon));
          },
          m,
          v,
        );
        return { params: descend(params, direction, learningRate), state: { step, m, v } };
      }),
  };
}

/** A moving mean after one more value: β mean + (1 − β) value. */
function movingMean(beta: number): (mean: Tensor, value: Tensor) => Tensor {
  return (mean, value) => add(mean, mul(sub(value, mean), 1 - beta));
}

/**
 * 1 − βᵗ, the weight that a moving mean with decay β has gathered in t steps, in the element type of
 * `like`. As −expm1(t ln β) it is exact in float32 too, where 1 − βᵗ would cancel.
 */
function weightAfter(step: Tensor, beta: number, like: Tensor): Tensor {
  return neg(expm1(mul(cast(step, like.dtype), Math.log(beta))));
}
