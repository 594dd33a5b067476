/** @file Normalization: over the features of an example, and over the examples of a batch. */
import { checkOptions, expandDims, logicalAnd, moveAxis } from "@tapeloop/autograd";
import {
  batchNorm,
  type BatchNormState,
  groupNorm,
  layerNorm,
  type ScaleParameters,
} from "@tapeloop/nn";
import type { Layer } from "../layer.ts";

/** Options of {@link layerNormalization}. */
export interface LayerNormalizationOptions {
  /** Added to the variance. Default: 1e-3, as in Keras. */
  readonly epsilon?: number;
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
    build: (shape) => {
      const layer = layerNorm(shape[shape.length - 1], { epsilon });
      return {
        outputShape: shape,
        init: (key) => layer.init(key),
        apply: (parameters, { x, ...others }) => ({
          ...others,
          x: layer.apply(parameters as unknown as ScaleParameters, x),
        }),
      };
    },
  };
}

/**
 * Group normalization: the features of each group, over all steps or places of an example, to mean 0 and variance 1;
 * times a gain, plus a bias.
 *
 * Shapes: [B, ..., F] → the same. Parameters: 2F.
 *
 * Source: Wu and He 2018, arXiv:1803.08494, eq. 7.
 *
 * @param groups - A divisor of F. Default: 32, as in Keras.
 * @throws ArgumentError if an option is unknown, and when it is built if the groups do not divide the features.
 *
 * @example
 * ```ts
 * import { layers, ones, sequential } from "tapeloop";
 *
 * console.log(sequential([layers.groupNormalization(2)]).predict(ones([1, 5, 4])).shape); // [ 1, 5, 4 ]
 * ```
 */
export function groupNormalization(groups = 32, options: LayerNormalizationOptions = {}): Layer {
  checkOptions("groupNormalization", options, ["epsilon"]);
  const { epsilon = 1e-3 } = options;
  return {
    type: "groupNormalization",
    build: (shape) => {
      const layer = groupNorm(groups, shape[shape.length - 1], { epsilon });
      return {
        outputShape: shape,
        init: (key) => layer.init(key),
        apply: (parameters, { x, ...others }) => {
          const y = layer.apply(parameters as unknown as ScaleParameters, moveAxis(x, -1, 1));
          return { ...others, x: moveAxis(y, 1, -1) };
        },
      };
    },
  };
}

/** Options of {@link batchNormalization}. */
export interface BatchNormalizationOptions {
  /** How slowly running means move, from 0, below 1. Default: 0.99, as in Keras. */
  readonly momentum?: number;
  /** Added to the variance. Default: 1e-3, as in Keras. */
  readonly epsilon?: number;
}

/**
 * Batch normalization: in training each feature to mean 0 and variance 1 over the batch (and over real steps), in
 * evaluation by running means of both; times a gain, plus a bias.
 *
 * Shapes: [B, ..., F] → the same. Parameters: 2F, and 2F that are not trained.
 *
 * Source: Ioffe and Szegedy 2015, arXiv:1502.03167, algorithms 1 and 2; running means as in PyTorch, with Keras's momentum.
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
    build: (shape) => {
      const layer = batchNorm(shape[shape.length - 1], { epsilon, momentum: 1 - momentum });
      return {
        outputShape: shape,
        init: (key) => layer.init(key),
        running: () => layer.initialState(),
        apply: (parameters, { x, ...flow }, { key, running, real, isFrozen }) => {
          const isOfSteps = flow.mask !== undefined && flow.mask.rank < x.rank;
          const steps = isOfSteps ? flow.mask : undefined;
          const both = steps && real ? logicalAnd(steps, expandDims(real, 1)) : (steps ?? real);
          const [y, next] = layer.apply(
            parameters as unknown as ScaleParameters,
            running as unknown as BatchNormState,
            x,
            { training: key !== null && !isFrozen, ...(both && { mask: both }) },
          );
          return { ...flow, x: y, running: next };
        },
      };
    },
  };
}
