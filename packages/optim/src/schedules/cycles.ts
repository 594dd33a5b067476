/** @file Schedules that rise and fall: one cycle, or many. */
import {
  add,
  ArgumentError,
  checkOptions,
  div,
  floor,
  less,
  mul,
  pow,
  rem,
  sub,
  type Tensor,
  where,
} from "@tapeloop/autograd";
import { checkCounts, checkPositive, checkRange } from "../numbers.ts";
import { alongCosine } from "./cosine.ts";
import type { Schedule } from "./schedule.ts";

/** Options of {@link oneCycle}. */
export interface OneCycleOptions {
  /** The value in the middle. */
  readonly peak: number;
  /** How many steps it takes, from 2. */
  readonly steps: number;
  /** The part of the steps that lead to the peak, in [0, 1). Default: 0.3. */
  readonly warmup?: number;
  /** The first value. Default: peak / 25. */
  readonly from?: number;
  /** The last value. Default: from / 10,000. */
  readonly to?: number;
  /** How it gets there. Default: "cosine". */
  readonly anneal?: "cosine" | "linear";
  /** Whether it falls to `from` as it rose, and from there to `to`. Default: false. */
  readonly threePhases?: boolean;
}

/**
 * One cycle: from `from` up to `peak`, down to `to`, along half cosines or straight lines. PyTorch's
 * OneCycleLR; momentum, which goes the other way there, takes a cycle of its own.
 *
 * Source: Smith and Topin 2018, arXiv:1708.07120. Defaults as in PyTorch.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { oneCycle, sgd } from "tapeloop";
 *
 * const optimizer = sgd({
 *   learningRate: oneCycle({ peak: 0.1, steps: 1000 }),
 *   momentum: oneCycle({ peak: 0.85, from: 0.95, to: 0.95, steps: 1000 }),
 * });
 * console.log(Object.keys(optimizer)); // [ 'init', 'update' ]
 * ```
 */
export function oneCycle(options: OneCycleOptions): Schedule {
  const known = ["peak", "steps", "warmup", "from", "to", "anneal", "threePhases"];
  checkOptions("oneCycle", options, known);
  const { peak, steps, warmup = 0.3, from = peak / 25, to = from / 1e4 } = options;
  const { anneal = "cosine", threePhases = false } = options;
  checkRange("oneCycle", { peak, from, to }, 0, Infinity);
  checkRange("oneCycle", { warmup }, 0, threePhases ? 0.5 : 1);
  checkCounts("oneCycle", { steps }, 2);
  if (anneal !== "cosine" && anneal !== "linear") {
    throw new ArgumentError("oneCycle", 'anneal is "cosine" or "linear"', String(anneal));
  }
  const top = warmup * steps - 1;
  const phases = [
    { start: 0, end: top, a: from, b: peak },
    ...(threePhases
      ? [
          { start: top, end: 2 * top, a: peak, b: from },
          { start: 2 * top, end: steps - 1, a: from, b: to },
        ]
      : [{ start: top, end: steps - 1, a: peak, b: to }]),
  ].filter(({ start, end }) => end > start && end > 0);
  const along = (t: Tensor, { start, end, a, b }: (typeof phases)[number]): Tensor => {
    const part = div(sub(t, start), end - start);
    return anneal === "cosine" ? alongCosine(part, a, b) : add(mul(part, b - a), a);
  };
  const last = steps - 1;
  return (step) => {
    const t = where(less(step, last), step, last);
    const values = phases.map((phase) => along(t, phase));
    return values.reduceRight((later, value, i) => where(less(phases[i].end, t), later, value));
  };
}

/** Options of {@link cyclicSchedule}. */
export interface CyclicScheduleOptions {
  /** The value at the start and the end of a cycle. */
  readonly low: number;
  /** The value in the middle. */
  readonly high: number;
  /** Steps from low to high. */
  readonly up: number;
  /** Steps from high to low. Default: as many. */
  readonly down?: number;
  /** What the height is multiplied by after each cycle, above 0. Default: 1. */
  readonly cycleFactor?: number;
  /** What the height is multiplied by with every step, above 0. Default: 1. */
  readonly stepFactor?: number;
}

/**
 * low + (high − low) s, where s goes from 0 to 1 and back in straight lines, again and again. PyTorch's
 * CyclicLR: "triangular" as it is, "triangular2" with cycleFactor ½, "exp_range" with γ as stepFactor.
 *
 * Source: Smith 2017, arXiv:1506.01186.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { arange, cyclicSchedule } from "tapeloop";
 *
 * const rate = cyclicSchedule({ low: 0, high: 1, up: 2, cycleFactor: 0.5 });
 * console.log(rate(arange(8)).toArray()); // [ 0, 0.5, 1, 0.5, 0, 0.25, 0.5, 0.25 ]
 * ```
 */
export function cyclicSchedule(options: CyclicScheduleOptions): Schedule {
  const known = ["low", "high", "up", "down", "cycleFactor", "stepFactor"];
  checkOptions("cyclicSchedule", options, known);
  const { low, high, up, down = up, cycleFactor = 1, stepFactor = 1 } = options;
  checkRange("cyclicSchedule", { low, high }, 0, Infinity);
  checkCounts("cyclicSchedule", { up, down });
  checkPositive("cyclicSchedule", { cycleFactor, stepFactor });
  const period = up + down;
  return (t) => {
    const place = rem(t, period);
    let height = where(less(place, up), div(place, up), div(sub(period, place), down));
    if (cycleFactor !== 1) height = mul(height, pow(cycleFactor, floor(div(t, period))));
    if (stepFactor !== 1) height = mul(height, pow(stepFactor, t));
    return add(mul(height, high - low), low);
  };
}
