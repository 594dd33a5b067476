/** @file Reading and writing single places: along an axis, in a row, one slice. */
import { DTypeError, IndexError, ShapeError, checkOptions, ArgumentError } from "../errors.ts";
import { numericOperand, ofOneType, toTensor } from "../operands.ts";
import { moveAxis } from "../primitives/batching.ts";
import { add, mul } from "../primitives/binary.ts";
import {
  cast,
  equal,
  greater,
  less,
  lessEqual,
  logicalAnd,
  notEqual,
  where,
} from "../primitives/choice.ts";
import { gather, scatterAdd } from "../primitives/indexing.ts";
import { broadcastTo, expandDims, reshape } from "../primitives/movement.ts";
import { concat } from "../primitives/joining.ts";
import { slice } from "../primitives/slicing.ts";
import { argsort } from "../primitives/order.ts";
import { stopGradient } from "../primitives/structure.ts";
import { type AxisOptions, axisOf, sum } from "../primitives/reduce.ts";
import { checkShape, formatType, formatTypes, sameShape, sizeOf } from "../shape.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import { arange, ones } from "./create.ts";

/** The values behind a tensor, all examples of it. */
function readAll(x: Tensor): ArrayLike<number> {
  return x.examples === null ? x.dataSync() : readAll(x.examples.full);
}

/** Runs `f`; an index out of range is reported in the name of the op and the words of its caller. */
function named<R>(op: string, indices: Tensor, axis: number, size: number, f: () => R): R {
  try {
    return f();
  } catch (error) {
    if (!(error instanceof IndexError)) throw error;
    const list = Array.from(readAll(indices));
    const place = list.findIndex((index) => index < 0 || index >= size);
    throw new IndexError(
      op,
      `indices along axis ${axis} must be in [0, ${size})`,
      `${list[place]} at place ${place}`,
      size === 0 ? "The axis has no elements." : "Indices count from 0.",
    );
  }
}

/** Refuses indices that are not whole numbers. */
function checkIndices(op: string, indices: Tensor): void {
  if (indices.dtype !== "int32") {
    throw new DTypeError(op, "indices must be int32", formatType(indices), 'Use cast(x, "int32").');
  }
}

/** Refuses indices that do not have the shape of x but along the axis. */
function checkBeside(op: string, x: Tensor, indices: Tensor, axis: number): void {
  checkIndices(op, indices);
  if (indices.rank !== x.rank || !sameShape(indices.shape.with(axis, 0), x.shape.with(axis, 0))) {
    throw new ShapeError(
      op,
      `the indices must have the shape of the tensor but along axis ${axis}`,
      formatTypes([x, indices]),
    );
  }
}

/** Indices into rows of `size` elements as indices into all rows together; −1 where out of range. */
function inAllRows(indices: Tensor, size: number, isKnownGood: boolean): Tensor {
  const rows = arange(0, sizeOf(indices.shape.slice(0, -1)), 1, { dtype: "int32" });
  const starts = reshape(mul(rows, size), [...indices.shape.slice(0, -1), 1]);
  const places = add(indices, starts);
  if (isKnownGood) return places;
  return where(logicalAnd(greater(indices, -1), less(indices, size)), places, -1);
}

/** {@link takeAlongAxis} without checks, for indices that are right. */
export function take(x: Tensor, indices: Tensor, axis: number, isKnownGood = true): Tensor {
  const last = x.rank - 1;
  const places = inAllRows(moveAxis(indices, axis, last), x.shape[axis], isKnownGood);
  return moveAxis(gather(reshape(moveAxis(x, axis, last), [-1]), places), last, axis);
}

/**
 * One element of x for each index, in the index's own row: along axis 1, y[i, j] = x[i, indices[i, j]].
 * NumPy's `take_along_axis`, PyTorch's `gather`; what {@link argmax}, {@link argsort} and {@link topK} return
 * can be read with it.
 *
 * Shapes: x and indices agree but along the axis (default: the last); the result has that of the indices.
 *
 * @throws IndexError naming the first index that is out of range.
 *
 * @example
 * ```ts
 * import { takeAlongAxis, tensor } from "tapeloop";
 *
 * const x = tensor([[1, 2, 3], [4, 5, 6]]);
 * const places = tensor([[2], [0]], { dtype: "int32" });
 * console.log(takeAlongAxis(x, places).toArray()); // [ [ 3 ], [ 4 ] ]
 * ```
 */
