/** @file Tensors one after the other along an axis, and their pieces again. */
import { apply, applyMany } from "../apply.ts";
import { promote } from "../dtype.ts";
import { ArgumentError, InternalError, ShapeError, checkArray, checkOptions } from "../errors.ts";
import { toTensor } from "../operands.ts";
import { zerosOfType } from "../ops/create.ts";
import { type ManyPrimitive, type OnePrimitive, only, withZeros } from "../primitive.ts";
import type { Joined, NoOptions } from "../shape-changes.ts";
import type { Fits, Several, ShapeOr } from "../shape-types.ts";
import {
  checkShape,
  formatType,
  formatTypes,
  normalizeAxis,
  sameShape,
  type TensorType,
} from "../shape.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import { withFirstAxis } from "./batching.ts";
import { cast } from "./choice.ts";
import { expandDims, reshape } from "./movement.ts";
import { type AxisOptions, axisOf } from "./reduce.ts";
import { takeRange } from "./slicing.ts";

/** Which axis to join along. */
export interface ConcatParams {
  /** Counted from the front. */
  readonly axis: number;
}

/** Tensors one after the other along an axis. */
export const Concat: OnePrimitive<"concat", ConcatParams, readonly number[]> = {
  name: "concat",
  work: "layout",
  results: "one",
  type: (inputs, { axis }) => {
    const first = inputs[0];
    for (const x of inputs) {
      if (x.dtype !== first.dtype) throw new InternalError(`concat of ${formatTypes(inputs)}`);
      const fits =
        x.shape.length === first.shape.length &&
        x.shape.every((n, i) => i === axis || n === first.shape[i]);
      if (!fits) {
        throw new ShapeError(
          "concat",
          `shapes must agree but along axis ${axis}`,
          formatTypes([first, x]),
        );
      }
    }
    const size = inputs.reduce((n, x) => n + x.shape[axis], 0);
    return { shape: first.shape.with(axis, size), dtype: first.dtype };
  },
  saves: (inputs, _, { axis }) => inputs.map((x) => x.shape[axis]),
  vjp: (g, sizes, { axis }, input) => {
    const start = sizes.slice(0, input).reduce((a, b) => a + b, 0);
    return takeRange(g, axis, start, sizes[input]);
  },
  jvp: (tangents, sizes, { axis }) => {
    const like = tangents.find((t) => t !== null) as Tensor;
    const zeros = (size: number): Tensor =>
      zerosOfType({ shape: like.shape.with(axis, size), dtype: like.dtype }, like);
    return apply(
      Concat,
      tangents.map((t, i) => t ?? zeros(sizes[i])),
      { axis },
    );
  },
  batch: withFirstAxis(({ axis }) => ({ axis: axis + 1 })),
};

/** Where to cut. */
export interface SplitParams {
  /** Counted from the front. */
  readonly axis: number;
  /** The size of each piece; together the size of the axis. */
  readonly sizes: readonly number[];
}

/** Cuts along an axis; its derivative joins the pieces, once, however many there are. */
export const Split: ManyPrimitive<"split", SplitParams, readonly TensorType[]> = {
  name: "split",
  work: "layout",
  isView: true,
  results: "many",
  type: ([x], { axis, sizes }) => {
    const { shape, dtype } = x;
    const total = sizes.reduce((a, b) => a + b, 0);
    if (total !== shape[axis]) {
      throw new ShapeError(
        "split",
        `the sizes must add up to the size of axis ${axis}`,
        `${sizes.join(" + ")} = ${total} for ${formatType({ shape, dtype })}`,
      );
    }
    return sizes.map((size) => ({ shape: shape.with(axis, size), dtype }));
  },
  saves: (_, pieces) => pieces.map(({ shape, dtype }) => ({ shape, dtype })),
  vjp: (gs, types, { axis }) => concat(withZeros(gs, types), { axis }),
  jvp: (t, _, params) => applyMany(Split, [only(t)], params),
  batch: withFirstAxis(({ axis, sizes }) => ({ axis: axis + 1, sizes })),
};

