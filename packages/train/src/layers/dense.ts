/** @file Layers of single vectors: dense, activation, and what changes shapes. */
import {
  ArgumentError,
  checkOptions,
  flatten as flattened,
  type Shape,
  expandDims,
  repeat,
  permute as permuted,
  reshape as reshaped,
  ShapeError,
  type Tensor,
} from "@tapeloop/autograd";
import { linear, type LinearParameters } from "@tapeloop/nn";
import { checkRank, type Layer, plainLayer } from "../layer.ts";
import { type Activation, activationOf } from "./activations.ts";
import { type FirstValues, initializerOf } from "./initializers.ts";

/** Options of {@link dense}. */
export interface DenseOptions {
  /** What the sums become. Default: "linear". */
  readonly activation?: Activation;
  /** Whether a bias is added. Default: true. */
  readonly useBias?: boolean;
  /** First values of the weights. Default: Glorot uniform. */
  readonly kernelInitializer?: FirstValues;
}

/**
 * A dense layer: activation(x·W + b).
 *
 * Shapes: [B, ..., F] → [B, ..., units]. Parameters: F · units + units.
 *
 * @throws ArgumentError if units are not a whole number from 1, or an option or an activation is unknown.
 *
 * @example
 * ```ts
 * import { layers, ones, sequential } from "tapeloop";
 *
 * const model = sequential([layers.dense(4, { activation: "relu" }), layers.dense(1)]);
 * console.log(model.predict(ones([5, 3])).shape); // [ 5, 1 ]
 * ```
 */
export function dense(units: number, options: DenseOptions = {}): Layer {
  checkOptions("dense", options, ["activation", "useBias", "kernelInitializer"]);
  const { useBias = true, kernelInitializer = "glorotUniform" } = options;
  const weights = initializerOf("dense", kernelInitializer);
  const act = activationOf("dense", options.activation ?? "linear");
  return {
    type: "dense",
    build: (shape) => {
      const F = shape[shape.length - 1];
      const layer = linear(F, units, { bias: useBias, weights });
      return {
        outputShape: [...shape.slice(0, -1), units],
        init: (key) => layer.init(key),
        apply: (parameters, { x, ...others }) => ({
          ...others,
          x: act(layer.apply(parameters as unknown as LinearParameters, x)),
        }),
      };
    },
  };
}

/**
 * An activation by itself.
 *
 * Shapes: any → the same.
 *
 * @example
 * ```ts
 * import { layers, sequential, tensor } from "tapeloop";
 *
 * console.log(sequential([layers.activation("relu")]).predict(tensor([[-1, 2]])).toArray()); // [ [ 0, 2 ] ]
 * ```
 */
export function activation(name: Activation): Layer {
  const act = activationOf("activation", name);
  return plainLayer(
    "activation",
    (shape) => shape,
    (x) => act(x),
  );
}

/**
 * All numbers of an example one after the other.
 *
 * Shapes: [B, ...] → [B, product].
 *
 * @example
 * ```ts
 * import { layers, ones, sequential } from "tapeloop";
 *
 * console.log(sequential([layers.flatten()]).predict(ones([2, 3, 4])).shape); // [ 2, 12 ]
 * ```
 */
export function flatten(): Layer {
  return {
    type: "flatten",
    build: (shape) => ({
      outputShape: [countOf(shape)],
      init: () => ({}),
      // Steps are no axis any longer, so a mask ends here.
      apply: (_, { x }) => ({ x: flattened(x, { from: 1 }) }),
    }),
  };
}

/** How many numbers there are. */
function countOf(shape: Shape): number {
  return shape.reduce((a, b) => a * b, 1);
}

/**
 * Another shape for each example.
 *
 * Shapes: [B, ...] → [B, ...shape], of as many numbers; one size may be −1 for what is left.
 *
 * @throws ArgumentError when it is built for inputs of another number of elements.
 *
 * @example
 * ```ts
 * import { layers, ones, sequential } from "tapeloop";
 *
 * console.log(sequential([layers.reshape([2, 6])]).predict(ones([1, 3, 4])).shape); // [ 1, 2, 6 ]
 * ```
 */
export function reshape(shape: Shape): Layer {
  return {
    type: "reshape",
    build: (input) => {
      const known = countOf(shape.filter((size) => size !== -1));
      const outputShape = shape.map((size) => (size === -1 ? countOf(input) / known : size));
      const isWhole = outputShape.every((size) => Number.isInteger(size) && size >= 0);
      if (!isWhole || countOf(input) !== countOf(outputShape)) {
        throw new ArgumentError(
          "reshape",
          `[${shape.join(", ")}] has as many numbers as its inputs`,
          `[${input.join(", ")}]`,
        );
      }
      return {
        outputShape,
        init: () => ({}),
        apply: (_, { x }) => ({ x: reshaped(x, [x.shape[0], ...outputShape]) }),
      };
    },
  };
}

