/** @file Metrics that are read off a confusion matrix: precision, recall, F₁. */
import {
  add,
  ArgumentError,
  argmax,
  cast,
  checkOptions,
  checkFiniteNumbers,
  diagonal,
  div,
  equal,
  greater,
  matmul,
  mul,
  oneHot,
  reshape,
  ShapeError,
  squeeze,
  sub,
  sum,
  type Tensor,
  transpose,
  where,
} from "@tapeloop/autograd";
import { typeOf } from "../sizes.ts";
import type { AccuracyOptions } from "./classes.ts";
import { added, countsOf, type Metric, nothing } from "./metric.ts";

/** State of {@link confusionMatrix}, and of what is read off it. */
export interface ConfusionState {
  /** How often class i was taken for class j: float64 [N, N]. */
  readonly counts: Tensor;
}

/** Labels of predictions and of targets, one behind the other. */
function bothLabels(
  op: string,
  classes: number,
  threshold: number,
  predictions: Tensor,
  targets: Tensor,
): readonly [predicted: Tensor, right: Tensor] {
  const isSame = predictions.shape.join() === targets.shape.join();
  if (isSame && classes === 2 && predictions.dtype !== "int32") {
    const yes = (x: Tensor): Tensor => cast(greater(x, threshold), "int32");
    return [yes(predictions), yes(targets)];
  }
  if (isSame) return [cast(predictions, "int32"), cast(targets, "int32")];
  const fits =
    predictions.rank > 0 &&
    predictions.shape[predictions.rank - 1] === classes &&
    predictions.shape.slice(0, -1).join() === targets.shape.join();
  if (!fits) {
    throw new ShapeError(
      op,
      `takes scores [..., ${classes}] and labels [...], or two of one shape`,
      `${typeOf(predictions)} and ${typeOf(targets)}`,
    );
  }
  return [argmax(predictions), cast(targets, "int32")];
}

/** Options of {@link confusionMatrix}. */
export interface ConfusionOptions extends AccuracyOptions {
  /** N, how many classes there are. Default: 2, no and yes. */
  readonly classes?: number;
}

/**
 * How often each class was taken for each: row i has what was of class i, column j what was said to be j. Its
 * result is the whole matrix, [N, N].
 *
 * Shapes: scores [..., N] with labels int32 [...]; two of labels [...]; or, with 2 classes, probabilities of yes and
 * 0 or 1, both [...].
 *
 * @throws ArgumentError if there are fewer than 2 classes; ShapeError if shapes do not fit.
 *
 * @example
 * ```ts
 * import { confusionMatrix, measure, tensor } from "tapeloop";
 *
 * const said = tensor([0, 1, 1, 2], { dtype: "int32" });
 * const right = tensor([0, 1, 2, 2], { dtype: "int32" });
 * console.log(measure(confusionMatrix({ classes: 3 }), said, right).toArray()); // [ [ 1, 0, 0 ], [ 0, 1, 0 ], [ 0, 1, 1 ] ]
 * ```
 */
export function confusionMatrix(options: ConfusionOptions = {}): Metric<ConfusionState> {
  checkOptions("confusionMatrix", options, ["classes", "threshold"]);
  return confusion("confusionMatrix", options, ({ counts }) => counts);
}

function confusion(
  name: string,
  { classes = 2, threshold = 0.5 }: ConfusionOptions,
  result: (state: ConfusionState) => Tensor,
): Metric<ConfusionState> {
  if (!Number.isInteger(classes) || classes < 2) {
    throw new ArgumentError(name, "classes are a whole number from 2", String(classes));
  }
  checkFiniteNumbers(name, { threshold });
  return {
    name,
    init: () => ({ counts: nothing([classes, classes]) }),
    update: (state, predictions, targets, more = {}) => {
      const [said, right] = bothLabels(name, classes, threshold, predictions, targets);
      const weights = reshape(countsOf(name, said, more), [-1, 1]);
      const rows = (labels: Tensor): Tensor =>
        oneHot(reshape(labels, [-1]), classes, { dtype: "float64" });
      return added(state, { counts: matmul(transpose(rows(right)), mul(rows(said), weights)) });
    },
    result,
  };
}

/** Options of {@link precision}, {@link recall} and {@link f1Score}. */
export interface ScoreOptions extends ConfusionOptions {
  /**
   * How the scores of classes become one: that of the class 1 alone ("binary", for 2 classes), their mean
   * ("macro"), their mean weighted by how many there are of each ("weighted"), or that of all decisions together
   * ("micro"). Default: "binary" for 2 classes, else "macro".
   */
  readonly average?: "binary" | "macro" | "micro" | "weighted";
}

