/** @file Compositions over axes: means, variances, log-sum-exp. No derivative is written here. */
import { ShapeError } from "../errors.ts";
import { floatOperand, numericOperand } from "../operands.ts";
import { add, div, sub } from "../primitives/binary.ts";
import { equal, where } from "../primitives/choice.ts";
import { squeeze } from "../primitives/movement.ts";
import { type AxesOptions, axesOf, max, sum } from "../primitives/reduce.ts";
import { stopGradient } from "../primitives/structure.ts";
import { abs, exp, log, neg, square } from "../primitives/unary.ts";
import { formatType } from "../shape.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import type { AnyShape, Operand } from "../shape-types.ts";
import type { AxesFit, NoOptions, Reduced } from "../shape-changes.ts";
import type { Shape } from "../shape.ts";

/** How many elements go into each result. */
function countOf(x: Tensor, axes: readonly number[]): number {
  return axes.reduce((n, axis) => n * x.shape[axis], 1);
}

/** The mean over the given axes; NaN over no elements, as in NumPy. */
export function mean<S extends Shape = AnyShape, const O extends AxesOptions = NoOptions>(
  x: Operand<S> | number,
  options?: O & AxesFit<S, O>,
): Tensor<Reduced<S, O>>;
export function mean(x: TensorLike, options: AxesOptions = {}): Tensor {
  const t = floatOperand(x);
  const count = countOf(t, axesOf("mean", t, options));
  return div(sum(t, options), count);
}

/** The variance over the given axes: the mean squared distance from the mean (divided by n). */
export function variance<S extends Shape = AnyShape, const O extends AxesOptions = NoOptions>(
  x: Operand<S> | number,
  options?: O & AxesFit<S, O>,
): Tensor<Reduced<S, O>>;
export function variance(x: TensorLike, options: AxesOptions = {}): Tensor {
  const t = floatOperand(x);
  axesOf("variance", t, options);
  return mean(square(sub(t, mean(t, { ...options, keepAxes: true }))), options);
}

/** The least value over the given axes; equal ones share the derivative. */
export function min<S extends Shape = AnyShape, const O extends AxesOptions = NoOptions>(
  x: Operand<S> | number,
  options?: O & AxesFit<S, O>,
): Tensor<Reduced<S, O>>;
export function min(x: TensorLike, options: AxesOptions = {}): Tensor {
  const t = numericOperand("min", x);
  axesOf("min", t, options);
  return neg(max(neg(t), options));
}

/**
 * ln Σ eˣ over the given axes, without overflow: the greatest value is taken out first.
 *
 * @throws ShapeError over no elements.
 */
export function logSumExp<S extends Shape = AnyShape, const O extends AxesOptions = NoOptions>(
  x: Operand<S> | number,
  options?: O & AxesFit<S, O>,
): Tensor<Reduced<S, O>>;
export function logSumExp(x: TensorLike, options: AxesOptions = {}): Tensor {
  const t = floatOperand(x);
  const axes = axesOf("logSumExp", t, options);
  if (countOf(t, axes) === 0) {
    throw new ShapeError("logSumExp", "needs at least one element", formatType(t));
  }
  const greatest = stopGradient(max(t, { axes, keepAxes: true }));
  // ±Inf must not be subtracted from itself.
  const shift = where(equal(abs(greatest), Infinity), 0, greatest);
  const result = add(log(sum(exp(sub(t, shift)), { axes, keepAxes: true })), shift);
  return options.keepAxes === true ? result : squeeze(result, { axes });
}
