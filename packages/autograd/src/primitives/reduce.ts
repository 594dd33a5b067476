/** @file Reductions: many elements along some axes become one. Primitives keep those axes with size 1. */
import { apply } from "../apply.ts";
import { ArgumentError, checkOptions, ShapeError } from "../errors.ts";
import { numericOperand, toTensor } from "../operands.ts";
import { type OnePrimitive, only, savesNothing } from "../primitive.ts";
import { formatType, normalizeAxes, normalizeAxis, type Shape, type TensorType } from "../shape.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import { shifted, withFirstAxis } from "./batching.ts";
import { div, mul } from "./binary.ts";
import { cast, equal } from "./choice.ts";
import { broadcastTo, squeeze } from "./movement.ts";
import type { AnyShape, Operand } from "../shape-types.ts";
import type { AxesFit, NoOptions, Reduced } from "../shape-changes.ts";

/** Which axes to reduce. */
export interface ReduceParams {
  /** In rising order, counted from the front. */
  readonly axes: readonly number[];
}

/** The reduced axes get size 1. */
function reduced(type: TensorType, { axes }: ReduceParams): Shape {
  return type.shape.map((size, i) => (axes.includes(i) ? 1 : size));
}

/** Greatest values need something to choose from. */
export function checkNotEmpty(op: string, type: TensorType, axes: readonly number[]): void {
  if (axes.some((axis) => type.shape[axis] === 0)) {
    throw new ShapeError(op, "needs at least one element along each axis", formatType(type));
  }
}

/** Sums. */
export const Sum: OnePrimitive<"sum", ReduceParams, Shape> = {
  name: "sum",
  work: "heavy",
  results: "one",
  type: ([x], params) => ({ shape: reduced(x, params), dtype: x.dtype }),
  saves: ([x]) => x.shape,
  vjp: (g, shape) => broadcastTo(g, shape),
  jvp: (t, _, { axes }) => sum(only(t), { axes, keepAxes: true }),
  batch: withFirstAxis(({ axes }) => ({ axes: shifted(axes) })),
  total: (_, total, { axes }) => sum(total(0), { axes, keepAxes: true }),
};

/** What the derivative of `max` keeps. */
export interface InputAndOutput {
  /** The input. */
  readonly x: Tensor;
  /** The output. */
  readonly y: Tensor;
}

/** Greatest values; among equal ones the cotangent is shared evenly, as in PyTorch's `amax`. */
export const Max: OnePrimitive<"max", ReduceParams, InputAndOutput> = {
  name: "max",
  work: "heavy",
  results: "one",
  type: ([x], params) => {
    checkNotEmpty("max", x, params.axes);
    return { shape: reduced(x, params), dtype: x.dtype };
  },
  saves: ([x], y) => ({ x, y }),
  vjp: (g, { x, y }, { axes }) => mul(broadcastTo(g, x.shape), shares(x, y, axes)),
  jvp: (t, { x, y }, { axes }) => sum(mul(only(t), shares(x, y, axes)), { axes, keepAxes: true }),
  batch: withFirstAxis(({ axes }) => ({ axes: shifted(axes) })),
};

/** The part of each element in the greatest value: 1/n for each of n equal ones. */
function shares(x: Tensor, y: Tensor, axes: readonly number[]): Tensor {
  const chosen = cast(equal(x, broadcastTo(y, x.shape)), x.dtype);
  return div(chosen, sum(chosen, { axes, keepAxes: true }));
}

/** Which axis to search. */
export interface ArgParams {
  /** Counted from the front. */
  readonly axis: number;
}

/** The index of the greatest value, the first of equal ones; the axis is gone. */
export const Argmax: OnePrimitive<"argmax", ArgParams, null> = {
  name: "argmax",
  work: "heavy",
  results: "one",
  type: ([x], { axis }) => {
    checkNotEmpty("argmax", x, [axis]);
    return { shape: x.shape.filter((_, i) => i !== axis), dtype: "int32" };
  },
  saves: savesNothing,
  vjp: null,
  jvp: null,
  batch: withFirstAxis(({ axis }) => ({ axis: axis + 1 })),
};

/** Which axes to reduce, and whether they stay. */
export interface AxesOptions {
  /** One axis or several; negative ones count from the back. Default: all. */
  readonly axes?: number | readonly number[];
  /** Keeps the reduced axes with size 1. Default: false. */
  readonly keepAxes?: boolean;
}

/** One axis. */
export interface AxisOptions {
  /** Negative axes count from the back. Default: −1, the last. */
  readonly axis?: number;
}

/** Checks the options of a reduction. */
export function axesOf(op: string, x: TensorType, options: AxesOptions): readonly number[] {
  checkOptions(op, options, ["axes", "keepAxes"]);
  if (![undefined, true, false].includes(options.keepAxes)) {
    throw new ArgumentError(op, "keepAxes is true or false", String(options.keepAxes));
  }
  return normalizeAxes(op, options.axes, x);
}

/** Checks the options of an op along one axis. */
export function axisOf(op: string, x: TensorType, options: AxisOptions): number {
  checkOptions(op, options, ["axis"]);
  return normalizeAxis(op, options.axis ?? -1, x);
}

/** Drops the reduced axes unless they are to stay. */
function finish(y: Tensor, axes: readonly number[], options: AxesOptions): Tensor {
  return options.keepAxes === true || axes.length === 0 ? y : squeeze(y, { axes });
}

/**
 * The sum over the given axes; 0 over no elements. Masks are counted as int32.
 *
 * @example
 * ```ts
 * import { sum, tensor } from "tapeloop";
 *
 * console.log(sum(tensor([[1, 2], [3, 4]]), { axes: 0 }).toArray()); // [ 4, 6 ]
 * ```
 */
export function sum<S extends Shape = AnyShape, const O extends AxesOptions = NoOptions>(
  x: Operand<S> | number,
  options?: O & AxesFit<S, O>,
): Tensor<Reduced<S, O>>;
export function sum(x: TensorLike, options: AxesOptions = {}): Tensor {
  const t = toTensor(x);
  const axes = axesOf("sum", t, options);
  if (t.dtype === "bool") return sum(cast(t, "int32"), options);
  return finish(apply(Sum, [t], { axes }), axes, options);
}

/**
 * The greatest value over the given axes; NaN if there is one. Equal ones share the derivative.
 *
 * @throws ShapeError over no elements.
 */
export function max<S extends Shape = AnyShape, const O extends AxesOptions = NoOptions>(
  x: Operand<S> | number,
  options?: O & AxesFit<S, O>,
): Tensor<Reduced<S, O>>;
export function max(x: TensorLike, options: AxesOptions = {}): Tensor {
  const t = numericOperand("max", x);
  const axes = axesOf("max", t, options);
  return finish(apply(Max, [t], { axes }), axes, options);
}

/**
 * The index of the greatest value along one axis, the first of equal ones; NaN counts as greatest.
 * Without an axis the last is meant. The result is int32 and constant to derivatives.
 *
 * @throws ShapeError over no elements.
 */
export function argmax(x: TensorLike, options: AxisOptions = {}): Tensor {
  const t = numericOperand("argmax", x);
  return apply(Argmax, [t], { axis: axisOf("argmax", t, options) });
}