/** Right ones, false ones and missed ones of each class: [N]. */
interface Outcomes {
  readonly hits: Tensor;
  readonly falses: Tensor;
  readonly misses: Tensor;
}

/** a / b, and 0 where b is 0. */
function ratio(a: Tensor, b: Tensor): Tensor {
  return where(equal(b, 0), 0, div(a, where(equal(b, 0), 1, b)));
}

function score(
  name: string,
  options: ScoreOptions,
  scoreOf: (outcomes: Outcomes) => Tensor,
): Metric<ConfusionState> {
  checkOptions(name, options, ["classes", "threshold", "average"]);
  const { classes = 2 } = options;
  const { average = classes === 2 ? "binary" : "macro" } = options;
  if (!["binary", "macro", "micro", "weighted"].includes(average)) {
    throw new ArgumentError(name, "average is binary, macro, micro or weighted", average);
  }
  if (average === "binary" && classes !== 2) {
    throw new ArgumentError(name, '"binary" is for 2 classes', `${classes} classes`);
  }
  return confusion(name, options, ({ counts }) => {
    const hits = diagonal(counts);
    const falses = sub(sum(counts, { axes: 0 }), hits);
    const misses = sub(sum(counts, { axes: 1 }), hits);
    if (average === "micro") {
      return scoreOf({ hits: sum(hits), falses: sum(falses), misses: sum(misses) });
    }
    const each = scoreOf({ hits, falses, misses });
    if (average === "binary") return squeeze(each.slice([{ start: 1 }]));
    if (average === "macro") return div(sum(each), classes);
    const support = add(hits, misses);
    return ratio(sum(mul(each, support)), sum(support));
  });
}

/**
 * Precision: of what was said to be of a class, the part that was: hits / (hits + false alarms); 0 if nothing was.
 *
 * Shapes: as {@link confusionMatrix}.
 *
 * @throws ArgumentError, ShapeError as {@link confusionMatrix}; ArgumentError for an average that there is not.
 *
 * @example
 * ```ts
 * import { measure, precision, tensor } from "tapeloop";
 *
 * const [said, right] = [tensor([0.9, 0.8, 0.7, 0.1]), tensor([1, 0, 1, 1])];
 * console.log(measure(precision(), said, right).item().toFixed(4)); // 0.6667
 * ```
 */
export function precision(options: ScoreOptions = {}): Metric<ConfusionState> {
  return score("precision", options, ({ hits, falses }) => ratio(hits, add(hits, falses)));
}

/**
 * Recall: of what was of a class, the part that was found: hits / (hits + misses); 0 if there was nothing.
 *
 * Shapes: as {@link confusionMatrix}.
 *
 * @throws ArgumentError, ShapeError as {@link precision}.
 *
 * @example
 * ```ts
 * import { measure, recall, tensor } from "tapeloop";
 *
 * const [said, right] = [tensor([0.9, 0.8, 0.7, 0.1]), tensor([1, 0, 1, 1])];
 * console.log(measure(recall(), said, right).item().toFixed(4)); // 0.6667
 * ```
 */
export function recall(options: ScoreOptions = {}): Metric<ConfusionState> {
  return score("recall", options, ({ hits, misses }) => ratio(hits, add(hits, misses)));
}

/**
 * F₁: the harmonic mean of precision and recall, 2 hits / (2 hits + false alarms + misses).
 *
 * Shapes: as {@link confusionMatrix}.
 *
 * Source: van Rijsbergen 1979, "Information retrieval", chapter 7.
 *
 * @throws ArgumentError, ShapeError as {@link precision}.
 *
 * @example
 * ```ts
 * import { f1Score, measure, tensor } from "tapeloop";
 *
 * const labels = (x: number[]) => tensor(x, { dtype: "int32" });
 * const metric = f1Score({ classes: 3, average: "micro" });
 * console.log(measure(metric, labels([0, 1, 2, 2]), labels([0, 1, 1, 2])).item()); // 0.75
 * ```
 */
export function f1Score(options: ScoreOptions = {}): Metric<ConfusionState> {
  return score("f1Score", options, ({ hits, falses, misses }) =>
    ratio(mul(hits, 2), add(mul(hits, 2), add(falses, misses))),
  );
}
