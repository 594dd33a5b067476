/** @file Normalization: to mean 0 and variance 1, over features, groups of channels, or a batch. */
import {
  add,
  ArgumentError,
  checkOptions,
  checkFiniteNumbers,
  div,
  equal,
  maximum,
  mean,
  mul,
  onesLike,
  reshape,
  rsqrt,
  scope,
  ShapeError,
  square,
  stopGradient,
  sub,
  sum,
  type Tensor,
  where,
  within,
  zeros,
} from "@tapeloop/autograd";
import type { FloatType } from "../initializers/initializer.ts";
import { onesInit, zerosInit } from "../initializers/plain.ts";
import { checkLastAxis, checkSizes, typeOf } from "../sizes.ts";

/** Gain and bias of a normalization: [F]. */
export interface ScaleParameters {
  /** γ, 1 at first. */
  readonly gain: Tensor;
  /** β, 0 at first. */
  readonly bias: Tensor;
}

/** Options of normalizations. */
export interface NormalizationOptions {
  /** Added to the variance. Default: 1e-5. */
  readonly epsilon?: number;
  /** Element type of the parameters. Default: float32. */
  readonly dtype?: FloatType;
}

/** A normalization. */
export interface Normalization<P> {
  /** First parameters; the key is not used. */
  init(key: Tensor): P;
  /** The normalized numbers. */
  apply(parameters: P, x: Tensor): Tensor;
}

/** First values of gain and bias. */
export function scale(key: Tensor, size: number, dtype: FloatType): ScaleParameters {
  return scope(() => ({
    gain: onesInit(key, [size], { dtype }),
    bias: zerosInit(key, [size], { dtype }),
  }));
}

/** Numbers to mean 0 and variance 1 along some axes. */
export function standardized(x: Tensor, axes: readonly number[], epsilon: number): Tensor {
  const over = { axes, keepAxes: true };
  const centred = sub(x, mean(x, over));
  return mul(centred, rsqrt(add(mean(square(centred), over), epsilon)));
}

/** The layer of {@link layerNorm}. */
export function normalizing(
  size: number,
  options: NormalizationOptions = {},
): Normalization<ScaleParameters> {
  checkOptions("layerNorm", options, ["epsilon", "dtype"]);
  checkSizes("layerNorm", { size });
  const { epsilon = 1e-5, dtype = "float32" } = options;
  checkFiniteNumbers("layerNorm", { epsilon }, 0);
  return {
    init: (key) => scale(key, size, dtype),
    apply: ({ gain, bias }, x) => {
      checkLastAxis("layerNorm", "x", x, size);
      return within("layerNorm", () => standardized(x, [-1], epsilon).mul(gain).add(bias));
    },
  };
}

/**
 * Root mean square normalization: γ ⊙ x / √(mean x² + ε), over the last axis.
 *
 * Shapes: x [..., F] → the same. Parameters: F.
 *
 * Source: Zhang and Sennrich 2019, arXiv:1910.07467, eq. 4.
 *
 * @throws ArgumentError if the size is not a whole number from 1, epsilon is no finite number from 0, or an option is unknown.
 *
 * @example
 * ```ts
 * import { key, rmsNorm, tensor } from "tapeloop";
 *
 * const layer = rmsNorm(2, { epsilon: 0 });
 * console.log(layer.apply(layer.init(key(0)), tensor([[3, 3]])).toArray()); // [ [ 1, 1 ] ]
 * ```
 */
export function rmsNorm(
  size: number,
  options: NormalizationOptions = {},
): Normalization<Pick<ScaleParameters, "gain">> {
  checkOptions("rmsNorm", options, ["epsilon", "dtype"]);
  checkSizes("rmsNorm", { size });
  const { epsilon = 1e-5, dtype = "float32" } = options;
  checkFiniteNumbers("rmsNorm", { epsilon }, 0);
  return {
    init: (key) => ({ gain: onesInit(key, [size], { dtype }) }),
    apply: ({ gain }, x) => {
      checkLastAxis("rmsNorm", "x", x, size);
      return within("rmsNorm", () => {
        const power = mean(square(x), { axes: -1, keepAxes: true });
        return mul(x, rsqrt(add(power, epsilon))).mul(gain);
      });
    },
  };
}

/**
 * Group normalization of channels: mean and variance over the channels of a group and all places. With one group for
 * each channel it is instance normalization.
 *
 * Shapes: x [B, C, ...] → the same. Parameters: 2C.
 *
 * Source: Wu and He 2018, arXiv:1803.08494, eq. 7.
 *
 * @throws ArgumentError if the groups do not divide the channels or epsilon is no finite number from 0; ShapeError if the second axis of x is not C.
 *
 * @example
 * ```ts
 * import { groupNorm, key, normal } from "tapeloop";
 *
 * const layer = groupNorm(2, 4);
 * console.log(layer.apply(layer.init(key(0)), normal([3, 4, 5], { key: key(1) })).shape); // [ 3, 4, 5 ]
 * ```
 */
