/** @file Whole parts, fractions and remainders. Step functions have derivative 0. */
import { isFloat } from "../dtype.ts";
import { numericOperand, numericPair } from "../operands.ts";
import { add, div, mul, rem, sub } from "../primitives/binary.ts";
import {
  cast,
  equal,
  greater,
  less,
  logicalAnd,
  logicalOr,
  notEqual,
  where,
} from "../primitives/choice.ts";
import { stopGradient } from "../primitives/structure.ts";
import { abs, floor, neg, sign } from "../primitives/unary.ts";
import type { Shape } from "../shape.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import type { AnyShape, BinaryOp, Operand } from "../shape-types.ts";

/** The least whole number not below x. Derivative: 0. */
export function ceil<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  const t = numericOperand("ceil", x);
  return isFloat(t.dtype) ? neg(floor(neg(t))) : t;
}

/** x without its fraction, toward 0. Derivative: 0. */
export function trunc<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  const t = stopGradient(numericOperand("trunc", x));
  if (!isFloat(t.dtype)) return t;
  return mul(sign(t), floor(abs(t)));
}

/**
 * The nearest whole number; halves go to the even one, as in NumPy and PyTorch. Derivative: 0.
 *
 * @example
 * ```ts
 * import { round, tensor } from "tapeloop";
 *
 * console.log(round(tensor([0.5, 1.5, 2.5, -1.2])).toArray()); // [ 0, 2, 2, -1 ]
 * ```
 */
export function round<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  const t = stopGradient(numericOperand("round", x));
  if (!isFloat(t.dtype)) return t;
  const size = abs(t);
  const below = floor(size);
  const rest = sub(size, below);
  const isOdd = notEqual(rem(below, 2), 0);
  const up = logicalOr(greater(rest, 0.5), logicalAnd(equal(rest, 0.5), isOdd));
  return mul(sign(t), where(up, add(below, 1), below));
}

/** The fraction x − trunc x, with the sign of x. Derivative: 1. */
export function frac<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  const t = numericOperand("frac", x);
  return sub(t, trunc(t));
}

/**
 * The remainder of x by y with the sign of y, with broadcasting: Python's `%`, NumPy's `mod`, PyTorch's
 * `remainder`; exact. For the sign of x use {@link rem}. Derivative: 1 by x, −⌊x/y⌋ by y. For y = 0
 * NaN; int32 gives 0.
 */
export const mod: BinaryOp = (x: TensorLike, y: TensorLike): Tensor => {
  const [a, b] = numericPair("mod", x, y);
  const rest = rem(a, b);
  return where(isOfOtherSign(rest, b), add(rest, b), rest);
};

/**
 * ⌊x/y⌋, with broadcasting; whole numbers stay int32. Derivative: 0. For y = 0 ±Inf or NaN; int32 gives 0,
 * as in NumPy.
 */
export const floorDivide: BinaryOp = (x: TensorLike, y: TensorLike): Tensor => {
  const [a, b] = numericPair("floorDivide", x, y).map(stopGradient) as [Tensor, Tensor];
  if (a.dtype === "int32") {
    // float64 holds the quotient of two int32 so well that its floor is exact.
    const quotient = floor(div(cast(a, "float64"), cast(b, "float64")));
    return where(equal(b, 0), 0, cast(where(equal(b, 0), 0, quotient), "int32"));
  }
  const rest = rem(a, b);
  // Without its remainder x is a multiple of y, up to one rounding.
  const multiple = div(sub(a, rest), b);
  const whole = round(where(isOfOtherSign(rest, b), sub(multiple, 1), multiple));
  return where(equal(b, 0), div(a, b), whole);
};

/** Whether there is a remainder, and its sign is not that of the divisor. */
function isOfOtherSign(rest: Tensor, divisor: Tensor): Tensor {
  return logicalAnd(notEqual(rest, 0), notEqual(less(rest, 0), less(divisor, 0)));
}
