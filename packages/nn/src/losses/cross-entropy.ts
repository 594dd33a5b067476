/** @file Losses of classes: one right class among many, or probabilities of all of them. */
import {
  add,
  ArgumentError,
  arange,
  cast,
  checkOptions,
  exp,
  gather,
  logSoftmax,
  logSumExp,
  maximum,
  mean,
  mul,
  neg,
  notEqual,
  pow,
  reshape,
  ShapeError,
  sub,
  sum,
  type Tensor,
  where,
  xlogy,
} from "@tapeloop/autograd";
import { typeOf } from "../sizes.ts";
import {
  checkLabels,
  checkSameShape,
  type LossOptions,
  lossOptions,
  reduceLosses,
  reducePlain,
} from "./reduction.ts";

/** Options of losses of one right class among many. */
export interface ClassOptions extends LossOptions {
  /** A label that stands for no class: such rows cost nothing and do not count. */
  readonly ignoreIndex?: number;
  /** What each class counts: [N]. The mean is over these weights, as in PyTorch. */
  readonly classWeights?: Tensor;
}

/** Options of {@link softmaxCrossEntropy}. */
export interface CrossEntropyOptions extends ClassOptions {
  /** ε, from 0 to 1: the part of each target that is spread evenly over all classes. Default: 0. */
  readonly labelSmoothing?: number;
}

/** The names of {@link ClassOptions}. */
const classOptions = [...lossOptions, "ignoreIndex", "classWeights"];

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

/** Weights must be one for each class. */
function checkClassWeights(op: string, rows: Tensor, { classWeights }: ClassOptions): void {
  const classes = rows.shape[rows.rank - 1];
  if (classWeights !== undefined && classWeights.shape.join() !== String(classes)) {
    throw new ShapeError(op, `class weights are [${classes}]`, typeOf(classWeights));
  }
}

/** Labels that can be read, and what each of them counts: its class weight, 0 if it is ignored, or null for 1. */
function sharesOf(
  { classWeights, ignoreIndex }: ClassOptions,
  labels: Tensor,
): { readonly known: Tensor; readonly shares: Tensor | null; readonly isKnown: Tensor | null } {
  const isKnown = ignoreIndex === undefined ? null : notEqual(labels, ignoreIndex);
  const known = isKnown === null ? labels : where(isKnown, labels, 0);
  const ofClass = classWeights === undefined ? null : gather(classWeights, known);
  const shares =
    isKnown === null ? ofClass : where(isKnown, ofClass ?? cast(isKnown, "float32"), 0);
  return { known, shares, isKnown };
}

/** Single losses times what they count; what is ignored may be anything. */
function shared(losses: Tensor, shares: Tensor | null, isKnown: Tensor | null): Tensor {
  const real = isKnown === null ? losses : where(isKnown, losses, 0);
  return shares === null ? real : mul(real, shares);
}

/**
 * Cross-entropy of classes, −Σ p ln softmax(logits): where the target is a label, −ln softmax(logits)[label] =
 * ln Σ exp(logits) − logits[label]. It does not overflow, and it is exact where the softmax is 0. Its
 * derivative by the logits is softmax − target.
 *
 * With label smoothing ε the target is (1 − ε) one-hot + ε / N.
 *
 * Shapes: logits [..., N classes]; targets labels int32 [...], or probabilities [..., N] → [], or [...] with the
 * reduction "none". Units: nats; a uniform guess costs ln N.
 *
 * Source: label smoothing by Szegedy et al. 2016, arXiv:1512.00567, section 7. Values and gradients are
 * PyTorch's for all options.
 *
 * @param logits - Unnormalised log-probabilities.
 * @param targets - The right class of each row, from 0 and below N; or the probabilities of all classes.
 * @throws ShapeError if targets or class weights do not fit the logits.
 * @throws DTypeError if labels are not int32.
 * @throws IndexError naming the first label that is out of range.
 * @throws ArgumentError if the smoothing is not from 0 to 1, or an option is unknown.
 *
 * @example
 * ```ts
 * import { softmaxCrossEntropy, tensor, zeros } from "tapeloop";
 *
 * const labels = tensor([2, 0], { dtype: "int32" });
 * console.log(softmaxCrossEntropy(zeros([2, 4]), labels).item() - Math.log(4) < 1e-6); // true
 *
 * const padded = tensor([2, -1], { dtype: "int32" });
 * const loss = softmaxCrossEntropy(zeros([2, 4]), padded, { ignoreIndex: -1, reduction: "none" });
 * console.log(loss.less(1).toArray()); // [ 0, 1 ]
 * ```
 */
