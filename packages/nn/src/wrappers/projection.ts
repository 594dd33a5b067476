/** @file A linear map behind a cell, and a layer as a cell without a state. */
import { checkOptions, scope, splitKey, type Tensor, type Tree } from "@tapeloop/autograd";
import type { AnyCell, ParametersOf, RecurrentCell, StateOf } from "../cells/recurrent-cell.ts";
import { linear, type LinearOptions, type LinearParameters } from "../linear.ts";
import { checkSizes } from "../sizes.ts";
import { forPart } from "./start.ts";

/** Parameters of a {@link projection}. */
export interface ProjectionParameters<P> {
  /** Those of the cell. */
  readonly cell: P;
  /** W [H, size], and b [size] if there is a bias. */
  readonly projection: LinearParameters;
}

/**
 * A cell whose output is mapped to another size: y = cell(x)·W. The state stays the cell's own, and does not
 * see the map; the LSTM that feeds its projection back is a cell of its own.
 *
 * Shapes: x [B,F] → [B,size]. Parameters: the cell's and H · size, and size with a bias.
 *
 * Source: Sak, Senior and Beaufays 2014, arXiv:1402.1128, eq. 8: the part of the projection that is not recurrent.
 *
 * @param options - Those of {@link linear}; there is no bias unless asked for.
 *
 * @example
 * ```ts
 * import { key, lstmCell, ones, projection } from "tapeloop";
 *
 * const cell = projection(lstmCell(3, 64), 8);
 * const [, y] = cell.step(cell.init(key(0)), cell.initialState(2), ones([2, 3]));
 * console.log(cell.hiddenSize, y.shape); // 8 [ 2, 8 ]
 * ```
 */
export function projection<C extends AnyCell>(
  cell: C,
  size: number,
  options?: LinearOptions,
): RecurrentCell<ProjectionParameters<ParametersOf<C>>, StateOf<C>>;
export function projection<P, S>(
  cell: RecurrentCell<P, S>,
  size: number,
  options: LinearOptions = {},
): RecurrentCell<ProjectionParameters<P>, S> {
  checkOptions("projection", options, ["bias", "weights", "dtype"]);
  checkSizes("projection", { size });
  const layer = linear(cell.hiddenSize, size, { bias: false, ...options });
  return {
    inputSize: cell.inputSize,
    hiddenSize: size,
    init: (key) =>
      scope(() => {
        const [forCell, forLayer] = splitKey(key);
        return { cell: cell.init(forCell), projection: layer.init(forLayer) };
      }),
    initialState: (batch, start = {}) =>
      cell.initialState(
        batch,
        forPart(start, (p) => p.cell),
      ),
    step: (parameters, state, x) => {
      const [next, y] = cell.step(parameters.cell, state, x);
      return [next, layer.apply(parameters.projection, y)];
    },
  };
}

/** A layer: first parameters from a key, and a function of one input. */
export interface StatelessLayer<P> {
  /** First parameters. */
  init(key: Tensor): P;
  /** The layer itself. */
  apply(parameters: P, x: Tensor): Tensor;
}

/**
 * A layer as a cell: every step alone, y = layer(x), without a state. So layers stand between cells in
 * {@link stacked}.
 *
 * Shapes: x [B, inputs] → [B, outputs], or what else the layer takes and makes. Parameters: the layer's.
 *
 * @param inputSize - Size of the last axis of x.
 * @param outputSize - Size of the last axis of y.
 *
 * @example
 * ```ts
 * import { gruCell, key, linear, ones, stacked, timeDistributed } from "tapeloop";
 *
 * const cell = stacked(timeDistributed(linear(3, 8), 3, 8), gruCell(8, 8));
 * const [, y] = cell.step(cell.init(key(0)), cell.initialState(2), ones([2, 3]));
 * console.log(y.shape); // [ 2, 8 ]
 * ```
 */
export function timeDistributed<P>(
  layer: StatelessLayer<P>,
  inputSize: number,
  outputSize: number,
): RecurrentCell<P, Tree> {
  checkSizes("timeDistributed", { inputSize, outputSize });
  return {
    inputSize,
    hiddenSize: outputSize,
    init: (key) => layer.init(key),
    initialState: () => ({}),
    step: (parameters, state, x) => [state, layer.apply(parameters, x)],
  };
}
