/** @file What the optimizers have in common: counting updates, going downhill, checking numbers. */
import {
  add,
  ArgumentError,
  leaves,
  mapTree,
  mul,
  noGrad,
  scope,
  sub,
  type Tensor,
  tensor,
  type Tree,
} from "@tapeloop/autograd";

/** Runs an update: without recording, and giving back all but its result. */
export function pure<R>(update: () => R): R {
  return noGrad(() => scope(update));
}

/** 0 updates so far, where the parameters live: int32[]. */
export function firstStep(params: Tree): Tensor {
  const [first] = leaves(params);
  return tensor(0, { dtype: "int32", ...(first && { backend: first.backend }) });
}

/** One update more. */
export function nextStep(step: Tensor): Tensor {
  return add(step, 1);
}

/** params − learningRate · direction */
export function descend<P extends Tree>(params: P, direction: NoInfer<P>, learningRate: number): P {
  return mapTree((x, d) => sub(x, mul(d, learningRate)), params, direction);
}

/** Refuses numbers outside of [low, high). */
export function checkRange(
  op: string,
  numbers: Readonly<Record<string, number>>,
  low: number,
  high: number,
): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (typeof value !== "number" || !(value >= low && value < high)) {
      const range = high === Infinity ? `a finite number from ${low}` : `in [${low}, ${high})`;
      throw new ArgumentError(op, `${name} is ${range}`, String(value));
    }
  }
}
