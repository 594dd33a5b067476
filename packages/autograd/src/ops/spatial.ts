/** @file What convolutions and pooling share: how windows lie on the last axes of a tensor. */
import { ArgumentError, ShapeError } from "../errors.ts";
import { pad } from "../primitives/slicing.ts";
import { formatType } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { checkCount } from "./rearrange.ts";
import { windows } from "./windows.ts";

/** One number for every spatial axis, or one for each. */
export type PerAxis = number | readonly number[];

/** Zeros, or −Inf, around the spatial axes: so many, as many as keep the size, or none. */
export type Padding = PerAxis | "same" | "valid";

/** How windows lie on one axis. */
export interface Lattice {
  /** The size of a window. */
  readonly size: number;
  /** From one window to the next. */
  readonly stride: number;
  /** From one element of a window to the next. */
  readonly dilation: number;
  /** Elements put in [in front of, behind] the axis. */
  readonly padding: readonly [number, number];
}

/** One whole number per axis. */
export function perAxis(
  op: string,
  what: string,
  value: PerAxis,
  rank: number,
  from = 1,
): readonly number[] {
  const list = typeof value === "number" ? Array.from({ length: rank }, () => value) : value;
  if (list.length !== rank) {
    throw new ArgumentError(op, `${what} is one number, or ${rank}`, `[${list.join(", ")}]`);
  }
  for (const n of list) checkCount(op, what, n, from);
  return list;
}

/** How windows lie, from the options as users write them. */
export interface WindowChoice {
  /** The size of a window. */
  readonly sizes: readonly number[];
  /** From one window to the next. */
  readonly stride: PerAxis;
  /** From one element of a window to the next. */
  readonly dilation: PerAxis;
  /** What stands around the axes. */
  readonly padding: Padding;
}

/**
 * How windows lie on the last axes of x. "same" pads so that ⌈n/stride⌉ windows fit, the odd element
 * behind, as in Keras and, for a stride of 1, PyTorch.
 *
 * @throws ShapeError if an axis with its padding is shorter than a window.
 */
export function latticeOf(op: string, x: Tensor, choice: WindowChoice): readonly Lattice[] {
  const { sizes, padding } = choice;
  const rank = sizes.length;
  const strides = perAxis(op, "stride", choice.stride, rank);
  const dilations = perAxis(op, "dilation", choice.dilation, rank);
  if (typeof padding === "string" && padding !== "same" && padding !== "valid") {
    throw new ArgumentError(op, "padding is a number, same or valid", String(padding));
  }
  const given = typeof padding === "string" ? null : perAxis(op, "padding", padding, rank, 0);
  return sizes.map((size, i) => {
    const [stride, dilation] = [strides[i], dilations[i]];
    const n = x.shape[x.rank - rank + i];
    const span = (size - 1) * dilation + 1;
    const fill = Math.max(0, (Math.ceil(n / stride) - 1) * stride + span - n);
    const [before, after] =
      given !== null
        ? [given[i], given[i]]
        : padding === "same"
          ? [Math.floor(fill / 2), Math.ceil(fill / 2)]
          : [0, 0];
    if (before + n + after < span) {
      throw new ShapeError(
        op,
        `a window of ${span} must fit into the axis with its padding`,
        `${formatType(x)} (${span} > ${before + n + after})`,
      );
    }
    return { size, stride, dilation, padding: [before, after] };
  });
}

/**
 * The windows on the last axes of x: each becomes two, which window and which place in it.
 *
 * @param value - What is put around the axes.
 */
export function windowsOn(x: Tensor, lattice: readonly Lattice[], value: number): Tensor {
  const first = x.rank - lattice.length;
  const widths = x.shape.map((_, axis) =>
    axis < first ? ([0, 0] as const) : lattice[axis - first].padding,
  );
  const padded = widths.some(([before, after]) => before + after > 0)
    ? pad(x, widths, { value })
    : x;
  return lattice.reduce(
    (y, { size, stride, dilation }, i) => windows(y, first + 2 * i, size, stride, dilation),
    padded,
  );
}
