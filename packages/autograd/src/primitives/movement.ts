/** @file Primitives that lay elements out anew without computing: views where a backend can make them. */
import { apply } from "../apply.ts";
import { AxisError, ShapeError, checkArray } from "../errors.ts";
import { toTensor } from "../operands.ts";
import { type OnePrimitive, only, savesNothing } from "../primitive.ts";
import type { Given, Permuted, Reversed, SameSize } from "../shape-changes.ts";
import type { AnyShape, Fits, Operand, ShapeOr, Writable } from "../shape-types.ts";
import {
  type Shape,
  checkShape,
  formatType,
  normalizeAxis,
  ownShape,
  sameShape,
  sizeOf,
} from "../shape.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import { shifted, withFirstAxis } from "./batching.ts";
import { type AxesOptions, axesOf, sum } from "./reduce.ts";

/** A shape to change to. */
export interface ShapeParams {
  /** Sizes. */
  readonly shape: Shape;
}

/** The same elements in row-major order under another shape. */
export const Reshape: OnePrimitive<"reshape", ShapeParams, Shape> = {
  name: "reshape",
  work: "layout",
  isView: true,
  results: "one",
  type: ([type], { shape }) => {
    checkShape("reshape", shape);
    if (sizeOf(shape) !== sizeOf(type.shape)) {
      throw new ShapeError(
        "reshape",
        "the number of elements must stay the same",
        `${formatType(type)} for [${shape.join(", ")}] (${sizeOf(type.shape)} ≠ ${sizeOf(shape)})`,
      );
    }
    return { shape, dtype: type.dtype };
  },
  saves: ([x]) => x.shape,
  vjp: (g, shape) => reshape(g, shape),
  jvp: (t, _, { shape }) => reshape(only(t), shape),
  batch: withFirstAxis(({ shape }, size) => ({ shape: [size, ...shape] })),
  total: (_, total, { shape }) => reshape(total(0), shape),
};

/** An order of axes. */
export interface PermuteParams {
  /** Axis i of the result is this axis of the operand. */
  readonly axes: readonly number[];
}

/** The axes in another order. */
export const Permute: OnePrimitive<"permute", PermuteParams, null> = {
  name: "permute",
  work: "layout",
  isView: true,
  results: "one",
  type: ([x], { axes }) => {
    const { shape, dtype } = x;
    return { shape: axes.map((axis) => shape[axis]), dtype };
  },
  saves: savesNothing,
  vjp: (g, _, { axes }) =>
    permute(
      g,
      axes.map((_axis, i) => axes.indexOf(i)),
    ),
  jvp: (t, _, { axes }) => permute(only(t), axes),
  batch: withFirstAxis(({ axes }) => ({ axes: [0, ...shifted(axes)] })),
  total: (_, total, { axes }) => permute(total(0), axes),
};

/** Repeats along new axes in front and along axes of size 1. */
export const BroadcastTo: OnePrimitive<"broadcastTo", ShapeParams, Shape> = {
  name: "broadcastTo",
  work: "layout",
  isView: true,
  results: "one",
  type: ([type], { shape }) => {
    checkShape("broadcastTo", shape);
    const missing = shape.length - type.shape.length;
    if (missing < 0 || type.shape.some((n, i) => n !== 1 && n !== shape[missing + i])) {
      throw new ShapeError(
        "broadcastTo",
        "only axes of size 1 and new axes in front can be repeated",
        `${formatType(type)} for [${shape.join(", ")}]`,
        "Use reshape() or expandDims() to line the axes up.",
      );
    }
    return { shape, dtype: type.dtype };
  },
  saves: ([x]) => x.shape,
  vjp: (g, shape) => {
    const missing = g.shape.length - shape.length;
    const axes = g.shape.flatMap((n, i) => (i < missing || shape[i - missing] !== n ? [i] : []));
    return reshape(sum(g, { axes, keepAxes: true }), shape);
  },
  jvp: (t, _, { shape }) => broadcastTo(only(t), shape),
  batch: (_, [{ x }], { shape }, size) => {
    // New axes come in front of the example's own, behind that of the examples.
    const fresh = Array.from({ length: shape.length + 1 - x.rank }, () => 1);
    return broadcastTo(reshape(x, [size, ...fresh, ...x.shape.slice(1)]), [size, ...shape]);
  },
  total: (_, total, { shape }) => broadcastTo(total(0), shape),
};

