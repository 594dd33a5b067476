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

/** π/2 in three parts, of which the first two have few bits: their multiples up to 2¹³ are exact. */
const halfPi = [1.5703125, 4.837512969970703e-4, 7.549789954891882e-8] as const;

/**
 * Sine and cosine of x less a multiple of π/2, in variables of their own, and that multiple mod 4.
 * Polynomials: Moshier's Cephes, sinf.c. Devices promise no more than 11 bits of their own functions.
 *
 * @param declare - Makes a variable with the value of an expression.
 */
function quarters(x: string, declare: (expression: string) => string): [string, string, string] {
  const q = declare(`Math.floor(${x} * ${2 / Math.PI} + 0.5)`);
  const r = declare(`${x} - ${q} * ${halfPi[0]} - ${q} * ${halfPi[1]} - ${q} * ${halfPi[2]}`);
  const z = declare(`${r} * ${r}`);
  const odd = polynomial(z, [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1]);
  const even = polynomial(z, [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2]);
  const sine = declare(`${r} + ${r} * ${z} * ${odd}`);
  const cosine = declare(`1 - 0.5 * ${z} + ${z} * ${z} * ${even}`);
  return [sine, cosine, declare(`${q} - 4 * Math.floor(${q} / 4)`)];
}

/** Sine; of great numbers as the device has it. */
export function sin(x: string, declare: (expression: string) => string): string {
  const [s, c, m] = quarters(x, declare);
  const near = `(${m} < 0.5 ? ${s} : (${m} < 1.5 ? ${c} : (${m} < 2.5 ? -${s} : -${c})))`;
  return `(Math.abs(${x}) < 8192 ? ${near} : Math.sin(${x}))`;
}

/** Cosine; of great numbers as the device has it. */
export function cos(x: string, declare: (expression: string) => string): string {
  const [s, c, m] = quarters(x, declare);
  const near = `(${m} < 0.5 ? ${c} : (${m} < 1.5 ? -${s} : (${m} < 2.5 ? -${c} : ${s})))`;
  return `(Math.abs(${x}) < 8192 ? ${near} : Math.cos(${x}))`;
}
