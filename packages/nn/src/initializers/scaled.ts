/** @file First values whose variance fits the number of inputs and outputs. */
import {
  ArgumentError,
  checkOptions,
  mul,
  normal,
  type Shape,
  type Tensor,
  truncatedNormal,
  uniform,
} from "@tapeloop/autograd";
import { fansOf, type Initializer, type InitializerOptions } from "./initializer.ts";

/**
 * Even distribution in [−a, a), a = √(6 / (fanIn + fanOut)): the variance 2 / (fanIn + fanOut) keeps that
 * of activations and of gradients near 1 through the layer. The default for weights of inputs.
 *
 * Shapes: [fanIn, fanOut], or kernels of a convolution. Several gates side by side count as outputs of one matrix, as in Keras.
 *
 * Source: Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural
 * networks", eq. 16.
 *
 * @throws ShapeError if the shape is not that of a matrix or of kernels.
 *
 * @example
 * ```ts
 * import { glorotUniform, key } from "tapeloop";
 *
 * const W = glorotUniform(key(0), [2, 4]);
 * console.log(W.shape, W.abs().max().less(1).item()); // [ 2, 4 ] 1
 * ```
 */
export function glorotUniform(key: Tensor, shape: Shape, options: InitializerOptions = {}): Tensor {
  checkOptions("glorotUniform", options, ["dtype"]);
  const [fanIn, fanOut] = fansOf("glorotUniform", shape);
  const a = Math.sqrt(6 / (fanIn + fanOut));
  return uniform(shape, -a, a, { key, ...options });
}

/**
 * Normal distribution with the variance of {@link glorotUniform}, 2 / (fanIn + fanOut). It is not
 * truncated: as in PyTorch, other than in Keras.
 *
 * @throws ShapeError if the shape is not that of a matrix or of kernels.
 */
export function glorotNormal(key: Tensor, shape: Shape, options: InitializerOptions = {}): Tensor {
  checkOptions("glorotNormal", options, ["dtype"]);
  const [fanIn, fanOut] = fansOf("glorotNormal", shape);
  return mul(normal(shape, { key, ...options }), Math.sqrt(2 / (fanIn + fanOut)));
}

/** How {@link varianceScaling} draws. */
export interface VarianceScaling {
  /** What the variance is multiplied by, above 0. Default: 1. */
  readonly scale?: number;
  /** What it is divided by: inputs, outputs or their mean. Default: "fanIn". */
  readonly mode?: "fanIn" | "fanOut" | "fanMean";
  /**
   * Evenly, normal, or normal within two standard deviations, wider so that the variance is the same. Default:
   * "truncatedNormal".
   */
  readonly distribution?: "uniform" | "normal" | "truncatedNormal";
}

/** The standard deviation of a standard normal distribution that is cut off at ±2. */
const truncatedDeviation = 0.879_625_661_034_239_78;

/**
 * Random values of the variance scale / n, where n is the number of inputs, of outputs, or their mean. Keras's
 * `VarianceScaling`, and the family that the others here are members of.
 *
 * @throws ArgumentError for options that are none; ShapeError from the initializer for shapes that are not those of a
 *   matrix or of kernels.
 *
 * @example
 * ```ts
 * import { key, variance, varianceScaling } from "tapeloop";
 *
 * const init = varianceScaling({ scale: 3, mode: "fanOut", distribution: "uniform" });
 * console.log(init(key(0), [10, 300]).abs().max().less(0.1733).item()); // 1
 * ```
 */
export function varianceScaling(form: VarianceScaling = {}): Initializer {
  return scaled("varianceScaling", form);
}

function scaled(op: string, form: VarianceScaling): Initializer {
  checkOptions(op, form, ["scale", "mode", "distribution"]);
  const { scale = 1, mode = "fanIn", distribution = "truncatedNormal" } = form;
  if (!(scale > 0 && scale < Infinity)) {
    throw new ArgumentError(op, "scale is a finite number above 0", String(scale));
  }
  if (!["fanIn", "fanOut", "fanMean"].includes(mode)) {
    throw new ArgumentError(op, "mode is fanIn, fanOut or fanMean", mode);
  }
  if (!["uniform", "normal", "truncatedNormal"].includes(distribution)) {
    throw new ArgumentError(op, "distribution is uniform, normal or truncatedNormal", distribution);
  }
  return (key, shape, options = {}) => {
    checkOptions(op, options, ["dtype"]);
    const [fanIn, fanOut] = fansOf(op, shape);
    const n = { fanIn, fanOut, fanMean: (fanIn + fanOut) / 2 }[mode];
    const deviation = Math.sqrt(scale / n);
    if (distribution === "uniform") {
      const a = Math.sqrt(3) * deviation;
      return uniform(shape, -a, a, { key, ...options });
    }
    if (distribution === "normal") return mul(normal(shape, { key, ...options }), deviation);
    const within = truncatedNormal(shape, -2, 2, { key, ...options });
    return mul(within, deviation / truncatedDeviation);
  };
}

/**
 * Even distribution of the variance 2 / fanIn, for layers in front of rectifiers.
 *
 * Source: He et al. 2015, arXiv:1502.01852, eq. 10. PyTorch's `kaiming_uniform_` with its gain for ReLU.
 *
 * @throws ShapeError if the shape is not that of a matrix or of kernels.
 *
 * @example
 * ```ts
 * import { heUniform, key } from "tapeloop";
 *
 * console.log(heUniform(key(0), [6, 50]).abs().max().less(1).item()); // 1
 * ```
 */
export const heUniform: Initializer = scaled("heUniform", { scale: 2, distribution: "uniform" });

/**
 * Normal distribution of the variance 2 / fanIn, for layers in front of rectifiers. It is not truncated: as
 * PyTorch's `kaiming_normal_`, other than in Keras.
 *
 * Source: He et al. 2015, arXiv:1502.01852, eq. 10.
 *
 * @throws ShapeError if the shape is not that of a matrix or of kernels.
 *
 * @example
 * ```ts
 * import { heNormal, key } from "tapeloop";
 *
 * console.log(heNormal(key(0), [2, 3]).shape); // [ 2, 3 ]
 * ```
 */
export const heNormal: Initializer = scaled("heNormal", { scale: 2, distribution: "normal" });

/**
 * Even distribution of the variance 1 / fanIn, for layers in front of `selu`.
 *
 * Source: LeCun et al. 1998, "Efficient BackProp", section 4.6; Klambauer et al. 2017, arXiv:1706.02515.
 *
 * @throws ShapeError if the shape is not that of a matrix or of kernels.
 *
 * @example
 * ```ts
 * import { key, lecunUniform } from "tapeloop";
 *
 * console.log(lecunUniform(key(0), [3, 50]).abs().max().less(1).item()); // 1
 * ```
 */
export const lecunUniform: Initializer = scaled("lecunUniform", { distribution: "uniform" });

/**
 * Normal distribution of the variance 1 / fanIn, for layers in front of `selu`.
 *
 * Source: LeCun et al. 1998, "Efficient BackProp", section 4.6; Klambauer et al. 2017, arXiv:1706.02515.
 *
 * @throws ShapeError if the shape is not that of a matrix or of kernels.
 *
 * @example
 * ```ts
 * import { key, lecunNormal } from "tapeloop";
 *
 * console.log(lecunNormal(key(0), [2, 3]).shape); // [ 2, 3 ]
 * ```
 */
export const lecunNormal: Initializer = scaled("lecunNormal", { distribution: "normal" });