/**
 * The same elements in row-major order under another shape; one size may be −1 and is then worked out.
 *
 * @throws ShapeError if the number of elements would change.
 *
 * @example
 * ```ts
 * import { arange, reshape } from "tapeloop";
 *
 * console.log(reshape(arange(6), [2, -1]).toArray()); // [ [ 0, 1, 2 ], [ 3, 4, 5 ] ]
 * ```
 */
export function reshape<S extends Shape = AnyShape, const T extends Shape = Shape>(
  x: Operand<S> | number,
  shape: T & SameSize<S, T>,
): Tensor<Given<T>>;
export function reshape(x: TensorLike, shape: Shape): Tensor {
  const t = toTensor(x);
  checkArray("reshape", "a shape is an array of sizes", shape);
  let full = shape;
  const open = shape.indexOf(-1);
  if (open !== shape.lastIndexOf(-1)) {
    throw new ShapeError("reshape", "one size may be −1", `[${shape.join(", ")}]`);
  }
  if (open >= 0) {
    const rest = shape.reduce((size, n, i) => (i === open ? size : size * n), 1);
    full = shape.with(open, rest === 0 ? 0 : Math.floor(sizeOf(t.shape) / rest));
  }
  return sameShape(full, t.shape) ? t : apply(Reshape, [t], { shape: ownShape(full) });
}

/**
 * The axes in another order: axis i of the result is axis `axes[i]` of x.
 *
 * @throws AxisError if `axes` does not name every axis once.
 */
export function permute<S extends Shape = AnyShape, const A extends Shape = Shape>(
  x: Operand<S> | number,
  axes: A & Fits<Permuted<S, A>>,
): Tensor<ShapeOr<Permuted<S, A>>>;
export function permute(x: TensorLike, axes: readonly number[]): Tensor {
  const t = toTensor(x);
  checkArray("permute", "needs an array of axes", axes);
  const order = axes.map((axis) => normalizeAxis("permute", axis, t));
  if (order.length !== t.rank || new Set(order).size !== order.length) {
    throw new AxisError(
      "permute",
      "every axis must be named once",
      `[${axes.join(", ")}] for ${formatType(t)}`,
    );
  }
  return order.every((axis, i) => axis === i) ? t : apply(Permute, [t], { axes: order });
}

/** The axes in reverse order: the transpose of a matrix. */
export function transpose<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<Reversed<S>>;
export function transpose(x: TensorLike): Tensor {
  const t = toTensor(x);
  return permute(
    t,
    t.shape.map((_, i) => t.rank - 1 - i),
  );
}

/**
 * Repeats along new axes in front and along axes of size 1, without copying where the backend has views.
 *
 * @throws ShapeError if another axis would change.
 */
export function broadcastTo<const T extends Shape>(x: TensorLike, shape: T): Tensor<Writable<T>>;
export function broadcastTo(x: TensorLike, shape: Shape): Tensor {
  const t = toTensor(x);
  checkShape("broadcastTo", shape);
  return sameShape(t.shape, shape) ? t : apply(BroadcastTo, [t], { shape: ownShape(shape) });
}

/** A new axis of size 1 at the given place; −1 is behind the last. */
export function expandDims(x: TensorLike, axis: number): Tensor {
  const t = toTensor(x);
  const at = normalizeAxis("expandDims", axis, { shape: [...t.shape, 1], dtype: t.dtype });
  return reshape(t, t.shape.toSpliced(at, 0, 1));
}

/**
 * Without the given axes of size 1; without all of them if none are given.
 *
 * @throws ShapeError if a named axis has another size.
 */
export function squeeze(x: TensorLike, options: Pick<AxesOptions, "axes"> = {}): Tensor {
  const t = toTensor(x);
  const named = axesOf("squeeze", t, options);
  const axes = options.axes === undefined ? named.filter((axis) => t.shape[axis] === 1) : named;
  if (axes.some((axis) => t.shape[axis] !== 1)) {
    throw new ShapeError("squeeze", "only axes of size 1 can go", formatType(t));
  }
  return reshape(
    t,
    t.shape.filter((_, i) => !axes.includes(i)),
  );
}
