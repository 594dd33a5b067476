/** @file What a schedule is, and how its values are found. */
import { cast, type DType, fullLike, type Tensor } from "@tapeloop/autograd";
import { checkRange } from "../numbers.ts";

/**
 * A number that depends on how many updates there have been: 0 before the first. The count comes as a
 * tensor of the element type that the number is needed in, so schedules are ops, and part of compiled
 * steps. They work element by element: given `arange(100)`, they return the first hundred values.
 *
 * Schedules count updates, in float32 exactly up to 2²⁴. For one that counts epochs, multiply its steps by the
 * updates of an epoch.
 *
 * @example
 * ```ts
 * import { arange, exp2, sgd, type Schedule } from "tapeloop";
 *
 * const halving: Schedule = (step) => exp2(step.neg()).mul(0.5);
 * console.log(halving(arange(3)).toArray()); // [ 0.5, 0.25, 0.125 ]
 * sgd({ learningRate: halving });
 * ```
 */
export type Schedule = (step: Tensor) => Tensor;

/**
 * One value for all steps: for places that ask for a {@link Schedule}. Learning rates may be plain numbers.
 *
 * @throws ArgumentError for a negative number.
 *
 * @example
 * ```ts
 * import { constantSchedule, tensor } from "tapeloop";
 *
 * console.log(constantSchedule(0.5)(tensor(7)).item()); // 0.5
 * ```
 */
export function constantSchedule(value: number): Schedule {
  checkRange("constantSchedule", { value }, 0, Infinity);
  return (t) => fullLike(t, value);
}

/** A number or a schedule as a schedule. */
export function scheduleOf(value: number | Schedule): Schedule {
  return typeof value === "number" ? constantSchedule(value) : value;
}

/** A number as it is now, after `step` updates, beside tensors of an element type. */
export function valueAt(value: number | Schedule, step: Tensor, dtype: DType): number | Tensor {
  return typeof value === "number" ? value : cast(value(cast(step, dtype)), dtype);
}

/** Refuses numbers outside of [0, ∞); schedules are not known before they run. */
export function checkSchedule(op: string, values: Readonly<Record<string, unknown>>): void {
  const numbers = Object.entries(values).filter(([, value]) => typeof value !== "function");
  checkRange(op, Object.fromEntries(numbers), 0, Infinity);
}
