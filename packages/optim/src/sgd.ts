/** @file Stochastic gradient descent, with momentum. */
import {
  add,
  ArgumentError,
  checkOptions,
  mapTree,
  mul,
  type Tensor,
  zerosLike,
} from "@tapeloop/autograd";
import { checkRange, descend, firstStep, nextStep, pure } from "./descent.ts";
import type { Optimizer } from "./optimizer.ts";

/** Options of {@link sgd}. */
export interface SgdOptions {
  /** α. */
  readonly learningRate: number;
  /** μ, the part of its velocity that the parameter keeps, in [0, 1). Default: 0. */
  readonly momentum?: number;
  /** Whether the gradient counts as if the velocity had been added already. Default: false. */
  readonly nesterov?: boolean;
}

/** State of {@link sgd}: updates so far, and v where there is momentum. */
interface SgdState<P> {
  readonly step: Tensor;
  readonly velocity: P;
}

/**
 * Stochastic gradient descent:
 *
 * ```text
 * θ′ = θ − α g                            without momentum
 * v′ = μ v + g,  θ′ = θ − α v′            with momentum; v is 0 at first
 * v′ = μ v + g,  θ′ = θ − α (g + μ v′)    with Nesterov's momentum
 * ```
 *
 * State: `{ step }`, with momentum `{ step, velocity }`; `step` int32[], `velocity` like the parameters.
 *
 * Source: Polyak 1964; Sutskever et al. 2013, "On the importance of initialization and momentum in deep
 * learning"; in the form of PyTorch, where α multiplies the velocity.
 *
 * @throws ArgumentError if a number is out of its range, an option unknown, or `nesterov` without momentum.
 *
 * @example
 * ```ts
 * import { sgd, tensor } from "tapeloop";
 *
 * const optimizer = sgd({ learningRate: 0.5, momentum: 0.9 });
 * const params = { w: tensor([1, 2]) };
 * const grads = { w: tensor([2, 2]) };
 * const next = optimizer.update(grads, optimizer.init(params), params);
 * console.log(next.params.w); // float32[2] [0, 1]
 * ```
 */
export function sgd(options: SgdOptions): Optimizer {
  checkOptions("sgd", options, ["learningRate", "momentum", "nesterov"]);
  const { learningRate, momentum = 0, nesterov = false } = options;
  checkRange("sgd", { learningRate }, 0, Infinity);
  checkRange("sgd", { momentum }, 0, 1);
  if (momentum === 0) {
    if (nesterov) throw new ArgumentError("sgd", "nesterov needs momentum above 0", "0");
    return {
      init: (params) => ({ step: firstStep(params) }),
      update: (grads, state, params) =>
        pure(() => ({
          params: descend(params, grads, learningRate),
          state: { step: nextStep((state as SgdState<unknown>).step) },
        })),
    };
  }
  const ahead = (g: Tensor, v: Tensor): Tensor => add(g, mul(v, momentum));
  return {
    init: (params) => ({ step: firstStep(params), velocity: mapTree(zerosLike, params) }),
    update: (grads, state, params) =>
      pure(() => {
        const { step, velocity } = state as SgdState<typeof params>;
        const next = mapTree(ahead, grads, velocity);
        const direction = nesterov ? mapTree(ahead, grads, next) : next;
        return {
          params: descend(params, direction, learningRate),
          state: { step: nextStep(step), velocity: next },
        };
      }),
  };
}
