/** @file Layers that are random in training, and do nothing in evaluation. */
import { ArgumentError, expandDims, normal, ones } from "@tapeloop/autograd";
import { dropout as droppedOut } from "@tapeloop/nn";
import { checkRank, type Layer, plainLayer } from "../layer.ts";

/**
 * Dropout: in training each number is 0 with the probability `rate`, and the others are divided by 1 − rate.
 *
 * Shapes: any → the same.
 *
 * @param rate - From 0, below 1.
 * @throws ArgumentError for any other rate.
 *
 * @example
 * ```ts
 * import { layers, ones, sequential } from "tapeloop";
 *
 * console.log(sequential([layers.dropout(0.5)]).predict(ones([1, 2])).toArray()); // [ [ 1, 1 ] ]
 * ```
 */
export function dropout(rate: number): Layer {
  const layer = droppedOut(rate);
  return plainLayer(
    "dropout",
    (shape) => shape,
    (x, { key }) => layer.apply(x, key),
  );
}

/**
 * Dropout of whole features: in training a feature is dropped in all steps of a sequence, or in none.
 *
 * Shapes: [B, T, F] → the same.
 *
 * Source: Tompson et al. 2015, arXiv:1411.4280, section 3.2.
 *
 * @param rate - From 0, below 1.
 * @throws ArgumentError for any other rate.
 *
 * @example
 * ```ts
 * import { layers, ones, sequential } from "tapeloop";
 *
 * const model = sequential([layers.embedding(10, 4), layers.spatialDropout1d(0.2), layers.lstm(3)]);
 * console.log(model.predict(ones([2, 5])).shape); // [ 2, 3 ]
 * ```
 */
export function spatialDropout1d(rate: number): Layer {
  const layer = droppedOut(rate);
  return plainLayer(
    "spatialDropout1d",
    (shape) => {
      checkRank("spatialDropout1d", shape, 2, "T, F");
      return shape;
    },
    (x, { key }) => {
      if (key === null || rate === 0) return x;
      const [B, , F] = x.shape;
      return x.mul(expandDims(layer.apply(ones([B, F]), key), 1));
    },
  );
}

/**
 * Gaussian noise: in training a normal number is added to each number.
 *
 * Shapes: any → the same.
 *
 * @param deviation - The standard deviation of the noise, from 0.
 * @throws ArgumentError for any other number.
 *
 * @example
 * ```ts
 * import { layers, ones, sequential } from "tapeloop";
 *
 * console.log(sequential([layers.gaussianNoise(0.1)]).predict(ones([1, 2])).toArray()); // [ [ 1, 1 ] ]
 * ```
 */
export function gaussianNoise(deviation: number): Layer {
  if (!(deviation >= 0 && deviation < Infinity)) {
    const rule = "the deviation is a finite number from 0";
    throw new ArgumentError("gaussianNoise", rule, String(deviation));
  }
  return plainLayer(
    "gaussianNoise",
    (shape) => shape,
    (x, { key }) => (key === null ? x : x.add(normal(x.shape, { key }).mul(deviation))),
  );
}
