/** @file The adding problem: two numbers to remember among many. */
import {
  cast,
  checkOptions,
  equal,
  expandDims,
  arange,
  logicalOr,
  mul,
  randomInts,
  scope,
  splitKey,
  stack,
  sum,
  type Tensor,
  uniform,
  ArgumentError,
} from "@tapeloop/autograd";
import { checkSizes } from "../sizes.ts";

/** Size of an {@link addingProblem}. */
export interface AddingOptions {
  /** T, from 2. */
  readonly steps: number;
  /** B. */
  readonly batch: number;
}

/** Inputs, and the numbers that a model shall say at the end. */
export interface AddingProblem {
  /** A number in [0, 1) and a mark, 0 or 1: [T, B, 2]. */
  readonly xs: Tensor;
  /** The sum of the two marked numbers: [B, 1]. */
  readonly targets: Tensor;
}

/**
 * The adding problem: a row of numbers in [0, 1), of which two are marked, one in each half; say their sum
 * at the end.
 *
 * Always saying 1 has a mean squared error of 1/6 ≈ 0.167; the task counts as solved below 0.01. In ops
 * alone, so that a compiled training step can make its own data.
 *
 * Source: Hochreiter and Schmidhuber 1997, experiment 4, in the form of Arjovsky, Shah and Bengio 2016,
 * arXiv:1511.06464, section 5.2.
 *
 * @example
 * ```ts
 * import { addingProblem, key } from "tapeloop";
 *
 * const { xs, targets } = addingProblem(key(0), { steps: 50, batch: 4 });
 * console.log(xs.shape, targets.shape); // [ 50, 4, 2 ] [ 4, 1 ]
 * ```
 */
export function addingProblem(key: Tensor, options: AddingOptions): AddingProblem {
  checkOptions("addingProblem", options, ["steps", "batch"]);
  const { steps, batch } = options;
  checkSizes("addingProblem", { steps, batch });
  if (steps < 2) throw new ArgumentError("addingProblem", "needs 2 steps", String(steps));
  return scope(() => {
    const [forValues, forFirst, forSecond] = splitKey(key, 3);
    const values = uniform([steps, batch], 0, 1, { key: forValues });
    const half = Math.floor(steps / 2);
    const t = expandDims(arange(0, steps, 1, { dtype: "int32" }), 1);
    const first = randomInts([batch], 0, half, { key: forFirst });
    const second = randomInts([batch], half, steps, { key: forSecond });
    const marks = cast(logicalOr(equal(t, first), equal(t, second)), "float32");
    return {
      xs: stack([values, marks], { axis: -1 }),
      targets: expandDims(sum(mul(values, marks), { axes: 0 }), 1),
    };
  });
}
