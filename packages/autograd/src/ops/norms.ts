/** @file Lengths, distances and angles between vectors; spread of observations. */
import { ArgumentError, checkOptions, checkFiniteNumbers, ShapeError } from "../errors.ts";
import { floatOperand, floatPair } from "../operands.ts";
import { div, mul, pow, sub } from "../primitives/binary.ts";
import { cast, equal, less, notEqual, where } from "../primitives/choice.ts";
import { expandDims, transpose } from "../primitives/movement.ts";
import { type AxesOptions, max, sum } from "../primitives/reduce.ts";
import { abs, sqrt, square } from "../primitives/unary.ts";
import { formatType, formatTypes, normalizeAxes, normalizeAxis, type Shape } from "../shape.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import type { AnyShape, Operand } from "../shape-types.ts";
import { matmul } from "./linear.ts";
import { mean, min } from "./statistics.ts";

/** Which length {@link norm} measures. */
export interface NormOptions extends AxesOptions {
  /**
   * 2: √Σ x²; p: (Σ |x|ᵖ)^(1/p); Infinity and −Infinity: the greatest and the least |x|; 0: how many are not
   * 0. Default: 2.
   */
  readonly ord?: number;
}

/** The p-th root of a sum that may be 0, where the derivative is taken as 0. */
function root(total: Tensor, p: number): Tensor {
  const isZero = equal(total, 0);
  const inside = where(isZero, 1, total);
  return where(isZero, 0, p === 2 ? sqrt(inside) : pow(inside, 1 / p));
}

/**
 * The length of the vectors along the given axes, which are taken together (default: all).
 *
 * Derivative: 0 where the length is 0, and 0 by elements that are 0; elements that share the greatest or
 * least size share it evenly. All as in PyTorch.
 *
 * @throws ShapeError over no elements for ±Infinity.
 *
 * @example
 * ```ts
 * import { norm, tensor } from "tapeloop";
 *
 * const x = tensor([[3, 4], [0, -2]]);
 * console.log(norm(x, { axes: 1 }).toArray(), norm(x, { ord: Infinity }).item()); // [ 5, 2 ] 4
 * ```
 */
export function norm(x: TensorLike, options: NormOptions = {}): Tensor {
  const t = floatOperand(x);
  checkOptions("norm", options, ["ord", "axes", "keepAxes"]);
  const { ord = 2, ...over } = options;
  const axes = normalizeAxes("norm", over.axes, t);
  if (Math.abs(ord) === Infinity) {
    if (axes.some((axis) => t.shape[axis] === 0)) {
      throw new ShapeError("norm", "needs at least one element along each axis", formatType(t));
    }
    return (ord > 0 ? max : min)(abs(t), over);
  }
  if (ord === 2) return root(sum(square(t), over), 2);
  if (ord === 1) return sum(abs(t), over);
  if (ord === 0) return sum(cast(notEqual(t, 0), t.dtype), over);
  if (!(ord > 0)) {
    throw new ArgumentError("norm", "ord is a number from 0, Infinity or -Infinity", String(ord));
  }
  const isZero = equal(t, 0);
  return root(sum(where(isZero, 0, pow(where(isZero, 1, abs(t)), ord)), over), ord);
}

/** How vectors are compared. */
export interface VectorOptions {
  /** The axis of the vectors; negative ones count from the back. Default: −1, the last. */
  readonly axis?: number;
  /** Lengths below this count as this long. */
  readonly eps?: number;
}

/** Vectors along an axis, as long as 1; those shorter than eps are divided by eps. */
function unit(x: Tensor, axis: number, eps: number): Tensor {
  const length = norm(x, { axes: axis, keepAxes: true });
  return div(x, where(less(length, eps), eps, length));
}

/** The vectors along an axis (default: the last) divided by their lengths, or by eps (default: 1e-12). */
export function normalize<S extends Shape = AnyShape>(
  x: Operand<S> | number,
  options: VectorOptions = {},
): Tensor<S> {
  const t = floatOperand(x);
  checkOptions("normalize", options, ["axis", "eps"]);
  const { axis = -1, eps = 1e-12 } = options;
  checkFiniteNumbers("normalize", { eps }, 0);
  return unit(t, normalizeAxis("normalize", axis, t), eps);
}

/**
 * The cosine of the angle between vectors along an axis (default: the last), with broadcasting. Lengths
 * below eps (default: 1e-8) count as eps.
 */
export function cosineSimilarity(
  x: TensorLike,
  y: TensorLike,
  options: VectorOptions = {},
): Tensor {
  const [a, b] = floatPair("cosineSimilarity", x, y);
  checkOptions("cosineSimilarity", options, ["axis", "eps"]);
  const axis = normalizeAxis("cosineSimilarity", options.axis ?? -1, a);
  const { eps = 1e-8 } = options;
  checkFiniteNumbers("cosineSimilarity", { eps }, 0);
  return sum(mul(unit(a, axis, eps), unit(b, axis, eps)), { axes: axis });
}

/**
 * The distance of every vector of x from every one of y; see {@link norm} for `ord` and the derivative at 0.
 *
 * Shapes: x [..., m, f], y [..., n, f] → [..., m, n].
 */
export function pairwiseDistances(
  x: TensorLike,
  y: TensorLike,
  options: Pick<NormOptions, "ord"> = {},
): Tensor {
  const [a, b] = [floatOperand(x), floatOperand(y)];
  checkOptions("pairwiseDistances", options, ["ord"]);
  if (a.rank < 2 || b.rank < 2 || a.shape[a.rank - 1] !== b.shape[b.rank - 1]) {
    throw new ShapeError(
      "pairwiseDistances",
      "needs rows of vectors of one size",
      formatTypes([a, b]),
    );
  }
  return norm(sub(expandDims(a, -2), expandDims(b, -3)), { ...options, axes: -1 });
}

/** How {@link cov} divides. */
export interface CovOptions {
  /** The sum of products is divided by the number of observations less this. Default: 1. */
  readonly correction?: number;
}

/**
 * The covariances of variables, as NumPy's `cov`. Shapes: [variables, observations] → [variables, variables].
 */
export function cov(x: TensorLike, options: CovOptions = {}): Tensor {
  const t = floatOperand(x);
  checkOptions("cov", options, ["correction"]);
  const { correction = 1 } = options;
  checkFiniteNumbers("cov", { correction });
  if (t.rank !== 2) {
    throw new ShapeError("cov", "takes [variables, observations]", formatType(t));
  }
  const centered = sub(t, mean(t, { axes: 1, keepAxes: true }));
  return div(matmul(centered, transpose(centered)), Math.max(0, t.shape[1] - correction));
}
