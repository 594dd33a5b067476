/** @file What a metric is: a count that goes on from batch to batch. */
import {
  add,
  broadcastTo,
  cast,
  checkOptions,
  div,
  equal,
  mapTree,
  mul,
  reshape,
  ShapeError,
  sum,
  tensor,
  type Tensor,
  type Tree,
  where,
} from "@tapeloop/autograd";
import { maskFor, weightsFor } from "../losses/reduction.ts";
import { typeOf } from "../sizes.ts";

/** Which predictions count, and how much. */
export interface MetricOptions {
  /** Which ones count at all: bool, of a shape that broadcasts to that of single values. Default: all. */
  readonly mask?: Tensor;
  /** What each of them counts: of a shape that broadcasts to that of single values. Default: 1. */
  readonly weights?: Tensor;
  /** What each example counts, along the first axes of single values: [B], or [B, T] for steps. Default: 1. */
  readonly examples?: Tensor;
}

/**
 * A measure of predictions that goes on from batch to batch: a state of numbers in float64, so that it may be
 * part of compiled steps and counts millions exactly. States of parts of the data may be added.
 *
 * @typeParam S - State.
 *
 * @example
 * ```ts
 * import { accuracy, tensor } from "tapeloop";
 *
 * const metric = accuracy();
 * const labels = (x: number[]) => tensor(x, { dtype: "int32" });
 * let state = metric.init();
 * state = metric.update(state, tensor([[2, 1], [0, 3]]), labels([0, 0]));
 * state = metric.update(state, tensor([[0, 1], [0, 1]]), labels([1, 1]));
 * console.log(metric.result(state).item()); // 0.75
 * ```
 */
export interface Metric<S extends Tree = Tree> {
  /** What is printed beside it. */
  readonly name: string;
  /** The state before the first batch. */
  init(): S;
  /** The state after one batch more. */
  update(state: S, predictions: Tensor, targets: Tensor, options?: MetricOptions): S;
  /** The measure of all batches so far: []; NaN of none. */
  result(state: S): Tensor;
}

/**
 * A metric of one batch.
 *
 * @example
 * ```ts
 * import { accuracy, measure, tensor } from "tapeloop";
 *
 * const labels = tensor([0, 0], { dtype: "int32" });
 * console.log(measure(accuracy(), tensor([[2, 1], [0, 3]]), labels).item()); // 0.5
 * ```
 */
export function measure<S extends Tree>(
  metric: Metric<S>,
  predictions: Tensor,
  targets: Tensor,
  options: MetricOptions = {},
): Tensor {
  return metric.result(metric.update(metric.init(), predictions, targets, options));
}

/** State of a mean. */
export interface MeanState {
  /** Σ w v: float64[]. */
  readonly total: Tensor;
  /** Σ w: float64[]. */
  readonly count: Tensor;
}

/** What single values count: float64 in their shape. */
export function countsOf(op: string, values: Tensor, options: MetricOptions): Tensor {
  checkOptions(op, options, ["mask", "weights", "examples"]);
  const { mask, weights, examples } = options;
  const what = "single values";
  const one = broadcastTo(zero(values).add(1), values.shape);
  const own = weights === undefined ? one : cast(weightsFor(op, what, weights, values), "float64");
  const counts = examples === undefined ? own : mul(own, ofExamples(op, values, examples));
  return mask === undefined ? counts : where(maskFor(op, what, mask, values), counts, 0);
}

/** What examples count, with axes of size 1 behind theirs. */
function ofExamples(op: string, values: Tensor, examples: Tensor): Tensor {
  const lead = values.shape.slice(0, examples.rank);
  if (examples.shape.join() !== lead.join()) {
    throw new ShapeError(
      op,
      "examples must be the first axes of single values",
      `${typeOf(examples)} beside [${values.shape.join(",")}]`,
    );
  }
  const behind = values.shape.slice(examples.rank).map(() => 1);
  return cast(reshape(examples, [...examples.shape, ...behind]), "float64");
}

/** 0 in float64, where another tensor lives. */
function zero({ backend }: Tensor): Tensor {
  return tensor(0, { dtype: "float64", backend });
}

/** Σ w v in float64; values that do not count may be anything. */
export function weighted(values: Tensor, counts: Tensor): Tensor {
  return sum(where(equal(counts, 0), 0, mul(cast(values, "float64"), counts)));
}

/** 0 in float64, for first states. */
export function nothing(shape: readonly number[] = []): Tensor {
  return broadcastTo(tensor(0, { dtype: "float64" }), shape);
}

/** The sum of two states. */
export function added<S extends Tree>(a: S, b: NoInfer<S>): S {
  return mapTree(add, a, b);
}

/**
 * A metric that is the mean of single values, such as those of a loss with the reduction "none".
 *
 * @param name - What is printed beside it.
 * @param values - The value of each prediction.
 * @param finish - What the mean becomes. Default: itself.
 *
 * @example
 * ```ts
 * import { huber, meanOf, measure, tensor } from "tapeloop";
 *
 * const metric = meanOf("huber", (x, y) => huber(x, y, { reduction: "none" }));
 * console.log(measure(metric, tensor([0, 10]), tensor([0, 0])).item()); // 4.75
 * ```
 */
export function meanOf(
  name: string,
  values: (predictions: Tensor, targets: Tensor) => Tensor,
  finish: (mean: Tensor) => Tensor = (mean) => mean,
): Metric<MeanState> {
  return {
    name,
    init: () => ({ total: nothing(), count: nothing() }),
    update: (state, predictions, targets, options = {}) => {
      const each = values(predictions, targets);
      const counts = countsOf(name, each, options);
      return added(state, { total: weighted(each, counts), count: sum(counts) });
    },
    result: ({ total, count }) => finish(div(total, count)),
  };
}
