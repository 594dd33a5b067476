/** @file Attention of a sequence to itself. */
import { checkOptions, expandDims } from "@tapeloop/autograd";
import { multiHeadAttention as attention, type MultiHeadParameters } from "@tapeloop/nn";
import { checkRank, type Layer } from "../layer.ts";

/** Options of {@link selfAttention}. */
export interface SelfAttentionOptions {
  /** Whether each step looks at itself and those before it alone. Default: false. */
  readonly causal?: boolean;
  /** Whether there are biases. Default: true. */
  readonly useBias?: boolean;
}

/**
 * Multi-head attention of a sequence to itself: Keras's `MultiHeadAttention(query=x, value=x)`, whose heads together
 * have the size of x. No step looks at padding.
 *
 * Shapes: [B, T, F] → the same. Parameters: 4F² + 4F.
 *
 * Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.2.
 *
 * @param heads - A divisor of F.
 * @throws ArgumentError if an option is unknown, and when it is built if the heads do not divide the features.
 *
 * @example
 * ```ts
 * import { layers, ones, sequential } from "tapeloop";
 *
 * const model = sequential([layers.selfAttention(2), layers.globalAveragePooling1d()]);
 * console.log(model.predict(ones([1, 5, 4])).shape); // [ 1, 4 ]
 * ```
 */
export function selfAttention(heads: number, options: SelfAttentionOptions = {}): Layer {
  checkOptions("selfAttention", options, ["causal", "useBias"]);
  const { causal = false, useBias = true } = options;
  return {
    type: "selfAttention",
    build: (shape) => {
      checkRank("selfAttention", shape, 2, "T, F");
      const layer = attention(shape[1], heads, { bias: useBias });
      return {
        outputShape: shape,
        init: (key) => layer.init(key),
        apply: (parameters, { x, ...others }) => {
          const { mask } = others;
          const seen = mask && { mask: expandDims(expandDims(mask, 1), 1) };
          const looks = { causal, ...seen };
          const { outputs } = layer.apply(parameters as unknown as MultiHeadParameters, x, looks);
          return { ...others, x: outputs };
        },
      };
    },
  };
}
