/**
 * @file Finding the first value that is not finite: where it was made, from what, in which step; and
 * the places that messages name.
 */
import { isFloat } from "./dtype.ts";
import { NumericError, TapeloopError } from "./errors.ts";
import { formatType } from "./shape.ts";
import { widened } from "./operands.ts";
import type { Tensor } from "./tensor.ts";
import { mapTensors } from "./tree.ts";

/** Whether every op is being watched. */
let watching = false;

/** Whether operands of float32 are taken as float64. */
let widening = false;

/** Whether operands of float32 are taken as float64: a run is repeated to tell an overflow from a mistake. */
export function isWidening(): boolean {
  return widening;
}

/** Where the program is, from the outside in: layers and steps. */
const places: string[] = [];

/** Whether every op is being watched. */
export function isWatching(): boolean {
  return watching;
}

/**
 * Runs `f` under a name that appears in the messages of errors from within: a layer, a step.
 *
 * @example
 * ```ts
 * import { tensor, within } from "tapeloop";
 *
 * within("encoder", () => tensor([[1, 2]]).matmul(tensor([1, 2, 3]))); // throws ShapeError: … (in encoder)
 * ```
 */
export function within<R>(place: string, f: () => R): R {
  places.push(place);
  try {
    return f();
  } catch (error) {
    if (error instanceof TapeloopError) error.locate(place);
    throw error;
  } finally {
    places.pop();
  }
}

/** Where an op was called: the place in the program, and the source line. */
export function whereNow(): string {
  return [...places, sourceLine()].filter((part) => part !== "").join(", ");
}

/** The first line of the stack that is not of these packages. */
function sourceLine(): string {
  const limited = Error as { stackTraceLimit?: number };
  const before = limited.stackTraceLimit;
  limited.stackTraceLimit = 100;
  const lines = (new Error("").stack ?? "").split("\n").slice(1);
  if (before !== undefined) limited.stackTraceLimit = before;
  const own = /[\\/](autograd|nn|optim)[\\/](src|dist)[\\/]|node:internal/;
  const line = lines.find((text) => !own.test(text)) ?? "";
  return /\(?([^\s(]+:\d+:\d+)\)?$/.exec(line)?.[1] ?? "";
}

/** Least and greatest of a tensor's elements, and how many are not finite. */
function describeRange(x: Tensor): string {
  const data = x.dataSync();
  const finite = data.filter((v) => Number.isFinite(v));
  const rest = data.length - finite.length;
  let [low, high] = [Infinity, -Infinity];
  for (const v of finite) {
    low = Math.min(low, v);
    high = Math.max(high, v);
  }
  const range = finite.length === 0 ? "" : ` in [${low.toPrecision(4)}, ${high.toPrecision(4)}]`;
  return `${formatType(x)}${range}${rest > 0 ? ` and ${rest} not finite` : ""}`;
}

/** Whether a tensor has an element that is not finite. Tensors under `vmap` are looked at in full. */
function isBad(x: Tensor): boolean {
  if (!isFloat(x.dtype) || x.isDisposed) return false;
  const full = x.examples === null ? x : x.examples.full;
  return full.examples === null && full.dataSync().some((v) => !Number.isFinite(v));
}

/**
 * Throws if an op made the first value that is not finite. Infinity that was asked for (a constant, a
 * mask) and what only moves values are let through.
 */
export function checkFinite(op: string, inputs: readonly Tensor[], output: Tensor): void {
  if (inputs.length === 0 || !isBad(output)) return;
  const data = (output.examples === null ? output : output.examples.full).dataSync();
  const isNaN = data.some((v) => Number.isNaN(v));
  const wasBad = inputs.filter(isBad);
  // Infinity out of Infinity is no news; NaN out of Infinity is.
  const hadNaN = wasBad.some((x) => x.dataSync().some((v) => Number.isNaN(v)));
  if (wasBad.length > 0 && (!isNaN || hadNaN)) return;
  const line = sourceLine();
  throw new NumericError(
    op,
    `the result must be finite`,
    `${isNaN ? "NaN" : "Infinity"} from ${inputs.map(describeRange).join(" and ")}`,
    line === "" ? "" : `Called at ${line}.`,
  );
}

/**
 * `f`, watched: the first op that makes NaN or Infinity, forward or in a derivative, throws an error
 * that names the op, the ranges of its inputs, the step and the source line. Where that happens in
 * float32, `f` runs once more in float64, and the message says whether it happens there too: an
 * overflow of float32, or a mistake in the formula.
 *
 * Every op is read back, so it is slow: switch it on to look for an error.
 *
 * @param f - A pure function.
 * @throws NumericError
 *
 * @example
 * ```ts
 * import { detectAnomaly, grad, tensor, type Tensor } from "tapeloop";
 *
 * const f = detectAnomaly(grad((x: Tensor) => x.sqrt().mul(0).sum()));
 * f(tensor([1, 0])); // throws NumericError: … the derivative of "sqrt" …
 * ```
 */
export function detectAnomaly<A extends readonly unknown[], R>(
  f: (...args: A) => R,
): (...args: A) => R {
  return (...args) => {
    try {
      return watch(() => f(...args));
    } catch (error) {
      if (!(error instanceof NumericError)) throw error;
      error.explain(replayed(() => f(...mapTensors(args, widened))));
      throw error;
    }
  };
}

/** Runs `f` with every op being watched. */
function watch<R>(f: () => R): R {
  const outer = watching;
  watching = true;
  try {
    return f();
  } finally {
    watching = outer;
  }
}

/** What float64 says of an error that was found in float32. */
function replayed(f: () => unknown): string {
  const outer = widening;
  widening = true;
  try {
    watch(f);
    return "In float64 it does not happen: float32 overflows here.";
  } catch (error) {
    if (error instanceof NumericError) return "In float64 it happens too: look at the formula.";
    return `It could not be run again in float64 (${(error as Error).message})`;
  } finally {
    widening = outer;
  }
}
