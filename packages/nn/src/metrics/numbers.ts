/** @file Metrics of numbers, of probabilities and of texts by their likelihood. */
import {
  abs,
  cast,
  div,
  equal,
  exp,
  mul,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  where,
} from "@tapeloop/autograd";
import { softmaxCrossEntropy } from "../losses/cross-entropy.ts";
import { checkSameShape } from "../losses/reduction.ts";
import {
  added,
  countsOf,
  type MeanState,
  meanOf,
  type Metric,
  nothing,
  weighted,
} from "./metric.ts";

/** A function of both, which must have one shape. */
function ofSame(
  op: string,
  f: (predictions: Tensor, targets: Tensor) => Tensor,
): (predictions: Tensor, targets: Tensor) => Tensor {
  return (x, y) => {
    checkSameShape(op, x, y);
    return f(cast(x, "float64"), cast(y, "float64"));
  };
}

/**
 * Mean absolute error: the mean of |x − y|.
 *
 * Shapes: both the same.
 *
 * @throws ShapeError if the shapes differ.
 *
 * @example
 * ```ts
 * import { absoluteError, measure, tensor } from "tapeloop";
 *
 * console.log(measure(absoluteError(), tensor([1, 2]), tensor([2, 4])).item()); // 1.5
 * ```
 */
export function absoluteError(): Metric<MeanState> {
  return meanOf(
    "absoluteError",
    ofSame("absoluteError", (x, y) => abs(sub(x, y))),
  );
}

/**
 * Mean squared error: the mean of (x − y)².
 *
 * Shapes: both the same.
 *
 * @throws ShapeError if the shapes differ.
 *
 * @example
 * ```ts
 * import { measure, squaredError, tensor } from "tapeloop";
 *
 * console.log(measure(squaredError(), tensor([1, 2]), tensor([2, 4])).item()); // 2.5
 * ```
 */
export function squaredError(): Metric<MeanState> {
  return meanOf(
    "squaredError",
    ofSame("squaredError", (x, y) => square(sub(x, y))),
  );
}

/**
 * Root mean squared error.
 *
 * Shapes: both the same.
 *
 * @throws ShapeError if the shapes differ.
 *
 * @example
 * ```ts
 * import { measure, rootMeanSquaredError, tensor } from "tapeloop";
 *
 * console.log(measure(rootMeanSquaredError(), tensor([3, 0]), tensor([0, 3])).item()); // 3
 * ```
 */
export function rootMeanSquaredError(): Metric<MeanState> {
  const squares = ofSame("rootMeanSquaredError", (x, y) => square(sub(x, y)));
  return meanOf("rootMeanSquaredError", squares, sqrt);
}

/** State of {@link rSquared}. */
export interface RSquaredState {
  /** Σ (x − y)²: float64[]. */
  readonly residual: Tensor;
  /** Σ y. */
  readonly total: Tensor;
  /** Σ y². */
  readonly squares: Tensor;
  /** How many. */
  readonly count: Tensor;
}

/**
 * The coefficient of determination R²: 1 − Σ (x − y)² / Σ (y − ȳ)². 1 is perfect, 0 as good as always saying the
 * mean; NaN where all targets are equal.
 *
 * Shapes: both the same; all numbers count together.
 *
 * @throws ShapeError if the shapes differ.
 *
 * @example
 * ```ts
 * import { measure, rSquared, tensor } from "tapeloop";
 *
 * console.log(measure(rSquared(), tensor([1, 2, 4]), tensor([1, 2, 3])).item()); // 0.5
 * ```
 */
export function rSquared(): Metric<RSquaredState> {
  const squares = ofSame("rSquared", (x, y) => square(sub(x, y)));
  return {
    name: "rSquared",
    init: () => ({ residual: nothing(), total: nothing(), squares: nothing(), count: nothing() }),
    update: (state, predictions, targets, options = {}) => {
      const each = squares(predictions, targets);
      const counts = countsOf("rSquared", each, options);
      return added(state, {
        residual: weighted(each, counts),
        total: weighted(targets, counts),
        squares: weighted(square(cast(targets, "float64")), counts),
        count: sum(counts),
      });
    },
    result: ({ residual, total, squares: all, count }) => {
      const spread = sub(all, div(square(total), count));
      return where(equal(spread, 0), Number.NaN, sub(1, div(residual, spread)));
    },
  };
}

/** Cross-entropy of logits, one for each label. */
function entropy(logits: Tensor, labels: Tensor): Tensor {
  return softmaxCrossEntropy(logits, labels, { reduction: "none" });
}

/**
 * Perplexity: the exponential of the mean cross-entropy. A model that guesses evenly among N has N.
 *
 * Shapes: logits [..., N], labels int32 [...].
 *
 * @throws as {@link softmaxCrossEntropy}.
 *
 * @example
 * ```ts
 * import { measure, perplexity, tensor, zeros } from "tapeloop";
 *
 * const labels = tensor([0, 3], { dtype: "int32" });
 * console.log(measure(perplexity(), zeros([2, 4]), labels).item().toFixed(4)); // 4.0000
 * ```
 */
export function perplexity(): Metric<MeanState> {
  return meanOf("perplexity", entropy, exp);
}

/**
 * Bits per character: the mean cross-entropy divided by ln 2.
 *
 * Shapes: logits [..., N], labels int32 [...].
 *
 * @throws as {@link softmaxCrossEntropy}.
 *
 * @example
 * ```ts
 * import { bitsPerCharacter, measure, tensor, zeros } from "tapeloop";
 *
 * const labels = tensor([0, 3], { dtype: "int32" });
 * console.log(measure(bitsPerCharacter(), zeros([2, 4]), labels).item().toFixed(4)); // 2.0000
 * ```
 */
export function bitsPerCharacter(): Metric<MeanState> {
  return meanOf("bitsPerCharacter", entropy, (mean) => mul(mean, Math.LOG2E));
}
