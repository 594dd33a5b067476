/** @file Rows of evenly spaced numbers, and grids of them. */
import { allocate, type DType, isFloat } from "../dtype.ts";
import {
  ArgumentError,
  checkOptions,
  checkFiniteNumbers,
  DTypeError,
  ShapeError,
} from "../errors.ts";
import { toTensor } from "../operands.ts";
import { broadcastTo, reshape } from "../primitives/movement.ts";
import { formatType, type Shape } from "../shape.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import { type DTypeOptions, fullLike, tensor } from "./create.ts";
import { checkCount } from "./rearrange.ts";

/** How {@link linspace} ends. */
export interface LinspaceOptions extends DTypeOptions {
  /** Whether the last number is `stop` itself, or one step before it. Default: true. */
  readonly endpoint?: boolean;
}

/** Numbers worked out in float64 and rounded once. */
function row(op: string, count: number, dtype: DType, value: (i: number) => number): Tensor {
  checkCount(op, "the number of elements", count, 0);
  if (!isFloat(dtype)) {
    throw new DTypeError(op, "makes real numbers", dtype, "Use arange() or cast().");
  }
  const data = allocate(dtype, count);
  for (let i = 0; i < count; i++) data[i] = value(i);
  return tensor(data, { dtype });
}

/** The i-th of evenly spaced numbers; the last is the end itself, whatever the steps round to. */
function spaced(
  op: string,
  start: number,
  stop: number,
  count: number,
  endpoint: boolean,
): (i: number) => number {
  checkFiniteNumbers(op, { start, stop });
  const steps = endpoint ? count - 1 : count;
  return (i) =>
    i === steps && i > 0 ? stop : start + (steps === 0 ? 0 : (i * (stop - start)) / steps);
}

/**
 * `count` evenly spaced numbers from start to stop, both included.
 *
 * @example
 * ```ts
 * import { linspace } from "tapeloop";
 *
 * console.log(linspace(0, 1, 5).toArray()); // [ 0, 0.25, 0.5, 0.75, 1 ]
 * ```
 */
export function linspace(
  start: number,
  stop: number,
  count: number,
  options: LinspaceOptions = {},
): Tensor {
  checkOptions("linspace", options, ["dtype", "endpoint"]);
  const { dtype = "float32", endpoint = true } = options;
  return row("linspace", count, dtype, spaced("linspace", start, stop, count, endpoint));
}

/** How {@link logspace} counts. */
export interface LogspaceOptions extends LinspaceOptions {
  /** What is raised to the evenly spaced powers. Default: 10. */
  readonly base?: number;
}

/**
 * `count` numbers from base^start to base^stop, each the same multiple of the one before it.
 *
 * @example
 * ```ts
 * import { logspace } from "tapeloop";
 *
 * console.log(logspace(0, 3, 4).toArray()); // [ 1, 10, 100, 1000 ]
 * ```
 */
export function logspace(
  start: number,
  stop: number,
  count: number,
  options: LogspaceOptions = {},
): Tensor {
  checkOptions("logspace", options, ["dtype", "endpoint", "base"]);
  const { dtype = "float32", endpoint = true, base = 10 } = options;
  checkFiniteNumbers("logspace", { base });
  const power = spaced("logspace", start, stop, count, endpoint);
  return row("logspace", count, dtype, (i) => base ** power(i));
}

/** Ones in the shape, element type and backend of another tensor. */
export function onesLike<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return fullLike(x, 1);
}

/** Which axis {@link meshgrid} lays the first row along. */
export interface MeshgridOptions {
  /** "ij": along the first axis, as matrices are indexed; "xy": along the second, as plots are. Default: "ij". */
  readonly indexing?: "ij" | "xy";
}

/**
 * The coordinates of a grid: for each row of numbers a tensor with one axis per row, along which it varies.
 *
 * Shapes: [m], [n], … → [m, n, …] each; with "xy" the first two sizes change places.
 *
 * @example
 * ```ts
 * import { arange, meshgrid } from "tapeloop";
 *
 * const [i, j] = meshgrid([arange(2), arange(3)]);
 * console.log(i.toArray(), j.toArray()); // [ [ 0, 0, 0 ], [ 1, 1, 1 ] ] [ [ 0, 1, 2 ], [ 0, 1, 2 ] ]
 * ```
 */
export function meshgrid(
  rows: readonly TensorLike[],
  options: MeshgridOptions = {},
): readonly Tensor[] {
  checkOptions("meshgrid", options, ["indexing"]);
  const { indexing = "ij" } = options;
  if (indexing !== "ij" && indexing !== "xy") {
    throw new ArgumentError("meshgrid", "indexing is ij or xy", String(indexing));
  }
  const list = rows.map(toTensor);
  for (const x of list) {
    if (x.rank !== 1) throw new ShapeError("meshgrid", "takes rows of numbers", formatType(x));
  }
  // The axis along which each row varies.
  const places = list.map((_, i) => (indexing === "xy" && i < 2 && list.length > 1 ? 1 - i : i));
  const shape = list.map((_, axis) => list[places.indexOf(axis)].shape[0]);
  return list.map((x, i) =>
    broadcastTo(
      reshape(
        x,
        shape.map((size, axis) => (axis === places[i] ? size : 1)),
      ),
      shape,
    ),
  );
}
