/** @file Layers of convolutions, and the network that reads pictures column by column. */
import {
  ArgumentError,
  checkOptions,
  conv1d,
  conv2d,
  maxPool2d,
  pad,
  permute,
  relu,
  reshape,
  scope,
  ShapeError,
  splitKey,
  type Tensor,
  type Tree,
  within,
} from "@tapeloop/autograd";
import { gruCell } from "../cells/gru.ts";
import type { AnyCell } from "../cells/recurrent-cell.ts";
import type { FloatType, Initializer } from "../initializers/initializer.ts";
import { zerosInit } from "../initializers/plain.ts";
import { glorotUniform } from "../initializers/scaled.ts";
import { linear, type LinearParameters } from "../linear.ts";
import { checkSizes, typeOf } from "../sizes.ts";
import { bidirectional } from "../wrappers/bidirectional.ts";

/** Parameters of a convolution. */
export interface ConvolutionParameters {
  /** Kernels [outputs, inputs / groups, ...window]. */
  readonly W: Tensor;
  /** Bias [outputs]; absent with `bias: false`. */
  readonly b?: Tensor;
}

/** Options of {@link convolution1d} and {@link convolution2d}. */
export interface ConvolutionOptions {
  /** Steps between two windows. Default: 1. */
  readonly stride?: number;
  /** Zeros on both sides; or "same": as many outputs as inputs, by strides; or "causal", in 1D. Default: 0. */
  readonly padding?: number | "same" | "causal";
  /** Steps between two elements of a window. Default: 1. */
  readonly dilation?: number;
  /** How many groups of channels do not see one another. Default: 1. */
  readonly groups?: number;
  /** Whether b is added. It starts at 0. Default: true. */
  readonly bias?: boolean;
  /** First values of W. Default: {@link glorotUniform}. */
  readonly weights?: Initializer;
  /** Element type of the parameters. Default: float32. */
  readonly dtype?: FloatType;
}

/** A layer of a convolution. */
export interface Convolution {
  /** First parameters from a key. */
  init(key: Tensor): ConvolutionParameters;
  /** The convolution, and the bias. */
  apply(parameters: ConvolutionParameters, x: Tensor): Tensor;
}

function convolution(
  op: string,
  inputs: number,
  outputs: number,
  window: readonly number[],
  options: ConvolutionOptions,
): Convolution {
  checkOptions(op, options, [
    "stride",
    "padding",
    "dilation",
    "groups",
    "bias",
    "weights",
    "dtype",
  ]);
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  const { bias = true, weights = glorotUniform, dtype = "float32" } = options;
  checkSizes(op, { inputs, outputs, stride, dilation, groups });
  window.forEach((size) => checkSizes(op, { window: size }));
  const isNumber = typeof padding === "number" && Number.isInteger(padding) && padding >= 0;
  if (!isNumber && padding !== "same" && !(padding === "causal" && window.length === 1)) {
    const names = window.length === 1 ? '"same" or "causal"' : 'or "same"';
    throw new ArgumentError(op, `padding is a whole number from 0, ${names}`, String(padding));
  }
  if (inputs % groups !== 0 || outputs % groups !== 0) {
    const rule = `groups divide ${inputs} inputs and ${outputs} outputs`;
    throw new ArgumentError(op, rule, String(groups));
  }
  const convolve = window.length === 1 ? conv1d : conv2d;
  /** Zeros in front of an axis and behind it. */
  const around = (length: number, size: number): readonly [number, number] => {
    const reach = (size - 1) * dilation;
    if (typeof padding === "number") return [padding, padding];
    if (padding === "causal") return [reach, 0];
    const missing = Math.max(0, (Math.ceil(length / stride) - 1) * stride + reach + 1 - length);
    return [Math.floor(missing / 2), Math.ceil(missing / 2)];
  };
  return {
    init: (key) =>
      scope(() => {
        const W = weights(key, [outputs, inputs / groups, ...window], { dtype });
        return bias ? { W, b: zerosInit(key, [outputs], { dtype }) } : { W };
      }),
    apply({ W, b }, x) {
      if (x.rank !== window.length + 2 || x.shape[1] !== inputs) {
        const axes = window.map((_, i) => (window.length === 1 ? "L" : "HW".charAt(i)));
        throw new ShapeError(op, `x is [B, ${[inputs, ...axes].join(", ")}]`, typeOf(x));
      }
      return within(op, () => {
        const spans = window.map((size, i) => around(x.shape[i + 2], size));
        const padded = spans.every(([p, q]) => p + q === 0)
          ? x
          : pad(x, [[0, 0], [0, 0], ...spans]);
        const y = convolve(padded, W, { stride, dilation, groups });
        return b === undefined ? y : y.add(reshape(b, [outputs, ...window.map(() => 1)]));
      });
    },
  };
}

/**
 * A layer of a convolution over time.
 *
 * Shapes: x [B, inputs, L] → [B, outputs, L′]; W [outputs, inputs / groups, window], b [outputs].
 *
 * @throws ArgumentError for sizes and options that are none; ShapeError from `apply` if x does not fit.
 *
 * @example
 * ```ts
 * import { convolution1d, key, ones } from "tapeloop";
 *
 * const layer = convolution1d(3, 4, 5, { padding: "causal" });
 * console.log(layer.apply(layer.init(key(0)), ones([2, 3, 10])).shape); // [ 2, 4, 10 ]
 * ```
 */
