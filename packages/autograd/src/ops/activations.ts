/** @file Activation functions as compositions. */
import { ArgumentError } from "../errors.ts";
import { floatOperand, numericOperand } from "../operands.ts";
import { add, div, sub } from "../primitives/binary.ts";
import { greater, less, lessEqual, where } from "../primitives/choice.ts";
import { type AxisOptions, axisOf, max, sum } from "../primitives/reduce.ts";
import { stopGradient } from "../primitives/structure.ts";
import { exp, log1p, neg } from "../primitives/unary.ts";
import { logSumExp } from "./statistics.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import type { AnyShape, Operand } from "../shape-types.ts";
import type { Shape } from "../shape.ts";

/** x above 0, else 0; NaN stays NaN. Derivative at 0: 0, as in PyTorch. */
export function relu<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  const t = numericOperand("relu", x);
  return where(lessEqual(t, 0), 0, t);
}

/** eˣ / Σ eˣ along an axis (default: the last), without overflow. */
export function softmax<S extends Shape = AnyShape>(
  x: Operand<S> | number,
  options: AxisOptions = {},
): Tensor<S> {
  const t = floatOperand(x);
  const axes = axisOf("softmax", t, options);
  const e = exp(sub(t, stopGradient(max(t, { axes, keepAxes: true }))));
  return div(e, sum(e, { axes, keepAxes: true }));
}

/** ln softmax along an axis (default: the last), exact also where softmax is 0. */
export function logSoftmax<S extends Shape = AnyShape>(
  x: Operand<S> | number,
  options: AxisOptions = {},
): Tensor<S> {
  const t = floatOperand(x);
  const axes = axisOf("logSoftmax", t, options);
  return sub(t, logSumExp(t, { axes, keepAxes: true }));
}

/** ln (1 + eˣ), without overflow. */
export function softplus<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  const t = floatOperand(x);
  const positive = greater(t, 0);
  // −|x|, but with the derivative of x at 0: so the sum has its own there, 1/2, and to every order.
  const below = where(positive, neg(t), t);
  return add(where(positive, t, 0), log1p(exp(below)));
}

/** ln sigmoid(x) = −softplus(−x), exact also where sigmoid is 0. */
export function logSigmoid<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return neg(softplus(neg(x)));
}

/**
 * x held between two bounds, with broadcasting; `high` where they are in the wrong order. Derivative: 1 by
 * x within the bounds and on them, 0 outside, where it is that of the bound, as in PyTorch's `clamp`.
 *
 * @throws ArgumentError for a bound that is the number NaN.
 */
export function clip(x: TensorLike, low: TensorLike, high: TensorLike): Tensor {
  for (const [name, bound] of Object.entries({ low, high })) {
    if (Number.isNaN(bound)) throw new ArgumentError("clip", `${name} is a number`, "NaN");
  }
  const raised = where(less(x, low), low, x);
  return where(greater(raised, high), high, raised);
}
