/** @file Compositions over axes: means, variances, log-sum-exp. No derivative is written here. */
import { checkOptions, checkFiniteNumbers, ShapeError } from "../errors.ts";
import { floatOperand, numericOperand } from "../operands.ts";
import { add, div, sub } from "../primitives/binary.ts";
import { equal, where } from "../primitives/choice.ts";
import { squeeze } from "../primitives/movement.ts";
import { type AxesOptions, axesOf, checkNotEmpty, max, sum } from "../primitives/reduce.ts";
import { stopGradient } from "../primitives/structure.ts";
import { abs, exp, log, neg, sqrt, square } from "../primitives/unary.ts";
import { formatType, normalizeAxes } from "../shape.ts";
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

/** Which axes {@link variance} and {@link std} reduce, and what they divide by. */
export interface VarianceOptions extends AxesOptions {
  /**
   * The sum of squares is divided by n − correction: 0 gives the mean square, 1 Bessel's estimate.
   * Default: 0, as in NumPy.
   */
  readonly correction?: number;
}

/**
 * The variance over the given axes: the mean squared distance from the mean. NaN where nothing is left to
 * divide by: over no elements, or over one with a correction of 1.
 */
export function variance<S extends Shape = AnyShape, const O extends VarianceOptions = NoOptions>(
  x: Operand<S> | number,
  options?: O & AxesFit<S, O>,
): Tensor<Reduced<S, O>>;
export function variance(x: TensorLike, options: VarianceOptions = {}): Tensor {
  const t = floatOperand(x);
  checkOptions("variance", options, ["axes", "keepAxes", "correction"]);
  const { correction = 0, ...over } = options;
  checkFiniteNumbers("variance", { correction });
  const count = countOf(t, normalizeAxes("variance", over.axes, t));
  const squares = square(sub(t, mean(t, { ...over, keepAxes: true })));
  return div(sum(squares, over), Math.max(0, count - correction));
}

/**
 * The standard deviation over the given axes: the root of {@link variance}. Derivative where it is 0: 0, as
 * in PyTorch.
 */
export function std<S extends Shape = AnyShape, const O extends VarianceOptions = NoOptions>(
  x: Operand<S> | number,
  options?: O & AxesFit<S, O>,
): Tensor<Reduced<S, O>>;
export function std(x: TensorLike, options: VarianceOptions = {}): Tensor {
  const t = floatOperand(x);
  checkOptions("std", options, ["axes", "keepAxes", "correction"]);
  checkFiniteNumbers("std", { correction: options.correction ?? 0 });
  normalizeAxes("std", options.axes, t);
  const v: Tensor = variance(t, options as NoOptions);
  const isZero = equal(v, 0);
  return where(isZero, 0, sqrt(where(isZero, 1, v)));
}

/** The least value over the given axes; equal ones share the derivative. */
export function min<S extends Shape = AnyShape, const O extends AxesOptions = NoOptions>(
  x: Operand<S> | number,
  options?: O & AxesFit<S, O>,
): Tensor<Reduced<S, O>>;
export function min(x: TensorLike, options: AxesOptions = {}): Tensor {
  const t = numericOperand("min", x);
  checkNotEmpty("min", t, axesOf("min", t, options));
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
