/** @file Losses: how far predictions are from what they should be. No derivative is written here. */
import {
  add,
  arange,
  ArgumentError,
  checkOptions,
  DTypeError,
  gather,
  log,
  logSumExp,
  maximum,
  mean,
  mul,
  neg,
  reshape,
  ShapeError,
  softplus,
  square,
  sub,
  sum,
  type Tensor,
} from "@tapeloop/autograd";

/** How the losses of the single predictions become the result. */
export type Reduction = "mean" | "sum" | "none";

/** Options of every loss. */
export interface LossOptions {
  /** The mean or the sum of all losses, a number; or "none", each by itself. Default: "mean". */
  readonly reduction?: Reduction;
}

/** Checks the options and applies the reduction. */
function reduce(op: string, losses: Tensor, options: LossOptions): Tensor {
  checkOptions(op, options, ["reduction"]);
  const { reduction = "mean" } = options;
  switch (reduction) {
    case "mean":
      return mean(losses);
    case "sum":
      return sum(losses);
    case "none":
      return losses;
    default:
      throw new ArgumentError(op, 'reduction is "mean", "sum" or "none"', String(reduction));
  }
}

/** A type as messages print it. */
function typeOf(x: Tensor): string {
  return `${x.dtype}[${x.shape.join(",")}]`;
}

/** Broadcasting a loss is nearly always a slip, [B,1] beside [B] for one: both must have one shape. */
function checkSameShape(op: string, x: Tensor, target: Tensor): void {
  if (x.shape.join() !== target.shape.join()) {
    throw new ShapeError(
      op,
      "predictions and targets must have the same shape",
      `${typeOf(x)} and ${typeOf(target)}`,
      "Use reshape() or broadcastTo() to line them up.",
    );
  }
}

/**
 * Cross-entropy of classes: −ln softmax(logits)[label] = ln Σ exp(logits) − logits[label]. It does not
 * overflow, and it is exact where the softmax is 0. Its derivative by the logits is softmax − one-hot.
 *
 * Shapes: logits [..., N classes], labels int32 [...] → [], or [...] with the reduction "none".
 * Units: nats; a uniform guess costs ln N.
 *
 * @param logits - Unnormalised log-probabilities.
 * @param labels - The right class of each row, from 0 and below N.
 * @throws ShapeError if the labels do not have the shape of the logits without its last axis.
 * @throws DTypeError if the labels are not int32.
 * @throws IndexError naming the first label that is out of range.
 *
 * @example
 * ```ts
 * import { softmaxCrossEntropy, tensor, zeros } from "tapeloop";
 *
 * const labels = tensor([2, 0], { dtype: "int32" });
 * console.log(softmaxCrossEntropy(zeros([2, 4]), labels).item() - Math.log(4) < 1e-6); // true
 * ```
 */
export function softmaxCrossEntropy(
  logits: Tensor,
  labels: Tensor,
  options: LossOptions = {},
): Tensor {
  const op = "softmaxCrossEntropy";
  if (labels.dtype !== "int32") {
    throw new DTypeError(op, "labels must be int32", typeOf(labels), 'Use cast(x, "int32").');
  }
  if (logits.rank === 0 || labels.shape.join() !== logits.shape.slice(0, -1).join()) {
    throw new ShapeError(
      op,
      "labels must have the shape of the logits without its last axis",
      `${typeOf(logits)} and ${typeOf(labels)}`,
    );
  }
  const chosen = chooseLast(logits, labels);
  return reduce(op, sub(logSumExp(logits, { axes: -1 }), chosen), options);
}

/**
 * One element of each row: x[..., indices[...]]. Reading them takes a third less time than multiplying
 * with one-hot rows (loss and gradient, 1024 × 65 and 1024 × 1000, reference backend).
 */
function chooseLast(x: Tensor, indices: Tensor): Tensor {
  const classes = x.shape[x.rank - 1];
  // An index out of range would read a neighbouring row: this first gather refuses it.
  const columns = gather(arange(0, classes, 1, { dtype: "int32" }), reshape(indices, [-1]));
  const rows = mul(arange(0, indices.size, 1, { dtype: "int32" }), classes);
  return reshape(gather(reshape(x, [-1]), add(rows, columns)), indices.shape);
}

/**
 * Mean squared error: (x − target)².
 *
 * Shapes: both the same → [], or the same with the reduction "none".
 *
 * @throws ShapeError if the shapes differ.
 *
 * @example
 * ```ts
 * import { meanSquaredError, tensor } from "tapeloop";
 *
 * console.log(meanSquaredError(tensor([1, 2]), tensor([1, 4])).item()); // 2
 * ```
 */
export function meanSquaredError(x: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  checkSameShape("meanSquaredError", x, target);
  return reduce("meanSquaredError", square(sub(x, target)), options);
}

/**
 * Cross-entropy of yes or no from logits: −t ln p − (1 − t) ln (1 − p), p = sigmoid(logits); computed as
 * softplus(logits) − t logits, which does not overflow. Its derivative by the logits is p − t.
 *
 * Shapes: both the same → [], or the same with the reduction "none".
 *
 * @param logits - Log-odds of yes.
 * @param targets - The probability of yes that is wanted, in [0, 1], mostly 0 or 1.
 * @throws ShapeError if the shapes differ.
 *
 * @example
 * ```ts
 * import { sigmoidCrossEntropy, tensor } from "tapeloop";
 *
 * console.log(sigmoidCrossEntropy(tensor([1000, -1000]), tensor([1, 1])).item()); // 500
 * ```
 */
export function sigmoidCrossEntropy(
  logits: Tensor,
  targets: Tensor,
  options: LossOptions = {},
): Tensor {
  checkSameShape("sigmoidCrossEntropy", logits, targets);
  return reduce("sigmoidCrossEntropy", sub(softplus(logits), mul(targets, logits)), options);
}

/** The least normal number of float32: logarithms of probabilities are held above −87.4. */
const tiny = 2 ** -126;

/**
 * Cross-entropy of yes or no from probabilities: −t ln p − (1 − t) ln (1 − p). Logarithms are held above
 * −87.4, where the derivative is 0. Prefer {@link sigmoidCrossEntropy}, which is exact everywhere.
 *
 * Shapes: both the same → [], or the same with the reduction "none".
 *
 * @param probabilities - Of yes, in [0, 1].
 * @param targets - The probability of yes that is wanted, in [0, 1], mostly 0 or 1.
 * @throws ShapeError if the shapes differ.
 *
 * @example
 * ```ts
 * import { binaryCrossEntropy, tensor } from "tapeloop";
 *
 * console.log(binaryCrossEntropy(tensor([0, 1]), tensor([0, 1])).item()); // 0
 * ```
 */
export function binaryCrossEntropy(
  probabilities: Tensor,
  targets: Tensor,
  options: LossOptions = {},
): Tensor {
  checkSameShape("binaryCrossEntropy", probabilities, targets);
  const yes = mul(targets, log(maximum(probabilities, tiny)));
  const no = mul(sub(1, targets), log(maximum(sub(1, probabilities), tiny)));
  return reduce("binaryCrossEntropy", neg(add(yes, no)), options);
}
