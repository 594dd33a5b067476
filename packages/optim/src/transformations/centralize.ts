/** @file Gradients without their mean. */
import { mean, sub } from "@tapeloop/autograd";
import { stateless } from "../leafwise.ts";
import type { Transformation } from "../optimizer.ts";

/**
 * Takes the mean of what feeds one output out of the gradients of matrices: d = g − mean(g) over all axes
 * but the last, which counts outputs in the layers here. Vectors stay as they are.
 *
 * State: none.
 *
 * Source: Yong et al. 2020, arXiv:2004.01461, eq. 1.
 *
 * @example
 * ```ts
 * import { centralizeGradients, tensor } from "tapeloop";
 *
 * const grads = { W: tensor([[1, 2], [3, 6]]), b: tensor([5]) };
 * const changed = centralizeGradients().transform(grads, {}, grads).grads;
 * console.log(changed.W.toArray(), changed.b.toArray()); // [ [ -1, -2 ], [ 1, 2 ] ] [ 5 ]
 * ```
 */
export function centralizeGradients(): Transformation {
  return stateless((g) => {
    if (g.rank < 2) return g;
    const axes = g.shape.slice(1).map((_, i) => i);
    return sub(g, mean(g, { axes, keepAxes: true }));
  });
}
