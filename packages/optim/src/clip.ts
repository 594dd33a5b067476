/** @file Keeping gradients small. */
import {
  add,
  ArgumentError,
  cast,
  div,
  leaves,
  mapTree,
  maximum,
  mul,
  sqrt,
  square,
  sum,
  type Tensor,
  type Tree,
  zeros,
} from "@tapeloop/autograd";
import type { Transformation } from "./optimizer.ts";

/**
 * The length of a tree as one vector: √Σ x² over all elements of all tensors.
 *
 * @returns A number, rank 0.
 *
 * @example
 * ```ts
 * import { globalNorm, tensor } from "tapeloop";
 *
 * console.log(globalNorm({ W: tensor([[3]]), b: tensor([4]) }).item()); // 5
 * ```
 */
export function globalNorm(tree: Tree): Tensor {
  const squares = leaves(tree).map((x) => sum(square(x)));
  return squares.length === 0 ? zeros([]) : sqrt(squares.reduce((a, b) => add(a, b)));
}

/**
 * Scales all gradients down together if their {@link globalNorm} is above `maxNorm`, so that it becomes
 * `maxNorm`: g · maxNorm / max(norm, maxNorm). The direction stays. For recurrent networks, whose
 * gradients can explode. A gradient that is not finite makes all of them NaN, and is not hidden.
 *
 * State: none.
 *
 * Source: Pascanu, Mikolov and Bengio 2013, arXiv:1211.5063, algorithm 1.
 *
 * @param maxNorm - Above 0.
 * @throws ArgumentError for any other number.
 *
 * @example
 * ```ts
 * import { adam, chain, clipByGlobalNorm } from "tapeloop";
 *
 * const optimizer = chain(clipByGlobalNorm(1), adam({ learningRate: 0.01 }));
 * console.log(Object.keys(optimizer)); // [ 'init', 'update' ]
 * ```
 */
export function clipByGlobalNorm(maxNorm: number): Transformation {
  if (!(maxNorm > 0 && maxNorm < Infinity)) {
    throw new ArgumentError(
      "clipByGlobalNorm",
      "maxNorm is a finite number above 0",
      String(maxNorm),
    );
  }
  return {
    init: () => ({}),
    transform: (grads, state) => {
      const scale = div(maxNorm, maximum(globalNorm(grads), maxNorm));
      return { grads: mapTree((g) => mul(g, cast(scale, g.dtype)), grads), state };
    },
  };
}
