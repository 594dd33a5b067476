/** @file Losses of numbers: how far they are from those that were measured. */
import {
  abs,
  add,
  ArgumentError,
  checkOptions,
  cosineSimilarity,
  div,
  exp,
  greater,
  less,
  log,
  maximum,
  mul,
  softplus,
  square,
  sub,
  type Tensor,
  where,
} from "@tapeloop/autograd";
import {
  checkSameShape,
  type LossOptions,
  lossOptions,
  reduceLosses,
  reducePlain,
} from "./reduction.ts";

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
 * const weights = tensor([3, 1]);
 * console.log(meanSquaredError(tensor([1, 2]), tensor([1, 4]), { weights }).item()); // 1
 * ```
 */
export function meanSquaredError(x: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  checkSameShape("meanSquaredError", x, target);
  return reducePlain("meanSquaredError", square(sub(x, target)), options);
}

/**
 * Mean absolute error: |x − target|. Its derivative is ±1, and 0 where both are equal.
 *
 * Shapes: both the same → [], or the same with the reduction "none".
 *
 * @throws ShapeError if the shapes differ.
 *
 * @example
 * ```ts
 * import { meanAbsoluteError, tensor } from "tapeloop";
 *
 * console.log(meanAbsoluteError(tensor([1, 2]), tensor([1, 4])).item()); // 1
 * ```
 */
export function meanAbsoluteError(x: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  checkSameShape("meanAbsoluteError", x, target);
  return reducePlain("meanAbsoluteError", abs(sub(x, target)), options);
}

/** Options of {@link huber}. */
export interface HuberOptions extends LossOptions {
  /** δ, above 0: from here on errors count linearly. Default: 1. */
  readonly delta?: number;
}

/**
 * Huber's loss: d² / 2 for errors d up to δ, and δ (|d| − δ / 2) beyond, so that outliers pull with a bounded
 * force. Divided by δ it is PyTorch's smooth L1 loss.
 *
 * Shapes: both the same → [], or the same with the reduction "none".
 *
 * Source: Huber 1964, "Robust estimation of a location parameter".
 *
 * @throws ShapeError if the shapes differ; ArgumentError if δ is not above 0.
 *
 * @example
 * ```ts
 * import { huber, tensor } from "tapeloop";
 *
 * console.log(huber(tensor([0.5, 10]), tensor([0, 0]), { reduction: "none" }).toArray()); // [ 0.125, 9.5 ]
 * ```
 */
export function huber(x: Tensor, target: Tensor, options: HuberOptions = {}): Tensor {
  checkOptions("huber", options, [...lossOptions, "delta"]);
  checkSameShape("huber", x, target);
  const { delta = 1 } = options;
  if (!(delta > 0)) throw new ArgumentError("huber", "delta is above 0", String(delta));
  const d = abs(sub(x, target));
  const losses = where(less(delta, d), mul(sub(d, delta / 2), delta), div(square(d), 2));
  return reduceLosses("huber", losses, options);
}

/**
 * Log-cosh loss: ln cosh(x − target), d² / 2 for small errors and |d| − ln 2 for large ones, smooth throughout.
 *
 * Shapes: both the same → [], or the same with the reduction "none".
 *
 * @throws ShapeError if the shapes differ.
 *
 * @example
 * ```ts
 * import { logCosh, tensor } from "tapeloop";
 *
 * console.log(logCosh(tensor([1000]), tensor([0])).item().toFixed(3)); // 999.307
 * ```
 */
export function logCosh(x: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  checkSameShape("logCosh", x, target);
  const d = sub(x, target);
  return reducePlain("logCosh", sub(add(d, softplus(mul(d, -2))), Math.LN2), options);
}

/** Options of {@link poissonLoss}. */
export interface PoissonOptions extends LossOptions {
  /** Whether predictions are logarithms of rates. Default: true. */
  readonly logInput?: boolean;
}

/**
 * Negative log-likelihood of counts from a Poisson distribution, without the term of the counts alone:
 * exp(x) − target x from logarithms of rates, or x − target ln x from rates.
 *
 * Shapes: both the same → [], or the same with the reduction "none".
 *
 * @throws ShapeError if the shapes differ.
 *
 * @example
 * ```ts
 * import { poissonLoss, tensor } from "tapeloop";
 *
 * console.log(poissonLoss(tensor([0, 0]), tensor([1, 3])).item()); // 1
 * ```
 */
export function poissonLoss(x: Tensor, target: Tensor, options: PoissonOptions = {}): Tensor {
  checkOptions("poissonLoss", options, [...lossOptions, "logInput"]);
  checkSameShape("poissonLoss", x, target);
  const { logInput = true } = options;
  // As in PyTorch, logarithms of rates are held above that of 1e-8.
  const losses = logInput ? sub(exp(x), mul(target, x)) : sub(x, mul(target, log(add(x, 1e-8))));
  return reduceLosses("poissonLoss", losses, options);
}

/**
 * Negative log-likelihood of normal distributions with a mean and a variance for each number:
 * (ln σ² + (x − target)² / σ²) / 2, without the constant ln 2π / 2. Variances are held above 1e-6.
 *
 * Shapes: all the same → [], or the same with the reduction "none".
 *
 * Source: Nix and Weigend 1994, "Estimating the mean and variance of the target probability distribution".
 *
 * @throws ShapeError if the shapes differ.
 *
 * @example
 * ```ts
 * import { gaussianNegativeLogLikelihood, tensor } from "tapeloop";
 *
 * const loss = gaussianNegativeLogLikelihood(tensor([1]), tensor([3]), tensor([4]));
 * console.log(loss.item().toFixed(4)); // 1.1931
 * ```
 */
export function gaussianNegativeLogLikelihood(
  mean: Tensor,
  target: Tensor,
  variance: Tensor,
  options: LossOptions = {},
): Tensor {
  const op = "gaussianNegativeLogLikelihood";
  checkSameShape(op, mean, target);
  checkSameShape(op, mean, variance);
  const v = maximum(variance, 1e-6);
  return reducePlain(op, div(add(log(v), div(square(sub(mean, target)), v)), 2), options);
}

/** Options of {@link cosineLoss}. */
export interface CosineOptions extends LossOptions {
  /** The axis of the vectors. Default: the last one. */
  readonly axis?: number;
}

/**
 * 1 − the cosine of the angle between two vectors: 0 where they point the same way, 2 where they are opposite.
 *
 * Shapes: both [..., N] → [], or [...] with the reduction "none".
 *
 * @throws ShapeError if the shapes differ.
 *
 * @example
 * ```ts
 * import { cosineLoss, tensor } from "tapeloop";
 *
 * const [x, y] = [tensor([[1, 0], [2, 0]]), tensor([[5, 0], [0, 1]])];
 * console.log(cosineLoss(x, y, { reduction: "none" }).toArray()); // [ 0, 1 ]
 * ```
 */
export function cosineLoss(x: Tensor, target: Tensor, options: CosineOptions = {}): Tensor {
  checkOptions("cosineLoss", options, [...lossOptions, "axis"]);
  checkSameShape("cosineLoss", x, target);
  const { axis = -1 } = options;
  return reduceLosses("cosineLoss", sub(1, cosineSimilarity(x, target, { axis })), options);
}

/** Options of {@link quantileLoss}. */
export interface QuantileOptions extends LossOptions {
  /** Between 0 and 1; ½ is the median. Default: ½. */
  readonly quantile?: number;
}

/**
 * The pinball loss, least where predictions are a quantile of the targets: q d for targets that are above by d,
 * (1 − q) d for those below.
 *
 * Shapes: both the same → [], or the same with the reduction "none".
 *
 * Source: Koenker and Bassett 1978, "Regression quantiles".
 *
 * @throws ShapeError if the shapes differ; ArgumentError if the quantile is not between 0 and 1.
 *
 * @example
 * ```ts
 * import { quantileLoss, tensor } from "tapeloop";
 *
 * const losses = quantileLoss(tensor([0, 0]), tensor([1, -1]), { quantile: 0.75, reduction: "none" });
 * console.log(losses.toArray()); // [ 0.75, 0.25 ]
 * ```
 */
export function quantileLoss(x: Tensor, target: Tensor, options: QuantileOptions = {}): Tensor {
  checkOptions("quantileLoss", options, [...lossOptions, "quantile"]);
  checkSameShape("quantileLoss", x, target);
  const { quantile: q = 0.5 } = options;
  if (!(q > 0 && q < 1)) {
    throw new ArgumentError("quantileLoss", "quantile is between 0 and 1", String(q));
  }
  const d = sub(target, x);
  return reduceLosses("quantileLoss", where(greater(d, 0), mul(d, q), mul(d, q - 1)), options);
}
