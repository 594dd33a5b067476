/** @file More distributions, and random orders: functions of evenly distributed numbers from one key. */
import { ArgumentError, checkOptions } from "./errors.ts";
import { gather } from "./primitives/indexing.ts";
import { toTensor } from "./operands.ts";
import { add, maximum, minimum, mul, sub } from "./primitives/binary.ts";
import { cast } from "./primitives/choice.ts";
import { argsort } from "./primitives/order.ts";
import { type AxisOptions, axisOf } from "./primitives/reduce.ts";
import { abs, erfinv, floor, log, log1p, neg, sign } from "./primitives/unary.ts";
import { random } from "./primitives/leaf.ts";
import { type RandomOptions, resolve } from "./random.ts";
import { ownShape, type Shape } from "./shape.ts";
import type { Tensor, TensorLike } from "./tensor.ts";

/** Half of the distance between neighbours of the numbers that are drawn. */
function halfStep(dtype: "float32" | "float64"): number {
  return dtype === "float32" ? 2 ** -25 : 2 ** -54;
}

/** Evenly distributed numbers in [0, 1), and the distance between them. */
function draw(op: string, shape: Shape, options: RandomOptions): { u: Tensor; half: number } {
  const { from, dtype } = resolve(op, options);
  return { u: random(from, { shape: ownShape(shape), dtype }), half: halfStep(dtype) };
}

/** Refuses a range without numbers. */
function checkRange(op: string, low: number, high: number): void {
  if (!(low < high)) {
    throw new ArgumentError(op, "the lower end must be below the upper one", `${low} and ${high}`);
  }
}

/** erf to the precision that a bound needs: the series where it is small, and beyond 6 its limit. */
function erfOf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let [term, total] = [x, x];
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(total); n++) {
    total += term *= (2 * x * x) / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * total;
}

/**
 * Normally distributed numbers with mean 0 and standard deviation 1, of which only those in [low, high] are
 * taken (default: −2 to 2), by the inverse of the distribution: √2 erfinv(v), v even between erf(low/√2) and
 * erf(high/√2). Beyond 5 standard deviations on one side there are few numbers left to choose from.
 *
 * @throws ArgumentError if low is not below high.
 */
export function truncatedNormal(
  shape: Shape,
  low = -2,
  high = 2,
  options: RandomOptions = {},
): Tensor {
  checkRange("truncatedNormal", low, high);
  const { u, half } = draw("truncatedNormal", shape, options);
  const [from, to] = [erfOf(low * Math.SQRT1_2), erfOf(high * Math.SQRT1_2)];
  const v = add(mul(add(u, half), to - from), from);
  const x = mul(erfinv(v), Math.SQRT2);
  return minimum(maximum(x, low), high);
}

/** Exponentially distributed numbers with mean 1, from 0: −ln (1 − u). */
export function exponential(shape: Shape, options: RandomOptions = {}): Tensor {
  return neg(log1p(neg(draw("exponential", shape, options).u)));
}

/** Numbers of the standard Gumbel distribution: −ln(−ln u). The greatest of logits + these is a draw by softmax. */
export function gumbel(shape: Shape, options: RandomOptions = {}): Tensor {
  const { u, half } = draw("gumbel", shape, options);
  // Half a step above, u is never 0; and −ln u = −log1p(−(1 − u)) is never 0 either.
  return neg(log(neg(log1p(neg(add(u, half))))));
}

/** Numbers of the Laplace distribution with mean 0 and scale 1: exponential on both sides. */
export function laplace(shape: Shape, options: RandomOptions = {}): Tensor {
  const { u, half } = draw("laplace", shape, options);
  const centered = sub(add(u, half), 0.5);
  return neg(mul(sign(centered), log1p(mul(abs(centered), -2))));
}

/**
 * Whole numbers from low to below high, all equally likely (to 1 part in 2⁵³ / (high − low)), as int32.
 *
 * @throws ArgumentError if the ends are not whole numbers of 32 bits in rising order.
 *
 * @example
 * ```ts
 * import { key, max, min, randomInts } from "tapeloop";
 *
 * const dice = randomInts([1000], 1, 7, { key: key(0) });
 * console.log(dice.dtype, min(dice).item(), max(dice).item()); // int32 1 6
 * ```
 */
export function randomInts(
  shape: Shape,
  low: number,
  high: number,
  options: Pick<RandomOptions, "key"> = {},
): Tensor {
  checkOptions("randomInts", options, ["key"]);
  checkRange("randomInts", low, high);
  if (![low, high - 1].every((end) => (end | 0) === end)) {
    throw new ArgumentError(
      "randomInts",
      "ends are whole numbers of 32 bits",
      `${low} and ${high}`,
    );
  }
  const { u } = draw("randomInts", shape, { ...options, dtype: "float64" });
  return cast(add(floor(mul(u, high - low)), low), "int32");
}

/**
 * The whole numbers from 0 to below n in a random order, as int32; every order is equally likely.
 *
 * @throws ArgumentError if n is not a whole number from 0.
 */
export function permutation(n: number, options: Pick<RandomOptions, "key"> = {}): Tensor {
  return orderOf("permutation", n, options);
}

/** {@link permutation} in the name of an op: the order of numbers of 53 bits, of which hardly two are equal. */
function orderOf(op: string, n: number, options: Pick<RandomOptions, "key">): Tensor {
  checkOptions(op, options, ["key"]);
  if (!Number.isInteger(n) || n < 0) {
    throw new ArgumentError(op, "the number of elements is whole, from 0", String(n));
  }
  return argsort(draw(op, [n], { ...options, dtype: "float64" }).u);
}

/** How {@link shuffle} works. */
export interface ShuffleOptions extends AxisOptions {
  /** The key. Default: the next one of the common sequence. */
  readonly key?: Tensor;
}

/** The slices along an axis (default: the first) in a random order. Derivatives flow to where each came from. */
export function shuffle(x: TensorLike, options: ShuffleOptions = {}): Tensor {
  const t = toTensor(x);
  checkOptions("shuffle", options, ["axis", "key"]);
  const { key, ...along } = options;
  const axis = axisOf("shuffle", t, { axis: 0, ...along });
  const order = orderOf("shuffle", t.shape[axis], key === undefined ? {} : { key });
  return gather(t, order, { axis });
}
