/**
 * @file Functions of float32 and float64 from + − × ÷ and bits alone: so their results do not depend on the
 * machine's or the engine's mathematics. Each is one template for both types. Errors are in units of the last
 * place, of all numbers (sampled by the tests).
 */
import { type Expression, later, op } from "./expression.ts";
import { double64, type Real, single } from "./real.ts";

/** ln 2 in two parts, the first of so few bits that products with exponents are exact. */
const [ln2High, ln2Low] = [0.693359375, -0.00021219444005469057];

/** What differs between the types: coefficients, and where results end. */
interface Coefficients {
  /** (eʳ − 1 − r) / r² for |r| ≤ ½ ln 2. */
  readonly expTail: readonly number[];
  /** Below and above, eˣ is 0 or Infinity. */
  readonly expEnds: readonly [number, number];
  /** From here on tanh is 1. */
  readonly tanhEnd: number;
  /** (ln(1 + m) − m + m²/2) / m³ for 1 + m from √½ to √2: a polynomial, or a quotient of two. */
  readonly logTail: readonly [readonly number[], (readonly number[])?];
}

/**
 * Logarithms: Moshier's Cephes, logf.c and log.c. e^r: in float32 the closest polynomial, found by
 * test/references/make-polynomials.py; in float64 the Taylor series.
 */
const coefficients: Readonly<Record<Real["vector"], Coefficients>> = {
  f32x4: {
    expTail: [0.0013818302, 0.008368532, 0.041668292, 0.16666523, 0.49999994],
    expEnds: [-104, 89],
    tanhEnd: 10,
    logTail: [
      [
        7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1,
        -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
      ],
    ],
  },
  f64x2: {
    expTail: inverseFactorials(2, 14),
    expEnds: [-746, 710],
    tanhEnd: 20,
    logTail: [
      [
        0.00010187566380458093, 0.497494994976747, 4.705791198788817, 14.498922534161093,
        17.936867850781983, 7.708387337558854,
      ],
      [
        1, 11.287358718916746, 45.227914583753225, 82.98752669127767, 71.15447506185639,
        23.125162012676533,
      ],
    ],
  },
};

/** 1 / n! for n from `last` down to `first`. */
function inverseFactorials(first: number, last: number): number[] {
  const list: number[] = [];
  for (let n = 0, factorial = 1; n <= last; n++, factorial *= n) {
    if (n >= first) list.unshift(1 / factorial);
  }
  return list;
}

/**
 * x as n ln 2 + r, with |r| ≤ ½ ln 2: n plus an offset in the lowest bits, and eʳ − 1, which is NaN where x is.
 */
function reduced(
  t: Real,
  x: Expression,
  offset: number,
): { counted: Expression; rest: Expression } {
  const counter = t.counter(offset);
  const sum = t.muladd(x, Math.LOG2E, counter);
  const n = t.op("sub", sum, counter);
  const [counted, r] = [sum, t.muladd(n, -ln2Low, t.muladd(n, -ln2High, x))].map(later);
  const square = t.op("mul", r, r);
  const tail = t.polynomialInPairs(r, square, coefficients[t.vector].expTail);
  return { counted, rest: t.muladd(tail, square, r) };
}

/** eˣ. 2 ulp. */
export function exp(t: Real, x: Expression): Expression {
  // Beyond the ends the result is 0 or Infinity, through the scale that over- or underflows.
  const within = t.clamped(x, ...coefficients[t.vector].expEnds);
  const { counted, rest } = reduced(t, within, 2 * t.bias);
  // 2ⁿ in two steps, of which neither is out of range: each takes one half of n, and one bias.
  const half = t.shift("shr_u", counted, 1);
  const other = t.wholeSub(counted, half);
  const value = t.op("add", rest, 1);
  return t.op("mul", t.op("mul", value, t.powerOf2(half)), t.powerOf2(other));
}

/** eˣ − 1. 2 ulp in float64. */
export function expm1(t: Real, x: Expression): Expression {
  const within = t.clamped(x, -60, coefficients[t.vector].expEnds[1]);
  // Half of it, so that the scale does not overflow before the result does.
  const { counted, rest } = reduced(t, within, t.bias - 1);
  const scale = t.powerOf2(counted);
  const half = t.muladd(rest, scale, t.op("sub", scale, 0.5));
  // Near 0 eˣ − 1 is x, whose sign and last bits stay.
  const isTiny = t.op("lt", t.op("abs", x), 2 ** -t.mantissa / 4);
  return t.select(isTiny, x, t.op("add", half, half));
}

/** tanh x = (e²ˣ − 1) / (e²ˣ + 1). 2.5 ulp, exactly ±1 where it is saturated. */
export function tanh(t: Real, x: Expression): Expression {
  const signBit = op("v128.and", x, t.number(-0));
  const size = t.op("pmin", t.op("abs", x), coefficients[t.vector].tanhEnd);
  const { counted, rest } = reduced(t, t.op("add", size, size), t.bias);
  const scale = t.powerOf2(counted);
  const m = later(t.muladd(rest, scale, t.op("sub", scale, 1)));
  return op("v128.or", t.op("div", m, t.op("add", m, 2)), signBit);
}

