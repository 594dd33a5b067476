/** @file Convolutions and pooling, over time and over pictures; features last, as in Keras. */
import {
  ArgumentError,
  avgPool1d,
  avgPool2d,
  checkOptions,
  max,
  maxPool1d,
  maxPool2d,
  mean,
  permute,
  type Shape,
  type Tensor,
} from "@tapeloop/autograd";
import { convolution1d, convolution2d, type ConvolutionParameters } from "@tapeloop/nn";
import { checkRank, type Layer, plainLayer } from "../layer.ts";
import { type Activation, activationOf } from "./activations.ts";
import { type FirstValues, initializerOf } from "./initializers.ts";

/** Options of {@link conv1d} and {@link conv2d}. */
export interface ConvLayerOptions {
  /** Steps between two windows. Default: 1. */
  readonly strides?: number;
  /**
   * "valid": windows lie inside; "same": as many outputs as inputs, by strides; "causal", over time: no window sees
   * what comes later. Default: "valid".
   */
  readonly padding?: "valid" | "same" | "causal";
  /** Steps between two elements of a window. Default: 1. */
  readonly dilationRate?: number;
  /** How many groups of features do not see one another. Default: 1. */
  readonly groups?: number;
  /** What the sums become. Default: "linear". */
  readonly activation?: Activation;
  /** Whether a bias is added. Default: true. */
  readonly useBias?: boolean;
  /** First values of the kernels. Default: Glorot uniform. */
  readonly kernelInitializer?: FirstValues;
}

const convOptions = [
  "strides",
  "padding",
  "dilationRate",
  "groups",
  "activation",
  "useBias",
  "kernelInitializer",
];

/** A convolution over `axes` axes. */
function convolution(
  type: "conv1d" | "conv2d",
  filters: number,
  kernelSize: readonly number[],
  options: ConvLayerOptions,
): Layer {
  checkOptions(type, options, convOptions);
  const { strides = 1, padding = "valid", dilationRate = 1, groups = 1 } = options;
  const { activation = "linear", useBias = true, kernelInitializer = "glorotUniform" } = options;
  const weights = initializerOf(type, kernelInitializer);
  const modes = type === "conv1d" ? ["valid", "same", "causal"] : ["valid", "same"];
  if (!modes.includes(padding)) {
    throw new ArgumentError(type, `padding is ${modes.join(", ")}`, padding);
  }
  for (const [name, n] of Object.entries({ filters, strides, dilationRate, groups })) {
    if (!Number.isInteger(n) || n < 1) {
      throw new ArgumentError(type, `${name} are a whole number from 1`, String(n));
    }
  }
  const act = activationOf(type, activation);
  const count = kernelSize.length;
  return {
    type,
    build: (shape) => {
      checkRank(type, shape, count + 1, type === "conv1d" ? "T, F" : "H, W, F");
      const F = shape[count];
      const how = {
        stride: strides,
        padding: padding === "valid" ? 0 : padding,
        dilation: dilationRate,
        groups,
        bias: useBias,
        weights,
      };
      const layer =
        type === "conv1d"
          ? convolution1d(F, filters, kernelSize[0], how)
          : convolution2d(F, filters, [kernelSize[0], kernelSize[1]], how);
      const outputs = shape.slice(0, count).map((size, i) => {
        const reach = (kernelSize[i] - 1) * dilationRate;
        if (padding === "same") return Math.ceil(size / strides);
        return Math.floor((size - 1 - (padding === "causal" ? 0 : reach)) / strides) + 1;
      });
      if (outputs.some((n) => n < 1)) {
        const rule = "the window is no longer than its inputs";
        throw new ArgumentError(type, rule, `[${shape.join(", ")}]`);
      }
      return {
        outputShape: [...outputs, filters],
        init: (key) => layer.init(key),
        apply: (parameters, { x }) => {
          const y = layer.apply(parameters as unknown as ConvolutionParameters, featuresFirst(x));
          return { x: act(featuresLast(y)) };
        },
      };
    },
  };
}

/** [B, ..., F] → [B, F, ...] */
function featuresFirst(x: Tensor): Tensor {
  const axes = x.shape.map((_, i) => i);
  return permute(x, [0, x.rank - 1, ...axes.slice(1, -1)]);
}

/** [B, F, ...] → [B, ..., F] */
function featuresLast(x: Tensor): Tensor {
  const axes = x.shape.map((_, i) => i);
  return permute(x, [0, ...axes.slice(2), 1]);
}

/**
 * A convolution over time.
 *
 * Shapes: [B, T, F] → [B, T′, filters]. Parameters: filters · F / groups · kernelSize + filters.
 *
 * @throws ArgumentError for sizes that are not whole numbers from 1, and unknown options.
 *
 * @example
 * ```ts
 * import { layers, ones, sequential } from "tapeloop";
 *
 * const model = sequential([layers.conv1d(4, 3, { padding: "causal", activation: "relu" })]);
 * console.log(model.predict(ones([2, 10, 3])).shape); // [ 2, 10, 4 ]
 * ```
 */
export function conv1d(filters: number, kernelSize: number, options: ConvLayerOptions = {}): Layer {
  return convolution("conv1d", filters, [kernelSize], options);
}

/**
 * A convolution over pictures.
 *
 * Shapes: [B, H, W, F] → [B, H′, W′, filters]. Parameters: filters · F / groups · height · width + filters.
 *
 * @param kernelSize - One number for both axes, or height and width.
 * @throws ArgumentError for sizes that are not whole numbers from 1, and unknown options.
 *
 * @example
 * ```ts
 * import { layers, ones, sequential } from "tapeloop";
 *
 * console.log(sequential([layers.conv2d(4, 3)]).predict(ones([1, 8, 8, 1])).shape); // [ 1, 6, 6, 4 ]
 * ```
 */
