/** @file Gradients of several small batches as one. */
import {
  add,
  equal,
  mapTree,
  mul,
  rem,
  type Tensor,
  type Tree,
  where,
  zerosLike,
} from "@tapeloop/autograd";
import { checkCounts } from "../numbers.ts";
import type { Optimizer, OptimizerState } from "../optimizer.ts";
import { whereTree } from "../trees.ts";
import { firstStep, nextStep, pure } from "../update.ts";

/** State of {@link accumulate}. */
interface AccumulateState {
  readonly count: Tensor;
  readonly mean: Tree;
  readonly optimizer: OptimizerState;
}

/**
 * An optimizer that makes one update of every so many gradients, by their mean: the update of a batch that
 * does not fit into memory at once. In between parameters and its state stay as they are.
 *
 * State: `{ count, mean, optimizer }`; `count` int32[], the gradients since the last update, `mean` like the
 * parameters.
 *
 * Each call computes the update and chooses, so that it can be part of a compiled step. An update costs little
 * beside a gradient.
 *
 * @param optimizer - Makes the updates.
 * @param steps - How many gradients there are to each.
 * @throws ArgumentError if `steps` is not a whole number from 1.
 *
 * @example
 * ```ts
 * import { accumulate, sgd, tensor } from "tapeloop";
 *
 * const optimizer = accumulate(sgd({ learningRate: 1 }), 2);
 * let params = { w: tensor([0]) };
 * let state = optimizer.init(params);
 * for (const g of [-1, -3]) {
 *   ({ params, state } = optimizer.update({ w: tensor([g]) }, state, params));
 * }
 * console.log(params.w.item()); // 2
 * ```
 */
export function accumulate(optimizer: Optimizer, steps: number): Optimizer {
  checkCounts("accumulate", { steps });
  return {
    init: (params) => ({
      count: firstStep(params),
      mean: mapTree(zerosLike, params),
      optimizer: optimizer.init(params),
    }),
    update: <P extends Tree>(grads: P, state: OptimizerState, params: P) =>
      pure(() => {
        const last = state as AccumulateState;
        const mean = mapTree((g, sum) => add(sum, mul(g, 1 / steps)), grads, last.mean as P);
        const next = optimizer.update(mean, last.optimizer, params);
        const count = rem(nextStep(last.count), steps);
        const full = equal(count, 0);
        return {
          params: whereTree(full, next.params, params),
          state: {
            count,
            mean: mapTree((g) => where(full, 0, g), mean),
            optimizer: whereTree(full, next.state, last.optimizer),
          },
        };
      }),
  };
}