/** 1 / (1 + e⁻ˣ), or eˣ / (1 + eˣ) below 0, where e⁻ˣ overflows. 2.5 ulp. */
export function sigmoid(t: Real, x: Expression): Expression {
  const below = op("v128.or", x, t.number(-0));
  const within = t.op("pmax", below, coefficients[t.vector].expEnds[0]);
  // e⁻ˡˣˡ, which is at most 1: with a scale that is large enough to be no less than the least normal number.
  const { counted, rest } = reduced(t, within, t.bias + t.mantissa + 10);
  const scaled = t.op("mul", t.op("add", rest, 1), t.powerOf2(counted));
  const e = later(t.op("mul", scaled, 2 ** -(t.mantissa + 10)));
  const oneOrNone = op("v128.andnot", t.number(1), t.op("lt", x, 0));
  return t.op("div", t.op("pmax", e, oneOrNone), t.op("add", e, 1));
}

/** (erf x − x) / x of x², for |x| ≤ 0.93; and ln(1 − erf x) from there to 3.93: test/references/make-polynomials.py. */
const [erfNear, erfFar] = [
  [-0.00059589767, 0.004987253, -0.026762916, 0.1128173, -0.3761249, 0.12837915],
  [0.00019477095, -0.0030317644, 0.022181215, -0.103836656, -0.6372906, -1.1276112, -0.0002113129],
];

/** erf x of float32. 1.5 ulp. */
export function erfOfSingle(x: Expression): Expression {
  const t = single;
  const square = t.op("mul", x, x);
  const near = t.muladd(t.polynomial(square, erfNear), x, x);
  // From its end on erf is 1.
  const size = t.op("pmin", t.op("abs", x), 3.93);
  const { counted, rest } = reduced(t, t.polynomial(size, erfFar), t.bias);
  const scale = t.powerOf2(counted);
  const far = t.op("sub", t.op("sub", t.number(1), scale), t.op("mul", rest, scale));
  const signed = op("v128.or", far, op("v128.and", x, t.number(-0)));
  return t.select(t.op("lt", size, 0.93), near, signed);
}

/** ln x. 1.5 ulp. */
export function log(t: Real, x: Expression): Expression {
  // The least numbers have no exponent of their own.
  const isTiny = t.op("lt", x, 2 ** t.least);
  const scaled = t.select(isTiny, t.op("mul", x, 2 ** t.mantissa), x);
  const exponent = t.op("sub", t.exponent(scaled), t.select(isTiny, t.mantissa, 0));
  const fraction = t.fraction(scaled);
  const isLow = t.op("lt", fraction, Math.SQRT1_2);
  const e = t.op("sub", exponent, t.select(isLow, 1, 0));
  const m = t.op("sub", t.select(isLow, t.op("add", fraction, fraction), fraction), 1);
  const z = t.op("mul", m, m);
  const [above, below] = coefficients[t.vector].logTail;
  const top = t.polynomial(m, above);
  const tail = below === undefined ? top : t.op("div", top, t.polynomial(m, below));
  const small = t.muladd(t.op("mul", tail, m), z, t.op("mul", e, ln2Low));
  const near = t.op("add", m, t.muladd(z, -0.5, small));
  const value = t.muladd(e, ln2High, near);
  // At the ends: ln 0 = −Infinity, ln ∞ = ∞, and NaN below 0 and for NaN.
  const isFinite = t.op("lt", x, Infinity);
  const isPositive = t.op("gt", x, 0);
  const beyond = t.select(t.op("eq", x, 0), -Infinity, t.select(isPositive, x, NaN));
  return t.select(op("v128.and", isFinite, isPositive), value, beyond);
}

/** −1, 0 or 1; zeros keep their sign, NaN stays NaN. */
export function sign(t: Real, x: Expression): Expression {
  const one = op("v128.or", op("v128.and", x, t.number(-0)), t.number(1));
  const isOrdered = op("v128.or", t.op("lt", x, 0), t.op("gt", x, 0));
  return t.select(isOrdered, one, x);
}

/** ln(1 + x) of float64: ln u for the rounded u = 1 + x, and what rounding took. 2 ulp. */
export function log1p(x: Expression): Expression {
  const t = double64;
  const u = t.op("add", x, 1);
  const lost = t.op("sub", x, t.op("sub", u, 1));
  const value = t.op("add", log(t, u), t.op("div", lost, u));
  const isPlain = op("v128.and", t.op("gt", u, 0), t.op("lt", u, Infinity));
  return t.select(t.op("eq", x, 0), x, t.select(isPlain, value, log(t, u)));
}