export function conv2d(
  filters: number,
  kernelSize: number | readonly [height: number, width: number],
  options: ConvLayerOptions = {},
): Layer {
  const sizes = typeof kernelSize === "number" ? [kernelSize, kernelSize] : kernelSize;
  return convolution("conv2d", filters, sizes, options);
}

/** Options of pooling layers. */
export interface PoolLayerOptions {
  /** Steps between two windows. Default: as long as a window. */
  readonly strides?: number;
  /** "valid": windows lie inside; "same": ⌈n / strides⌉ of them, and what stands around never counts. Default: "valid". */
  readonly padding?: "valid" | "same";
}

/** How windows lie. */
interface PoolWindows {
  readonly stride: number;
  readonly padding: "valid" | "same";
}

/** The mean of what there is in each window. */
function averageOf(pool: typeof avgPool1d): (x: Tensor, n: number, how: PoolWindows) => Tensor {
  return (x, size, how) => pool(x, size, { ...how, countPadding: false });
}

/** A pooling layer over `axes` axes. */
function pooling(
  type: string,
  axes: number,
  poolSize: number,
  options: PoolLayerOptions,
  pool: (x: Tensor, size: number, options: PoolWindows) => Tensor,
): Layer {
  checkOptions(type, options, ["strides", "padding"]);
  const { strides = poolSize, padding = "valid" } = options;
  if (padding !== "valid" && padding !== "same") {
    throw new ArgumentError(type, "padding is valid, same", String(padding));
  }
  return plainLayer(
    type,
    (shape: Shape) => {
      checkRank(type, shape, axes + 1, axes === 1 ? "T, F" : "H, W, F");
      const left = padding === "same" ? strides - 1 : strides - poolSize;
      const sizes = shape.slice(0, axes).map((n) => Math.floor((n + left) / strides));
      return [...sizes, shape[axes]];
    },
    (x) => featuresLast(pool(featuresFirst(x), poolSize, { stride: strides, padding })),
  );
}

/**
 * The greatest value of each window in time.
 *
 * Shapes: [B, T, F] → [B, T′, F].
 *
 * @example
 * ```ts
 * import { layers, ones, sequential } from "tapeloop";
 *
 * console.log(sequential([layers.maxPooling1d(2)]).predict(ones([1, 6, 3])).shape); // [ 1, 3, 3 ]
 * ```
 */
export function maxPooling1d(poolSize = 2, options: PoolLayerOptions = {}): Layer {
  return pooling("maxPooling1d", 1, poolSize, options, maxPool1d);
}

/**
 * The mean of each window in time.
 *
 * Shapes: [B, T, F] → [B, T′, F].
 *
 * @example
 * ```ts
 * import { layers, sequential, tensor } from "tapeloop";
 *
 * const model = sequential([layers.averagePooling1d(2)]);
 * console.log(model.predict(tensor([[[1], [3], [5], [5]]])).toArray()); // [ [ [ 2 ], [ 5 ] ] ]
 * ```
 */
export function averagePooling1d(poolSize = 2, options: PoolLayerOptions = {}): Layer {
  return pooling("averagePooling1d", 1, poolSize, options, averageOf(avgPool1d));
}

/**
 * The greatest value of each square of a picture.
 *
 * Shapes: [B, H, W, F] → [B, H′, W′, F].
 *
 * @example
 * ```ts
 * import { layers, ones, sequential } from "tapeloop";
 *
 * console.log(sequential([layers.maxPooling2d(2)]).predict(ones([1, 6, 4, 3])).shape); // [ 1, 3, 2, 3 ]
 * ```
 */
export function maxPooling2d(poolSize = 2, options: PoolLayerOptions = {}): Layer {
  return pooling("maxPooling2d", 2, poolSize, options, maxPool2d);
}

/**
 * The mean of each square of a picture.
 *
 * Shapes: [B, H, W, F] → [B, H′, W′, F].
 *
 * @example
 * ```ts
 * import { layers, ones, sequential } from "tapeloop";
 *
 * console.log(sequential([layers.averagePooling2d(2)]).predict(ones([1, 6, 4, 3])).shape); // [ 1, 3, 2, 3 ]
 * ```
 */
export function averagePooling2d(poolSize = 2, options: PoolLayerOptions = {}): Layer {
  return pooling("averagePooling2d", 2, poolSize, options, averageOf(avgPool2d));
}

/**
 * The greatest value of each feature over a whole picture.
 *
 * Shapes: [B, H, W, F] → [B, F].
 *
 * @example
 * ```ts
 * import { layers, ones, sequential } from "tapeloop";
 *
 * console.log(sequential([layers.globalMaxPooling2d()]).predict(ones([2, 3, 4, 5])).shape); // [ 2, 5 ]
 * ```
 */
export function globalMaxPooling2d(): Layer {
  return wholePicture("globalMaxPooling2d", (x) => max(x, { axes: [1, 2] }));
}

/**
 * The mean of each feature over a whole picture.
 *
 * Shapes: [B, H, W, F] → [B, F].
 *
 * @example
 * ```ts
 * import { layers, ones, sequential } from "tapeloop";
 *
 * console.log(sequential([layers.globalAveragePooling2d()]).predict(ones([2, 3, 4, 5])).shape); // [ 2, 5 ]
 * ```
 */
export function globalAveragePooling2d(): Layer {
  return wholePicture("globalAveragePooling2d", (x) => mean(x, { axes: [1, 2] }));
}

function wholePicture(type: string, apply: (x: Tensor) => Tensor): Layer {
  return plainLayer(
    type,
    (shape) => {
      checkRank(type, shape, 3, "H, W, F");
      return shape.slice(2);
    },
    apply,
  );
}
