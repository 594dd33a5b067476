/** @file The embedding layer. */
import { checkOptions, embeddingLookup, scope, type Tensor, within } from "@tapeloop/autograd";
import type { FloatType, Initializer } from "./initializers/initializer.ts";
import { uniformInit } from "./initializers/plain.ts";
import { checkSizes } from "./sizes.ts";

/** Parameters of an {@link embedding}. */
export interface EmbeddingParameters {
  /** One row for each symbol: [count, size]. */
  readonly W: Tensor;
}

/** An embedding. */
export interface Embedding {
  /** First parameters from a key. */
  init(key: Tensor): EmbeddingParameters;
  /** The rows of W at the given places. */
  apply(parameters: EmbeddingParameters, indices: Tensor): Tensor;
}

/** Options of {@link embedding}. */
export interface EmbeddingOptions {
  /** First values of W. Default: even distribution in [−0.05, 0.05), as in Keras. */
  readonly weights?: Initializer;
  /** Element type of the parameters. Default: float32. */
  readonly dtype?: FloatType;
}

/**
 * A learned vector for each of `count` symbols: row i of W for the symbol i.
 *
 * Shapes: indices int32 [...] → [..., size]; W [count, size].
 * Parameters: count · size. Only rows that were read have a derivative other than 0.
 *
 * @param count - How many symbols there are.
 * @param size - Numbers in each vector.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws DTypeError from `apply` if the indices are not int32.
 * @throws IndexError from `apply` naming the first index that is out of range.
 *
 * @example
 * ```ts
 * import { embedding, key, tensor } from "tapeloop";
 *
 * const words = embedding(100, 8);
 * const parameters = words.init(key(0));
 * const sentence = tensor([4, 99, 4], { dtype: "int32" });
 * console.log(words.apply(parameters, sentence).shape); // [ 3, 8 ]
 * ```
 */
export function embedding(count: number, size: number, options: EmbeddingOptions = {}): Embedding {
  checkOptions("embedding", options, ["weights", "dtype"]);
  checkSizes("embedding", { count, size });
  const { weights = uniformInit(-0.05, 0.05), dtype = "float32" } = options;
  return {
    init: (key) => scope(() => ({ W: weights(key, [count, size], { dtype }) })),
    apply: ({ W }, indices) => within("embedding", () => embeddingLookup(W, indices)),
  };
}
