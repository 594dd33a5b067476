/** @file What makes first values of weights. The same key gives the same ones, to rounding, on every backend. */
import { type Shape, ShapeError, type Tensor } from "@tapeloop/autograd";

/** The element types that weights may have. */
export type FloatType = "float32" | "float64";

/** How weights are made. */
export interface InitializerOptions {
  /** Default: float32. */
  readonly dtype?: FloatType;
}

/** Makes first values of a shape from a key. It lives where the key lives. */
export type Initializer = (key: Tensor, shape: Shape, options?: InitializerOptions) => Tensor;

/** Rows and columns of a weight matrix: how many inputs and outputs it connects. */
export function matrixSizes(op: string, shape: Shape): readonly [fanIn: number, fanOut: number] {
  if (shape.length !== 2 || shape.includes(0)) {
    throw new ShapeError(op, "weights are a matrix [inputs, outputs]", `[${shape.join(", ")}]`);
  }
  return [shape[0], shape[1]];
}

/**
 * How many inputs and outputs weights connect: of a matrix [inputs, outputs], or of the kernels of a convolution
 * [outputs, inputs, ...window], where each element of the window counts.
 */
export function fansOf(op: string, shape: Shape): readonly [fanIn: number, fanOut: number] {
  if (shape.length <= 2) return matrixSizes(op, shape);
  if (shape.includes(0)) {
    throw new ShapeError(op, "weights need a size in every axis", `[${shape.join(", ")}]`);
  }
  const [outputs, inputs, ...window] = shape;
  const area = window.reduce((a, b) => a * b, 1);
  return [inputs * area, outputs * area];
}
