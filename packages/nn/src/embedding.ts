/** @file The embedding layer, also as the layer that scores symbols. */
import {
  checkOptions,
  embeddingLookup,
  matmul,
  scope,
  type Tensor,
  transpose,
  within,
} from "@tapeloop/autograd";
import type { FloatType, Initializer } from "./initializers/initializer.ts";
import { uniformInit } from "./initializers/plain.ts";
import { checkLastAxis, checkSizes } from "./sizes.ts";

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
  /** The other way, with the same weights: a score for each symbol, x·Wᵀ. */
  logits(parameters: EmbeddingParameters, x: Tensor): Tensor;
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
 * The layer is tied: `logits` scores all symbols by the same vectors, in place of a linear layer at the end of a
 * model, whose derivative then reaches W from both ends.
 *
 * Shapes: indices int32 [...] → [..., size]; for `logits` x [..., size] → [..., count]; W [count, size].
 * Parameters: count · size. By `apply` only rows that were read have a derivative other than 0.
 *
 * Source: tied weights by Press and Wolf 2017, "Using the output embedding to improve language models",
 * arXiv:1608.05859, section 3, and Inan, Khosravi and Socher 2017, arXiv:1611.01462, section 3.
 *
 * @param count - How many symbols there are.
 * @param size - Numbers in each vector.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws DTypeError from `apply` if the indices are not int32.
 * @throws IndexError from `apply` naming the first index that is out of range.
 * @throws ShapeError from `logits` if the last axis of x has another size.
 *
 * @example
 * ```ts
 * import { embedding, key, tensor } from "tapeloop";
 *
 * const words = embedding(100, 8);
 * const parameters = words.init(key(0));
 * const sentence = tensor([4, 99, 4], { dtype: "int32" });
 * const vectors = words.apply(parameters, sentence);
 * console.log(vectors.shape, words.logits(parameters, vectors).shape); // [ 3, 8 ] [ 3, 100 ]
 * ```
 */
export function embedding(count: number, size: number, options: EmbeddingOptions = {}): Embedding {
  checkOptions("embedding", options, ["weights", "dtype"]);
  checkSizes("embedding", { count, size });
  const { weights = uniformInit(-0.05, 0.05), dtype = "float32" } = options;
  return {
    init: (key) => scope(() => ({ W: weights(key, [count, size], { dtype }) })),
    apply: ({ W }, indices) => within("embedding", () => embeddingLookup(W, indices)),
    logits: ({ W }, x) => {
      checkLastAxis("embedding", "x", x, size);
      return within("embedding", () => matmul(x, transpose(W)));
    },
  };
}
