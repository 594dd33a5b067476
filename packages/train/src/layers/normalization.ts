/** @file Normalization: over the features of an example, and over the examples of a batch. */
import {
  add,
  checkOptions,
  expandDims,
  mean,
  mul,
  ones,
  rsqrt,
  type Shape,
  square,
  stopGradient,
  sub,
  type Tensor,
  where,
  zeros,
  sum,
  cast,
  div,
  maximum,
} from "@tapeloop/autograd";
import type { Layer } from "../layer.ts";

/** Gain and bias. */
interface Scale {
  readonly gamma: Tensor;
  readonly beta: Tensor;
}

/** Options of {@link layerNormalization}. */
export interface LayerNormalizationOptions {
  /** Added to the variance. Default: 1e-3, as in Keras. */
  readonly epsilon?: number;
}

/** γ ⊙ (x − μ) / √(σ² + ε) + β */
function scaled(
  x: Tensor,
  middle: Tensor,
  spread: Tensor,
  { gamma, beta }: Scale,
  epsilon: number,
): Tensor {
  return add(mul(mul(sub(x, middle), rsqrt(add(spread, epsilon))), gamma), beta);
}

/**
 * Layer normalization: the features of each example, or of each step, to mean 0 and variance 1, times a gain, plus
 * a bias.
 *
 * Shapes: [B, ..., F] → the same. Parameters: 2F.
 *
 * Source: Ba, Kiros and Hinton 2016, arXiv:1607.06450, eq. 4.
 *
 * @throws ArgumentError if an option is unknown.
 *
 * @example
 * ```ts
 * import { layers, sequential, tensor } from "tapeloop";
 *
 * const y = sequential([layers.layerNormalization()]).predict(tensor([[1, 2, 3]]));
 * console.log(y.sum().abs().item() < 1e-5); // true
 * ```
 */
export function layerNormalization(options: LayerNormalizationOptions = {}): Layer {
  checkOptions("layerNormalization", options, ["epsilon"]);
  const { epsilon = 1e-3 } = options;
  return {
    type: "layerNormalization",
    build: (shape) => ({
      outputShape: shape,
      init: () => scaleOf(shape),
      apply: (parameters, { x, ...others }) => {
        const last = { axes: -1, keepAxes: true } as const;
        const middle = mean(x, last);
        const spread = mean(square(sub(x, middle)), last);
        return { ...others, x: scaled(x, middle, spread, parameters as unknown as Scale, epsilon) };
      },
    }),
  };
}

/** First values of gain and bias. */
function scaleOf(shape: Shape): Scale & object {
  const F = shape[shape.length - 1];
  return { gamma: ones([F]), beta: zeros([F]) };
}

/** Options of {@link batchNormalization}. */
export interface BatchNormalizationOptions {
  /** How slowly running means move, from 0, below 1. Default: 0.99, as in Keras. */
  readonly momentum?: number;
  /** Added to the variance. Default: 1e-3, as in Keras. */
  readonly epsilon?: number;
}

/** A running mean after one value more; values are constants to it. */
function moved(old: Tensor, now: Tensor, momentum: number): Tensor {
  return add(mul(old, momentum), mul(stopGradient(now), 1 - momentum));
}

/** What batch normalization keeps. */
interface Running {
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/**
 * Batch normalization: in training each feature to mean 0 and variance 1 over the batch (and over real steps), in
 * evaluation by running means of both; times a gain, plus a bias.
 *
 * Shapes: [B, ..., F] → the same. Parameters: 2F, and 2F that are not trained.
 *
 * Source: Ioffe and Szegedy 2015, arXiv:1502.03167, algorithms 1 and 2; running means as in Keras.
 *
 * @throws ArgumentError if an option is unknown.
 *
 * @example
 * ```ts
 * import { layers, ones, sequential } from "tapeloop";
 *
 * const model = sequential([layers.dense(4), layers.batchNormalization()]);
 * console.log(model.predict(ones([2, 3])).shape); // [ 2, 4 ]
 * ```
 */
export function batchNormalization(options: BatchNormalizationOptions = {}): Layer {
  checkOptions("batchNormalization", options, ["momentum", "epsilon"]);
  const { momentum = 0.99, epsilon = 1e-3 } = options;
  return {
    type: "batchNormalization",
    build: (shape) => ({
      outputShape: shape,
      init: () => scaleOf(shape),
      running: () => {
        const F = shape[shape.length - 1];
        return { mean: zeros([F]), variance: ones([F]) };
      },
      apply: (parameters, { x, mask }, { key, running }) => {
        const scale = parameters as unknown as Scale;
        const kept = running as unknown as Running;
        const flow = mask === undefined ? {} : { mask };
        if (key === null) {
          return { ...flow, x: scaled(x, kept.mean, kept.variance, scale, epsilon) };
        }
        const axes = Array.from({ length: x.rank - 1 }, (_, i) => i);
        const average = (v: Tensor): Tensor => {
          if (mask === undefined || mask.rank !== x.rank - 1) return mean(v, { axes });
          const isReal = expandDims(mask, -1);
          const count = maximum(sum(cast(mask, "float32")), 1);
          return div(sum(where(isReal, v, 0), { axes }), count);
        };
        const middle = average(x);
        const spread = average(square(sub(x, middle)));
        return {
          ...flow,
          x: scaled(x, middle, spread, scale, epsilon),
          running: {
            mean: moved(kept.mean, middle, momentum),
            variance: moved(kept.variance, spread, momentum),
          },
        };
      },
    }),
  };
}
