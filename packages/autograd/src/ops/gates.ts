/** @file Smooth activations, most of them x times a gate between 0 and 1. */
import { ArgumentError, checkOptions, ShapeError } from "../errors.ts";
import { floatOperand } from "../operands.ts";
import { add, div, mul, sub } from "../primitives/binary.ts";
import { split } from "../primitives/joining.ts";
import { type AxisOptions, axisOf } from "../primitives/reduce.ts";
import { abs, erfc, neg, sigmoid, tanh } from "../primitives/unary.ts";
import { formatType, type Shape } from "../shape.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import type { AnyShape, Operand } from "../shape-types.ts";
import { softmax, softplus } from "./activations.ts";
import { cube } from "./powers.ts";

/** x sigmoid(x), also called swish. */
export function silu<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  const t = floatOperand(x);
  return mul(t, sigmoid(t));
}

/** Which form {@link gelu} has. */
export interface GeluOptions {
  /** "none": by the error function; "tanh": ½ x (1 + tanh √(2/π) (x + 0.044715 x³)). Default: "none". */
  readonly approximate?: "none" | "tanh";
}

/**
 * x Φ(x) with the normal distribution's Φ(x) = ½ (1 + erf x/√2), exact also far below 0.
 *
 * Source: Hendrycks and Gimpel 2016, "Gaussian error linear units", arXiv:1606.08415.
 */
export function gelu<S extends Shape = AnyShape>(
  x: Operand<S> | number,
  options: GeluOptions = {},
): Tensor<S> {
  const t = floatOperand(x);
  checkOptions("gelu", options, ["approximate"]);
  const { approximate = "none" } = options;
  switch (approximate) {
    case "none":
      // 1 + erf x/√2 = erfc −x/√2, which keeps its digits where erf is nearly −1.
      return mul(mul(t, 0.5), erfc(mul(t, -Math.SQRT1_2)));
    case "tanh": {
      const inner = mul(add(t, mul(cube(t), 0.044715)), Math.sqrt(2 / Math.PI));
      return mul(mul(t, 0.5), add(tanh(inner), 1));
    }
    default:
      throw new ArgumentError("gelu", "approximate is none or tanh", String(approximate));
  }
}

/** x tanh(softplus(x)). Source: Misra 2019, arXiv:1908.08681. */
export function mish<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  const t = floatOperand(x);
  return mul(t, tanh(softplus(t)));
}

/** x / (1 + |x|). */
export function softsign<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  const t = floatOperand(x);
  return div(t, add(abs(t), 1));
}

/** x − tanh x. */
export function tanhShrink<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  const t = floatOperand(x);
  return sub(t, tanh(t));
}

/** e⁻ˣ / Σ e⁻ˣ along an axis (default: the last). */
export function softmin<S extends Shape = AnyShape>(
  x: Operand<S> | number,
  options: AxisOptions = {},
): Tensor<S> {
  const t = floatOperand(x);
  return softmax(neg(t), { axis: axisOf("softmin", t, options) });
}

/**
 * The first half of an axis (default: the last) times the sigmoid of the second: a gated linear unit.
 *
 * Source: Dauphin et al. 2016, arXiv:1612.08083, section 2.
 *
 * @throws ShapeError if the axis has no halves.
 */
export function glu(x: TensorLike, options: AxisOptions = {}): Tensor {
  const t = floatOperand(x);
  const axis = axisOf("glu", t, options);
  if (t.shape[axis] % 2 !== 0) {
    throw new ShapeError("glu", `axis ${axis} must divide into two halves`, formatType(t));
  }
  const [value, gate] = split(t, 2, { axis });
  return mul(value, sigmoid(gate));
}
