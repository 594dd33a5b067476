/** @file Schedules that fall: in steps, exponentially, as a power of what is left, linearly. */
import {
  add,
  ArgumentError,
  checkOptions,
  div,
  floor,
  fullLike,
  less,
  mul,
  pow,
  sub,
  where,
} from "@tapeloop/autograd";
import { checkCounts, checkPositive, checkRange } from "../numbers.ts";
import type { Schedule } from "./schedule.ts";

/** Options of {@link piecewiseConstant}. */
export interface PiecewiseConstantOptions {
  /** The steps at which the next value begins, rising. */
  readonly boundaries: readonly number[];
  /** The values, one more than boundaries. */
  readonly values: readonly number[];
}

/**
 * valuesᵢ from boundariesᵢ₋₁ on and before boundariesᵢ.
 *
 * @throws ArgumentError if boundaries do not rise, or there is not one value more.
 *
 * @example
 * ```ts
 * import { arange, piecewiseConstant } from "tapeloop";
 *
 * const rate = piecewiseConstant({ boundaries: [2, 3], values: [1, 0.5, 0.25] });
 * console.log(rate(arange(4)).toArray()); // [ 1, 1, 0.5, 0.25 ]
 * ```
 */
export function piecewiseConstant(options: PiecewiseConstantOptions): Schedule {
  checkOptions("piecewiseConstant", options, ["boundaries", "values"]);
  return pieces("piecewiseConstant", options.boundaries, options.values);
}

/** {@link piecewiseConstant} in the name of `op`. */
function pieces(op: string, boundaries: readonly number[], values: readonly number[]): Schedule {
  checkRising(op, boundaries);
  if (values.length !== boundaries.length + 1) {
    const got = `${values.length} values for ${boundaries.length} boundaries`;
    throw new ArgumentError(op, "there is one value more than boundaries", got);
  }
  checkRange(op, Object.fromEntries(values.map((v, i) => [`values[${i}]`, v])), 0, Infinity);
  const first = values[0];
  return (t) =>
    boundaries.reduce(
      (before, boundary, i) => where(less(t, boundary), before, values[i + 1]),
      fullLike(t, first),
    );
}

/** Refuses steps that are not whole numbers from 1, each above the last. */
export function checkRising(op: string, boundaries: readonly number[]): void {
  if (
    boundaries.some((b, i) => !Number.isSafeInteger(b) || b <= (i === 0 ? 0 : boundaries[i - 1]))
  ) {
    throw new ArgumentError(
      op,
      "boundaries are rising whole numbers from 1",
      boundaries.join(", "),
    );
  }
}

/** Options of {@link stepDecay} and {@link exponentialDecay}. */
export interface DecayOptions {
  /** The first value. */
  readonly from: number;
  /** What it is multiplied by. */
  readonly factor: number;
  /** In how many steps. */
  readonly every: number;
}

/**
 * from · factor^⌊t / every⌋: constant, and times `factor` every so many steps. PyTorch's StepLR.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { arange, stepDecay } from "tapeloop";
 *
 * const rate = stepDecay({ from: 1, factor: 0.5, every: 2 });
 * console.log(rate(arange(5)).toArray()); // [ 1, 1, 0.5, 0.5, 0.25 ]
 * ```
 */
export function stepDecay(options: DecayOptions): Schedule {
  checkOptions("stepDecay", options, ["from", "factor", "every"]);
  const { from, factor, every } = options;
  checkRange("stepDecay", { from, factor }, 0, Infinity);
  checkCounts("stepDecay", { every });
  return (t) => mul(pow(factor, floor(div(t, every))), from);
}

/** Options of {@link multiStepDecay}. */
export interface MultiStepDecayOptions {
  /** The first value. */
  readonly from: number;
  /** What it is multiplied by. */
  readonly factor: number;
  /** The steps at which it is, rising. */
  readonly at: readonly number[];
}

/**
 * from · factorⁿ, where n counts the steps of `at` that have been reached. PyTorch's MultiStepLR.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { arange, multiStepDecay } from "tapeloop";
 *
 * const rate = multiStepDecay({ from: 1, factor: 0.5, at: [1, 3] });
 * console.log(rate(arange(5)).toArray()); // [ 1, 0.5, 0.5, 0.25, 0.25 ]
 * ```
 */
export function multiStepDecay(options: MultiStepDecayOptions): Schedule {
  checkOptions("multiStepDecay", options, ["from", "factor", "at"]);
  const { from, factor, at } = options;
  checkRange("multiStepDecay", { from, factor }, 0, Infinity);
  const values = [from, ...at.map((_, i) => from * factor ** (i + 1))];
  return pieces("multiStepDecay", at, values);
}

/**
 * from · factor^(t / every): times `factor` in so many steps, smoothly. PyTorch's ExponentialLR, with every 1.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { arange, exponentialDecay } from "tapeloop";
 *
 * const rate = exponentialDecay({ from: 1, factor: 0.25, every: 2 });
 * console.log(rate(arange(3)).toArray()); // [ 1, 0.5, 0.25 ]
 * ```
 */
export function exponentialDecay(options: DecayOptions): Schedule {
  checkOptions("exponentialDecay", options, ["from", "factor", "every"]);
  const { from, factor, every } = options;
  checkRange("exponentialDecay", { from }, 0, Infinity);
  checkPositive("exponentialDecay", { factor });
  checkCounts("exponentialDecay", { every });
  return (t) => mul(pow(factor, every === 1 ? t : div(t, every)), from);
}

/** From one value to another. */
export interface SpanOptions {
  /** The first value. */
  readonly from: number;
  /** The last value, which stays. Default: 0. */
  readonly to?: number;
  /** How many steps it takes. */
  readonly steps: number;
}

/** {@link SpanOptions} as they are used. */
export function spanOf(op: string, { from, to = 0, steps }: SpanOptions): Required<SpanOptions> {
  checkRange(op, { from, to }, 0, Infinity);
  checkCounts(op, { steps });
  return { from, to, steps };
}

/** Options of {@link polynomialDecay}. */
export interface PolynomialDecayOptions extends SpanOptions {
  /** Above 0. Default: 1. */
  readonly power?: number;
}

/**
 * to + (from − to) (1 − t / steps)^power, and `to` from `steps` on. PyTorch's PolynomialLR.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { arange, polynomialDecay } from "tapeloop";
 *
 * const rate = polynomialDecay({ from: 1, steps: 2, power: 2 });
 * console.log(rate(arange(4)).toArray()); // [ 1, 0.25, 0, 0 ]
 * ```
 */
export function polynomialDecay(options: PolynomialDecayOptions): Schedule {
  checkOptions("polynomialDecay", options, ["from", "to", "steps", "power"]);
  const { from, to, steps } = spanOf("polynomialDecay", options);
  const { power = 1 } = options;
  checkPositive("polynomialDecay", { power });
  return (t) => {
    const left = sub(1, where(less(t, steps), div(t, steps), 1));
    return add(mul(power === 1 ? left : pow(left, power), from - to), to);
  };
}

/**
 * from + (to − from) t / steps, and `to` from `steps` on. PyTorch's LinearLR.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { arange, linearSchedule } from "tapeloop";
 *
 * console.log(linearSchedule({ from: 0, to: 1, steps: 2 })(arange(4)).toArray()); // [ 0, 0.5, 1, 1 ]
 * ```
 */
export function linearSchedule(options: SpanOptions): Schedule {
  checkOptions("linearSchedule", options, ["from", "to", "steps"]);
  const { from, to, steps } = spanOf("linearSchedule", options);
  return (t) => where(less(t, steps), add(mul(t, (to - from) / steps), from), to);
}
