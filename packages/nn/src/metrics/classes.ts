/** @file Metrics of classes: accuracy, precision, recall and their kin. */
import {
  ArgumentError,
  argmax,
  cast,
  checkOptions,
  checkFiniteNumbers,
  equal,
  expandDims,
  greater,
  ShapeError,
  sum,
  takeAlongAxis,
  type Tensor,
} from "@tapeloop/autograd";
import { checkSameShape } from "../losses/reduction.ts";
import { typeOf } from "../sizes.ts";
import { type MeanState, meanOf, type Metric } from "./metric.ts";

/** Options of {@link accuracy}. */
export interface AccuracyOptions {
  /** Of yes or no: what is above it is a yes. Default: ½, of probabilities. */
  readonly threshold?: number;
}

/** Right or wrong, for each prediction. */
function isRight(op: string, predictions: Tensor, targets: Tensor, threshold: number): Tensor {
  const isSame = predictions.shape.join() === targets.shape.join();
  const classes = predictions.shape[predictions.rank - 1];
  if (isSame && predictions.rank > 1 && classes > 1) {
    return equal(argmax(predictions), argmax(targets));
  }
  if (isSame) return equal(greater(predictions, threshold), greater(targets, threshold));
  if (predictions.shape.slice(0, -1).join() !== targets.shape.join() || predictions.rank === 0) {
    throw new ShapeError(
      op,
      "takes scores [..., N] and labels [...], or two of one shape",
      `${typeOf(predictions)} and ${typeOf(targets)}`,
    );
  }
  return equal(argmax(predictions), cast(targets, "int32"));
}

/**
 * The part of predictions that are right.
 *
 * Shapes: scores [..., N] with labels int32 [...], the class with the greatest score counts; both [..., N] with N
 * from 2 behind other axes, classes as one-hot rows; both [..., 1] or [B], yes or no by a threshold. As
 * `"accuracy"` in Keras.
 *
 * @throws ShapeError if shapes do not fit; ArgumentError if an option is unknown.
 *
 * @example
 * ```ts
 * import { accuracy, measure, tensor } from "tapeloop";
 *
 * console.log(measure(accuracy(), tensor([[0.9], [0.2]]), tensor([[1], [1]])).item()); // 0.5
 * ```
 */
export function accuracy(options: AccuracyOptions = {}): Metric<MeanState> {
  checkOptions("accuracy", options, ["threshold"]);
  const { threshold = 0.5 } = options;
  checkFiniteNumbers("accuracy", { threshold });
  return meanOf("accuracy", (x, y) => isRight("accuracy", x, y, threshold));
}

/**
 * The part of yes or no that are right, for each number by itself.
 *
 * Shapes: both the same, with any number of axes.
 *
 * @throws ShapeError if the shapes differ.
 *
 * @example
 * ```ts
 * import { binaryAccuracy, measure, tensor } from "tapeloop";
 *
 * console.log(measure(binaryAccuracy(), tensor([0.9, 0.2, 0.6, 0.1]), tensor([1, 1, 1, 0])).item()); // 0.75
 * ```
 */
export function binaryAccuracy(options: AccuracyOptions = {}): Metric<MeanState> {
  checkOptions("binaryAccuracy", options, ["threshold"]);
  const { threshold = 0.5 } = options;
  checkFiniteNumbers("binaryAccuracy", { threshold });
  return meanOf("binaryAccuracy", (x, y) => {
    checkSameShape("binaryAccuracy", x, y);
    return equal(greater(x, threshold), greater(y, threshold));
  });
}

/**
 * The part of predictions whose right class is among the k with the greatest scores. Classes with the score of the
 * right one count as below it.
 *
 * Shapes: scores [..., N], labels int32 [...].
 *
 * @throws ArgumentError if k is not a whole number from 1; ShapeError if shapes do not fit.
 *
 * @example
 * ```ts
 * import { measure, tensor, topKAccuracy } from "tapeloop";
 *
 * const scores = tensor([[3, 2, 1], [3, 2, 1]]);
 * const labels = tensor([1, 2], { dtype: "int32" });
 * console.log(measure(topKAccuracy(2), scores, labels).item()); // 0.5
 * ```
 */
export function topKAccuracy(k = 5): Metric<MeanState> {
  if (!Number.isInteger(k) || k < 1) {
    throw new ArgumentError("topKAccuracy", "k is a whole number from 1", String(k));
  }
  return meanOf(`top${k}Accuracy`, (scores, labels) => {
    if (scores.rank === 0 || scores.shape.slice(0, -1).join() !== labels.shape.join()) {
      throw new ShapeError(
        "topKAccuracy",
        "takes scores [..., N] and labels [...]",
        `${typeOf(scores)} and ${typeOf(labels)}`,
      );
    }
    const ofRight = takeAlongAxis(scores, expandDims(labels, -1), { axis: -1 });
    const above = sum(cast(greater(scores, ofRight), "int32"), { axes: -1 });
    return cast(greater(k, above), "float32");
  });
}
