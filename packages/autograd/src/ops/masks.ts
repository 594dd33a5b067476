/** @file Questions about numbers, and what masks are used for. */
import { isFloat } from "../dtype.ts";
import { checkOptions, checkFiniteNumbers, DTypeError } from "../errors.ts";
import { numericOperand, pair, toTensor } from "../operands.ts";
import { add, mul, sub } from "../primitives/binary.ts";
import {
  cast,
  equal,
  greater,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  notEqual,
  where,
} from "../primitives/choice.ts";
import { type AxesOptions, axesOf, sum } from "../primitives/reduce.ts";
import { abs } from "../primitives/unary.ts";
import { formatType, type Shape } from "../shape.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import type { AnyShape, BinaryOp, Operand } from "../shape-types.ts";

/** Whether x is NaN, element by element. */
export function isNaN<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  const t = toTensor(x);
  return notEqual(t, t);
}

/** Whether x is neither infinite nor NaN, element by element. */
export function isFinite<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return less(abs(numericOperand("isFinite", x)), Infinity);
}

/** Whether x is +Inf or −Inf, element by element. */
export function isInf<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return equal(abs(numericOperand("isInf", x)), Infinity);
}

/** What {@link nanToNum} puts in. */
export interface NanToNumOptions {
  /** In the place of NaN. Default: 0. */
  readonly nan?: number;
  /** In the place of +Inf. Default: the greatest number of the element type. */
  readonly posInf?: number;
  /** In the place of −Inf. Default: the least number of the element type. */
  readonly negInf?: number;
}

/** x with numbers in the place of NaN and infinities, where the derivative is 0. */
export function nanToNum<S extends Shape = AnyShape>(
  x: Operand<S> | number,
  options: NanToNumOptions = {},
): Tensor<S> {
  const t = toTensor(x);
  checkOptions("nanToNum", options, ["nan", "posInf", "negInf"]);
  if (!isFloat(t.dtype)) return t;
  const greatest = t.dtype === "float32" ? (2 - 2 ** -23) * 2 ** 127 : Number.MAX_VALUE;
  const { nan = 0, posInf = greatest, negInf = -greatest } = options;
  const finite = where(isNaN(t), nan, t);
  return where(equal(t, Infinity), posInf, where(equal(t, -Infinity), negInf, finite));
}

/** Whether exactly one of the masks is true. */
export const logicalXor: BinaryOp = (x: TensorLike, y: TensorLike): Tensor =>
  notEqual(cast(x, "bool"), cast(y, "bool"));

/** How far apart {@link isClose} lets numbers be. */
export interface CloseOptions {
  /** Relative to |y|. Default: 1e-5. */
  readonly relative?: number;
  /** Whatever the size of y. Default: 1e-8. */
  readonly absolute?: number;
  /** Whether NaN is close to NaN. Default: false. */
  readonly equalNaN?: boolean;
}

/** Whether |x − y| ≤ absolute + relative |y|, with broadcasting, as in NumPy; infinities must be equal. */
export function isClose(x: TensorLike, y: TensorLike, options: CloseOptions = {}): Tensor {
  checkOptions("isClose", options, ["relative", "absolute", "equalNaN"]);
  const { relative = 1e-5, absolute = 1e-8, equalNaN = false } = options;
  checkFiniteNumbers("isClose", { relative, absolute }, 0);
  const [a, b] = pair("isClose", x, y).map((t) => (t.dtype === "bool" ? cast(t, "int32") : t));
  const near = lessEqual(abs(sub(a, b)), add(mul(abs(b), relative), absolute));
  const close = logicalOr(equal(a, b), logicalAnd(near, isFinite(b)));
  return equalNaN ? logicalOr(close, logicalAnd(isNaN(a), isNaN(b))) : close;
}

/** Whether every element of x is close to that of y; see {@link isClose}. Shape: []. */
export function allClose(x: TensorLike, y: TensorLike, options: CloseOptions = {}): Tensor {
  checkOptions("allClose", options, ["relative", "absolute", "equalNaN"]);
  return all(isClose(x, y, options));
}

/** Whether an element over the given axes is not 0; false over no elements. */
export function any(x: TensorLike, options: AxesOptions = {}): Tensor {
  const t = toTensor(x);
  axesOf("any", t, options);
  return greater(sum(cast(t, "bool"), options), 0);
}

/** Whether no element over the given axes is 0; true over no elements. */
export function all(x: TensorLike, options: AxesOptions = {}): Tensor {
  const t = toTensor(x);
  axesOf("all", t, options);
  return equal(sum(logicalNot(t), options), 0);
}

/** How many elements over the given axes are not 0, as int32. */
export function countNonzero(x: TensorLike, options: AxesOptions = {}): Tensor {
  const t = toTensor(x);
  axesOf("countNonzero", t, options);
  return sum(cast(t, "bool"), options);
}

/**
 * x with a number where the mask is true; nothing flows back from there. The mask is broadcast.
 *
 * @throws DTypeError if the mask is not bool.
 *
 * @example
 * ```ts
 * import { maskedFill, softmax, tensor } from "tapeloop";
 *
 * const scores = tensor([1, 2, 1]);
 * const isPadding = tensor([false, true, false]);
 * console.log(softmax(maskedFill(scores, isPadding, -Infinity)).toArray()); // [ 0.5, 0, 0.5 ]
 * ```
 */
export function maskedFill(x: TensorLike, mask: TensorLike, value: TensorLike): Tensor {
  const m = toTensor(mask);
  if (m.dtype !== "bool") {
    throw new DTypeError("maskedFill", "the mask must be bool", formatType(m), "Compare first.");
  }
  return where(m, value, x);
}
