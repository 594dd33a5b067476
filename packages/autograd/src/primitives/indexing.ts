/** @file Reading and adding at places given by an integer tensor. */
import { apply } from "../apply.ts";
import { checkOptions, DTypeError, ShapeError } from "../errors.ts";
import { toTensor } from "../operands.ts";
import { type OnePrimitive, only } from "../primitive.ts";
import { checkShape, formatType, formatTypes, sameShape, type TensorType } from "../shape.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import { arange } from "../ops/create.ts";
import { aligned, moveAxis } from "./batching.ts";
import { add, mul } from "./binary.ts";
import { permute, reshape } from "./movement.ts";
import { type AxisOptions, axisOf } from "./reduce.ts";

/** Which axis the indices count along. */
export interface GatherParams {
  /** Counted from the front. */
  readonly axis: number;
}

/** Indices must be whole numbers. Their range is checked by the kernels, which see them. */
function checkIndices(op: string, indices: TensorType): void {
  if (indices.dtype !== "int32") {
    throw new DTypeError(op, "indices must be int32", formatType(indices), 'Use cast(x, "int32").');
  }
}

/** What the derivative of `gather` keeps. */
export interface Gathered {
  /** The size of the axis that was read along. */
  readonly size: number;
  /** Where it was read. */
  readonly indices: Tensor;
}

/** The elements at `indices` along an axis; the shape of the indices takes that axis' place. */
export const Gather: OnePrimitive<"gather", GatherParams, Gathered> = {
  name: "gather",
  work: "heavy",
  results: "one",
  type: ([x, indices], { axis }) => {
    checkIndices("gather", indices);
    return { shape: x.shape.toSpliced(axis, 1, ...indices.shape), dtype: x.dtype };
  },
  saves: ([x, indices], _, { axis }) => ({ size: x.shape[axis], indices }),
  vjp: (g, { size, indices }, { axis }) => scatterAdd(g, indices, { axis, size }),
  jvp: (t, { indices }, { axis }) => gather(only(t), indices, { axis }),
  batch: (_, [x, indices], { axis }, size) => {
    if (!indices.isBatched) return gather(x.x, indices.x, { axis: axis + 1 });
    if (!x.isBatched) return moveAxis(gather(x.x, indices.x, { axis }), axis, 0);
    // Example n has its own places: n·count + index among all examples' slices in one row.
    const first = moveAxis(x.x, axis + 1, 1);
    const [, count, ...rest] = first.shape;
    const slices = gather(reshape(first, [size * count, ...rest]), ofExample(indices.x, count));
    return blockBehind(slices, 1, indices.x.rank - 1, axis);
  },
};

/** Indices into all examples' slices in one row: n·count + index. Shapes: [examples, …]. */
function ofExample(indices: Tensor, count: number): Tensor {
  const examples = arange(0, indices.shape[0], 1, { dtype: "int32" });
  return add(indices, reshape(mul(examples, count), [-1, ...indices.shape.slice(1).map(() => 1)]));
}

/** Moves `length` axes from `from` to behind the `by` axes that follow them. */
function blockBehind(x: Tensor, from: number, length: number, by: number): Tensor {
  const axes = x.shape.map((_, i) => i);
  const block = axes.splice(from, length);
  return permute(x, axes.toSpliced(from + by, 0, ...block));
}

/** Moves `length` axes from `from` to just behind the first axis. */
function blockInFront(x: Tensor, from: number, length: number): Tensor {
  const axes = x.shape.map((_, i) => i);
  const block = axes.splice(from, length);
  return permute(x, axes.toSpliced(1, 0, ...block));
}

/** Where to add, and how many places there are. */
export interface ScatterParams extends GatherParams {
  /** The size of the axis in the result. */
  readonly size: number;
}

/** Zeros, with the slices of x added at `indices` along an axis: the transpose of gather. */
export const ScatterAdd: OnePrimitive<"scatterAdd", ScatterParams, Tensor> = {
  name: "scatterAdd",
  work: "heavy",
  results: "one",
  type: ([x, indices], { axis, size }) => {
    checkIndices("scatterAdd", indices);
    checkShape("scatterAdd", [size]);
    const { length } = indices.shape;
    if (!sameShape(x.shape.slice(axis, axis + length), indices.shape)) {
      throw new ShapeError(
        "scatterAdd",
        `the indices must have the shape of the values from axis ${axis} on`,
        formatTypes([x, indices]),
      );
    }
    return { shape: x.shape.toSpliced(axis, length, size), dtype: x.dtype };
  },
  saves: ([, indices]) => indices,
  vjp: (g, indices, { axis }) => gather(g, indices, { axis }),
  jvp: (t, indices, { axis, size }) => scatterAdd(only(t), indices, { axis, size }),
  batch: (_, lanes, { axis, size: count }, size) => {
    const [x, indices] = lanes;
    if (!indices.isBatched) return scatterAdd(x.x, indices.x, { axis: axis + 1, size: count });
    const [all] = aligned(lanes, size);
    const first = blockInFront(all, axis + 1, indices.x.rank - 1);
    const places = ofExample(indices.x, count);
    const sums = scatterAdd(first, places, { axis: 0, size: size * count });
    return moveAxis(reshape(sums, [size, count, ...sums.shape.slice(1)]), 1, axis + 1);
  },
};

/**
 * The slices of x at integer places along an axis (default: the first). The shape of the indices
 * takes the place of that axis.
 *
 * @param indices - int32, each from 0 and below the size of the axis.
 * @throws IndexError naming the first index that is out of range.
 *
 * @example
 * ```ts
 * import { gather, tensor } from "tapeloop";
 *
 * const table = tensor([[1, 2], [3, 4], [5, 6]]);
 * console.log(gather(table, tensor([2, 0], { dtype: "int32" })).toArray()); // [ [ 5, 6 ], [ 1, 2 ] ]
 * ```
 */
export function gather(x: TensorLike, indices: Tensor, options: AxisOptions = {}): Tensor {
  const t = toTensor(x);
  checkOptions("gather", options, ["axis"]);
  const axis = axisOf("gather", t, { axis: 0, ...options });
  return apply(Gather, [t, toTensor(indices)], { axis });
}

/** How {@link scatterAdd} places its values. */
export interface ScatterOptions extends AxisOptions {
  /** The size of the axis in the result. */
  readonly size: number;
}

/**
 * Zeros, with slices of x added at integer places along an axis (default: the first); indices may
 * repeat. The transpose of {@link gather}.
 *
 * @param x - Its axes from `axis` on begin with those of the indices.
 * @throws IndexError naming the first index that is out of range.
 */
export function scatterAdd(x: TensorLike, indices: Tensor, options: ScatterOptions): Tensor {
  const t = toTensor(x);
  checkOptions("scatterAdd", options, ["axis", "size"]);
  const { size, ...rest } = options;
  const axis = axisOf(
    "scatterAdd",
    { shape: [...t.shape, 1], dtype: t.dtype },
    { axis: 0, ...rest },
  );
  return apply(ScatterAdd, [t, toTensor(indices)], { axis, size });
}
