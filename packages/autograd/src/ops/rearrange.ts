/** @file Moving axes and elements: turns and repetitions. */
import { ArgumentError, AxisError, checkArray, checkOptions } from "../errors.ts";
import { toTensor } from "../operands.ts";
import { moveAxis as moved } from "../primitives/batching.ts";
import { broadcastTo, permute, reshape } from "../primitives/movement.ts";
import { concat, split } from "../primitives/joining.ts";
import { flip } from "../primitives/slicing.ts";
import { type AxesOptions, axesOf, type AxisOptions, axisOf } from "../primitives/reduce.ts";
import { broadcastShapes, formatType, normalizeAxis, type Shape } from "../shape.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import { readAt } from "./windows.ts";

/** A whole number from some least one, or an error that says so. */
export function checkCount(op: string, what: string, value: number, from = 1): void {
  if (!Number.isInteger(value) || value < from) {
    throw new ArgumentError(op, `${what} is a whole number from ${from}`, String(value));
  }
}

/** The axis `from` moved to the place `to`; the others keep their order. Negative ones count from the back. */
export function moveAxis(x: TensorLike, from: number, to: number): Tensor {
  const t = toTensor(x);
  return moved(t, normalizeAxis("moveAxis", from, t), normalizeAxis("moveAxis", to, t));
}

/** Two axes exchanged: the transpose of matrices with batch axes is `swapAxes(x, -1, -2)`. */
export function swapAxes(x: TensorLike, a: number, b: number): Tensor {
  const t = toTensor(x);
  const [i, j] = [normalizeAxis("swapAxes", a, t), normalizeAxis("swapAxes", b, t)];
  const axes = t.shape.map((_, axis) => (axis === i ? j : axis === j ? i : axis));
  return permute(t, axes);
}

/** Which axes {@link flatten} makes one of. */
export interface FlattenOptions {
  /** The first of them. Default: 0. */
  readonly from?: number;
  /** The last of them. Default: −1, the last axis. */
  readonly to?: number;
}

/**
 * Neighbouring axes (default: all) as one, in row-major order; a single number becomes a vector.
 *
 * @throws AxisError if the axes are in the wrong order.
 */
export function flatten(x: TensorLike, options: FlattenOptions = {}): Tensor {
  const t = toTensor(x);
  checkOptions("flatten", options, ["from", "to"]);
  if (t.rank === 0) return reshape(t, [1]);
  const from = normalizeAxis("flatten", options.from ?? 0, t);
  const to = normalizeAxis("flatten", options.to ?? -1, t);
  if (from > to) {
    throw new AxisError(
      "flatten",
      "the first axis must not be behind the last",
      `${from} and ${to}`,
    );
  }
  const size = t.shape.slice(from, to + 1).reduce((a, b) => a * b, 1);
  return reshape(t, t.shape.toSpliced(from, to + 1 - from, size));
}

/** Tensors repeated to the shape that all of them fit. */
export function broadcastTensors(tensors: readonly TensorLike[]): readonly Tensor[] {
  const list = tensors.map(toTensor);
  const shape = list.reduce<Shape>(
    (known, t) => broadcastShapes("broadcastTensors", { shape: known, dtype: t.dtype }, t),
    [],
  );
  return list.map((t) => broadcastTo(t, shape));
}

/**
 * The elements moved along axes; those that fall off one end come back at the other. Without axes the
 * tensor is rolled as one row.
 *
 * @param shift - How far, one for all axes or one for each; negative ones move to the front.
 *
 * @example
 * ```ts
 * import { arange, roll } from "tapeloop";
 *
 * console.log(roll(arange(5), 2).toArray()); // [ 3, 4, 0, 1, 2 ]
 * ```
 */
export function roll(
  x: TensorLike,
  shift: number | readonly number[],
  options: Pick<AxesOptions, "axes"> = {},
): Tensor {
  const t = toTensor(x);
  checkOptions("roll", options, ["axes"]);
  if (options.axes === undefined) {
    if (typeof shift !== "number") {
      throw new ArgumentError("roll", "needs axes for several shifts", `[${shift.join(", ")}]`);
    }
    return reshape(rolled(reshape(t, [-1]), 0, shift), t.shape);
  }
  const axes = [options.axes].flat().map((axis) => normalizeAxis("roll", axis, t));
  const shifts = typeof shift === "number" ? axes.map(() => shift) : shift;
  if (shifts.length !== axes.length) {
    throw new ArgumentError(
      "roll",
      "takes one shift for all axes, or one for each",
      `${shifts.length} shifts for ${axes.length} axes`,
    );
  }
  return axes.reduce((y, axis, i) => rolled(y, axis, shifts[i]), t);
}

