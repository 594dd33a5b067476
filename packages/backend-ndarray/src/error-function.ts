/** @file The error function, its complement and its inverse, in float64 to a few units of the last place. */

const twoOverRootPi = 2 / Math.sqrt(Math.PI);

/** Maclaurin coefficients of √π/2 erf(x)/x in x²: (−1)ⁿ / (n! (2n + 1)). */
const series: readonly number[] = coefficients(22);

/** The first `count` coefficients. */
function coefficients(count: number): number[] {
  const list: number[] = [];
  for (let n = 0, factorial = 1; n < count; n++, factorial *= -n) {
    list.push(1 / (factorial * (2 * n + 1)));
  }
  return list;
}

/** erf x for |x| ≤ 1, where the series loses nothing to cancellation. */
function nearZero(x: number): number {
  const square = x * x;
  let total = 0;
  for (let n = series.length - 1; n >= 0; n--) total = total * square + series[n];
  return twoOverRootPi * x * total;
}

/** The distance of the nodes of the trapezoidal rule below, and e^(−(kh)²) at the nodes k = 1, 2, … */
const h = 0.5;
const weights: readonly number[] = Array.from({ length: 13 }, (_, i) =>
  Math.exp(-(((i + 1) * h) ** 2)),
);

/**
 * erfc x for x ≥ 1/2, by the trapezoidal rule for (2x/π) e^(−x²) ∫₀^∞ e^(−t²)/(t² + x²) dt and the residue
 * that it leaves out. What is neglected is below e^(−(π/h)²) = 7·10⁻¹⁸ of the result.
 *
 * Source: Hunter and Regan 1972, "A note on the evaluation of the complementary error function",
 * Mathematics of Computation 26, 539–541.
 */
function tail(x: number): number {
  if (x > 27.3) return 0;
  let total = 1 / (2 * x * x);
  for (let k = 1; k <= weights.length; k++) total += weights[k - 1] / (k * h * (k * h) + x * x);
  // e^(−x²) of a rounded x² would be off by x² units: x² = z² + (x − z)(x + z), where z² is exact.
  const z = Math.fround(x);
  const integral = ((2 * h * x) / Math.PI) * total;
  const result = Math.exp(-z * z) * (Math.exp((z - x) * (z + x)) * integral);
  return x < Math.PI / h ? result - 2 / Math.expm1((2 * Math.PI * x) / h) : result;
}

/** 2/√π ∫₀ˣ e^(−t²) dt. */
export function erf(x: number): number {
  if (Math.abs(x) < 1) return nearZero(x);
  return x < 0 ? tail(-x) - 1 : 1 - tail(x);
}

/** 1 − erf x. */
export function erfc(x: number): number {
  if (x < -1) return 2 - tail(-x);
  return x < 0.5 ? 1 - nearZero(x) : tail(x);
}

/**
 * The inverse of erf: Winitzki's approximation, to 2·10⁻³, and Halley's steps, each of which triples the
 * number of right digits. Close to ±1 they work on erfc, whose digits are still there.
 */
export function erfinv(y: number): number {
  const size = Math.abs(y);
  if (!(size < 1)) return size === 1 ? y * Infinity : NaN;
  if (size < 1e-9) return y / twoOverRootPi;
  const a = 0.147;
  const log = Math.log1p(-y * y);
  const b = 2 / (Math.PI * a) + log / 2;
  let x = Math.sqrt(Math.sqrt(b * b - log / a) - b);
  for (let step = 0; step < 3; step++) {
    const error = size < 0.5 ? erf(x) - size : 1 - size - erfc(x);
    const newton = (error / twoOverRootPi) * Math.exp(x * x);
    x -= newton / (1 + x * newton);
  }
  return y < 0 ? -x : x;
}
