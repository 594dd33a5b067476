/** @file Positions: where in a sequence a vector stands. */
import {
  arange,
  ArgumentError,
  checkOptions,
  checkFiniteNumbers,
  concat,
  cos,
  exp,
  expandDims,
  mul,
  neg,
  reshape,
  sin,
  split,
  stack,
  sub,
  type Tensor,
  tensor,
  abs,
} from "@tapeloop/autograd";
import { checkSizes } from "../sizes.ts";

/** θᵢ = base^(−2i / size), for pairs i. */
function frequencies(size: number, base: number): Tensor {
  return exp(mul(arange(0, size / 2, 1), (-2 * Math.log(base)) / size));
}

/** Pairs of numbers need an even size. */
function checkEven(op: string, size: number): void {
  if (size % 2 !== 0) throw new ArgumentError(op, "the size is even", String(size));
}

/**
 * Sines and cosines of positions with wave lengths from 2π to 10,000 · 2π: sin(p θᵢ) at 2i, cos(p θᵢ) at 2i + 1.
 *
 * Shapes: [length, size]. Add them to vectors.
 *
 * Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.5.
 *
 * @throws ArgumentError if a size is not a whole number from 1, or not even.
 *
 * @example
 * ```ts
 * import { sinusoidalPositions } from "tapeloop";
 *
 * console.log(sinusoidalPositions(1, 4).toArray()); // [ [ 0, 1, 0, 1 ] ]
 * ```
 */
export function sinusoidalPositions(length: number, size: number): Tensor {
  checkSizes("sinusoidalPositions", { length, size });
  checkEven("sinusoidalPositions", size);
  const angles = mul(expandDims(arange(0, length, 1), 1), frequencies(size, 10_000));
  return reshape(stack([sin(angles), cos(angles)], { axis: -1 }), [length, size]);
}

/** Options of {@link rotaryPositions}. */
export interface RotaryOptions {
  /** The position of the first vector: in step-by-step decoding that of this step. Default: 0. */
  readonly start?: number;
  /** The longest wave length, by 2π. Default: 10,000. */
  readonly base?: number;
}

/**
 * Rotary positions: the i-th of the halves' pairs turned by the angle p θᵢ, so that products of queries and keys depend on
 * how far they are apart.
 *
 * Shapes: x [..., T, D] → the same; positions are along T. Pairs are (i, i + D/2), as in GPT-NeoX.
 *
 * Source: Su et al. 2021, arXiv:2104.09864, eq. 34.
 *
 * @throws ArgumentError if D is not even, or an option is unknown.
 *
 * @example
 * ```ts
 * import { ones, rotaryPositions } from "tapeloop";
 *
 * const x = ones([1, 4]);
 * console.log(rotaryPositions(x).toArray()); // [ [ 1, 1, 1, 1 ] ]
 * ```
 */
export function rotaryPositions(x: Tensor, options: RotaryOptions = {}): Tensor {
  checkOptions("rotaryPositions", options, ["start", "base"]);
  const { start = 0, base = 10_000 } = options;
  checkFiniteNumbers("rotaryPositions", { start, base });
  const [T, D] = x.shape.slice(-2);
  if (x.rank < 2) throw new ArgumentError("rotaryPositions", "takes [..., T, D]", `[${T}]`);
  checkEven("rotaryPositions", D);
  const angles = mul(expandDims(arange(start, start + T, 1), 1), frequencies(D, base));
  const [c, s] = [cos(angles), sin(angles)];
  const [a, b] = split(x, 2, { axis: -1 });
  return concat([sub(mul(a, c), mul(b, s)), mul(a, s).add(mul(b, c))], { axis: -1 });
}

/**
 * ALiBi: what is added to the scores of attention, less the farther a key is away, with a slope for each head.
 *
 * Shapes: [heads, queries, keys]; the last query stands beside the last key.
 *
 * Source: Press, Smith and Lewis 2022, arXiv:2108.12409, section 3: slopes 2^(−8 h / heads), h from 1, for any number
 * of heads.
 *
 * @throws ArgumentError if a size is not a whole number from 1.
 *
 * @example
 * ```ts
 * import { alibiBias } from "tapeloop";
 *
 * console.log(alibiBias(1, 1, 3).toArray()); // [ [ [ -0.0078125, -0.00390625, 0 ] ] ]
 * ```
 */
export function alibiBias(heads: number, queries: number, keys: number = queries): Tensor {
  checkSizes("alibiBias", { heads, queries, keys });
  const slopes = tensor(Array.from({ length: heads }, (_, h) => 2 ** ((-8 * (h + 1)) / heads)));
  const distance = abs(sub(arange(0, keys, 1), expandDims(arange(keys - queries, keys, 1), 1)));
  return mul(reshape(slopes, [heads, 1, 1]), neg(distance)).add(0);
}
