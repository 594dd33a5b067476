/** @file Functions of single numbers, as the source of expressions of variables and numbers. */

/** 1, or 0. */
export function truth(condition: string): string {
  return `(${condition} ? 1 : 0)`;
}

/** The value of a polynomial, by Horner's rule; the coefficient of the highest power comes first. */
function polynomial(x: string, [first, ...rest]: readonly number[]): string {
  return rest.reduce((sum, c) => `(${sum} * ${x} + ${number(c)})`, number(first));
}

/** A number as source. */
export function number(value: number): string {
  if (Number.isNaN(value)) return "(0 / 0)";
  if (!Number.isFinite(value)) return value < 0 ? "(0 - 1 / 0)" : "(1 / 0)";
  return value < 0 || Object.is(value, -0) ? `(-${-value})` : String(value);
}

/** tanh of numbers beyond 44 is NaN on some devices; from 10 on it is 1 in float32. */
export function tanh(x: string): string {
  return `Math.tanh(Math.max(-15, Math.min(15, ${x})))`;
}

/** 1 / (1 + e⁻ˣ). */
export function sigmoid(x: string): string {
  return `(1 / (1 + Math.exp(-${x})))`;
}

/** eˣ − 1; the series where the difference would lose digits. */
export function expm1(x: string): string {
  const series = [1 / 40320, 1 / 5040, 1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2, 1];
  return `(Math.abs(${x}) < 0.35 ? ${x} * ${polynomial(x, series)} : Math.exp(${x}) - 1)`;
}

/** log(1 + x); the error of 1 + x is divided out again (Kahan). */
export function log1p(x: string): string {
  const near = `(1 + ${x} === 1 ? ${x} : Math.log(1 + ${x}) * (${x} / (1 + ${x} - 1)))`;
  return `(Math.abs(${x}) < 0.5 ? ${near} : Math.log(1 + ${x}))`;
}