/**
 * Tensors one after the other along an axis (default: the last); element types are promoted.
 *
 * @throws ShapeError if the shapes differ along another axis.
 */
export function concat<
  const T extends readonly TensorLike[],
  const O extends AxisOptions = NoOptions,
>(tensors: T & Fits<Joined<T, O>>, options?: O): Tensor<ShapeOr<Joined<T, O>>>;
export function concat(tensors: readonly TensorLike[], options: AxisOptions = {}): Tensor {
  const list = promoted("concat", tensors);
  const axis = axisOf("concat", list[0], options);
  return list.length === 1 ? list[0] : apply(Concat, list, { axis });
}

/**
 * Tensors of one shape side by side along a new axis (default: the last).
 *
 * @throws ShapeError if the shapes differ.
 */
export function stack(tensors: readonly TensorLike[], options: AxisOptions = {}): Tensor {
  checkOptions("stack", options, ["axis"]);
  const list = promoted("stack", tensors);
  const first = list[0];
  for (const t of list) {
    if (!sameShape(t.shape, first.shape)) {
      throw new ShapeError("stack", "shapes must be the same", formatTypes([first, t]));
    }
  }
  const axis = normalizeAxis("stack", options.axis ?? -1, {
    shape: [...first.shape, 1],
    dtype: first.dtype,
  });
  return concat(
    list.map((t) => expandDims(t, axis)),
    { axis },
  );
}

/** Tensors of one element type; at least one. */
function promoted(op: string, tensors: readonly TensorLike[]): Tensor[] {
  checkArray(op, "needs an array of tensors", tensors);
  const list = tensors.map(toTensor);
  if (list.length === 0) throw new ArgumentError(op, "needs at least one tensor", "none");
  const dtype = list.map((t) => t.dtype).reduce(promote);
  return list.map((t) => cast(t, dtype));
}

/**
 * Pieces of a tensor along an axis (default: the last).
 *
 * @param pieces - How many equal pieces, or the size of each.
 * @throws ShapeError if the pieces do not add up to the axis.
 *
 * @example
 * ```ts
 * import { arange, split } from "tapeloop";
 *
 * const [i, f] = split(arange(6), 2);
 * console.log(i.toArray(), f.toArray()); // [ 0, 1, 2 ] [ 3, 4, 5 ]
 * ```
 */
export function split<const N extends number | readonly number[]>(
  x: TensorLike,
  pieces: N,
  options?: AxisOptions,
): Several<N>;
export function split(
  x: TensorLike,
  pieces: number | readonly number[],
  options: AxisOptions = {},
): readonly Tensor[] {
  const t = toTensor(x);
  const axis = axisOf("split", t, options);
  const size = t.shape[axis];
  if (
    typeof pieces === "number" &&
    (!Number.isInteger(pieces) || pieces < 1 || size % pieces !== 0)
  ) {
    throw new ShapeError(
      "split",
      `axis ${axis} must divide into equal pieces`,
      `${pieces} pieces of ${formatType(t)}`,
      "Give the sizes as an array.",
    );
  }
  const sizes =
    typeof pieces === "number" ? Array.from({ length: pieces }, () => size / pieces) : pieces;
  checkArray("split", "needs a number of pieces, or an array of sizes", sizes);
  for (const piece of sizes) checkShape("split", [piece]);
  return applyMany(Split, [t], { axis, sizes: [...sizes] });
}

/** The slices of a tensor along an axis (default: the first), without that axis. */
export function unstack(x: TensorLike, options: AxisOptions = {}): readonly Tensor[] {
  const t = toTensor(x);
  checkOptions("unstack", options, ["axis"]);
  const axis = normalizeAxis("unstack", options.axis ?? 0, t);
  const size = t.shape[axis];
  if (size === 0) return [];
  return split(t, size, { axis }).map((piece) => reshape(piece, t.shape.toSpliced(axis, 1)));
}
