/** @file Steps in proportion to the size of the weights. */
import { div, less, logicalAnd, mul, sqrt, square, sum, where } from "@tapeloop/autograd";
import { stateless } from "../leafwise.ts";
import type { Transformation } from "../optimizer.ts";

/**
 * Makes each gradient as long as its parameter: d = g ‖θ‖ / ‖g‖, and g where one of them is 0. Behind
 * {@link scaleByAdam} it makes LAMB; before {@link momentum}, LARS.
 *
 * State: none.
 *
 * Source: You et al. 2020, arXiv:1904.00962, algorithms 1 and 2 with φ(z) = z.
 *
 * @example
 * ```ts
 * import { scaleByTrustRatio, tensor } from "tapeloop";
 *
 * const params = { w: tensor([3, 4]) };
 * const grads = { w: tensor([0, 2]) };
 * console.log(scaleByTrustRatio().transform(grads, {}, params).grads.w); // float32[2] [0, 5]
 * ```
 */
export function scaleByTrustRatio(): Transformation {
  return stateless((g, x) => {
    const [ofParameter, ofGradient] = [sqrt(sum(square(x))), sqrt(sum(square(g)))];
    const isLong = logicalAnd(less(0, ofParameter), less(0, ofGradient));
    return mul(g, where(isLong, div(ofParameter, ofGradient), 1));
  });
}