export function takeAlongAxis(x: TensorLike, indices: Tensor, options: AxisOptions = {}): Tensor {
  const t = toTensor(x);
  const axis = axisOf("takeAlongAxis", t, options);
  checkBeside("takeAlongAxis", t, indices, axis);
  return named("takeAlongAxis", indices, axis, t.shape[axis], () => take(t, indices, axis, false));
}

/**
 * x with `values` at one place for each index, in the index's own row: along axis 1,
 * y[i, indices[i, j]] = values[i, j]. Of several values for one place the last is taken, and it alone has
 * a derivative.
 *
 * Shapes: x and indices agree but along the axis (default: the last); values are broadcast to the indices.
 *
 * @throws IndexError naming the first index that is out of range.
 */
export function putAlongAxis(
  x: TensorLike,
  indices: Tensor,
  values: TensorLike,
  options: AxisOptions = {},
): Tensor {
  const [t, given] = ofOneType(x, values);
  const axis = axisOf("putAlongAxis", t, options);
  checkBeside("putAlongAxis", t, indices, axis);
  const last = t.rank - 1;
  const all = broadcastTo(given, indices.shape);
  const flat = (y: Tensor): Tensor => reshape(moveAxis(y, axis, last), [-1]);
  return named("putAlongAxis", indices, axis, t.shape[axis], () => {
    const places = reshape(inAllRows(moveAxis(indices, axis, last), t.shape[axis], false), [-1]);
    const put = replace(flat(t), places, flat(all));
    return moveAxis(reshape(put, moveAxis(t, axis, last).shape), last, axis);
  });
}

/** x with slices along the first axis replaced; places [m], values [m, ...]. The last of equal places wins. */
function replace(x: Tensor, places: Tensor, values: Tensor): Tensor {
  const column = (y: Tensor): Tensor => reshape(y, [-1, ...x.shape.slice(1).map(() => 1)]);
  const order = argsort(places);
  const sorted = gather(places, order);
  const next = concat([slice(sorted, [{ start: 1 }]), cast(-2, "int32").reshape([1])]);
  const isLast = notEqual(sorted, slice(next, [{ stop: sorted.shape[0] }]));
  const chosen = where(column(isLast), gather(values, order), 0);
  const [size] = x.shape;
  const counts = scatterAdd(ones(sorted.shape, { dtype: "int32" }), sorted, { size });
  return where(column(greater(counts, 0)), scatterAdd(chosen, sorted, { size }), x);
}

/**
 * x with slices along an axis (default: the first) replaced by `values` at integer places: what
 * {@link gather} would read there afterwards. Of several values for one place the last is taken, and it
 * alone has a derivative. To add instead of replacing, use {@link scatterAdd}.
 *
 * Shapes: indices [...i]; values as x with [...i] in the place of the axis, or broadcast to that.
 *
 * @throws IndexError naming the first index that is out of range.
 *
 * @example
 * ```ts
 * import { scatter, tensor, zeros } from "tapeloop";
 *
 * const places = tensor([2, 0], { dtype: "int32" });
 * console.log(scatter(zeros([4]), places, tensor([5, 7])).toArray()); // [ 7, 0, 5, 0 ]
 * ```
 */
export function scatter(
  x: TensorLike,
  indices: Tensor,
  values: TensorLike,
  options: AxisOptions = {},
): Tensor {
  const [t, given] = ofOneType(x, values);
  checkOptions("scatter", options, ["axis"]);
  const axis = axisOf("scatter", t, { axis: 0, ...options });
  checkIndices("scatter", indices);
  const shape = t.shape.toSpliced(axis, 1, ...indices.shape);
  const count = indices.size;
  const rows = reshape(broadcastTo(given, shape), t.shape.with(axis, count));
  return named("scatter", indices, axis, t.shape[axis], () => {
    const put = replace(moveAxis(t, axis, 0), reshape(indices, [count]), moveAxis(rows, axis, 0));
    return moveAxis(put, 0, axis);
  });
}

/**
 * One slice along an axis (default: the first), without that axis; −1 is the last.
 *
 * @throws IndexError if there is no such slice.
 */
