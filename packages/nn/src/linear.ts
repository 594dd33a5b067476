/** @file The linear layer. */
import { checkOptions, matmul, scope, type Tensor, within } from "@tapeloop/autograd";
import type { FloatType, Initializer } from "./initializers/initializer.ts";
import { zerosInit } from "./initializers/plain.ts";
import { glorotUniform } from "./initializers/scaled.ts";
import { checkLastAxis, checkSizes } from "./sizes.ts";

/** Parameters of a {@link linear} layer. */
export interface LinearParameters {
  /** Weights [inputs, outputs]. */
  readonly W: Tensor;
  /** Bias [outputs]; absent with `bias: false`. */
  readonly b?: Tensor;
}

/** A linear layer. */
export interface Linear {
  /** First parameters from a key. */
  init(key: Tensor): LinearParameters;
  /** y = x·W + b. */
  apply(parameters: LinearParameters, x: Tensor): Tensor;
}

/** Options of {@link linear}. */
export interface LinearOptions {
  /** Whether b is added. It starts at 0. Default: true. */
  readonly bias?: boolean;
  /** First values of W. Default: {@link glorotUniform}. */
  readonly weights?: Initializer;
  /** Element type of the parameters. Default: float32. */
  readonly dtype?: FloatType;
}

/**
 * A linear layer: y = x·W + b.
 *
 * Shapes: x [..., inputs] → [..., outputs]; W [inputs, outputs], b [outputs].
 * Parameters: inputs · outputs + outputs.
 *
 * @param inputs - Size of the last axis of x.
 * @param outputs - Size of the last axis of y.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `apply` if the last axis of x has another size.
 *
 * @example
 * ```ts
 * import { key, linear, ones } from "tapeloop";
 *
 * const layer = linear(3, 2);
 * const parameters = layer.init(key(0));
 * console.log(layer.apply(parameters, ones([5, 3])).shape); // [ 5, 2 ]
 * ```
 */
export function linear(inputs: number, outputs: number, options: LinearOptions = {}): Linear {
  checkOptions("linear", options, ["bias", "weights", "dtype"]);
  checkSizes("linear", { inputs, outputs });
  const { bias = true, weights = glorotUniform, dtype = "float32" } = options;
  return {
    init: (key) =>
      scope(() => {
        const W = weights(key, [inputs, outputs], { dtype });
        return bias ? { W, b: zerosInit(key, [outputs], { dtype }) } : { W };
      }),
    apply({ W, b }, x) {
      checkLastAxis("linear", "x", x, inputs);
      return within("linear", () => {
        const y = matmul(x, W);
        return b === undefined ? y : y.add(b);
      });
    },
  };
}
