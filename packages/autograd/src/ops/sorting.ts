/** @file Sorted rows and what is read from them: greatest elements, medians, quantiles. */
import { ArgumentError, checkOptions, ShapeError } from "../errors.ts";
import { floatOperand, numericOperand } from "../operands.ts";
import { moveAxis } from "../primitives/batching.ts";
import { add, mul } from "../primitives/binary.ts";
import { where } from "../primitives/choice.ts";
import { reshape } from "../primitives/movement.ts";
import { slice } from "../primitives/slicing.ts";
import { stack } from "../primitives/joining.ts";
import { argsort, type SortOptions } from "../primitives/order.ts";
import {
  argmax,
  type AxesOptions,
  axesOf,
  type AxisOptions,
  axisOf,
  checkNotEmpty,
} from "../primitives/reduce.ts";
import { neg } from "../primitives/unary.ts";
import { formatType, normalizeAxis, type Shape } from "../shape.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import type { AnyShape, Operand } from "../shape-types.ts";
import { select, take } from "./indexing.ts";
import { isNaN } from "./masks.ts";

/**
 * The elements along an axis (default: the last) in rising or falling order; NaN counts as greatest. Each
 * has the derivative of the element it is; equal ones keep their order.
 *
 * @example
 * ```ts
 * import { sort, tensor } from "tapeloop";
 *
 * console.log(sort(tensor([3, 1, 2]), { descending: true }).toArray()); // [ 3, 2, 1 ]
 * ```
 */
export function sort<S extends Shape = AnyShape>(
  x: Operand<S> | number,
  options: SortOptions = {},
): Tensor<S> {
  const t = numericOperand("sort", x);
  checkOptions("sort", options, ["axis", "descending"]);
  const axis = normalizeAxis("sort", options.axis ?? -1, t);
  return take(t, argsort(t, options), axis);
}

/** Elements, and where they were. */
export interface TopK {
  /** The elements, greatest first. */
  readonly values: Tensor;
  /** Their places along the axis, as int32. */
  readonly indices: Tensor;
}

/** How {@link topK} chooses. */
export interface TopKOptions extends AxisOptions {
  /** The least elements, the least first. Default: false. */
  readonly smallest?: boolean;
}

/**
 * The k greatest elements along an axis (default: the last), greatest first, and their places. Of equal
 * ones the first come first; NaN counts as greatest.
 *
 * @throws ArgumentError if the axis does not have k elements.
 *
 * @example
 * ```ts
 * import { tensor, topK } from "tapeloop";
 *
 * const { values, indices } = topK(tensor([1, 4, 2, 3]), 2);
 * console.log(values.toArray(), indices.toArray()); // [ 4, 3 ] [ 1, 3 ]
 * ```
 */
export function topK(x: TensorLike, k: number, options: TopKOptions = {}): TopK {
  const t = numericOperand("topK", x);
  checkOptions("topK", options, ["axis", "smallest"]);
  const axis = normalizeAxis("topK", options.axis ?? -1, t);
  if (!Number.isInteger(k) || k < 0 || k > t.shape[axis]) {
    throw new ArgumentError(
      "topK",
      `k is a whole number from 0 to ${t.shape[axis]}, the size of axis ${axis}`,
      `${k} for ${formatType(t)}`,
    );
  }
  const places = argsort(t, { axis, descending: options.smallest !== true });
  const indices = slice(
    places,
    t.shape.map((_, i) => (i === axis ? { stop: k } : null)),
  );
  return { values: take(t, indices, axis), indices };
}

/**
 * The index of the least value along one axis (default: the last), the first of equal ones; NaN counts as
 * least. The result is int32 and constant to derivatives.
 *
 * @throws ShapeError over no elements.
 */
export function argmin(x: TensorLike, options: AxisOptions = {}): Tensor {
  const t = numericOperand("argmin", x);
  const axis = axisOf("argmin", t, options);
  checkNotEmpty("argmin", t, [axis]);
  return argmax(neg(t), { axis });
}

/**
 * What a part q of the elements over the given axes lies below, with linear interpolation between
 * neighbours, as in NumPy and PyTorch; NaN if there is one. The derivative is that of the neighbours, by
 * their weights; of equal elements those that {@link sort} has there.
 *
 * @param q - From 0 to 1; a list gives the quantiles along a new first axis.
 * @throws ShapeError over no elements.
 *
 * @example
 * ```ts
 * import { quantile, tensor } from "tapeloop";
 *
 * console.log(quantile(tensor([1, 2, 3, 4, 5]), [0, 0.25, 0.625]).toArray()); // [ 1, 2, 3.5 ]
 * ```
 */
export function quantile(
  x: TensorLike,
  q: number | readonly number[],
  options: AxesOptions = {},
): Tensor {
  return quantiles("quantile", x, q, options);
}

/** The median over the given axes; of an even number the mean of the two in the middle. See {@link quantile}. */
export function median(x: TensorLike, options: AxesOptions = {}): Tensor {
  return quantiles("median", x, 0.5, options);
}

/** {@link quantile} in the name of an op. */
function quantiles(
  op: string,
  x: TensorLike,
  q: number | readonly number[],
  options: AxesOptions,
): Tensor {
  const t = floatOperand(x);
  const axes = axesOf(op, t, options);
  for (const part of [q].flat()) {
    if (!(part >= 0 && part <= 1)) throw new ArgumentError(op, "q is from 0 to 1", String(part));
  }
  const kept = t.shape.map((size, i) => (axes.includes(i) ? 1 : size));
  const rest = t.shape.filter((_, i) => !axes.includes(i));
  let moved = t;
  axes.forEach((axis, i) => (moved = moveAxis(moved, axis - i, t.rank - 1)));
  const size = axes.reduce((n, axis) => n * t.shape[axis], 1);
  if (size === 0) throw new ShapeError(op, "needs at least one element", formatType(t));
  const sorted = sort(reshape(moved, [...rest, size]));
  const hasNaN = isNaN(select(sorted, -1, { axis: -1 }));
  const at = (part: number): Tensor => {
    const place = part * (size - 1);
    const [low, weight] = [Math.floor(place), place - Math.floor(place)];
    const below = select(sorted, low, { axis: -1 });
    const value =
      weight === 0
        ? below
        : add(mul(below, 1 - weight), mul(select(sorted, low + 1, { axis: -1 }), weight));
    const result = where(hasNaN, NaN, value);
    return options.keepAxes === true ? reshape(result, kept) : result;
  };
  return typeof q === "number" ? at(q) : stack(q.map(at), { axis: 0 });
}