export function select(x: TensorLike, index: number, options: AxisOptions = {}): Tensor {
  const t = toTensor(x);
  checkOptions("select", options, ["axis"]);
  const axis = axisOf("select", t, { axis: 0, ...options });
  const size = t.shape[axis];
  if (!Number.isInteger(index) || index < -size || index >= size) {
    throw new IndexError(
      "select",
      `the index along axis ${axis} must be in [${-size}, ${size})`,
      `${index} for ${formatType(t)}`,
    );
  }
  const at = index < 0 ? index + size : index;
  const ranges = t.shape.map((_, i) => (i === axis ? { start: at, stop: at + 1 } : null));
  return reshape(slice(t, ranges), t.shape.toSpliced(axis, 1));
}

/**
 * How often each of 0, 1, …, size − 1 occurs, as int32; or, with weights, the sum of those of each.
 *
 * Shapes: indices int32 [...n], weights [...n] → [size].
 *
 * @throws IndexError naming the first number that is out of range.
 */
export function binCount(indices: Tensor, size: number, weights?: TensorLike): Tensor {
  checkIndices("binCount", indices);
  checkShape("binCount", [size]);
  const counted =
    weights === undefined ? ones(indices.shape, { dtype: "int32" }) : toTensor(weights);
  return named("binCount", indices, 0, size, () => scatterAdd(counted, indices, { size }));
}

/** How {@link searchSorted} treats equal elements. */
export interface SearchOptions {
  /** "left": in front of equal elements; "right": behind them. Default: "left". */
  readonly side?: "left" | "right";
}

/**
 * Where to put each value into a rising row so that it stays rising: how many elements are less ("left"),
 * or not greater ("right"). Compares with every element. Constant to derivatives.
 *
 * Shapes: sorted [n], values [...] → int32 [...].
 */
export function searchSorted(
  sorted: TensorLike,
  values: TensorLike,
  options: SearchOptions = {},
): Tensor {
  checkOptions("searchSorted", options, ["side"]);
  const { side = "left" } = options;
  if (side !== "left" && side !== "right") {
    throw new ArgumentError("searchSorted", "side is left or right", String(side));
  }
  const [row, v] = [numericOperand("searchSorted", sorted), numericOperand("searchSorted", values)];
  if (row.rank !== 1) {
    throw new ShapeError("searchSorted", "the elements must be a row", formatType(row));
  }
  const column = expandDims(v, -1);
  return sum(side === "right" ? lessEqual(row, column) : less(row, column), { axes: -1 });
}

/** How {@link embeddingLookup} treats one symbol. */
export interface EmbeddingLookupOptions {
  /** A row that is read but not trained, such as that of padding: its derivative is 0. Default: none. */
  readonly paddingIndex?: number;
}

/**
 * Rows of a table at integer places: the vectors of symbols.
 *
 * Shapes: table [count, size], indices int32 [...] → [..., size].
 *
 * @throws IndexError naming the first index that is out of range.
 *
 * @example
 * ```ts
 * import { embeddingLookup, tensor } from "tapeloop";
 *
 * const table = tensor([[1, 2], [3, 4], [5, 6]]);
 * const rows = embeddingLookup(table, tensor([2, 0], { dtype: "int32" }));
 * console.log(rows.toArray()); // [ [ 5, 6 ], [ 1, 2 ] ]
 * ```
 */
export function embeddingLookup(
  table: TensorLike,
  indices: Tensor,
  options: EmbeddingLookupOptions = {},
): Tensor {
  checkOptions("embeddingLookup", options, ["paddingIndex"]);
  const [t, places] = [toTensor(table), toTensor(indices)];
  checkIndices("embeddingLookup", places);
  if (t.rank !== 2) {
    throw new ShapeError("embeddingLookup", "the table has rows and columns", formatType(t));
  }
  const [count] = t.shape;
  const rows = named("embeddingLookup", places, 0, count, () => gather(t, places));
  const { paddingIndex } = options;
  if (paddingIndex === undefined) return rows;
  if (!Number.isInteger(paddingIndex) || paddingIndex < 0 || paddingIndex >= count) {
    throw new ArgumentError(
      "embeddingLookup",
      `paddingIndex is a row of the table, from 0 and below ${count}`,
      String(paddingIndex),
    );
  }
  return where(expandDims(equal(places, paddingIndex), -1), stopGradient(rows), rows);
}