export function groupNorm(
  groups: number,
  channels: number,
  options: NormalizationOptions = {},
): Normalization<ScaleParameters> {
  checkOptions("groupNorm", options, ["epsilon", "dtype"]);
  checkSizes("groupNorm", { groups, channels });
  if (channels % groups !== 0) {
    throw new ArgumentError("groupNorm", `groups divide the ${channels} channels`, String(groups));
  }
  const { epsilon = 1e-5, dtype = "float32" } = options;
  checkFiniteNumbers("groupNorm", { epsilon }, 0);
  return {
    init: (key) => scale(key, channels, dtype),
    apply: ({ gain, bias }, x) => {
      checkChannels("groupNorm", x, channels);
      return within("groupNorm", () => {
        const [B] = x.shape;
        const flat = standardized(reshape(x, [B, groups, -1]), [-1], epsilon);
        const behind = [channels, ...x.shape.slice(2).map(() => 1)];
        return reshape(flat, x.shape).mul(reshape(gain, behind)).add(reshape(bias, behind));
      });
    },
  };
}

function checkChannels(op: string, x: Tensor, channels: number): void {
  if (x.rank < 2 || x.shape[1] !== channels) {
    throw new ShapeError(op, `x is [B, ${channels}, ...]`, typeOf(x));
  }
}

/** What {@link batchNorm} keeps beside its parameters: [C]. */
export interface BatchNormState {
  /** The running mean. */
  readonly mean: Tensor;
  /** The running variance. */
  readonly variance: Tensor;
}

/** How batch normalization is called. */
export interface BatchNormInputs {
  /** Whether the batch's own mean and variance are used, and the running ones moved. Default: false. */
  readonly training?: boolean;
  /** Which examples, or which steps, are real: bool of the first axes of x. Default: all. */
  readonly mask?: Tensor;
}

/** Options of {@link batchNorm}. */
export interface BatchNormOptions extends NormalizationOptions {
  /** How much of the batch goes into the running means, from 0 to 1. Default: 0.1, as in PyTorch. */
  readonly momentum?: number;
}

/** A batch normalization. */
export interface BatchNorm {
  /** First parameters; the key is not used. */
  init(key: Tensor): ScaleParameters;
  /** Running means of 0, variances of 1. */
  initialState(): BatchNormState;
  /** The normalized numbers, and the running means behind them. */
  apply(
    parameters: ScaleParameters,
    state: BatchNormState,
    x: Tensor,
    inputs?: BatchNormInputs,
  ): readonly [y: Tensor, next: BatchNormState];
}

/**
 * Batch normalization of features: in training over all examples (and steps, and places), in evaluation by running
 * means. Its state is handed in and out, like that of a cell.
 *
 * Shapes: x [..., F] → the same; state [F] each. Parameters: 2F.
 *
 * Source: Ioffe and Szegedy 2015, arXiv:1502.03167, algorithm 1; running means as in PyTorch, whose running variance is
 * that of samples, n / (n − 1) times the one it divides by.
 *
 * @throws ArgumentError if the size is not a whole number from 1, epsilon is no finite number from 0, or an option is unknown.
 *
 * @example
 * ```ts
 * import { batchNorm, key, tensor } from "tapeloop";
 *
 * const layer = batchNorm(1, { epsilon: 0 });
 * const x = tensor([[1], [3]]);
 * const [y, next] = layer.apply(layer.init(key(0)), layer.initialState(), x, { training: true });
 * console.log(y.toArray(), next.mean.item().toFixed(1)); // [ [ -1 ], [ 1 ] ] 0.2
 * ```
 */
export function batchNorm(size: number, options: BatchNormOptions = {}): BatchNorm {
  checkOptions("batchNorm", options, ["epsilon", "dtype", "momentum"]);
  checkSizes("batchNorm", { size });
  const { epsilon = 1e-5, dtype = "float32", momentum = 0.1 } = options;
  checkFiniteNumbers("batchNorm", { epsilon }, 0);
  if (!(momentum >= 0 && momentum <= 1)) {
    throw new ArgumentError("batchNorm", "momentum is from 0 to 1", String(momentum));
  }
  return {
    init: (key) => scale(key, size, dtype),
    initialState: () =>
      scope(() => {
        const zero = zeros([size], { dtype });
        return { mean: zero, variance: onesLike(zero) };
      }),
    apply: ({ gain, bias }, state, x, inputs = {}) => {
      checkOptions("batchNorm", inputs, ["training", "mask"]);
      checkLastAxis("batchNorm", "x", x, size);
      const { training = false, mask } = inputs;
      const scaled = (mu: Tensor, variance: Tensor): Tensor =>
        sub(x, mu)
          .mul(rsqrt(add(variance, epsilon)))
          .mul(gain)
          .add(bias);
      if (!training) return [scaled(state.mean, state.variance), state];
      return within("batchNorm", () => {
        const axes = x.shape.slice(0, -1).map((_, i) => i);
        const counts = mask === undefined ? onesLike(x) : realRows(x, mask);
        const n = sum(counts, { axes });
        const average = (v: Tensor): Tensor =>
          div(sum(where(equal(counts, 0), 0, v), { axes }), maximum(n, 1));
        const mu = average(x);
        const variance = average(square(sub(x, mu)));
        const sample = mul(variance, div(n, maximum(sub(n, 1), 1)));
        return [
          scaled(mu, variance),
          {
            mean: moved(state.mean, mu, momentum),
            variance: moved(state.variance, sample, momentum),
          },
        ];
      });
    },
  };
}

/** A running mean after one value more; values are constants to it. */
function moved(old: Tensor, now: Tensor, momentum: number): Tensor {
  return add(mul(old, 1 - momentum), mul(stopGradient(now), momentum));
}

/** 1 for real rows, 0 for others, in the shape of x. */
function realRows(x: Tensor, mask: Tensor): Tensor {
  const behind = x.shape.slice(mask.rank).map(() => 1);
  return where(reshape(mask, [...mask.shape, ...behind]), onesLike(x), 0);
}
