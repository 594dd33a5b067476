/** @file Layers of sequences of symbols and vectors: embedding, masks, pooling over time. */
import {
  any,
  cast,
  checkOptions,
  expandDims,
  max,
  maximum,
  mean,
  notEqual,
  sum,
  where,
} from "@tapeloop/autograd";
import { embedding as table, type EmbeddingParameters } from "@tapeloop/nn";
import { checkRank, type Layer } from "../layer.ts";
import { type FirstValues, initializerOf } from "./initializers.ts";

/** Options of {@link embedding}. */
export interface EmbeddingLayerOptions {
  /** Whether the symbol 0 is padding, which layers behind pass over. Default: false. */
  readonly maskZero?: boolean;
  /** First values. Default: even in [−0.05, 0.05). */
  readonly embeddingsInitializer?: FirstValues;
}

/**
 * A learned vector for each symbol.
 *
 * Shapes: whole numbers [B, ...] → [B, ..., size]. Parameters: count · size.
 *
 * @param count - How many symbols there are, 0 and padding among them.
 * @param size - Numbers in each vector.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws IndexError when a symbol is out of range.
 *
 * @example
 * ```ts
 * import { layers, sequential, tensor } from "tapeloop";
 *
 * const model = sequential([layers.embedding(10, 4, { maskZero: true }), layers.lstm(3)]);
 * const padded = tensor([[1, 2, 0], [4, 5, 6]]);
 * console.log(model.predict(padded).shape); // [ 2, 3 ]
 * ```
 */
export function embedding(count: number, size: number, options: EmbeddingLayerOptions = {}): Layer {
  checkOptions("embedding", options, ["maskZero", "embeddingsInitializer"]);
  const { maskZero = false, embeddingsInitializer = "randomUniform" } = options;
  const weights = initializerOf("embedding", embeddingsInitializer);
  const words = table(count, size, { weights });
  return {
    type: "embedding",
    build: (shape) => ({
      outputShape: [...shape, size],
      init: (key) => words.init(key),
      apply: (parameters, { x }) => {
        const y = words.apply(parameters as unknown as EmbeddingParameters, cast(x, "int32"));
        return maskZero ? { x: y, mask: notEqual(x, 0) } : { x: y };
      },
    }),
  };
}

/**
 * Steps of which all features have a value are padding, which layers behind pass over.
 *
 * Shapes: [B, T, F] → the same.
 *
 * @param value - What padding is filled with. Default: 0.
 *
 * @example
 * ```ts
 * import { layers, sequential, tensor } from "tapeloop";
 *
 * const model = sequential([layers.masking(), layers.gru(2)]);
 * const [behind, before] = [tensor([[[1], [2], [0]]]), tensor([[[0], [1], [2]]])];
 * console.log(model.predict(behind).sub(model.predict(before)).abs().max().item()); // 0
 * ```
 */
export function masking(value = 0): Layer {
  return {
    type: "masking",
    build: (shape) => {
      checkRank("masking", shape, 2, "T, F");
      return {
        outputShape: shape,
        init: () => ({}),
        apply: (_, { x }) => ({ x, mask: any(notEqual(x, value), { axes: -1 }) }),
      };
    },
  };
}

/**
 * The greatest value of each feature over all steps; padding is passed over, and an empty sequence gives 0.
 *
 * Shapes: [B, T, F] → [B, F].
 *
 * @example
 * ```ts
 * import { layers, sequential, tensor } from "tapeloop";
 *
 * console.log(sequential([layers.globalMaxPooling1d()]).predict(tensor([[[1], [5], [2]]])).toArray()); // [ [ 5 ] ]
 * ```
 */
export function globalMaxPooling1d(): Layer {
  return {
    type: "globalMaxPooling1d",
    build: (shape) => {
      checkRank("globalMaxPooling1d", shape, 2, "T, F");
      return {
        outputShape: shape.slice(1),
        init: () => ({}),
        apply: (_, { x, mask }) => {
          if (mask === undefined) return { x: max(x, { axes: 1 }) };
          const greatest = max(where(expandDims(mask, -1), x, -Infinity), { axes: 1 });
          // An empty sequence has none.
          return { x: where(any(mask, { axes: 1, keepAxes: true }), greatest, 0) };
        },
      };
    },
  };
}

/**
 * The mean of each feature over all steps; padding is passed over.
 *
 * Shapes: [B, T, F] → [B, F].
 *
 * @example
 * ```ts
 * import { layers, sequential, tensor } from "tapeloop";
 *
 * console.log(sequential([layers.globalAveragePooling1d()]).predict(tensor([[[1], [5]]])).toArray()); // [ [ 3 ] ]
 * ```
 */
export function globalAveragePooling1d(): Layer {
  return {
    type: "globalAveragePooling1d",
    build: (shape) => {
      checkRank("globalAveragePooling1d", shape, 2, "T, F");
      return {
        outputShape: shape.slice(1),
        init: () => ({}),
        apply: (_, { x, mask }) => {
          if (mask === undefined) return { x: mean(x, { axes: 1 }) };
          const real = expandDims(mask, -1);
          const count = maximum(sum(cast(real, "float32"), { axes: 1 }), 1);
          return { x: sum(where(real, x, 0), { axes: 1 }).div(count) };
        },
      };
    },
  };
}
