/** @file What convolutional cells share: convolutions that keep the size, channels last, and their weights. */
import {
  ArgumentError,
  conv1d,
  conv2d,
  expandDims,
  moveAxis,
  squeeze,
  type Tensor,
  transpose,
} from "@tapeloop/autograd";
import type { FloatType, Initializer } from "../initializers/initializer.ts";
import { checkSizes } from "../sizes.ts";
import type { CellOptions } from "./recurrent-cell.ts";

/** Options of convolutional cells. */
export interface ConvCellOptions extends CellOptions {
  /** K, the size of the kernels along each axis of space, or one for all. Default: 3. */
  readonly kernelSize?: number | readonly number[];
}

/** Sizes of kernels, one for each axis of space; refuses what there is no convolution for. */
export function kernelSizes(
  op: string,
  space: readonly number[],
  kernelSize: number | readonly number[],
): readonly number[] {
  if (space.length !== 1 && space.length !== 2) {
    throw new ArgumentError(op, "space is [length] or [height, width]", `[${space.join(", ")}]`);
  }
  const sizes = typeof kernelSize === "number" ? space.map(() => kernelSize) : kernelSize;
  if (sizes.length !== space.length) {
    throw new ArgumentError(
      op,
      "kernelSize is one number, or one for each axis of space",
      `[${sizes.join(", ")}] for [${space.join(", ")}]`,
    );
  }
  space.forEach((size, i) => checkSizes(op, { [`space[${i}]`]: size, kernelSize: sizes[i] }));
  return sizes;
}

/** First values of a kernel [outputs, channels, …]: those of a matrix [everything it sees, outputs]. */
export function kernelOf(
  weights: Initializer,
  key: Tensor,
  [outputs, channels, ...sizes]: readonly number[],
  dtype: FloatType,
): Tensor {
  const seen = sizes.reduce((n, size) => n * size, channels);
  const matrix = weights(key, [seen, outputs], { dtype });
  return transpose(matrix).reshape([outputs, channels, ...sizes]);
}

/** The convolution of x [B, …space, channels], or of one example, that keeps its size: zeros stand around it. */
export function convolved(x: Tensor, kernel: Tensor): Tensor {
  if (x.rank < kernel.rank) {
    return squeeze(convolved(expandDims(x, 0), kernel), { axes: 0 });
  }
  const convolve = kernel.rank === 3 ? conv1d : conv2d;
  return moveAxis(convolve(moveAxis(x, -1, 1), kernel, { padding: "same" }), 1, -1);
}