export function convolution1d(
  inputs: number,
  outputs: number,
  window: number,
  options: ConvolutionOptions = {},
): Convolution {
  return convolution("convolution1d", inputs, outputs, [window], options);
}

/**
 * A layer of a convolution over pictures.
 *
 * Shapes: x [B, inputs, H, W] → [B, outputs, H′, W′]; W [outputs, inputs / groups, height, width], b [outputs].
 *
 * @param window - One number for both axes, or height and width.
 * @throws ArgumentError for sizes and options that are none; ShapeError from `apply` if x does not fit.
 *
 * @example
 * ```ts
 * import { convolution2d, key, ones } from "tapeloop";
 *
 * const layer = convolution2d(1, 4, 3, { padding: "same", stride: 2 });
 * console.log(layer.apply(layer.init(key(0)), ones([2, 1, 8, 8])).shape); // [ 2, 4, 4, 4 ]
 * ```
 */
export function convolution2d(
  inputs: number,
  outputs: number,
  window: number | readonly [height: number, width: number],
  options: ConvolutionOptions = {},
): Convolution {
  const sizes = typeof window === "number" ? [window, window] : window;
  return convolution("convolution2d", inputs, outputs, sizes, options);
}

/** Options of {@link crnn}. */
export interface CrnnOptions {
  /** Channels of pictures. Default: 1. */
  readonly channels?: number;
  /** The height of pictures; it is halved by every convolution. */
  readonly height: number;
  /** Outputs of the convolutions, one after the other. Default: [16, 32]. */
  readonly filters?: readonly number[];
  /** H of the cell in each direction. Default: 64. */
  readonly hiddenSize?: number;
  /** N, how many classes there are, the blank of CTC among them. */
  readonly classes: number;
  /** Makes the cells. Default: {@link gruCell}. */
  readonly cell?: (inputSize: number, hiddenSize: number) => AnyCell;
  /** Element type of the parameters. Default: float32. */
  readonly dtype?: FloatType;
}

/** Parameters of a {@link crnn}. */
export interface CrnnParameters {
  /** Those of the convolutions. */
  readonly convolutions: readonly ConvolutionParameters[];
  /** Those of the cells, in both directions. */
  readonly recurrent: Tree;
  /** From states to scores. */
  readonly head: LinearParameters;
}

/** A convolutional-recurrent network. */
export interface Crnn {
  /** First parameters from a key. */
  init(key: Tensor): CrnnParameters;
  /** Logits [T, B, N] of pictures [B, channels, height, width], T = ⌊width / 2⌋, by two and again by each filter. */
  apply(parameters: CrnnParameters, x: Tensor): Tensor;
}

/**
 * The convolutional-recurrent network that reads lines of text: convolutions with rectifiers, each followed by the
 * greatest of 2 × 2, columns as steps of a bidirectional cell, and a score for each class at each step. Train with
 * {@link ctcLoss}.
 *
 * Shapes: x [B, channels, height, width] → [width / 2ᶠ, B, classes] for f filters.
 *
 * Source: Shi, Bai and Yao 2015, arXiv:1507.05717, section 2, with as many convolutions as filters.
 *
 * @throws ArgumentError if the height cannot be halved so often, or an option is unknown.
 *
 * @example
 * ```ts
 * import { crnn, key, ones } from "tapeloop";
 *
 * const model = crnn({ height: 16, classes: 11, hiddenSize: 8 });
 * console.log(model.apply(model.init(key(0)), ones([2, 1, 16, 40])).shape); // [ 10, 2, 11 ]
 * ```
 */
export function crnn(options: CrnnOptions): Crnn {
  const op = "crnn";
  checkOptions(op, options, [
    "channels",
    "height",
    "filters",
    "hiddenSize",
    "classes",
    "cell",
    "dtype",
  ]);
  const { channels = 1, height, filters = [16, 32], hiddenSize = 64, classes } = options;
  const { dtype = "float32", cell = (F: number, H: number) => gruCell(F, H, { dtype }) } = options;
  checkSizes(op, { channels, height, hiddenSize, classes });
  const rows = height / 2 ** filters.length;
  if (!Number.isInteger(rows) || filters.length === 0) {
    const rule = `the height can be halved ${filters.length} times`;
    throw new ArgumentError(op, rule, String(height));
  }
  const layers = filters.map((outputs, i) =>
    convolution2d(filters[i - 1] ?? channels, outputs, 3, { padding: "same", dtype }),
  );
  const last = filters[filters.length - 1];
  const recurrent = bidirectional(cell(last * rows, hiddenSize));
  const head = linear(2 * hiddenSize, classes, { dtype });
  return {
    init: (key) =>
      scope(() => {
        const [forLayers, forCells, forHead] = splitKey(key, 3);
        const keys = splitKey(forLayers, layers.length);
        return {
          convolutions: layers.map((layer, i) => layer.init(keys[i])),
          recurrent: recurrent.init(forCells),
          head: head.init(forHead),
        };
      }),
    apply: (parameters, x) => {
      const features = layers.reduce(
        (y, layer, i) => maxPool2d(relu(layer.apply(parameters.convolutions[i], y)), 2),
        x,
      );
      const [B, C, H, W] = features.shape;
      const columns = reshape(permute(features, [3, 0, 1, 2]), [W, B, C * H]);
      const { outputs } = recurrent.apply(parameters.recurrent as never, columns);
      return head.apply(parameters.head, outputs);
    },
  };
}
