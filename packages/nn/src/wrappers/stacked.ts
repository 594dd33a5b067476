/** @file Cells on top of one another. */
import { ArgumentError, scope, splitKey, type Tensor } from "@tapeloop/autograd";
import type {
  AnyCell,
  ParametersOf,
  RecurrentCell,
  StartOptions,
  StateOf,
} from "../cells/recurrent-cell.ts";
import { prefixed } from "../rnn/probe.ts";
import { forPart } from "./start.ts";

/** The parameters of {@link stacked} cells or {@link chained} runs. */
export interface LayerParameters<P> {
  /** Those of each layer, the first one first. */
  readonly layers: P;
}

/** The state of {@link stacked} cells or {@link chained} runs. */
export interface LayerStates<S> {
  /** Those of each layer, the first one first. */
  readonly layers: S;
}

/** The parameters of each of several cells. */
export type AllParameters<C extends readonly AnyCell[]> = {
  readonly [K in keyof C]: ParametersOf<C[K]>;
};

/** The states of each of several cells. */
export type AllStates<C extends readonly AnyCell[]> = {
  readonly [K in keyof C]: StateOf<C[K]>;
};

/** Each layer's inputs must be the outputs of the one below. */
export function checkLayers(
  op: string,
  layers: readonly { readonly inputSize: number; readonly hiddenSize: number }[],
): void {
  if (layers.length === 0) throw new ArgumentError(op, "needs at least one layer", "none");
  layers.slice(1).forEach(({ inputSize }, i) => {
    if (inputSize !== layers[i].hiddenSize) {
      throw new ArgumentError(
        op,
        `layer ${i + 1} must take what layer ${i} makes`,
        `inputs of size ${inputSize} and outputs of size ${layers[i].hiddenSize}`,
      );
    }
  });
}

/**
 * Cells on top of one another, as one cell: h₀ = cell₀(x), hₖ = cellₖ(hₖ₋₁), all in the same step. The
 * output is that of the last. Names of recorded values begin with the layer: `layers[0].gates.f`.
 *
 * Shapes: x [B, F of the first] → [B, H of the last]. Parameters and state: those of the cells, under `layers`.
 *
 * Source: Schmidhuber 1992, "Learning complex, extended sequences using the principle of history
 * compression"; Graves 2013, arXiv:1308.0850, eqs. 1–3, without the skip connections, for which see
 * {@link residual}.
 *
 * @throws ArgumentError if there is no cell, or sizes do not fit.
 *
 * @example
 * ```ts
 * import { key, lstmCell, normal, residual, rnn, stacked } from "tapeloop";
 *
 * const deep = rnn(stacked(lstmCell(3, 8), residual(lstmCell(8, 8)), residual(lstmCell(8, 8))));
 * const xs = normal([10, 2, 3], { key: key(1) });
 * console.log(deep.apply(deep.init(key(0)), xs).outputs.shape); // [ 10, 2, 8 ]
 * ```
 */
export function stacked<const C extends readonly AnyCell[]>(
  ...cells: C
): RecurrentCell<LayerParameters<AllParameters<C>>, LayerStates<AllStates<C>>>;
export function stacked(...cells: readonly RecurrentCell<unknown, unknown>[]): AnyCell {
  checkLayers("stacked", cells);
  const all: RecurrentCell<LayerParameters<readonly unknown[]>, LayerStates<readonly unknown[]>> = {
    inputSize: cells[0].inputSize,
    hiddenSize: cells[cells.length - 1].hiddenSize,
    init: (key) =>
      scope(() => {
        const keys = splitKey(key, cells.length);
        return { layers: cells.map((cell, i) => cell.init(keys[i])) };
      }),
    initialState: (batch, options = {}) =>
      scope(() => {
        const starts = startsOfLayers(options, cells.length);
        return { layers: cells.map((cell, i) => cell.initialState(batch, starts[i])) };
      }),
    step: (parameters, state, x) => {
      let y = x;
      const layers = cells.map((cell, i) => {
        const [next, out] = prefixed(`layers[${i}]`, () =>
          cell.step(parameters.layers[i], state.layers[i], y),
        );
        y = out;
        return next;
      });
      return [{ layers }, y];
    },
  };
  return all;
}

/** The options of each of several layers, with keys of their own. */
function startsOfLayers(
  options: StartOptions<LayerParameters<readonly unknown[]>>,
  count: number,
): StartOptions[] {
  const keys: readonly Tensor[] | null =
    options.key === undefined ? null : splitKey(options.key, count);
  return Array.from({ length: count }, (_, i) => {
    const start = forPart(options, ({ layers }) => layers[i]);
    return keys === null ? start : { ...start, key: keys[i] };
  });
}
