/** @file Windows that slide along axes, and borders that are not plain numbers. */
import { checkOptions, ShapeError } from "../errors.ts";
import { toTensor } from "../operands.ts";
import { moveAxis } from "../primitives/batching.ts";
import { gather } from "../primitives/indexing.ts";
import { broadcastTo, reshape } from "../primitives/movement.ts";
import { concat } from "../primitives/joining.ts";
import { slice } from "../primitives/slicing.ts";
import type { AxisOptions } from "../primitives/reduce.ts";
import { checkShape, formatType, normalizeAxis, type Shape } from "../shape.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import { full, tensor } from "./create.ts";
import { checkCount } from "./rearrange.ts";

/** The elements along an axis at places that are known beforehand; the shape of the places takes its place. */
export function readAt(x: Tensor, axis: number, places: readonly number[], shape?: Shape): Tensor {
  const indices = tensor(Int32Array.from(places), {
    shape: shape ?? [places.length],
    backend: x.backend,
  });
  return gather(x, indices, { axis });
}

/** How windows lie on an axis. */
export interface WindowOptions extends AxisOptions {
  /** From one window to the next. Default: 1. */
  readonly step?: number;
  /** From one element of a window to the next. Default: 1. */
  readonly dilation?: number;
}

/** Windows along an axis: it becomes two, which window and which place in it. */
export function windows(
  x: Tensor,
  axis: number,
  size: number,
  step: number,
  dilation: number,
): Tensor {
  const count = Math.max(0, Math.floor((x.shape[axis] - (size - 1) * dilation - 1) / step) + 1);
  // Windows of one element are the axis itself.
  if (size === 1) {
    const ranges = x.shape.map((_, i) =>
      i === axis ? { stop: (count - 1) * step + 1, step } : null,
    );
    return reshape(count === 0 ? x : slice(x, ranges), x.shape.toSpliced(axis, 1, count, 1));
  }
  const places = Array.from(
    { length: count * size },
    (_, i) => Math.floor(i / size) * step + (i % size) * dilation,
  );
  return readAt(x, axis, places, [count, size]);
}

/**
 * All windows of a size along an axis (default: the last), their elements along a new last axis; PyTorch's
 * `unfold`.
 *
 * @throws ShapeError if the axis is shorter than a window.
 *
 * @example
 * ```ts
 * import { arange, slidingWindows } from "tapeloop";
 *
 * console.log(slidingWindows(arange(5), 3, { step: 2 }).toArray()); // [ [ 0, 1, 2 ], [ 2, 3, 4 ] ]
 * ```
 */
export function slidingWindows(x: TensorLike, size: number, options: WindowOptions = {}): Tensor {
  const t = toTensor(x);
  checkOptions("slidingWindows", options, ["axis", "step", "dilation"]);
  const { step = 1, dilation = 1 } = options;
  const axis = normalizeAxis("slidingWindows", options.axis ?? -1, t);
  checkCount("slidingWindows", "the size of a window", size);
  checkCount("slidingWindows", "step", step);
  checkCount("slidingWindows", "dilation", dilation);
  const span = (size - 1) * dilation + 1;
  if (t.shape[axis] < span) {
    throw new ShapeError(
      "slidingWindows",
      `windows of ${span} need as many elements along axis ${axis}`,
      formatType(t),
    );
  }
  return moveAxis(windows(t, axis, size, step, dilation), axis + 1, t.rank);
}

/** What stands beyond the ends of an axis: its mirror image, its end again and again, or its other end. */
export type PadMode = "reflect" | "edge" | "wrap";

/** The place in an axis of `size` elements that the place `i`, perhaps outside of it, shows. */
function shownAt(i: number, size: number, mode: PadMode): number {
  switch (mode) {
    case "edge":
      return Math.min(Math.max(i, 0), size - 1);
    case "wrap":
      return ((i % size) + size) % size;
    case "reflect": {
      if (size === 1) return 0;
      const period = 2 * (size - 1);
      const place = ((i % period) + period) % period;
      return Math.min(place, period - place);
    }
    default:
      return mode satisfies never;
  }
}

/** A border of the tensor's own elements; see {@link pad}. */
export function padWithOwn(
  x: Tensor,
  widths: readonly (readonly [number, number])[],
  mode: PadMode,
): Tensor {
  return widths.reduce((y, [before, after], axis) => {
    if (before === 0 && after === 0) return y;
    const size = x.shape[axis];
    checkShape("pad", [size + before + after]);
    if (size === 0) {
      throw new ShapeError("pad", `mode "${mode}" needs at least one element`, formatType(x));
    }
    const places = Array.from({ length: before + size + after }, (_, i) =>
      shownAt(i - before, size, mode),
    );
    return readAt(y, axis, places);
  }, x);
}

/**
 * A border of infinities; see {@link pad}. They are joined on as constants, so that {@link detectAnomaly}
 * knows that they were asked for.
 */
export function padWithInfinity(
  x: Tensor,
  widths: readonly (readonly [number, number])[],
  value: number,
): Tensor {
  return widths.reduce((y, [before, after], axis) => {
    const block = (size: number): Tensor[] =>
      size === 0
        ? []
        : [broadcastTo(full([], value, { dtype: x.dtype }), y.shape.with(axis, size))];
    return concat([...block(before), y, ...block(after)], { axis });
  }, x);
}
