/** @file Losses that are 0 as soon as an answer is right by a margin. */
import {
  add,
  ArgumentError,
  checkOptions,
  checkFiniteNumbers,
  mean,
  mul,
  norm,
  oneHot,
  relu,
  square,
  sub,
  sum,
  type Tensor,
} from "@tapeloop/autograd";
import {
  checkLabels,
  checkSameShape,
  type LossOptions,
  lossOptions,
  reduceLosses,
  reducePlain,
} from "./reduction.ts";

/**
 * Hinge loss: max(0, 1 − t x), of scores and right sides.
 *
 * Shapes: both the same → [], or the same with the reduction "none".
 *
 * Source: Cortes and Vapnik 1995, "Support-vector networks".
 *
 * @param x - Scores, above 0 for one side and below for the other.
 * @param targets - −1 or 1.
 * @throws ShapeError if the shapes differ.
 *
 * @example
 * ```ts
 * import { hinge, tensor } from "tapeloop";
 *
 * console.log(hinge(tensor([2, 0.5]), tensor([1, -1]), { reduction: "none" }).toArray()); // [ 0, 1.5 ]
 * ```
 */
export function hinge(x: Tensor, targets: Tensor, options: LossOptions = {}): Tensor {
  checkSameShape("hinge", x, targets);
  return reducePlain("hinge", relu(sub(1, mul(targets, x))), options);
}

/**
 * Squared hinge loss: max(0, 1 − t x)².
 *
 * Shapes: both the same → [], or the same with the reduction "none".
 *
 * @param targets - −1 or 1.
 * @throws ShapeError if the shapes differ.
 *
 * @example
 * ```ts
 * import { squaredHinge, tensor } from "tapeloop";
 *
 * console.log(squaredHinge(tensor([0]), tensor([1])).item()); // 1
 * ```
 */
export function squaredHinge(x: Tensor, targets: Tensor, options: LossOptions = {}): Tensor {
  checkSameShape("squaredHinge", x, targets);
  return reducePlain("squaredHinge", square(relu(sub(1, mul(targets, x)))), options);
}

/** Options of {@link multiClassHinge}. */
export interface MultiClassHingeOptions extends LossOptions {
  /** By how much the right class must be above all others. Default: 1. */
  readonly margin?: number;
}

/**
 * Hinge loss of classes: (1 / N) Σ over wrong classes of max(0, margin − x[label] + x[class]).
 *
 * Shapes: scores [..., N classes], labels int32 [...] → [], or [...] with the reduction "none".
 *
 * Source: Weston and Watkins 1999; divided by N, as PyTorch's multi_margin_loss.
 *
 * @throws ShapeError if the labels do not have the shape of the scores without its last axis; DTypeError if they
 *   are not int32.
 *
 * @example
 * ```ts
 * import { multiClassHinge, tensor } from "tapeloop";
 *
 * const labels = tensor([1], { dtype: "int32" });
 * console.log(multiClassHinge(tensor([[0.5, 1, -3, 0]]), labels).item()); // 0.125
 * ```
 */
export function multiClassHinge(
  scores: Tensor,
  labels: Tensor,
  options: MultiClassHingeOptions = {},
): Tensor {
  const op = "multiClassHinge";
  checkOptions(op, options, [...lossOptions, "margin"]);
  checkLabels(op, "scores", scores, labels);
  const { margin = 1 } = options;
  checkFiniteNumbers(op, { margin });
  const dtype = scores.dtype === "float64" ? "float64" : "float32";
  const right = oneHot(labels, scores.shape[scores.rank - 1], { dtype });
  const ofRight = sum(mul(scores, right), { axes: -1, keepAxes: true });
  const short = relu(add(sub(scores, ofRight), margin));
  return reduceLosses(op, mean(mul(short, sub(1, right)), { axes: -1 }), options);
}

/** Options of {@link tripletLoss}. */
export interface TripletOptions extends LossOptions {
  /** By how much the negative must be farther away than the positive, above 0. Default: 1. */
  readonly margin?: number;
}

/**
 * Triplet loss: max(0, d(anchor, positive) − d(anchor, negative) + margin), with Euclidean distances over the
 * last axis.
 *
 * Shapes: all [..., N] → [], or [...] with the reduction "none".
 *
 * Source: Schroff, Kalenichenko and Philbin 2015, arXiv:1503.03832, eq. 3, with distances in place of their
 * squares, as PyTorch's triplet_margin_loss (which adds 1e-6 to differences).
 *
 * @throws ShapeError if the shapes differ; ArgumentError if the margin is not above 0.
 *
 * @example
 * ```ts
 * import { tensor, tripletLoss } from "tapeloop";
 *
 * const [anchor, near, far] = [[0, 0], [0, 1], [3, 4]].map((x) => tensor([x]));
 * console.log(tripletLoss(anchor, near, far, { margin: 5 }).item()); // 1
 * ```
 */
export function tripletLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  options: TripletOptions = {},
): Tensor {
  const op = "tripletLoss";
  checkOptions(op, options, [...lossOptions, "margin"]);
  checkSameShape(op, anchor, positive);
  checkSameShape(op, anchor, negative);
  const { margin = 1 } = options;
  if (!(margin > 0)) throw new ArgumentError(op, "margin is above 0", String(margin));
  const distance = (x: Tensor): Tensor => norm(sub(anchor, x), { axes: -1 });
  return reduceLosses(op, relu(add(sub(distance(positive), distance(negative)), margin)), options);
}
