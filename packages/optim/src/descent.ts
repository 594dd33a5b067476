/** @file Optimizers made of a learning rate and a direction. */
import { mapTree, mul, sub, type Tensor } from "@tapeloop/autograd";
import { chain, type Optimizer, type Transformation } from "./optimizer.ts";
import { checkSchedule, type Schedule, valueAt } from "./schedules/schedule.ts";
import { firstStep, nextStep, perType, pure } from "./update.ts";

/**
 * An optimizer: θ′ = θ − α d, where d is the gradient as the directions have left it, one after the other.
 * Directions are transformations of gradients; the optimizers here are made of them like this:
 *
 * ```text
 * adamW = descent(α, scaleByAdam(), addDecayedWeights(λ))
 * lamb  = descent(α, scaleByAdam({ epsilon: 1e-6 }), addDecayedWeights(λ), scaleByTrustRatio())
 * ```
 *
 * State: `{ step }`, int32[], the number of updates so far; with directions a list of their states, and
 * behind them that.
 *
 * @param learningRate - α: a finite number from 0, or a {@link Schedule}.
 * @throws ArgumentError for another learning rate.
 *
 * @example
 * ```ts
 * import { centralizeGradients, cosineDecay, descent, momentum, tensor } from "tapeloop";
 *
 * const rate = cosineDecay({ from: 0.5, steps: 1000 });
 * const optimizer = descent(rate, centralizeGradients(), momentum(0.9, { nesterov: true }));
 * const params = { w: tensor([1, 2]) };
 * const next = optimizer.update({ w: tensor([2, 0]) }, optimizer.init(params), params);
 * console.log(Array.from(next.params.w.dataSync(), (x) => x.toFixed(2))); // [ '-0.90', '2.00' ]
 * ```
 */
export function descent(
  learningRate: number | Schedule,
  ...directions: readonly Transformation[]
): Optimizer {
  checkSchedule("descent", { learningRate });
  const down: Optimizer = {
    init: (params) => ({ step: firstStep(params) }),
    update: (grads, state, params) =>
      pure(() => {
        const { step } = state as { readonly step: Tensor };
        const rate = perType((dtype) => valueAt(learningRate, step, dtype));
        const moved = mapTree(
          (x, d) => sub(x, learningRate === 1 ? d : mul(d, rate(x.dtype))),
          params,
          grads,
        );
        return { params: moved, state: { step: nextStep(step) } };
      }),
  };
  return directions.length === 0 ? down : chain(...directions, down);
}