/** One axis rolled. */
function rolled(x: Tensor, axis: number, shift: number): Tensor {
  if (!Number.isInteger(shift)) {
    throw new ArgumentError("roll", "a shift is a whole number", String(shift));
  }
  const size = x.shape[axis];
  const cut = size === 0 ? 0 : ((-shift % size) + size) % size;
  if (cut === 0) return x;
  const [head, rest] = split(x, [cut, size - cut], { axis });
  return concat([rest, head], { axis });
}

/**
 * Copies side by side: `times[i]` of them along axis i, counted from the back as in broadcasting; a tensor
 * of fewer axes gets new ones in front.
 *
 * @example
 * ```ts
 * import { tensor, tile } from "tapeloop";
 *
 * console.log(tile(tensor([1, 2]), [2, 2]).toArray()); // [ [ 1, 2, 1, 2 ], [ 1, 2, 1, 2 ] ]
 * ```
 */
export function tile(x: TensorLike, times: readonly number[]): Tensor {
  const t = toTensor(x);
  for (const n of times) checkCount("tile", "a number of copies", n, 0);
  const rank = Math.max(t.rank, times.length);
  const shape = [...Array.from({ length: rank - t.rank }, () => 1), ...t.shape];
  const counts = [...Array.from({ length: rank - times.length }, () => 1), ...times];
  const apart = reshape(
    t,
    shape.flatMap((size) => [1, size]),
  );
  const full = broadcastTo(
    apart,
    shape.flatMap((size, i) => [counts[i], size]),
  );
  return reshape(
    full,
    shape.map((size, i) => counts[i] * size),
  );
}

/**
 * Every element along an axis (default: the last) several times, one copy beside the other: NumPy's
 * `repeat`, PyTorch's `repeat_interleave`.
 *
 * @param times - How often: one number, or one for each element along the axis.
 *
 * @example
 * ```ts
 * import { repeat, tensor } from "tapeloop";
 *
 * console.log(repeat(tensor([1, 2]), 2).toArray()); // [ 1, 1, 2, 2 ]
 * console.log(repeat(tensor([1, 2]), [0, 3]).toArray()); // [ 2, 2, 2 ]
 * ```
 */
export function repeat(
  x: TensorLike,
  times: number | readonly number[],
  options: AxisOptions = {},
): Tensor {
  const t = toTensor(x);
  const axis = axisOf("repeat", t, options);
  const size = t.shape[axis];
  if (typeof times !== "number") checkArray("repeat", "takes one number, or an array", times);
  const counts = typeof times === "number" ? Array.from({ length: size }, () => times) : times;
  for (const n of counts) checkCount("repeat", "a number of copies", n, 0);
  if (counts.length !== size) {
    throw new ArgumentError(
      "repeat",
      `takes one number, or one for each of ${size} elements`,
      `${counts.length} for ${formatType(t)}`,
    );
  }
  const places = counts.flatMap((n, i) => Array.from({ length: n }, () => i));
  return readAt(t, axis, places);
}

/**
 * Pieces of one size along an axis (default: the last), the last of them shorter if it does not come out
 * even; PyTorch's `chunk`. There may be fewer than asked for.
 */
export function chunk(x: TensorLike, count: number, options: AxisOptions = {}): readonly Tensor[] {
  const t = toTensor(x);
  const axis = axisOf("chunk", t, options);
  checkCount("chunk", "the number of pieces", count);
  const size = t.shape[axis];
  const each = Math.ceil(size / count);
  if (each === 0) return split(t, [0], { axis });
  const sizes = Array.from({ length: Math.ceil(size / each) }, (_, i) =>
    Math.min(each, size - i * each),
  );
  return split(t, sizes, { axis });
}

/** Turned by quarters in the plane of two axes (default: 0 and 1), from the first to the second. */
export function rot90(
  x: TensorLike,
  times = 1,
  options: { readonly axes?: readonly [number, number] } = {},
): Tensor {
  const t = toTensor(x);
  checkOptions("rot90", options, ["axes"]);
  if (!Number.isInteger(times)) {
    throw new ArgumentError("rot90", "a number of quarters is whole", String(times));
  }
  if (options.axes !== undefined) checkArray("rot90", "needs two axes", options.axes);
  const [first, second] = options.axes ?? [0, 1];
  axesOf("rot90", t, { axes: [first, second] });
  switch (((times % 4) + 4) % 4) {
    case 1:
      return flip(swapAxes(t, first, second), { axes: first });
    case 2:
      return flip(t, { axes: [first, second] });
    case 3:
      return flip(swapAxes(t, first, second), { axes: second });
    default:
      return t;
  }
}
