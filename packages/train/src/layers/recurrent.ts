/** @file Recurrent layers: LSTM, GRU, the plain RNN, and any cell of one's own. */
import { checkOptions, permute } from "@tapeloop/autograd";
import {
  type AnyCell,
  bidirectional as inBothDirections,
  type BidirectionalOptions,
  type CellOptions,
  gruCell,
  lstmCell,
  rnn,
  rnnCell,
  type Runner,
  variationalDropout,
} from "@tapeloop/nn";
import { checkRank, type Layer } from "../layer.ts";
import { type FirstValues, initializerOf } from "./initializers.ts";

/** Options of every recurrent layer. */
export interface RecurrentOptions {
  /** Whether the output of every step is handed on, [B, T, H], and not only the last, [B, H]. Default: false. */
  readonly returnSequences?: boolean;
  /** Whether sequences are read from their ends. Outputs stay beside their inputs. Default: false. */
  readonly goBackwards?: boolean;
  /** In training, the part of inputs that is dropped, the same in all steps. Default: 0. */
  readonly dropout?: number;
  /** In training, the part of the state that is dropped, the same in all steps. Default: 0. */
  readonly recurrentDropout?: number;
}

/** First values of recurrent layers. */
export interface RecurrentValues {
  /** First values of the weights of inputs. Default: "glorotUniform". */
  readonly kernelInitializer?: FirstValues;
  /** First values of the weights of the state. Default: "orthogonal". */
  readonly recurrentInitializer?: FirstValues;
}

/** Options of {@link lstm}. */
export interface LstmLayerOptions extends RecurrentOptions, RecurrentValues {
  /** Whether forget gates start with a bias of 1. Default: true. */
  readonly unitForgetBias?: boolean;
}

/** Options of {@link gru}. */
export interface GruLayerOptions extends RecurrentOptions, RecurrentValues {
  /** Whether the reset gate comes after the product with the state. Default: true. */
  readonly resetAfter?: boolean;
}

/** Options of {@link simpleRnn}. */
export interface SimpleRnnOptions extends RecurrentOptions, RecurrentValues {
  /** What the sums become. Default: "tanh". */
  readonly activation?: "tanh" | "relu";
}

/** First values, as cells take them. */
function valuesOf(type: string, options: RecurrentValues): CellOptions {
  const { kernelInitializer = "glorotUniform", recurrentInitializer = "orthogonal" } = options;
  return {
    inputWeights: initializerOf(type, kernelInitializer),
    recurrentWeights: initializerOf(type, recurrentInitializer),
  };
}

/** The names of {@link RecurrentOptions}. */
const recurrentOptions = ["returnSequences", "goBackwards", "dropout", "recurrentDropout"];

/** The names of {@link RecurrentValues}. */
const valueOptions = ["kernelInitializer", "recurrentInitializer"];

/** A recurrent layer, which may be run in both directions. */
export interface RecurrentLayer extends Layer {
  /** Its cell for inputs of a size. */
  readonly cellOf: (inputSize: number) => AnyCell;
  /** Its options. */
  readonly options: RecurrentOptions;
}

/** What runs over sequences, as a layer. */
function layerOf(
  type: string,
  { returnSequences = false, goBackwards = false }: RecurrentOptions,
  runnerOf: (inputSize: number) => Runner<object, object>,
): Layer {
  return {
    type,
    build: (shape) => {
      checkRank(type, shape, 2, "T, F");
      const [T, F] = shape;
      const runner = runnerOf(F);
      const H = runner.hiddenSize;
      return {
        outputShape: returnSequences ? [T, H] : [H],
        init: (key) => runner.init(key),
        apply: (parameters, { x, mask }, { key }) => {
          const run = runner.apply(parameters, permute(x, [1, 0, 2]), {
            reverse: goBackwards,
            ...(mask && { mask: permute(mask, [1, 0]) }),
            ...(key && { key }),
          });
          if (!returnSequences) return { x: run.last };
          return { x: permute(run.outputs, [1, 0, 2]), ...(mask && { mask }) };
        },
      };
    },
  };
}

/**
 * A recurrent layer of any cell: one of `@tapeloop/nn`, wrapped or not, or one of your own.
 *
 * Shapes: [B, T, F] → [B, H], or [B, T, H] with `returnSequences`. Parameters: the cell's.
 *
 * @param cellOf - The cell for inputs of size F.
 * @throws ArgumentError if an option is unknown, or the inputs are not sequences.
 *
 * @example
 * ```ts
 * import { layers, lstmCell, ones, sequential, layerNorm, zoneout } from "tapeloop";
 *
 * const layer = layers.recurrent((F) => zoneout(layerNorm(lstmCell(F, 16)), 0.1));
 * console.log(sequential([layer]).predict(ones([2, 5, 3])).shape); // [ 2, 16 ]
 * ```
 */
