/** @file Schedules that begin with a rise. */
import { add, checkOptions, div, less, maximum, mul, sqrt, sub, where } from "@tapeloop/autograd";
import { checkCounts, checkPositive, checkRange } from "../numbers.ts";
import { checkSchedule, type Schedule, scheduleOf } from "./schedule.ts";

/** Options of {@link linearWarmup}. */
export interface LinearWarmupOptions {
  /** How many steps the rise takes. */
  readonly steps: number;
  /** What follows: its first value is where the rise ends, and there it starts. */
  readonly after: number | Schedule;
  /** The first value. Default: 0. */
  readonly from?: number;
}

/**
 * A straight line from `from` to the first value of `after` in so many steps, and then `after`, from its start.
 *
 * Source: Goyal et al. 2017, arXiv:1706.02677, section 2.2.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { arange, exponentialDecay, linearWarmup } from "tapeloop";
 *
 * const after = exponentialDecay({ from: 1, factor: 0.5, every: 1 });
 * console.log(linearWarmup({ steps: 2, after })(arange(5)).toArray()); // [ 0, 0.5, 1, 0.5, 0.25 ]
 * ```
 */
export function linearWarmup(options: LinearWarmupOptions): Schedule {
  checkOptions("linearWarmup", options, ["steps", "after", "from"]);
  const { steps, after, from = 0 } = options;
  checkCounts("linearWarmup", { steps });
  checkRange("linearWarmup", { from }, 0, Infinity);
  checkSchedule("linearWarmup", { after });
  const rest = scheduleOf(after);
  return (t) => {
    // Until the rise is over this is the first value.
    const value = rest(maximum(sub(t, steps), 0));
    const rise = where(less(t, steps), div(t, steps), 1);
    return from === 0 ? mul(rise, value) : add(mul(sub(value, from), rise), from);
  };
}

/** Options of {@link inverseSquareRoot}. */
export interface InverseSquareRootOptions {
  /** The greatest value, at the end of the rise. */
  readonly peak: number;
  /** How many steps the rise takes. */
  readonly warmup: number;
}

/**
 * peak · min(n / warmup, √(warmup / n)) with n = t + 1: a straight rise, and then the inverse square root of
 * the step. The schedule of the Transformer ("Noam") has peak = 1 / √(d · warmup), d the size of the model.
 *
 * Source: Vaswani et al. 2017, arXiv:1706.03762, eq. 3.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { arange, inverseSquareRoot } from "tapeloop";
 *
 * const rate = inverseSquareRoot({ peak: 1, warmup: 4 });
 * console.log(rate(arange(4)).toArray(), rate(arange(15, 16)).item()); // [ 0.25, 0.5, 0.75, 1 ] 0.5
 * ```
 */
export function inverseSquareRoot(options: InverseSquareRootOptions): Schedule {
  checkOptions("inverseSquareRoot", options, ["peak", "warmup"]);
  const { peak, warmup } = options;
  checkPositive("inverseSquareRoot", { peak });
  checkCounts("inverseSquareRoot", { warmup });
  return (t) => {
    const n = add(t, 1);
    return mul(where(less(n, warmup), div(n, warmup), sqrt(div(warmup, n))), peak);
  };
}
