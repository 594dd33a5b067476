/** @file First values of a given size: numbers, and random ones of a given spread. */
import {
  add,
  argsort,
  ArgumentError,
  checkFiniteNumbers,
  checkOptions,
  full,
  less,
  mul,
  normal,
  type Shape,
  splitKey,
  type Tensor,
  to,
  truncatedNormal,
  uniform,
  where,
} from "@tapeloop/autograd";
import { type Initializer, type InitializerOptions, matrixSizes } from "./initializer.ts";

/** Zeros; the key is not used. */
export function zerosInit(key: Tensor, shape: Shape, options: InitializerOptions = {}): Tensor {
  checkOptions("zerosInit", options, ["dtype"]);
  return to(full(shape, 0, options), key.backend);
}

/**
 * An initializer of even distribution in [low, high).
 *
 * @throws ArgumentError for bounds that are no finite numbers.
 *
 * @example
 * ```ts
 * import { key, linear, uniformInit } from "tapeloop";
 *
 * const layer = linear(3, 4, { weights: uniformInit(-0.1, 0.1) });
 * console.log(layer.init(key(0)).W.abs().max().less(0.1).item()); // 1
 * ```
 */
export function uniformInit(low: number, high: number): Initializer {
  checkFiniteNumbers("uniformInit", { low, high });
  return (key, shape, options = {}) => {
    checkOptions("uniformInit", options, ["dtype"]);
    return uniform(shape, low, high, { key, ...options });
  };
}

/**
 * Ones; the key is not used.
 *
 * @example
 * ```ts
 * import { key, onesInit } from "tapeloop";
 *
 * console.log(onesInit(key(0), [2]).toArray()); // [ 1, 1 ]
 * ```
 */
export function onesInit(key: Tensor, shape: Shape, options: InitializerOptions = {}): Tensor {
  checkOptions("onesInit", options, ["dtype"]);
  return to(full(shape, 1, options), key.backend);
}

/**
 * One number everywhere; the key is not used.
 *
 * @throws ArgumentError if it is no number.
 *
 * @example
 * ```ts
 * import { constantInit, key } from "tapeloop";
 *
 * console.log(constantInit(0.5)(key(0), [2]).toArray()); // [ 0.5, 0.5 ]
 * ```
 */
export function constantInit(value: number): Initializer {
  if (!Number.isFinite(value)) {
    throw new ArgumentError("constantInit", "the value is a finite number", String(value));
  }
  return (key, shape, options = {}) => {
    checkOptions("constantInit", options, ["dtype"]);
    return to(full(shape, value, options), key.backend);
  };
}

/** The least and the greatest standard deviation that make sense. */
function checkDeviation(op: string, deviation: number): void {
  if (!(deviation > 0 && deviation < Infinity)) {
    throw new ArgumentError(op, "the deviation is a finite number above 0", String(deviation));
  }
}

function checkMean(op: string, mean: number): void {
  if (!Number.isFinite(mean)) {
    throw new ArgumentError(op, "the mean is a finite number", String(mean));
  }
}

/** Values that were drawn around 0. */
function around(mean: number, x: Tensor): Tensor {
  return mean === 0 ? x : add(x, mean);
}

/**
 * Normal distribution.
 *
 * @param deviation - Its standard deviation. Default: 0.05, as in Keras.
 * @param mean - What it is around. Default: 0.
 * @throws ArgumentError if the deviation is not above 0, or the mean no finite number.
 *
 * @example
 * ```ts
 * import { key, normalInit } from "tapeloop";
 *
 * console.log(normalInit(0.01)(key(0), [3, 3]).abs().max().less(0.1).item()); // 1
 * ```
 */
export function normalInit(deviation = 0.05, mean = 0): Initializer {
  checkDeviation("normalInit", deviation);
  checkMean("normalInit", mean);
  return (key, shape, options = {}) => {
    checkOptions("normalInit", options, ["dtype"]);
    return around(mean, mul(normal(shape, { key, ...options }), deviation));
  };
}

/**
 * Normal distribution, drawn again where it would be more than two standard deviations away from its mean.
 *
 * @param deviation - That of the distribution before. Default: 0.05, as in Keras.
 * @param mean - What it is around. Default: 0.
 * @throws ArgumentError if the deviation is not above 0, or the mean no finite number.
 *
 * @example
 * ```ts
 * import { key, truncatedNormalInit } from "tapeloop";
 *
 * console.log(truncatedNormalInit(0.5)(key(0), [30, 30]).abs().max().less(1).item()); // 1
 * ```
 */
export function truncatedNormalInit(deviation = 0.05, mean = 0): Initializer {
  checkDeviation("truncatedNormalInit", deviation);
  checkMean("truncatedNormalInit", mean);
  return (key, shape, options = {}) => {
    checkOptions("truncatedNormalInit", options, ["dtype"]);
    return around(mean, mul(truncatedNormal(shape, -2, 2, { key, ...options }), deviation));
  };
}

/**
 * Normal distribution for some inputs of each output, 0 for the others: each column has the same number of zeros, at
 * random places.
 *
 * Shapes: [inputs, outputs].
 *
 * Source: Martens 2010, "Deep learning via Hessian-free optimization", section 5; PyTorch's `sparse_`.
 *
 * @param zeroPart - The part of inputs that are 0, from 0 and below 1; rounded up.
 * @param deviation - Of the others. Default: 0.01.
 * @throws ArgumentError for numbers out of range; ShapeError if the shape is not that of a matrix.
 *
 * @example
 * ```ts
 * import { key, sparseInit } from "tapeloop";
 *
 * const W = sparseInit(0.75)(key(0), [8, 3]);
 * console.log(W.equal(0).sum({ axes: 0 }).toArray()); // [ 6, 6, 6 ]
 * ```
 */
export function sparseInit(zeroPart: number, deviation = 0.01): Initializer {
  if (!(zeroPart >= 0 && zeroPart < 1)) {
    throw new ArgumentError("sparseInit", "zeroPart is from 0 and below 1", String(zeroPart));
  }
  checkDeviation("sparseInit", deviation);
  return (key, shape, options = {}) => {
    checkOptions("sparseInit", options, ["dtype"]);
    const [inputs] = matrixSizes("sparseInit", shape);
    const [forValues, forPlaces] = splitKey(key);
    const ranks = argsort(argsort(uniform(shape, 0, 1, { key: forPlaces }), { axis: 0 }), {
      axis: 0,
    });
    const values = mul(normal(shape, { key: forValues, ...options }), deviation);
    return where(less(ranks, Math.ceil(zeroPart * inputs)), 0, values);
  };
}
