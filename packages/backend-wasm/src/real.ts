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

  /** x − y of whole numbers, in lanes of as many bits. */
  wholeSub(x: Expression, y: Expression): Expression {
    return op(this.vector === "f32x4" ? "i32x4.sub" : "i64x2.sub", x, y);
  }

  /** x·y + z: in float32 with one rounding where the machine may fuse; in float64, which others are checked by, with two. */
  muladd(x: Expression, y: Expression | number, z: Expression | number): Expression {
    const [b, c] = [y, z].map((v) => (typeof v === "number" ? this.number(v) : v));
    return this.vector === "f32x4"
      ? op("f32x4.muladd", x, b, c)
      : this.op("add", this.op("mul", x, b), c);
  }

  /** The value of a polynomial, by Horner's rule; the coefficient of the highest power comes first. */
  polynomial(x: Expression, coefficients: readonly number[]): Expression {
    const [first, ...rest] = coefficients;
    return rest.reduce((sum, c) => this.muladd(sum, x, c), this.number(first));
  }

  /**
   * The same by Horner's rule in x², on pairs of terms that are summed on their own: half as many steps wait for one
   * another, and a little more is rounded.
   */
  polynomialInPairs(
    x: Expression,
    square: Expression,
    coefficients: readonly number[],
  ): Expression {
    const pairs: Expression[] = [];
    for (let i = coefficients.length - 1; i >= 0; i -= 2) {
      const [odd, even] = [coefficients[i - 1], coefficients[i]];
      pairs.push(i === 0 ? this.number(even) : this.muladd(x, odd, even));
    }
    return pairs.reduceRight((sum, pair) => this.muladd(sum, square, pair));
  }

  /** x kept between two bounds; NaN stays NaN. */
  clamped(x: Expression, low: number, high: number): Expression {
    // pmax(x, low) is x where x is NaN, and so is pmin.
    return this.op("pmin", this.op("pmax", x, low), high);
  }

  /** So large that the last bit stands for 1, plus a whole number: the lowest bits of sums with it count. */
  counter(offset: number): number {
    return 1.5 * 2 ** this.mantissa + offset;
  }

  /** 2ⁿ⁻ᵇ, where the lowest bits count n and b is {@link Real.bias}. */
  powerOf2(counted: Expression): Expression {
    return this.shift("shl", counted, this.mantissa);
  }

  /** What an exponent's bits are more than it. */
  get bias(): number {
    return 1 - this.least;
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
