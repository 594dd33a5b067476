/**
 * @file Functions of float32, four lanes at a time, from + − × ÷ and bits alone: so their results do not
 * depend on the machine's or the engine's mathematics. Errors are in units of the last place, of all
 * float32 (sampled by the tests).
 */
import { bits, type Expression, float, op, polynomial, select, shift } from "./expression.ts";

const [add, sub, mul, div] = ["f32x4.add", "f32x4.sub", "f32x4.mul", "f32x4.div"] as const;

/** ln 2 in two parts, the first of so few bits that products with exponents are exact. */
const [ln2High, ln2Low] = [0.693359375, -2.1219444e-4];

/** 2ⁿ for whole n from −126 to 127, as floats. */
function powerOf2(n: Expression): Expression {
  const whole = op("i32x4.trunc_sat_f32x4_s", n);
  return shift("i32x4.shl", op("i32x4.add", whole, bits(127)), 23);
}

/** x as n ln 2 + r, with |r| ≤ ½ ln 2. NaN stays NaN. */
function reduced(x: Expression): { n: Expression; r: Expression } {
  const n = op("f32x4.nearest", op(mul, x, Math.LOG2E));
  const r = op(sub, op(sub, x, op(mul, n, ln2High)), op(mul, n, ln2Low));
  return { n, r };
}

/** (eʳ − 1 − r) / r² for |r| ≤ ½ ln 2. Coefficients of Moshier's Cephes, expf.c. */
function expTail(r: Expression): Expression {
  return polynomial(
    r,
    [
      1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1,
      5.0000001201e-1,
    ],
  );
}

/** x kept between two bounds; NaN stays NaN. */
function clamped(x: Expression, low: number, high: number): Expression {
  // pmax(x, low) is x where x is NaN, and so is pmin.
  return op("f32x4.pmin", op("f32x4.pmax", x, low), high);
}

/** eˣ. 2 ulp. */
export function exp(x: Expression): Expression {
  // Beyond the bounds the result is 0 or Infinity, through the scale that over- or underflows.
  const { n, r } = reduced(clamped(x, -104, 89));
  const value = op(add, op(add, op(mul, expTail(r), op(mul, r, r)), r), 1);
  // 2ⁿ in two steps: neither is out of range.
  const half = op("f32x4.floor", op(mul, n, 0.5));
  return op(mul, op(mul, value, powerOf2(half)), powerOf2(op(sub, n, half)));
}

/** eˣ − 1 for x from 0 to 40. */
function expm1Positive(x: Expression): Expression {
  const { n, r } = reduced(x);
  const value = op(add, op(mul, expTail(r), op(mul, r, r)), r);
  const scale = powerOf2(n);
  return op(add, op(mul, value, scale), op(sub, scale, 1));
}

/** tanh x = (e²ˣ − 1) / (e²ˣ + 1). 2.5 ulp, exactly ±1 where it is saturated. */
export function tanh(x: Expression): Expression {
  const signBit = op("v128.and", x, bits(-0x80000000));
  const m = expm1Positive(op(mul, clamped(op("f32x4.abs", x), 0, 10), 2));
  return op("v128.or", op(div, m, op(add, m, 2)), signBit);
}

/** 1 / (1 + e⁻ˣ), or eˣ / (1 + eˣ) below 0, where e⁻ˣ overflows. 2.5 ulp. */
export function sigmoid(x: Expression): Expression {
  const e = exp(op("f32x4.neg", op("f32x4.abs", x)));
  return op(div, select(op("f32x4.lt", x, 0), e, 1), op(add, e, 1));
}

/** ln x. 1.5 ulp. Coefficients of Moshier's Cephes, logf.c. */
export function log(x: Expression): Expression {
  // The least numbers have no exponent of their own.
  const isTiny = op("f32x4.lt", x, 2 ** -126);
  const scaled = select(isTiny, op(mul, x, 2 ** 23), x);
  const exponent = op(
    sub,
    op("f32x4.convert_i32x4_s", op("i32x4.sub", shift("i32x4.shr_u", scaled, 23), bits(126))),
    select(isTiny, 23, 0),
  );
  const fraction = op("v128.or", op("v128.and", scaled, bits(0x007fffff)), bits(0x3f000000));
  const isLow = op("f32x4.lt", fraction, Math.SQRT1_2);
  const e = op(sub, exponent, select(isLow, 1, 0));
  const m = op(sub, select(isLow, op(add, fraction, fraction), fraction), 1);
  const z = op(mul, m, m);
  const tail = polynomial(
    m,
    [
      7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1,
      -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
    ],
  );
  const small = op(add, op(mul, op(mul, tail, m), z), op(mul, e, ln2Low));
  const value = op(add, op(add, m, op(sub, small, op(mul, z, 0.5))), op(mul, e, ln2High));
  // At the ends: ln 0 = −Infinity, ln ∞ = ∞, and NaN below 0 and for NaN.
  const isFinite = op("f32x4.lt", x, Infinity);
  const isPositive = op("f32x4.gt", x, 0);
  const beyond = select(op("f32x4.eq", x, 0), -Infinity, select(isPositive, x, NaN));
  return select(op("v128.and", isFinite, isPositive), value, beyond);
}

/** −1, 0 or 1; zeros keep their sign, NaN stays NaN. */
export function sign(x: Expression): Expression {
  const one = op("v128.or", op("v128.and", x, bits(-0x80000000)), float(1));
  const isOrdered = op("v128.or", op("f32x4.lt", x, 0), op("f32x4.gt", x, 0));
  return select(isOrdered, one, x);
}
