/** @file Powers, roots, exponentials and logarithms as compositions. */
import { floatOperand, floatPair, numericOperand } from "../operands.ts";
import { add, atan2, div, maximum, mul, pow, sub } from "../primitives/binary.ts";
import {
  equal,
  greater,
  greaterEqual,
  logicalAnd,
  less,
  logicalNot,
  logicalOr,
  where,
} from "../primitives/choice.ts";
import { stopGradient } from "../primitives/structure.ts";
import { abs, exp, log, log1p, neg, sqrt, square } from "../primitives/unary.ts";
import type { Shape } from "../shape.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import type { AnyShape, BinaryOp, Operand } from "../shape-types.ts";
import { isInf } from "./masks.ts";
import { round } from "./rounding.ts";

/** 1/x; ±Inf at ±0. */
export function reciprocal<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return div(1, x);
}

/** 1/√x; +Inf at 0, where the derivative is −Inf, and NaN below. */
export function rsqrt<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return div(1, sqrt(x));
}

/** x³. */
export function cube<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  const t = numericOperand("cube", x);
  return mul(square(t), t);
}

/**
 * √(x² + y²), with broadcasting, without overflow on the way; +Inf if one is infinite, even beside NaN.
 * Derivative at (0, 0): NaN, as in PyTorch.
 *
 * @example
 * ```ts
 * import { hypot, tensor } from "tapeloop";
 *
 * console.log(hypot(tensor(3e30), tensor(4e30)).item().toPrecision(3)); // 5.00e+30
 * ```
 */
export const hypot: BinaryOp = (x: TensorLike, y: TensorLike): Tensor => {
  const [a, b] = floatPair("hypot", x, y);
  // √(x² + y²) = s √((x/s)² + (y/s)²) for any constant s, so the derivatives see no maximum.
  const greatest = stopGradient(maximum(abs(a), abs(b)));
  const infinite = logicalOr(isInf(a), isInf(b));
  const plain = logicalOr(infinite, equal(greatest, 0));
  const s = where(plain, 1, greatest);
  const root = mul(s, sqrt(add(square(div(a, s)), square(div(b, s)))));
  return where(infinite, Infinity, root);
};

/** 2ˣ, exact at whole numbers. */
export function exp2<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return pow(2, floatOperand(x));
}

/** The logarithm to base 2; exact at whole powers. −Inf at 0, NaN below. */
export function log2<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return logarithm(floatOperand(x), 2, Math.LN2);
}

/**
 * The logarithm to base 10; exact at whole powers. −Inf at 0, NaN below.
 *
 * @example
 * ```ts
 * import { log10, tensor } from "tapeloop";
 *
 * console.log(log10(tensor([1000, 1e-5], { dtype: "float64" })).toArray()); // [ 3, -5 ]
 * ```
 */
export function log10<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return logarithm(floatOperand(x), 10, Math.LN10);
}

/** ln x / ln base; where that is rounded away from a whole power, the whole number itself. */
function logarithm(x: Tensor, base: number, ln: number): Tensor {
  const y = div(log(x), ln);
  const whole = round(y);
  const correction = where(equal(pow(base, whole), x), sub(whole, y), 0);
  // ±Inf has nothing to correct, and Inf − Inf would be NaN.
  return add(y, stopGradient(where(isInf(y), 0, correction)));
}

/**
 * ln (eˣ + eʸ), with broadcasting, without overflow: logAddExp(−Inf, y) = y, also for y = −Inf. The
 * derivatives are the shares eˣ/(eˣ + eʸ) and eʸ/(eˣ + eʸ), and half each where both are infinite alike.
 */
export const logAddExp: BinaryOp = (x: TensorLike, y: TensorLike): Tensor => {
  const [a, b] = floatPair("logAddExp", x, y);
  const first = greaterEqual(a, b);
  const [high, low] = [where(first, a, b), where(first, b, a)];
  // Inf − Inf: there is nothing to add to it but ln 2, which is lost.
  const alike = logicalAnd(equal(a, b), isInf(a));
  const distance = where(alike, 0, sub(low, high));
  const sum = add(high, log1p(exp(where(isInf(distance), -Infinity, distance))));
  return where(alike, mul(add(a, b), 0.5), sum);
};

/** x ln y, and 0 for x = 0 whatever y is but NaN; with broadcasting. */
export const xlogy: BinaryOp = (x: TensorLike, y: TensorLike): Tensor => {
  const [a, b] = floatPair("xlogy", x, y);
  // Where y has no finite logarithm and is not NaN.
  const isSingular = logicalAnd(
    logicalNot(logicalAnd(greater(b, 0), less(b, Infinity))),
    equal(b, b),
  );
  const nothing = logicalAnd(equal(a, 0), isSingular);
  return where(nothing, 0, mul(a, log(where(nothing, 1, b))));
};

/** ln (x / (1 − x)), the inverse of sigmoid; −Inf at 0, +Inf at 1, NaN outside of [0, 1]. */
export function logit<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  const t = floatOperand(x);
  return sub(log(t), log1p(neg(t)));
}

/** x with the sign of y, with broadcasting; −0 has a sign. Derivative by x: 0 at 0; by y: 0. */
export const copySign: BinaryOp = (x: TensorLike, y: TensorLike): Tensor => {
  const [a, b] = floatPair("copySign", x, y);
  const size = abs(a);
  // The angle of (−1, y) is π or −π for ±0.
  const isPositive = greater(atan2(stopGradient(b), -1), 0);
  return where(isPositive, size, neg(size));
};

/** start + weight (end − start), with broadcasting. */
export function lerp(start: TensorLike, end: TensorLike, weight: TensorLike): Tensor {
  return add(start, mul(weight, sub(end, start)));
}