/**
 * The axes of each example in another order.
 *
 * Shapes: [B, ...] → [B, ...], with `axes` as in Keras: 1 is the first axis behind the batch.
 *
 * @throws ArgumentError when it is built for inputs that have other axes.
 *
 * @example
 * ```ts
 * import { layers, ones, sequential } from "tapeloop";
 *
 * console.log(sequential([layers.permute([2, 1])]).predict(ones([2, 3, 4])).shape); // [ 2, 4, 3 ]
 * ```
 */
export function permute(axes: readonly number[]): Layer {
  return {
    type: "permute",
    build: (shape) => {
      if (axes.toSorted((a, b) => a - b).join() !== shape.map((_, i) => i + 1).join()) {
        const rule = `axes are 1 to ${shape.length}, each once`;
        throw new ArgumentError("permute", rule, `[${axes.join(", ")}]`);
      }
      return {
        outputShape: axes.map((axis) => shape[axis - 1]),
        init: () => ({}),
        // Steps may be elsewhere, so a mask ends here.
        apply: (_, { x }) => ({ x: permuted(x, [0, ...axes]) }),
      };
    },
  };
}

/**
 * Any function of a tensor, without parameters.
 *
 * Shapes: [B, ...] → what the function makes of it, the batch first.
 *
 * @param outputShape - The shape of one output, by that of one input. Default: the same.
 * @throws ShapeError if the function makes another shape.
 *
 * @example
 * ```ts
 * import { layers, sequential, tensor } from "tapeloop";
 *
 * const square = layers.lambda((x) => x.square());
 * const first = layers.lambda((x) => x.slice([{}, { stop: 1 }]), () => [1]);
 * console.log(sequential([square, first]).predict(tensor([[3, 4]])).toArray()); // [ [ 9 ] ]
 * ```
 */
export function lambda(
  f: (x: Tensor) => Tensor,
  outputShape: (inputShape: Shape) => Shape = (shape) => shape,
): Layer {
  return plainLayer("lambda", outputShape, (x) => {
    const y = f(x);
    const wanted = [x.shape[0], ...outputShape(x.shape.slice(1))];
    if (y.shape.join() === wanted.join()) return y;
    throw new ShapeError(
      "lambda",
      `the function makes [${wanted.join(",")}]`,
      `[${y.shape.join(",")}]`,
      "Give the shape of one output by that of one input.",
    );
  });
}

/**
 * A vector again and again, as a sequence: what an encoder says, for every step of a decoder.
 *
 * Shapes: [B, F] → [B, count, F].
 *
 * @throws ArgumentError if the count is not a whole number from 1.
 *
 * @example
 * ```ts
 * import { layers, ones, sequential } from "tapeloop";
 *
 * console.log(sequential([layers.repeatVector(4)]).predict(ones([2, 3])).shape); // [ 2, 4, 3 ]
 * ```
 */
export function repeatVector(count: number): Layer {
  if (!Number.isInteger(count) || count < 1) {
    throw new ArgumentError("repeatVector", "the count is a whole number from 1", String(count));
  }
  return plainLayer(
    "repeatVector",
    (shape) => {
      checkRank("repeatVector", shape, 1, "F");
      return [count, ...shape];
    },
    (x) => repeat(expandDims(x, 1), count, { axis: 1 }),
  );
}

/**
 * A layer at every step of sequences, with the same parameters.
 *
 * Shapes: [B, T, ...] → [B, T, ...outputs].
 *
 * @throws ArgumentError when it is built for inputs without steps.
 *
 * @example
 * ```ts
 * import { layers, ones, sequential } from "tapeloop";
 *
 * const model = sequential([layers.timeDistributed(layers.flatten())]);
 * console.log(model.predict(ones([2, 5, 3, 4])).shape); // [ 2, 5, 12 ]
 * ```
 */
export function timeDistributed(layer: Layer): Layer {
  return {
    type: "timeDistributed",
    build: (shape) => {
      if (shape.length < 2) checkRank("timeDistributed", shape, 2, "T, ...");
      const [T, ...inner] = shape;
      const built = layer.build(inner);
      return {
        outputShape: [T, ...built.outputShape],
        init: (key) => built.init(key),
        ...(built.running && { running: () => built.running?.() ?? {} }),
        apply: (parameters, { x, ...others }, context) => {
          const B = x.shape[0];
          const all = reshaped(x, [B * T, ...inner]);
          const { x: y, running } = built.apply(
            parameters,
            { x: all },
            { ...context, real: context.real && repeat(context.real, T, { axis: 0 }) },
          );
          return {
            ...others,
            x: reshaped(y, [B, T, ...built.outputShape]),
            ...(running && { running }),
          };
        },
      };
    },
  };
}
