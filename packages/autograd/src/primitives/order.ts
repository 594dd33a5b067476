/** @file Primitives for which the order of the elements along an axis matters: running sums, sorting. */
import { apply } from "../apply.ts";
import { checkOptions } from "../errors.ts";
import { numericOperand, toTensor } from "../operands.ts";
import { type OnePrimitive, only, savesNothing } from "../primitive.ts";
import { normalizeAxis, type Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import type { AnyShape, Operand } from "../shape-types.ts";
import { withFirstAxis } from "./batching.ts";
import { sub } from "./binary.ts";
import { cast } from "./choice.ts";
import { flip } from "./slicing.ts";
import type { ArgParams } from "./reduce.ts";

/** Along which axis to add, and from which end. */
export interface CumsumParams extends ArgParams {
  /** Whether it begins at the last element. */
  readonly reverse: boolean;
}

/** Running sums; the transpose runs the other way. */
export const Cumsum: OnePrimitive<"cumsum", CumsumParams, null> = {
  name: "cumsum",
  work: "heavy",
  results: "one",
  type: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
  saves: savesNothing,
  vjp: (g, _, { axis, reverse }) => cumsum(g, { axis, reverse: !reverse }),
  jvp: (t, _, params) => cumsum(only(t), params),
  batch: withFirstAxis(({ axis, reverse }) => ({ axis: axis + 1, reverse })),
};

/** The places of the elements in rising order; equal ones keep theirs, and NaN comes last. */
export const Argsort: OnePrimitive<"argsort", ArgParams, null> = {
  name: "argsort",
  work: "heavy",
  results: "one",
  type: ([x]) => ({ shape: x.shape, dtype: "int32" }),
  saves: savesNothing,
  vjp: null,
  jvp: null,
  batch: withFirstAxis(({ axis }) => ({ axis: axis + 1 })),
};

/** How running totals are made. */
export interface RunningOptions {
  /** Negative axes count from the back. Default: −1, the last. */
  readonly axis?: number;
  /** Begins at the last element. Default: false. */
  readonly reverse?: boolean;
}

/** Checks the options of running totals. */
export function runningOf(op: string, x: Tensor, options: RunningOptions): CumsumParams {
  checkOptions(op, options, ["axis", "reverse"]);
  return {
    axis: normalizeAxis(op, options.axis ?? -1, x),
    reverse: options.reverse ?? false,
  };
}

/**
 * Running sums along an axis (default: the last): element i is the sum of those up to i. Masks are counted
 * as int32.
 *
 * @example
 * ```ts
 * import { cumsum, tensor } from "tapeloop";
 *
 * console.log(cumsum(tensor([1, 2, 3])).toArray()); // [ 1, 3, 6 ]
 * console.log(cumsum(tensor([1, 2, 3]), { reverse: true }).toArray()); // [ 6, 5, 3 ]
 * ```
 */
export function cumsum<S extends Shape = AnyShape>(
  x: Operand<S> | number,
  options: RunningOptions = {},
): Tensor<S> {
  const t = toTensor(x);
  const params = runningOf("cumsum", t, options);
  return apply(Cumsum, [t.dtype === "bool" ? cast(t, "int32") : t], params);
}

/** How {@link argsort} and {@link sort} order. */
export interface SortOptions {
  /** Negative axes count from the back. Default: −1, the last. */
  readonly axis?: number;
  /** Greatest first. Default: false. */
  readonly descending?: boolean;
}

/**
 * The places of the elements along an axis (default: the last) in rising or falling order, as int32. Equal
 * elements keep their order; NaN counts as greatest, as in NumPy and PyTorch. Constant to derivatives.
 *
 * @example
 * ```ts
 * import { argsort, tensor } from "tapeloop";
 *
 * console.log(argsort(tensor([3, 1, 2])).toArray()); // [ 1, 2, 0 ]
 * ```
 */
export function argsort<S extends Shape = AnyShape>(
  x: Operand<S> | number,
  options: SortOptions = {},
): Tensor<S> {
  const t = numericOperand("argsort", x);
  checkOptions("argsort", options, ["axis", "descending"]);
  const axis = normalizeAxis("argsort", options.axis ?? -1, t);
  if (options.descending !== true) return apply(Argsort, [t], { axis });
  // Read backwards twice, so that equal elements keep their order.
  const places = apply(Argsort, [flip(t, { axes: axis })], { axis });
  return sub(t.shape[axis] - 1, flip(places, { axes: axis }));
}
