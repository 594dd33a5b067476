/** @file Checking the numbers that optimizers, transformations and schedules are given. */
import { ArgumentError, checkFiniteNumbers } from "@tapeloop/autograd";

/** Numbers by the names of their options. */
type Numbers = Readonly<Record<string, unknown>>;

/** Refuses what `isRight` does not hold for. */
function check(
  op: string,
  numbers: Numbers,
  rule: string,
  isRight: (value: number) => boolean,
): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (typeof value !== "number" || !isRight(value)) {
      throw new ArgumentError(op, `${name} is ${rule}`, String(value));
    }
  }
}

/** Refuses numbers outside of [low, high), and those that are not finite. */
export function checkRange(op: string, numbers: Numbers, low: number, high: number): void {
  if (high === Infinity) checkFiniteNumbers(op, numbers, low);
  else check(op, numbers, `in [${low}, ${high})`, (value) => value >= low && value < high);
}

/** Refuses numbers that are not above 0 and finite. */
export function checkPositive(op: string, numbers: Numbers): void {
  check(op, numbers, "a finite number above 0", (value) => value > 0 && value < Infinity);
}

/** Refuses what is not a whole number from `low`. */
export function checkCounts(op: string, numbers: Numbers, low = 1): void {
  const rule = `a whole number from ${low}`;
  check(op, numbers, rule, (value) => Number.isSafeInteger(value) && value >= low);
}
