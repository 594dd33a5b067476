/** @file Activations with corners. At a corner each has the derivative that PyTorch gives it. */
import { ArgumentError } from "../errors.ts";
import { floatOperand } from "../operands.ts";
import { add, div, mul, sub } from "../primitives/binary.ts";
import {
  cast,
  equal,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalOr,
  where,
} from "../primitives/choice.ts";
import { abs, expm1 } from "../primitives/unary.ts";
import type { Shape } from "../shape.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import type { AnyShape, Operand } from "../shape-types.ts";
import { clip } from "./activations.ts";

/** x held in [low, high], with derivative 0 also on the bounds; NaN stays NaN. */
function held(x: Tensor, low: number, high: number): Tensor {
  return where(lessEqual(x, low), low, where(greaterEqual(x, high), high, x));
}

/** min(max(x, 0), 6). Derivative at 0 and 6: 0. */
export function relu6<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return held(floatOperand(x), 0, 6);
}

/** x held between two bounds (default: −1 and 1). Derivative on the bounds: 0; {@link clip} has 1 there. */
export function hardTanh<S extends Shape = AnyShape>(
  x: Operand<S> | number,
  low = -1,
  high = 1,
): Tensor<S> {
  if (!(low < high)) {
    throw new ArgumentError("hardTanh", "the bounds must be in rising order", `${low} and ${high}`);
  }
  return held(floatOperand(x), low, high);
}

/** (x + 3)/6 held in [0, 1]: a sigmoid of straight lines. Derivative at −3 and 3: 0. */
export function hardSigmoid<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return div(held(add(floatOperand(x), 3), 0, 6), 6);
}

/** x (x + 3)/6 between −3 and 3, below 0, above x. Derivative at −3: −1/2, at 3: 3/2. */
export function hardSwish<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  const t = floatOperand(x);
  return div(mul(t, clip(add(t, 3), 0, 6)), 6);
}

/** x above 0, else slope · x (default slope: 0.01). Derivative at 0: the slope. */
export function leakyRelu<S extends Shape = AnyShape>(
  x: Operand<S> | number,
  slope = 0.01,
): Tensor<S> {
  const t = floatOperand(x);
  return where(greater(t, 0), t, mul(t, slope));
}

/** {@link leakyRelu} with slopes that are learned; they are broadcast to x. Derivative at 0: the slope. */
export function prelu<S extends Shape = AnyShape>(
  x: Operand<S> | number,
  slope: TensorLike,
): Tensor<S> {
  const t = floatOperand(x);
  return where(greater(t, 0), t, mul(t, slope));
}

/** x above 0, else alpha (e^(x/width) − 1), without overflow in the branch that is not taken. */
function exponentialBelow(x: Tensor, alpha: number, width: number): Tensor {
  const isAbove = greater(x, 0);
  return where(isAbove, x, mul(expm1(div(where(isAbove, 0, x), width)), alpha));
}

/** x above 0, else alpha (eˣ − 1) (default alpha: 1). Derivative at 0: alpha. */
export function elu<S extends Shape = AnyShape>(x: Operand<S> | number, alpha = 1): Tensor<S> {
  return exponentialBelow(floatOperand(x), alpha, 1);
}

/** x above 0, else alpha (e^(x/alpha) − 1) (default alpha: 1): smooth at 0 for every alpha. */
export function celu<S extends Shape = AnyShape>(x: Operand<S> | number, alpha = 1): Tensor<S> {
  if (alpha === 0) throw new ArgumentError("celu", "alpha is a number other than 0", "0");
  return exponentialBelow(floatOperand(x), alpha, alpha);
}

/**
 * λ x above 0, else λ α (eˣ − 1), with λ and α such that means of 0 and variances of 1 are kept from layer to
 * layer. Derivative at 0: λ α.
 *
 * Source: Klambauer et al. 2017, "Self-normalizing neural networks", arXiv:1706.02515, eq. 2.
 */
export function selu<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  const [scale, alpha] = [1.050_700_987_355_480_5, 1.673_263_242_354_377_2];
  return mul(exponentialBelow(floatOperand(x), alpha, 1), scale);
}

/** x drawn toward 0 by `width` (default: 0.5), and 0 where it is closer than that. */
export function softShrink<S extends Shape = AnyShape>(
  x: Operand<S> | number,
  width = 0.5,
): Tensor<S> {
  const t = floatOperand(x);
  const isAbove = greater(t, width);
  const isOutside = logicalOr(isAbove, less(t, -width));
  return where(isOutside, where(isAbove, sub(t, width), add(t, width)), mul(t, 0));
}

/** x, and 0 where it is not farther than `width` (default: 0.5) from 0. */
export function hardShrink<S extends Shape = AnyShape>(
  x: Operand<S> | number,
  width = 0.5,
): Tensor<S> {
  const t = floatOperand(x);
  return where(lessEqual(abs(t), width), 0, t);
}

/** x above a threshold, else another value. Derivative at the threshold: 0. */
export function threshold<S extends Shape = AnyShape>(
  x: Operand<S> | number,
  above: number,
  otherwise: number,
): Tensor<S> {
  const t = floatOperand(x);
  return where(lessEqual(t, above), otherwise, t);
}

/** 1 above 0, 0 below, `atZero` (default: 1/2) at 0; NaN stays NaN. Derivative: 0. */
export function heaviside<S extends Shape = AnyShape>(
  x: Operand<S> | number,
  atZero = 0.5,
): Tensor<S> {
  const t = floatOperand(x);
  const step = where(greater(t, 0), 1, where(less(t, 0), 0, atZero));
  return where(equal(t, t), cast(step, t.dtype), NaN);
}
