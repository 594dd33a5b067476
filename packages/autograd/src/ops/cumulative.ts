/**
 * @file Products, and running products, maxima and log-sums. They are made of log₂ n steps over the whole
 * axis, each an ordinary op, so derivatives of every order are right, also at zeros and ties.
 */
import { ArgumentError, checkOptions } from "../errors.ts";
import type { DType } from "../dtype.ts";
import { floatOperand, numericOperand, toTensor } from "../operands.ts";
import { add, maximum, mul, sub } from "../primitives/binary.ts";
import { cast, equal, logicalOr, where } from "../primitives/choice.ts";
import { broadcastTo, permute, reshape } from "../primitives/movement.ts";
import { flip, pad, slice } from "../primitives/slicing.ts";
import { type RunningOptions, runningOf } from "../primitives/order.ts";
import { type AxesOptions, axesOf } from "../primitives/reduce.ts";
import { stopGradient } from "../primitives/structure.ts";
import { exp, log, neg } from "../primitives/unary.ts";
import { normalizeAxis, type Shape } from "../shape.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import type { AnyShape, Operand } from "../shape-types.ts";
import { arange, full } from "./create.ts";
import { take } from "./indexing.ts";
import { isInf, isNaN } from "./masks.ts";

/** Elements from `start` to before `stop` along an axis. */
function part(x: Tensor, axis: number, start: number, stop: number): Tensor {
  return slice(
    x,
    x.shape.map((_, i) => (i === axis ? { start, stop } : null)),
  );
}

/** `before` and `after` copies of a value put around an axis. */
function around(x: Tensor, axis: number, before: number, after: number, value: number): Tensor {
  return pad(
    x,
    x.shape.map((_, i): [number, number] => (i === axis ? [before, after] : [0, 0])),
    { value },
  );
}

/**
 * The product over the given axes; 1 over no elements. Masks are counted as int32. The derivative by an
 * element is the product of the others, whether some are 0 or not, and so on to every order.
 *
 * @example
 * ```ts
 * import { grad, prod, tensor, type Tensor } from "tapeloop";
 *
 * console.log(grad((x: Tensor) => prod(x))(tensor([0, 2, 3])).toArray()); // [ 6, 0, 0 ]
 * ```
 */
export function prod(x: TensorLike, options: AxesOptions = {}): Tensor {
  let t = toTensor(x);
  const axes = axesOf("prod", t, options);
  if (t.dtype === "bool") t = cast(t, "int32");
  const rest = t.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const kept = t.shape.map((size, i) => (axes.includes(i) ? 1 : size));
  const outer = rest.map((i) => t.shape[i]);
  let size = axes.reduce((n, axis) => n * t.shape[axis], 1);
  const result = options.keepAxes === true ? kept : outer;
  if (size === 0) return full(result, 1, { dtype: t.dtype });
  let factors = reshape(permute(t, [...rest, ...axes]), [...outer, size]);
  // Halves are multiplied until one factor is left.
  const last = outer.length;
  while (size > 1) {
    const half = Math.ceil(size / 2);
    const upper = around(part(factors, last, half, size), last, 0, 2 * half - size, 1);
    factors = mul(part(factors, last, 0, half), upper);
    size = half;
  }
  return reshape(factors, result);
}

/**
 * Every element's neighbour at distance d in front of it along an axis, and where there is none a neutral
 * value.
 */
function inFront(x: Tensor, axis: number, d: number, neutral: number): Tensor {
  return around(part(x, axis, 0, x.shape[axis] - d), axis, d, 0, neutral);
}

/**
 * Running results of an associative op along an axis, by Hillis and Steele 1986: after the step of
 * distance d, element i holds the result of the 2d elements up to i.
 *
 * @param neutral - What changes nothing.
 */
function running(
  x: Tensor,
  axis: number,
  neutral: number,
  op: (x: Tensor, y: Tensor) => Tensor,
): Tensor {
  let y = x;
  for (let d = 1; d < x.shape[axis]; d *= 2) y = op(y, inFront(y, axis, d, neutral));
  return y;
}

/** Runs `f` on an axis that is turned around, if that is asked for. */
function directed(x: Tensor, axis: number, reverse: boolean, f: (x: Tensor) => Tensor): Tensor {
  return reverse ? flip(f(flip(x, { axes: axis })), { axes: axis }) : f(x);
}

/**
 * Running products along an axis (default: the last). Derivatives are right also where elements are 0.
 * Masks are counted as int32.
 */
