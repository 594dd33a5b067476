/** @file Leaving out updates by gradients that are not finite. */
import {
  abs,
  checkOptions,
  leaves,
  less,
  logicalAnd,
  logicalOr,
  max,
  type Tensor,
  type Tree,
  where,
} from "@tapeloop/autograd";
import { checkCounts } from "../numbers.ts";
import type { Optimizer, OptimizerState } from "../optimizer.ts";
import { whereTree } from "../trees.ts";
import { firstStep, nextStep, pure } from "../update.ts";

/** Options of {@link skipNonFinite}. */
export interface SkipNonFiniteOptions {
  /** After so many in a row they are not left out any more. Default: there is no limit. */
  readonly limit?: number;
}

/** State of {@link skipNonFinite}. */
interface SkipState {
  readonly inRow: Tensor;
  readonly skipped: Tensor;
  readonly optimizer: OptimizerState;
}

/** Whether all elements of a tree are finite. */
function isAllFinite(tree: Tree): Tensor | null {
  // NaN is the greatest of all, and not below infinity.
  const parts = leaves(tree).filter((x) => x.size > 0);
  const finite = parts.map((x) => less(max(abs(x)), Infinity));
  return finite.length === 0 ? null : finite.reduce((a, b) => logicalAnd(a, b));
}

/**
 * An optimizer that leaves parameters and state as they are where a gradient has NaN or ±Infinity in it, and
 * counts how often. With a limit, such gradients are let through after so many in a row, so that a model that
 * is beyond repair shows it.
 *
 * State: `{ inRow, skipped, optimizer }`; int32[] updates left out since the last one that was made, and in
 * all.
 *
 * @param optimizer - Makes the other updates.
 * @throws ArgumentError if the limit is not a whole number from 1, or an option is unknown.
 *
 * @example
 * ```ts
 * import { sgd, skipNonFinite, tensor, type Tensor } from "tapeloop";
 *
 * const optimizer = skipNonFinite(sgd({ learningRate: 1 }));
 * const params = { w: tensor([1, 2]) };
 * const next = optimizer.update({ w: tensor([1, NaN]) }, optimizer.init(params), params);
 * console.log(next.params.w.toArray()); // [ 1, 2 ]
 * console.log((next.state as { skipped: Tensor }).skipped.item()); // 1
 * ```
 */
export function skipNonFinite(optimizer: Optimizer, options: SkipNonFiniteOptions = {}): Optimizer {
  checkOptions("skipNonFinite", options, ["limit"]);
  const { limit } = options;
  if (limit !== undefined) checkCounts("skipNonFinite", { limit });
  return {
    init: (params) => ({
      inRow: firstStep(params),
      skipped: firstStep(params),
      optimizer: optimizer.init(params),
    }),
    update: <P extends Tree>(grads: P, state: OptimizerState, params: P) =>
      pure(() => {
        const last = state as SkipState;
        const next = optimizer.update(grads, last.optimizer, params);
        const finite = isAllFinite(grads);
        if (finite === null)
          return { params: next.params, state: { ...last, optimizer: next.state } };
        const made = limit === undefined ? finite : logicalOr(finite, less(limit - 1, last.inRow));
        return {
          params: whereTree(made, next.params, params),
          state: {
            inRow: where(finite, 0, nextStep(last.inRow)),
            skipped: where(made, last.skipped, nextStep(last.skipped)),
            optimizer: whereTree(made, next.state, last.optimizer),
          },
        };
      }),
  };
}
