/** @file What a layer of a sequential model is: a description, and what it becomes for inputs of a shape. */
import { ArgumentError, type Shape, type Tensor, type Tree } from "@tapeloop/autograd";

/** What goes from layer to layer. */
export interface Flow {
  /** [B, ...], the batch first. */
  readonly x: Tensor;
  /** Which steps of sequences are real: bool [B, T]. Absent: all. */
  readonly mask?: Tensor;
}

/** What a layer knows while it runs. */
export interface LayerContext {
  /** In training, the key that the layer draws from; null in evaluation. */
  readonly key: Tensor | null;
  /** In training, which examples are real: bool [B]; the others fill the last batch up. */
  readonly real: Tensor | null;
  /** What the layer keeps beside its parameters: see {@link BuiltLayer.running}. */
  readonly running: Tree;
  /** Whether the layer is not trained: then batch normalization keeps to its running means, as in Keras. */
  readonly isFrozen: boolean;
}

/** What a layer hands on. */
export interface LayerResult extends Flow {
  /** What it keeps, after this batch. Absent: as it was. */
  readonly running?: Tree;
}

/** A layer for inputs of a known shape. */
export interface BuiltLayer<P extends Tree = Tree> {
  /** The shape of one output, without the batch. */
  readonly outputShape: Shape;
  /** First parameters. */
  init(key: Tensor): P;
  /** What it keeps beside its parameters, which is not trained, such as running means. Absent: nothing. */
  running?(): Tree;
  /** The layer itself. */
  apply(parameters: P, flow: Flow, context: LayerContext): LayerResult;
}

/**
 * A layer of a {@link sequential} model: a description that is built when the shape of its inputs is known. Those of
 * `layers` are made with Keras's names; one of your own is an object like them.
 *
 * @example
 * ```ts
 * import { key, type Layer, ones, sequential } from "tapeloop";
 *
 * // A layer of one's own: it doubles.
 * const twice: Layer = {
 *   type: "twice",
 *   build: (shape) => ({ outputShape: shape, init: () => ({}), apply: (_, { x }) => ({ x: x.mul(2) }) }),
 * };
 * const model = sequential([twice]);
 * console.log(model.predict(ones([1, 3])).toArray()); // [ [ 2, 2, 2 ] ]
 * ```
 */
export interface Layer {
  /** Its kind, as `summary()` prints it and parameters are named by: "lstm". */
  readonly type: string;
  /** Its name in the model. Default: its type, and a number from the second of a type on. */
  readonly name?: string;
  /** The layer for inputs of a shape, without the batch. */
  build(inputShape: Shape): BuiltLayer;
}

/**
 * A layer with a name of its own in the model, as Keras's option `name`.
 *
 * @throws ArgumentError for a name of anything but letters, digits, "-" and "_".
 *
 * @example
 * ```ts
 * import { layers, sequential } from "tapeloop";
 *
 * const model = sequential([layers.named("head", layers.dense(2))], { inputShape: [3] });
 * console.log(model.getLayer("head").parameterCount); // 8
 * ```
 */
export function named(name: string, layer: Layer): Layer {
  if (!/^[\p{L}\p{N}_-]+$/u.test(name)) {
    throw new ArgumentError("named", 'a name has letters, digits, "-" and "_"', `"${name}"`);
  }
  return { ...layer, name };
}

/** Refuses inputs of another rank, the batch not counted. */
export function checkRank(type: string, shape: Shape, rank: number, axes: string): void {
  if (shape.length !== rank) {
    throw new ArgumentError(
      type,
      `takes inputs [B, ${axes}]`,
      `[B, ${shape.join(", ")}]`,
      rank === 2 && shape.length === 1
        ? "Put returnSequences: true into the layer before, or give each example steps and features."
        : "",
    );
  }
}

/** A layer without parameters that leaves masks as they are. */
export function plainLayer(
  type: string,
  outputShape: (inputShape: Shape) => Shape,
  apply: (x: Tensor, context: LayerContext) => Tensor,
): Layer {
  return {
    type,
    build: (inputShape) => ({
      outputShape: outputShape(inputShape),
      init: () => ({}),
      apply: (_, { x, ...others }, context) => ({ ...others, x: apply(x, context) }),
    }),
  };
}
