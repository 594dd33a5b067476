/** @file Greatest elements and means of windows over the last axes. */
import { ArgumentError, checkOptions, ShapeError } from "../errors.ts";
import { floatOperand } from "../operands.ts";
import { div } from "../primitives/binary.ts";
import { permute, reshape } from "../primitives/movement.ts";
import { argmax, sum } from "../primitives/reduce.ts";
import { formatType } from "../shape.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import { ones } from "./create.ts";
import { take } from "./indexing.ts";
import {
  latticeOf,
  type Lattice,
  type Padding,
  perAxis,
  type PerAxis,
  windowsOn,
} from "./spatial.ts";

/** How windows lie on the axes that are pooled. */
export interface PoolOptions {
  /** From one window to the next. Default: the size of a window. */
  readonly stride?: PerAxis;
  /**
   * Elements at both ends of every axis that are never chosen, at most half a window; "same": as many as make
   * ⌈n/stride⌉ results; "valid": none. Default: 0.
   */
  readonly padding?: Padding;
  /** From one element of a window to the next. Default: 1. */
  readonly dilation?: PerAxis;
}

/** How windows lie, and what their mean is taken over. */
export interface AveragePoolOptions {
  /** From one window to the next. Default: the size of a window. */
  readonly stride?: PerAxis;
  /** Zeros at both ends; see {@link PoolOptions}. Default: 0. */
  readonly padding?: Padding;
  /** Whether these zeros count. Default: true, as in PyTorch. */
  readonly countPadding?: boolean;
}

/** Checks the operand and the size of windows, and how they lie. */
function poolOn(
  op: string,
  t: Tensor,
  size: PerAxis,
  rank: number,
  { stride, padding = 0, dilation = 1 }: PoolOptions,
): readonly Lattice[] {
  if (t.rank < rank) throw new ShapeError(op, `needs ${rank} axes to pool`, formatType(t));
  const sizes = perAxis(op, "the size of a window", size, rank);
  const lattice = latticeOf(op, t, { sizes, stride: stride ?? sizes, dilation, padding });
  const tooWide = lattice.find((axis) => axis.padding[0] > axis.size / 2);
  if (typeof padding !== "string" && tooWide !== undefined) {
    throw new ArgumentError(
      op,
      "padding is at most half a window, so that none is empty",
      `${tooWide.padding[0]} for a window of ${tooWide.size}`,
    );
  }
  return lattice;
}

/** The greatest element of every window, by its place in it. */
function maxPool(
  op: string,
  x: TensorLike,
  size: PerAxis,
  rank: number,
  options: PoolOptions,
): Tensor {
  const t = floatOperand(x);
  checkOptions(op, options, ["stride", "padding", "dilation"]);
  const seen = windowsOn(t, poolOn(op, t, size, rank, options), -Infinity);
  const first = t.rank - rank;
  const spatial = Array.from({ length: rank }, (_, i) => first + 2 * i);
  const front = t.shape.slice(0, first).map((_, i) => i);
  const order = [...front, ...spatial, ...spatial.map((axis) => axis + 1)];
  const counts = [...front, ...spatial].map((axis) => seen.shape[axis]);
  const length = spatial.reduce((n, axis) => n * seen.shape[axis + 1], 1);
  const rows = reshape(permute(seen, order), [...counts, length]);
  if (rows.size === 0) return reshape(rows, counts);
  const places = reshape(argmax(rows), [...counts, 1]);
  return reshape(take(rows, places, counts.length), counts);
}

/** The mean of every window. */
function averagePool(
  op: string,
  x: TensorLike,
  size: PerAxis,
  rank: number,
  options: AveragePoolOptions,
): Tensor {
  const t = floatOperand(x);
  checkOptions(op, options, ["stride", "padding", "countPadding"]);
  const { countPadding = true, ...rest } = options;
  const lattice = poolOn(op, t, size, rank, rest);
  const first = t.rank - rank;
  const axes = lattice.map((_, i) => first + 2 * i + 1);
  const totals = sum(windowsOn(t, lattice, 0), { axes });
  if (countPadding)
    return div(
      totals,
      lattice.reduce((n, axis) => n * axis.size, 1),
    );
  const one = ones(
    t.shape.map((n, axis) => (axis < first ? 1 : n)),
    { dtype: t.dtype as "float32" },
  );
  return div(totals, sum(windowsOn(one, lattice, 0), { axes }));
}

/**
 * The greatest element of every window along the last axis. Of equal ones the first has the derivative, as in
 * PyTorch; NaN counts as greatest.
 *
 * Shapes: [..., L] → [..., ⌊(L + 2·padding − (size − 1)·dilation − 1) / stride⌋ + 1].
 *
 * @throws ShapeError if a window is longer than the padded axis.
 *
 * @example
 * ```ts
 * import { maxPool1d, tensor } from "tapeloop";
 *
 * console.log(maxPool1d(tensor([1, 3, 2, 5, 4]), 2).toArray()); // [ 3, 5 ]
 * ```
 */
export function maxPool1d(x: TensorLike, size: number, options: PoolOptions = {}): Tensor {
  return maxPool("maxPool1d", x, size, 1, options);
}

/**
 * {@link maxPool1d} over the last two axes. Sizes and options are one number, or [of the height, of the
 * width].
 *
 * Shapes: [..., H, W] → [..., H′, W′].
 *
 * @throws ShapeError if a window is larger than the padded axes.
 */
export function maxPool2d(x: TensorLike, size: PerAxis, options: PoolOptions = {}): Tensor {
  return maxPool("maxPool2d", x, size, 2, options);
}

/**
 * The mean of every window along the last axis.
 *
 * Shapes: [..., L] → [..., ⌊(L + 2·padding − size) / stride⌋ + 1].
 *
 * @throws ShapeError if a window is longer than the padded axis.
 */
export function avgPool1d(x: TensorLike, size: number, options: AveragePoolOptions = {}): Tensor {
  return averagePool("avgPool1d", x, size, 1, options);
}

/**
 * {@link avgPool1d} over the last two axes. Sizes and options are one number, or [of the height, of the
 * width].
 *
 * Shapes: [..., H, W] → [..., H′, W′].
 *
 * @throws ShapeError if a window is larger than the padded axes.
 */
export function avgPool2d(x: TensorLike, size: PerAxis, options: AveragePoolOptions = {}): Tensor {
  return averagePool("avgPool2d", x, size, 2, options);
}
