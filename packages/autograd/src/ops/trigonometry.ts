/** @file Circular and hyperbolic functions and their inverses, from sin, cos, atan2, exp, expm1 and log1p. */
import { floatOperand } from "../operands.ts";
import { add, atan2, div, mul, sub } from "../primitives/binary.ts";
import { equal, less, where } from "../primitives/choice.ts";
import { abs, cos, exp, expm1, log1p, neg, sin, sqrt, square } from "../primitives/unary.ts";
import type { Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import type { AnyShape, Operand } from "../shape-types.ts";
import { hypot } from "./powers.ts";

/** The tangent; x in radians. */
export function tan<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  const t = floatOperand(x);
  return div(sin(t), cos(t));
}

/** √(1 − x²), in factors: so that nothing is lost, and nothing NaN, near ±1. */
function otherLeg(x: Tensor): Tensor {
  return mul(sqrt(sub(1, x)), sqrt(add(1, x)));
}

/** The angle in [−π/2, π/2] with sine x; NaN outside of [−1, 1]. Derivative at ±1: +Inf. */
export function asin<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  const t = floatOperand(x);
  return atan2(t, otherLeg(t));
}

/** The angle in [0, π] with cosine x; NaN outside of [−1, 1]. Derivative at ±1: −Inf. */
export function acos<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  const t = floatOperand(x);
  return atan2(otherLeg(t), t);
}

/** The angle in [−π/2, π/2] with tangent x. For the angle of a point use {@link atan2}. */
export function atan<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return atan2(floatOperand(x), 1);
}

/** The hyperbolic sine (eˣ − e⁻ˣ)/2, exact also near 0. */
export function sinh<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  const t = floatOperand(x);
  const isSmall = less(abs(t), 1);
  const u = expm1(where(isSmall, t, 0));
  const small = mul(add(u, div(u, add(u, 1))), 0.5);
  const [up, down] = halves(where(isSmall, 1, t));
  return where(isSmall, small, sub(up, down));
}

/** The hyperbolic cosine (eˣ + e⁻ˣ)/2. */
export function cosh<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  const [up, down] = halves(floatOperand(x));
  return add(up, down);
}

/** eˣ/2 and e⁻ˣ/2 as products of roots, which overflow only where the halves do, also in derivatives. */
function halves(x: Tensor): [Tensor, Tensor] {
  return [0.5, -0.5].map((half) => {
    const root = exp(mul(x, half));
    return mul(mul(root, 0.5), root);
  }) as [Tensor, Tensor];
}

/**
 * The inverse of {@link sinh}: ln (x + √(x² + 1)), exact also near 0 and without overflow.
 *
 * @example
 * ```ts
 * import { asinh, tensor } from "tapeloop";
 *
 * const x = tensor([1e-20, -1e300], { dtype: "float64" });
 * console.log(asinh(x).toArray()); // [ 1e-20, -691.4686750787737 ]
 * ```
 */
export function asinh<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  const t = floatOperand(x);
  const isNegative = less(t, 0);
  // The formula holds for every number, but loses digits below 0: −asinh(−x) is taken there.
  const y = where(isNegative, neg(t), t);
  // y + √(y² + 1) − 1 = y + y²/(1 + √(y² + 1))
  const infinite = equal(y, Infinity);
  const finite = where(infinite, 1, y);
  const value = log1p(add(finite, mul(finite, div(finite, add(hypot(finite, 1), 1)))));
  return where(infinite, t, where(isNegative, neg(value), value));
}

/** The inverse of {@link cosh} for x ≥ 1; NaN below. Derivative at 1: +Inf. */
export function acosh<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  // cosh 2a = 1 + 2 sinh² a
  return mul(asinh(sqrt(mul(sub(floatOperand(x), 1), 0.5))), 2);
}

/** The inverse of tanh: ½ ln ((1 + x)/(1 − x)); ±Inf at ±1, NaN beyond. */
export function atanh<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  const t = floatOperand(x);
  return mul(sub(log1p(t), log1p(neg(t))), 0.5);
}

/** sin πx / πx, and 1 at 0. */
export function sinc<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  const t = mul(floatOperand(x), Math.PI);
  // Close to 0 its series, up to what float64 does not hold: so all derivatives there are right, too.
  const isSmall = less(abs(t), 0.1);
  const s = square(where(isSmall, t, 0));
  let series = mul(s, -1 / 39_916_800);
  for (const c of [1 / 362_880, -1 / 5040, 1 / 120, -1 / 6]) series = mul(add(series, c), s);
  const other = where(isSmall, 1, t);
  return where(isSmall, add(series, 1), div(sin(other), other));
}

/** Radians from degrees: x π/180. */
export function radians<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return mul(floatOperand(x), Math.PI / 180);
}

/** Degrees from radians: x 180/π. */
export function degrees<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return mul(floatOperand(x), 180 / Math.PI);
}
