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

/** The angle of (x, y). Shading languages have none at the origin: there the signs of the zeros decide. */
export function atan2(y: string, x: string): string {
  const turned = `(1 / ${y} < 0 ? ${number(-Math.PI)} : ${number(Math.PI)})`;
  const origin = `(1 / ${x} < 0 ? ${turned} : ${y})`;
  return `(${x} === 0 && ${y} === 0 ? ${origin} : Math.atan2(${y}, ${x}))`;
}

/** Makes a variable with the value of an expression. */
export type Declare = (expression: string) => string;

/** π/2 in three parts, of which the first two have few bits: their multiples up to 2¹³ are exact. */
const halfPi = [1.5703125, 4.837512969970703e-4, 7.549789954891882e-8] as const;

/**
 * Sine and cosine of x less a multiple of π/2, in variables of their own, and that multiple mod 4.
 * Polynomials: Moshier's Cephes, sinf.c. Devices promise no more than 11 bits of their own functions.
 */
function quarters(x: string, declare: Declare): [string, string, string] {
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
export function sin(x: string, declare: Declare): string {
  const [s, c, m] = quarters(x, declare);
  const near = `(${m} < 0.5 ? ${s} : (${m} < 1.5 ? ${c} : (${m} < 2.5 ? -${s} : -${c})))`;
  return `(Math.abs(${x}) < 8192 ? ${near} : Math.sin(${x}))`;
}

/** Cosine; of great numbers as the device has it. */
export function cos(x: string, declare: Declare): string {
  const [s, c, m] = quarters(x, declare);
  const near = `(${m} < 0.5 ? ${c} : (${m} < 1.5 ? -${s} : (${m} < 2.5 ? -${c} : ${s})))`;
  return `(Math.abs(${x}) < 8192 ? ${near} : Math.cos(${x}))`;
}

/** Maclaurin coefficients of erf(x)/x in x², that of the highest power first. */
const erfSeries: readonly number[] = Array.from({ length: 12 }, (_, i) => 11 - i).map((n) => {
  const factorial = Array.from({ length: n }, (_, k) => k + 1).reduce((a, b) => a * b, 1);
  return ((n % 2 === 0 ? 1 : -1) * 2) / Math.sqrt(Math.PI) / (factorial * (2 * n + 1));
});

/** log(erfc(x) eˣˣ (1 + x/2)) in 1 / (1 + x/2), to 1.2·10⁻⁷. Source: Numerical Recipes, 2nd edition, §6.2. */
const erfcTail: readonly number[] = [
  0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196,
  1.00002368, -1.26551223,
];

/** erf x for |x| < 1, and erfc |x|. */
function errors(x: string, declare: Declare): readonly [near: string, tail: string] {
  const square = declare(`${x} * ${x}`);
  const near = declare(`${x} * ${polynomial(square, erfSeries)}`);
  // Beyond 12 it is 0 in float32.
  const size = declare(`Math.min(Math.abs(${x}), 12)`);
  const t = declare(`1 / (1 + 0.5 * ${size})`);
  // e^(−x²) of a rounded x² would be off by x² units: x² = z² + (x − z)(x + z), where z² is exact.
  const z = declare(`Math.floor(${size} * 16) * 0.0625`);
  const rest = `(${z} - ${size}) * (${z} + ${size}) + ${polynomial(t, erfcTail)}`;
  return [near, declare(`${t} * Math.exp(-(${z} * ${z})) * Math.exp(${rest})`)];
}

/** 2/√π ∫₀ˣ e^(−t²) dt. */
export function erf(x: string, declare: Declare): string {
  const [near, tail] = errors(x, declare);
  return `(Math.abs(${x}) < 1 ? ${near} : (${x} < 0 ? ${tail} - 1 : 1 - ${tail}))`;
}

/** 1 − erf x. */
export function erfc(x: string, declare: Declare): string {
  const [near, tail] = errors(x, declare);
  return `(Math.abs(${x}) < 0.5 ? 1 - ${near} : (${x} < 0 ? 2 - ${tail} : ${tail}))`;
}

/** The inverse of erf. Source: Giles 2012, "Approximating the erfinv function", table 5. */
export function erfinv(x: string, declare: Declare): string {
  const w = declare(`-Math.log((1 - ${x}) * (1 + ${x}))`);
  const near = declare(`${w} - 2.5`);
  const far = declare(`Math.sqrt(Math.max(${w}, 0)) - 3`);
  const inside = polynomial(
    near,
    [
      2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 2.1858087e-4, -1.25372503e-3,
      -4.17768164e-3, 0.246640727, 1.50140941,
    ],
  );
  const outside = polynomial(
    far,
    [
      -2.00214257e-4, 1.00950558e-4, 1.34934322e-3, -3.67342844e-3, 5.73950773e-3, -7.6224613e-3,
      9.43887047e-3, 1.00167406, 2.83297682,
    ],
  );
  const value = declare(`(${w} < 5 ? ${inside} : ${outside}) * ${x}`);
  // At ±1 ±Infinity, and beyond NaN.
  const rest = `(Math.abs(${x}) === 1 ? ${x} / (1 - Math.abs(${x})) : Math.sqrt(1 - Math.abs(${x})))`;
  return `(Math.abs(${x}) < 1 ? ${value} : ${rest})`;
}
