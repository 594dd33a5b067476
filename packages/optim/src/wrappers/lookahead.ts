/** @file Lookahead. */
import {
  add,
  checkOptions,
  equal,
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
import { whereTree } from "../trees.ts";
import { firstStep, nextStep, pure } from "../update.ts";

/** Options of {@link lookahead}. */
export interface LookaheadOptions {
  /** k, the number of fast updates for a slow one. Default: 5. */
  readonly steps?: number;
  /** α, how far the slow weights go, from 0. Default: 0.5. */
  readonly rate?: number;
}

/** State of {@link lookahead}. */
interface LookaheadState {
  readonly step: Tensor;
  readonly slow: Tree;
  readonly optimizer: OptimizerState;
}

/**
 * An optimizer that looks k steps ahead: the fast weights make k updates, the slow weights φ go a part of
 * the way there, and the fast ones start from them again.
 *
 * ```text
 * θ′ = an update of θ
 * every k-th time: φ′ = φ + α (θ′ − φ),  θ′ = φ′
 * ```
 *
 * Evaluate with `average(state, params)`, the slow weights.
 *
 * State: `{ step, slow, optimizer }`; `step` int32[], `slow` (φ) like the parameters.
 *
 * Source: Zhang et al. 2019, arXiv:1907.08610, algorithm 1. Defaults of the paper.
 *
 * @param optimizer - Moves the fast weights. Its state goes on.
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { lookahead, sgd, tensor } from "tapeloop";
 *
 * const optimizer = lookahead(sgd({ learningRate: 1 }), { steps: 2 });
 * let params = { w: tensor([0]) };
 * let state = optimizer.init(params);
 * for (let i = 0; i < 2; i++) {
 *   ({ params, state } = optimizer.update({ w: tensor([-1]) }, state, params));
 * }
 * console.log(params.w.item()); // 1
 * ```
 */
export function lookahead(
  optimizer: Optimizer,
  options: LookaheadOptions = {},
): AveragingOptimizer {
  checkOptions("lookahead", options, ["steps", "rate"]);
  const { steps = 5, rate = 0.5 } = options;
  checkCounts("lookahead", { steps });
  checkRange("lookahead", { rate }, 0, Infinity);
  return {
    init: (params) => ({
      step: firstStep(params),
      slow: params,
      optimizer: optimizer.init(params),
    }),
    update: <P extends Tree>(grads: P, state: OptimizerState, params: P) =>
      pure(() => {
        const last = state as LookaheadState;
        const fast = optimizer.update(grads, last.optimizer, params);
        const step = nextStep(last.step);
        const meet = equal(rem(step, steps), 0);
        const slow = mapTree(
          (x, phi) => where(meet, add(phi, mul(sub(x, phi), rate)), phi),
          fast.params,
          last.slow as P,
        );
        return {
          params: whereTree(meet, slow, fast.params),
          state: { step, slow, optimizer: fast.state },
        };
      }),
    average: (state) => (state as LookaheadState).slow as never,
  };
}