export function recurrent(
  cellOf: (inputSize: number) => AnyCell,
  options: RecurrentOptions = {},
): RecurrentLayer {
  return recurrentOf("recurrent", cellOf, options);
}

function recurrentOf(
  type: string,
  plain: (inputSize: number) => AnyCell,
  options: RecurrentOptions,
  others: readonly string[] = [],
): RecurrentLayer {
  checkOptions(type, options, [...recurrentOptions, ...others]);
  const { dropout: inputs = 0, recurrentDropout: state = 0 } = options;
  const cellOf =
    inputs === 0 && state === 0
      ? plain
      : (inputSize: number): AnyCell => variationalDropout(plain(inputSize), { inputs, state });
  return { ...layerOf(type, options, (F) => rnn(cellOf(F))), cellOf, options };
}

/**
 * Long short-term memory: see `lstmCell`.
 *
 * Shapes: [B, T, F] → [B, units], or [B, T, units] with `returnSequences`.
 *
 * @throws ArgumentError if units are not a whole number from 1, or an option is unknown.
 *
 * @example
 * ```ts
 * import { layers, ones, sequential } from "tapeloop";
 *
 * const model = sequential([layers.lstm(8, { returnSequences: true }), layers.lstm(4)]);
 * console.log(model.predict(ones([2, 5, 3])).shape); // [ 2, 4 ]
 * ```
 */
export function lstm(units: number, options: LstmLayerOptions = {}): RecurrentLayer {
  const values = valuesOf("lstm", options);
  const forgetBias = options.unitForgetBias === false ? 0 : 1;
  return recurrentOf("lstm", (F) => lstmCell(F, units, { ...values, forgetBias }), options, [
    ...valueOptions,
    "unitForgetBias",
  ]);
}

/**
 * A gated recurrent unit: see `gruCell`, whose reset gate comes after the product, as in Keras.
 *
 * Shapes: [B, T, F] → [B, units], or [B, T, units] with `returnSequences`.
 *
 * @throws ArgumentError if units are not a whole number from 1, or an option is unknown.
 *
 * @example
 * ```ts
 * import { layers, ones, sequential } from "tapeloop";
 *
 * console.log(sequential([layers.gru(4)]).predict(ones([2, 5, 3])).shape); // [ 2, 4 ]
 * ```
 */
export function gru(units: number, options: GruLayerOptions = {}): RecurrentLayer {
  const values = valuesOf("gru", options);
  const { resetAfter = true } = options;
  return recurrentOf("gru", (F) => gruCell(F, units, { ...values, resetAfter }), options, [
    ...valueOptions,
    "resetAfter",
  ]);
}

/**
 * The plain recurrent layer: see `rnnCell`.
 *
 * Shapes: [B, T, F] → [B, units], or [B, T, units] with `returnSequences`.
 *
 * @throws ArgumentError if units are not a whole number from 1, or an option is unknown.
 *
 * @example
 * ```ts
 * import { layers, ones, sequential } from "tapeloop";
 *
 * console.log(sequential([layers.simpleRnn(4)]).predict(ones([2, 5, 3])).shape); // [ 2, 4 ]
 * ```
 */
export function simpleRnn(units: number, options: SimpleRnnOptions = {}): RecurrentLayer {
  const values = valuesOf("simpleRnn", options);
  const { activation = "tanh" } = options;
  return recurrentOf("simpleRnn", (F) => rnnCell(F, units, { ...values, activation }), options, [
    ...valueOptions,
    "activation",
  ]);
}

/**
 * A recurrent layer in both directions, with parameters for each.
 *
 * Shapes: [B, T, F] → [B, 2H] side by side, or [B, H] for other merges; with T for layers that return sequences.
 *
 * @throws ArgumentError if an option is unknown.
 *
 * @example
 * ```ts
 * import { layers, ones, sequential } from "tapeloop";
 *
 * console.log(sequential([layers.bidirectional(layers.gru(4))]).predict(ones([2, 5, 3])).shape); // [ 2, 8 ]
 * ```
 */
export function bidirectional(layer: RecurrentLayer, options: BidirectionalOptions = {}): Layer {
  checkOptions("bidirectional", options, ["merge"]);
  return layerOf("bidirectional", layer.options, (F) => {
    const cell = layer.cellOf(F);
    return inBothDirections(cell, cell, options) as Runner<object, object>;
  });
}