export function cumprod<S extends Shape = AnyShape>(
  x: Operand<S> | number,
  options: RunningOptions = {},
): Tensor<S> {
  const t = toTensor(x);
  const { axis, reverse } = runningOf("cumprod", t, options);
  const factors = t.dtype === "bool" ? cast(t, "int32") : t;
  return directed(factors, axis, reverse, (y) => running(y, axis, 1, mul));
}

/** What is not greater than any number of a type. */
function least(dtype: DType): number {
  return dtype === "int32" ? -(2 ** 31) : -Infinity;
}

/**
 * Running greatest values along an axis (default: the last); NaN from the first NaN on. The derivative
 * belongs to the element that is greatest, the last of equal ones, as in PyTorch.
 *
 * @example
 * ```ts
 * import { cummax, tensor } from "tapeloop";
 *
 * console.log(cummax(tensor([1, 3, 2, 5])).toArray()); // [ 1, 3, 3, 5 ]
 * ```
 */
export function cummax<S extends Shape = AnyShape>(
  x: Operand<S> | number,
  options: RunningOptions = {},
): Tensor<S> {
  const t = numericOperand("cummax", x);
  const { axis, reverse } = runningOf("cummax", t, options);
  return directed(t, axis, reverse, (y) => runningMaximum(y, axis));
}

/** Running greatest values, read from the places where they stand. */
function runningMaximum(x: Tensor, axis: number): Tensor {
  const constant = stopGradient(x);
  const greatest = running(constant, axis, least(x.dtype), maximum);
  const isNew = logicalOr(equal(constant, greatest), isNaN(constant));
  const column = x.shape.map((size, i) => (i === axis ? size : 1));
  const places = reshape(arange(0, x.shape[axis], 1, { dtype: "int32" }), column);
  const last = running(where(isNew, broadcastTo(places, x.shape), 0), axis, 0, maximum);
  return take(x, last, axis);
}

/** Running least values along an axis; see {@link cummax}. */
export function cummin<S extends Shape = AnyShape>(
  x: Operand<S> | number,
  options: RunningOptions = {},
): Tensor<S> {
  const t = numericOperand("cummin", x);
  runningOf("cummin", t, options);
  return neg(cummax(neg(t), options));
}

/**
 * Running ln Σ eˣ along an axis (default: the last), exact for every spread of the elements; −Inf as long
 * as all are −Inf.
 */
export function logCumSumExp<S extends Shape = AnyShape>(
  x: Operand<S> | number,
  options: RunningOptions = {},
): Tensor<S> {
  const t = floatOperand(x);
  const { axis, reverse } = runningOf("logCumSumExp", t, options);
  return directed(t, axis, reverse, (y) => runningLogSum(y, axis));
}

/** e^(x − y) for x ≤ y, and 1 where they are equal, be it infinite. */
function ratio(x: Tensor, y: Tensor): Tensor {
  const isSame = equal(x, y);
  return exp(sub(where(isSame, 0, x), where(isSame, 0, y)));
}

/**
 * {@link running} on sums of the form s eᵐ with the greatest exponent for m, which is a constant: so only
 * products and sums are differentiated.
 */
function runningLogSum(x: Tensor, axis: number): Tensor {
  let m = stopGradient(x);
  // 1 in value, and eˣ⁻ᵐ to derivatives.
  const finite = where(isInf(x), 0, x);
  let s = exp(sub(finite, stopGradient(finite)));
  for (let d = 1; d < x.shape[axis]; d *= 2) {
    const other = inFront(m, axis, d, -Infinity);
    const greatest = maximum(m, other);
    s = add(mul(s, ratio(m, greatest)), mul(inFront(s, axis, d, 0), ratio(other, greatest)));
    m = greatest;
  }
  return add(m, log(s));
}

/** How {@link diff} takes differences. */
export interface DiffOptions {
  /** Negative axes count from the back. Default: −1, the last. */
  readonly axis?: number;
  /** How many times. Default: 1. */
  readonly order?: number;
}

/** Differences of neighbours along an axis: x[i + 1] − x[i], one element fewer. */
export function diff(x: TensorLike, options: DiffOptions = {}): Tensor {
  let t = numericOperand("diff", x);
  checkOptions("diff", options, ["axis", "order"]);
  const axis = normalizeAxis("diff", options.axis ?? -1, t);
  const { order = 1 } = options;
  if (!Number.isInteger(order) || order < 0) {
    throw new ArgumentError("diff", "the order is a whole number from 0", String(order));
  }
  for (let i = 0; i < order; i++) {
    const size = t.shape[axis];
    t = sub(part(t, axis, Math.min(1, size), size), part(t, axis, 0, Math.max(0, size - 1)));
  }
  return t;
}
