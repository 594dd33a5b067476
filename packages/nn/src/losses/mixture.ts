/** @file Mixture density networks: the likelihood of numbers under several normal distributions. */
import {
  add,
  div,
  exp,
  expandDims,
  logSoftmax,
  logSumExp,
  mul,
  neg,
  ShapeError,
  square,
  sub,
  sum,
  type Tensor,
} from "@tapeloop/autograd";
import { typeOf } from "../sizes.ts";
import { type LossOptions, reducePlain } from "./reduction.ts";

/** What a mixture density network predicts, of K normal distributions over D numbers. */
export interface GaussianMixture {
  /** Unnormalised logarithms of the weights: [..., K]. */
  readonly logits: Tensor;
  /** Means: [..., K, D]. */
  readonly means: Tensor;
  /** Logarithms of the standard deviations: [..., K, D], or [..., K, 1] for one of each distribution. */
  readonly logDeviations: Tensor;
}

/**
 * Negative log-likelihood of numbers under a mixture of normal distributions with independent numbers:
 * −ln Σₖ πₖ ∏ᵢ N(xᵢ; μₖᵢ, σₖᵢ).
 *
 * Shapes: see {@link GaussianMixture}; targets [..., D] → [], or [...] with the reduction "none". Units: nats.
 *
 * Source: Bishop 1994, "Mixture density networks", eqs. 21–24; with sequences Graves 2013, arXiv:1308.0850,
 * section 4.1.
 *
 * @throws ShapeError if shapes do not fit.
 *
 * @example
 * ```ts
 * import { mixtureDensityLoss, tensor, zeros } from "tapeloop";
 *
 * const mixture = { logits: zeros([1, 2]), means: tensor([[[0], [1]]]), logDeviations: zeros([1, 2, 1]) };
 * console.log(mixtureDensityLoss(mixture, tensor([[0]])).item().toFixed(4)); // 1.1380
 * ```
 */
export function mixtureDensityLoss(
  { logits, means, logDeviations }: GaussianMixture,
  targets: Tensor,
  options: LossOptions = {},
): Tensor {
  const op = "mixtureDensityLoss";
  const D = targets.shape[targets.rank - 1];
  const lead = targets.shape.slice(0, -1);
  const K = logits.shape[logits.rank - 1];
  const [ofLogits, ofMeans] = [
    [...lead, K],
    [...lead, K, D],
  ].map((shape) => shape.join());
  const ofDeviations = [ofMeans, [...lead, K, 1].join()];
  const fits =
    targets.rank > 0 &&
    logits.shape.join() === ofLogits &&
    means.shape.join() === ofMeans &&
    ofDeviations.includes(logDeviations.shape.join());
  if (!fits) {
    throw new ShapeError(
      op,
      "takes logits [..., K], means and deviations [..., K, D], targets [..., D]",
      [logits, means, logDeviations, targets].map(typeOf).join(", "),
    );
  }
  const z = mul(sub(expandDims(targets, -2), means), exp(neg(logDeviations)));
  const terms = add(add(div(square(z), 2), logDeviations), Math.log(2 * Math.PI) / 2);
  const logDensities = neg(sum(terms, { axes: -1 }));
  return reducePlain(
    op,
    neg(logSumExp(add(logSoftmax(logits), logDensities), { axes: -1 })),
    options,
  );
}
