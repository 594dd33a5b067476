/** @file Gradients of matrices with all singular values near 1. */
import {
  add,
  div,
  matmul,
  mul,
  ShapeError,
  sqrt,
  square,
  sum,
  type Tensor,
  transpose,
} from "@tapeloop/autograd";
import { stateless } from "../leafwise.ts";
import { checkCounts } from "../numbers.ts";
import type { Transformation } from "../optimizer.ts";

/** The polynomial a x + b x³ + c x⁵ that brings singular values in (0, 1] near 1 fastest. */
const [a, b, c] = [3.4445, -4.775, 2.0315];

/** U Vᵀ for a matrix U S Vᵀ, roughly: five steps leave singular values between 0.7 and 1.2. */
function orthogonalized(g: Tensor, steps: number): Tensor {
  if (g.rank !== 2) {
    throw new ShapeError(
      "orthogonalizeGradients",
      "takes matrices",
      `${g.dtype}[${g.shape.join(",")}]`,
      "Use partition() to treat other parameters in another way.",
    );
  }
  const isTall = g.shape[0] > g.shape[1];
  let x = div(g, add(sqrt(sum(square(g))), 1e-7));
  if (isTall) x = transpose(x);
  for (let i = 0; i < steps; i++) {
    const xx = matmul(x, transpose(x));
    const polynomial = add(mul(xx, b), mul(matmul(xx, xx), c));
    x = add(mul(x, a), matmul(polynomial, x));
  }
  return isTall ? transpose(x) : x;
}

/**
 * The nearest matrix with orthonormal rows or columns, roughly, for each gradient: U Vᵀ for U S Vᵀ, times
 * √max(1, outputs / inputs) for a matrix [inputs, outputs]. The direction of Muon, behind {@link momentum}.
 *
 * ```text
 * X = G / (‖G‖ + 1e-7)
 * X ← a X + (b X·Xᵀ + c (X·Xᵀ)²)·X      five times; a, b, c = 3.4445, −4.775, 2.0315
 * ```
 *
 * State: none.
 *
 * Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks", the Newton-Schulz
 * iteration.
 *
 * @param steps - How often. Default: 5.
 * @throws ArgumentError if `steps` is not a whole number from 1, and from the transformation ShapeError if a
 *   gradient is not a matrix.
 *
 * @example
 * ```ts
 * import { orthogonalizeGradients, tensor } from "tapeloop";
 *
 * const grads = { W: tensor([[100, 0], [0, 1]]) };
 * const { W } = orthogonalizeGradients(8).transform(grads, {}, grads).grads;
 * console.log(W.max().item() < 1.3, W.min().item() > -0.1); // true true
 * ```
 */
export function orthogonalizeGradients(steps = 5): Transformation {
  checkCounts("orthogonalizeGradients", { steps });
  return stateless((g) => {
    const direction = orthogonalized(g, steps);
    const [inputs, outputs] = g.shape;
    return outputs > inputs ? mul(direction, Math.sqrt(outputs / inputs)) : direction;
  });
}
