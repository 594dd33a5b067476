/** @file Schedules made of schedules: one after the other, or multiplied. */
import { ArgumentError, less, mul, sub, where } from "@tapeloop/autograd";
import { checkRising } from "./decay.ts";
import { checkSchedule, type Schedule, scheduleOf } from "./schedule.ts";

/**
 * One schedule after the other; each starts anew at its boundary. PyTorch's SequentialLR.
 *
 * @param schedules - Numbers are constant ones.
 * @param boundaries - The steps at which the next one starts, rising; one fewer than schedules.
 * @throws ArgumentError if boundaries do not rise, or there is not one fewer.
 *
 * @example
 * ```ts
 * import { arange, joinSchedules, linearSchedule } from "tapeloop";
 *
 * const rate = joinSchedules([0.5, linearSchedule({ from: 1, steps: 2 })], [2]);
 * console.log(rate(arange(5)).toArray()); // [ 0.5, 0.5, 1, 0.5, 0 ]
 * ```
 */
export function joinSchedules(
  schedules: readonly (number | Schedule)[],
  boundaries: readonly number[],
): Schedule {
  checkRising("joinSchedules", boundaries);
  if (schedules.length !== boundaries.length + 1) {
    const got = `${schedules.length} schedules for ${boundaries.length} boundaries`;
    throw new ArgumentError("joinSchedules", "there is one schedule more than boundaries", got);
  }
  checkSchedule("joinSchedules", named(schedules));
  const [first, ...others] = schedules.map(scheduleOf);
  return (t) =>
    others.reduce((before, schedule, i) => {
      const start = boundaries[i];
      return where(less(t, start), before, schedule(sub(t, start)));
    }, first(t));
}

/**
 * The product of schedules, such as one of values near 1 and factors for it. PyTorch's ChainedScheduler.
 *
 * @param schedules - Numbers are constant ones.
 * @throws ArgumentError for negative numbers, or no schedules.
 *
 * @example
 * ```ts
 * import { arange, linearSchedule, multiplySchedules, stepDecay } from "tapeloop";
 *
 * const warmup = linearSchedule({ from: 0.5, to: 1, steps: 2 });
 * const rate = multiplySchedules(warmup, stepDecay({ from: 1, factor: 0.5, every: 2 }));
 * console.log(rate(arange(4)).toArray()); // [ 0.5, 0.75, 0.5, 0.5 ]
 * ```
 */
export function multiplySchedules(...schedules: readonly (number | Schedule)[]): Schedule {
  if (schedules.length === 0) {
    throw new ArgumentError("multiplySchedules", "needs at least one schedule", "none");
  }
  checkSchedule("multiplySchedules", named(schedules));
  return (t) => schedules.map((schedule) => scheduleOf(schedule)(t)).reduce((a, b) => mul(a, b));
}

/** A list of schedules by the names that messages have for them. */
function named(schedules: readonly (number | Schedule)[]): Record<string, number | Schedule> {
  return Object.fromEntries(schedules.map((s, i) => [`schedules[${i}]`, s]));
}
