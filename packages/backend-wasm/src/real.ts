/** @file Arithmetic of float32 and float64 in expressions, as templates that serve both. */
import { double, type Expression, float, op, shift } from "./expression.ts";
import type { PlainOp } from "./instructions.ts";

/** What both types have instructions for. */
type RealOp =
  | "abs"
  | "neg"
  | "sqrt"
  | "floor"
  | "trunc"
  | "nearest"
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "max"
  | "pmin"
  | "pmax"
  | "eq"
  | "lt"
  | "gt";

/** A floating-point type: its instructions, and the layout of its bits. */
export class Real {
  /** The type of its vectors. */
  readonly vector: "f32x4" | "f64x2";
  /** Bits behind the point. */
  readonly mantissa: number;
  /** The exponent of the least normal number, below 0. */
  readonly least: number;

  /** The type with such vectors. */
  constructor(vector: "f32x4" | "f64x2") {
    this.vector = vector;
    [this.mantissa, this.least] = vector === "f32x4" ? [23, -126] : [52, -1022];
  }

  /** A number in every lane. */
  number(value: number): Expression {
    return this.vector === "f32x4" ? float(value) : double(value);
  }

  /** An instruction; plain numbers are constants. */
  op(name: RealOp, ...inputs: readonly (Expression | number)[]): Expression {
    const values = inputs.map((x) => (typeof x === "number" ? this.number(x) : x));
    return op(`${this.vector}.${name}` satisfies PlainOp, ...values);
  }

  /** Lane by lane: `x` where the mask has ones, else `y`. */
  select(mask: Expression, x: Expression | number, y: Expression | number): Expression {
    const [a, b] = [x, y].map((z) => (typeof z === "number" ? this.number(z) : z));
    return op("v128.bitselect", a, b, mask);
  }

  /** The bits of each lane moved to the left, or, filled up with zeros, to the right. */
  shift(direction: "shl" | "shr_u", x: Expression, by: number): Expression {
    return shift(this.vector === "f32x4" ? `i32x4.${direction}` : `i64x2.${direction}`, x, by);
  }

  /** The value of a polynomial, by Horner's rule; the coefficient of the highest power comes first. */
  polynomial(x: Expression, coefficients: readonly number[]): Expression {
    const [first, ...rest] = coefficients;
    return rest.reduce<Expression>(
      (sum, c) => this.op("add", this.op("mul", sum, x), c),
      this.number(first),
    );
  }

  /** x kept between two bounds; NaN stays NaN. */
  clamped(x: Expression, low: number, high: number): Expression {
    // pmax(x, low) is x where x is NaN, and so is pmin.
    return this.op("pmin", this.op("pmax", x, low), high);
  }

  /** 2ⁿ for whole n from the least exponent to 1 − it, as numbers of this type. */
  powerOf2(n: Expression): Expression {
    // So large that the last bit stands for 1: the lowest bits are n + bias.
    const biased = this.op("add", n, 2 ** this.mantissa + 1 - this.least);
    return this.shift("shl", biased, this.mantissa);
  }

  /** The exponents of normal numbers above 0, as numbers: e where x is from ½ 2ᵉ to 2ᵉ. */
  exponent(x: Expression): Expression {
    const field = this.shift("shr_u", x, this.mantissa);
    const large = op("v128.or", field, this.number(2 ** this.mantissa));
    return this.op("sub", large, 2 ** this.mantissa - this.least);
  }

  /** Normal numbers with 2⁻ᵉ: from ½ to 1. */
  fraction(x: Expression): Expression {
    const below = op(
      "v128.and",
      x,
      this.number(2 ** this.least - 2 ** (this.least - this.mantissa)),
    );
    return op("v128.or", below, this.number(0.5));
  }
}

/** float32. */
export const single: Real = new Real("f32x4");
/** float64. */
export const double64: Real = new Real("f64x2");
