/** @file Losses of yes or no. */
import {
  add,
  ArgumentError,
  checkOptions,
  log,
  maximum,
  mul,
  neg,
  pow,
  sigmoid,
  softplus,
  sub,
  type Tensor,
} from "@tapeloop/autograd";
import {
  checkSameShape,
  type LossOptions,
  lossOptions,
  reduceLosses,
  reducePlain,
} from "./reduction.ts";

/** Options of {@link sigmoidCrossEntropy}. */
export interface SigmoidOptions extends LossOptions {
  /** What a yes counts beside a no: of a shape that broadcasts to the logits. Default: 1. */
  readonly positiveWeights?: Tensor | number;
  /** ε, from 0 to 1: targets t become (1 − ε) t + ε / 2. Default: 0. */
  readonly labelSmoothing?: number;
}

/**
 * Cross-entropy of yes or no from logits: −t ln p − (1 − t) ln (1 − p), p = sigmoid(logits); computed as
 * softplus(logits) − t logits, which does not overflow. Its derivative by the logits is p − t.
 *
 * Shapes: both the same → [], or the same with the reduction "none".
 *
 * @param logits - Log-odds of yes.
 * @param targets - The probability of yes that is wanted, in [0, 1], mostly 0 or 1.
 * @throws ShapeError if the shapes differ; ArgumentError if the smoothing is not from 0 to 1.
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
  options: SigmoidOptions = {},
): Tensor {
  const op = "sigmoidCrossEntropy";
  checkOptions(op, options, [...lossOptions, "positiveWeights", "labelSmoothing"]);
  checkSameShape(op, logits, targets);
  const { positiveWeights, labelSmoothing: epsilon = 0 } = options;
  if (!(epsilon >= 0 && epsilon <= 1)) {
    throw new ArgumentError(op, "labelSmoothing is from 0 to 1", String(epsilon));
  }
  const t = epsilon === 0 ? targets : add(mul(targets, 1 - epsilon), epsilon / 2);
  if (positiveWeights === undefined) {
    return reduceLosses(op, sub(softplus(logits), mul(t, logits)), options);
  }
  // −w t ln p − (1 − t) ln (1 − p), where −ln p is softplus(−logits).
  const yes = mul(mul(t, positiveWeights), softplus(neg(logits)));
  return reduceLosses(op, add(yes, mul(sub(1, t), softplus(logits))), options);
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
  return reducePlain("binaryCrossEntropy", neg(add(yes, no)), options);
}

/** Options of {@link sigmoidFocalLoss}. */
export interface SigmoidFocalOptions extends LossOptions {
  /** γ, from 0: how little answers count that are right already. Default: 2. */
  readonly gamma?: number;
  /** α, from 0 to 1: what a yes counts; a no counts 1 − α. Default: both 1. */
  readonly alpha?: number;
}

/**
 * Focal loss of yes or no from logits: (1 − q)^γ times the cross-entropy, where q is the probability of the right
 * answer. With γ = 0 it is {@link sigmoidCrossEntropy}.
 *
 * Shapes: both the same → [], or the same with the reduction "none".
 *
 * Source: Lin et al. 2017, arXiv:1708.02002, eqs. 4 and 5.
 *
 * @param targets - 0 or 1; what is between them mixes both.
 * @throws ShapeError if the shapes differ; ArgumentError if γ is below 0, or α not from 0 to 1.
 *
 * @example
 * ```ts
 * import { sigmoidFocalLoss, tensor } from "tapeloop";
 *
 * console.log(sigmoidFocalLoss(tensor([0]), tensor([1])).item().toFixed(4)); // 0.1733
 * ```
 */
export function sigmoidFocalLoss(
  logits: Tensor,
  targets: Tensor,
  options: SigmoidFocalOptions = {},
): Tensor {
  const op = "sigmoidFocalLoss";
  checkOptions(op, options, [...lossOptions, "gamma", "alpha"]);
  checkSameShape(op, logits, targets);
  const { gamma = 2, alpha } = options;
  if (!(gamma >= 0)) throw new ArgumentError(op, "gamma is a number from 0", String(gamma));
  if (alpha !== undefined && !(alpha >= 0 && alpha <= 1)) {
    throw new ArgumentError(op, "alpha is from 0 to 1", String(alpha));
  }
  const p = sigmoid(logits);
  const no = sub(1, targets);
  const right = add(mul(p, targets), mul(sub(1, p), no));
  const entropy = sub(softplus(logits), mul(targets, logits));
  const losses = mul(pow(sub(1, right), gamma), entropy);
  const weighed =
    alpha === undefined ? losses : mul(losses, add(mul(targets, alpha), mul(no, 1 - alpha)));
  return reduceLosses(op, weighed, options);
}