export function softmaxCrossEntropy(
  logits: Tensor,
  targets: Tensor,
  options: CrossEntropyOptions = {},
): Tensor {
  const op = "softmaxCrossEntropy";
  checkOptions(op, options, [...classOptions, "labelSmoothing"]);
  const { labelSmoothing: epsilon = 0, classWeights } = options;
  if (!(epsilon >= 0 && epsilon <= 1)) {
    throw new ArgumentError(op, "labelSmoothing is from 0 to 1", String(epsilon));
  }
  const isOfProbabilities =
    targets.dtype !== "int32" && targets.shape.join() === logits.shape.join();
  if (isOfProbabilities) {
    checkClassWeights(op, logits, options);
    if (options.ignoreIndex !== undefined) {
      throw new ArgumentError(op, "ignoreIndex is for labels", "targets that are probabilities");
    }
    const classes = logits.shape[logits.rank - 1];
    const wanted = epsilon === 0 ? targets : add(mul(targets, 1 - epsilon), epsilon / classes);
    const weighed = classWeights === undefined ? wanted : mul(wanted, classWeights);
    return reduceLosses(op, neg(sum(mul(weighed, logSoftmax(logits)), { axes: -1 })), options);
  }
  checkLabels(op, "logits", logits, targets);
  checkClassWeights(op, logits, options);
  const { known, shares, isKnown } = sharesOf(options, targets);
  const total = logSumExp(logits, { axes: -1 });
  const ofLabels = shared(sub(total, chooseLast(logits, known)), shares, isKnown);
  if (epsilon === 0) return reduceLosses(op, ofLabels, options, shares);
  // The even part costs the mean of −ln softmax over all classes, each with its own weight.
  const even =
    classWeights === undefined
      ? sub(total, mean(logits, { axes: -1 }))
      : neg(mean(mul(logSoftmax(logits), classWeights), { axes: -1 }));
  const ofAll = shared(even, null, isKnown);
  const losses = add(mul(ofLabels, 1 - epsilon), mul(ofAll, epsilon));
  return reduceLosses(op, losses, options, shares);
}

/**
 * Negative log-likelihood: −logProbabilities[label], for what a `logSoftmax` returns.
 *
 * Shapes: logProbabilities [..., N classes], labels int32 [...] → [], or [...] with the reduction "none".
 *
 * @throws ShapeError, DTypeError, IndexError as {@link softmaxCrossEntropy}.
 *
 * @example
 * ```ts
 * import { log, negativeLogLikelihood, tensor } from "tapeloop";
 *
 * const labels = tensor([1], { dtype: "int32" });
 * console.log(negativeLogLikelihood(log(tensor([[0.5, 0.25, 0.25]])), labels).item().toFixed(4)); // 1.3863
 * ```
 */
export function negativeLogLikelihood(
  logProbabilities: Tensor,
  labels: Tensor,
  options: ClassOptions = {},
): Tensor {
  const op = "negativeLogLikelihood";
  checkOptions(op, options, classOptions);
  checkLabels(op, "logits", logProbabilities, labels);
  checkClassWeights(op, logProbabilities, options);
  const { known, shares, isKnown } = sharesOf(options, labels);
  const losses = shared(neg(chooseLast(logProbabilities, known)), shares, isKnown);
  return reduceLosses(op, losses, options, shares);
}

/**
 * Kullback-Leibler divergence of a distribution that is known from one that is predicted: Σ p (ln p − ln q) over
 * the last axis; terms with p = 0 are 0.
 *
 * Shapes: both [..., N] → [], or [...] with the reduction "none". The mean is over distributions: PyTorch's
 * "batchmean".
 *
 * @param logProbabilities - ln q, as a `logSoftmax` returns it.
 * @param target - p.
 * @throws ShapeError if the shapes differ.
 *
 * @example
 * ```ts
 * import { klDivergence, log, tensor } from "tapeloop";
 *
 * const p = tensor([[0.5, 0.5]]);
 * console.log(klDivergence(log(p), p).item()); // 0
 * ```
 */
export function klDivergence(
  logProbabilities: Tensor,
  target: Tensor,
  options: LossOptions = {},
): Tensor {
  checkSameShape("klDivergence", logProbabilities, target);
  const terms = sub(xlogy(target, target), mul(target, logProbabilities));
  return reducePlain("klDivergence", sum(terms, { axes: -1 }), options);
}

/** Options of {@link softmaxFocalLoss}. */
export interface FocalOptions extends ClassOptions {
  /** γ, from 0: how little rows count that are right already. Default: 2. */
  readonly gamma?: number;
}

/**
 * Focal loss of classes: −(1 − p)^γ ln p with p = softmax(logits)[label]. Rows that are right already count
 * little; with γ = 0 it is {@link softmaxCrossEntropy}.
 *
 * Shapes: logits [..., N classes], labels int32 [...] → [], or [...] with the reduction "none".
 *
 * Source: Lin et al. 2017, arXiv:1708.02002, eq. 4.
 *
 * @throws ShapeError, DTypeError, IndexError as {@link softmaxCrossEntropy}; ArgumentError if γ is below 0.
 *
 * @example
 * ```ts
 * import { softmaxFocalLoss, tensor, zeros } from "tapeloop";
 *
 * const labels = tensor([1], { dtype: "int32" });
 * console.log(softmaxFocalLoss(zeros([1, 2]), labels).item().toFixed(4)); // 0.1733
 * ```
 */
export function softmaxFocalLoss(
  logits: Tensor,
  labels: Tensor,
  options: FocalOptions = {},
): Tensor {
  const op = "softmaxFocalLoss";
  checkOptions(op, options, [...classOptions, "gamma"]);
  const { gamma = 2 } = options;
  if (!(gamma >= 0)) throw new ArgumentError(op, "gamma is a number from 0", String(gamma));
  checkLabels(op, "logits", logits, labels);
  checkClassWeights(op, logits, options);
  const { known, shares, isKnown } = sharesOf(options, labels);
  const logP = sub(chooseLast(logits, known), logSumExp(logits, { axes: -1 }));
  // Rounding may take a probability beyond 1.
  const missing = maximum(sub(1, exp(logP)), 0);
  const losses = shared(neg(mul(pow(missing, gamma), logP)), shares, isKnown);
  return reduceLosses(op, losses, options, shares);
}
