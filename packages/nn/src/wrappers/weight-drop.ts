/** @file DropConnect on recurrent weights. */
import {
  ArgumentError,
  bernoulli,
  checkOptions,
  scope,
  splitKey,
  type Tensor,
  type Tree,
} from "@tapeloop/autograd";
import type { AnyCell, ParametersOf, RecurrentCell, StateOf } from "../cells/recurrent-cell.ts";
import { isCalled, mapNamed, namedParts } from "../rnn/state.ts";
import { checkRate } from "./start.ts";
import { dropped } from "./variational-dropout.ts";

/** State of a cell with {@link weightDrop}. */
export interface WeightDropState<S> {
  /** The state of the cell inside. */
  readonly cell: S;
  /** In training: which weights stay, in all steps, by their names. */
  readonly masks?: Readonly<Record<string, Tensor>>;
}

/** Options of {@link weightDrop}. */
export interface WeightDropOptions {
  /** Names of the parameters to drop from: whole paths, or their ends. Default: ["Wh"]. */
  readonly weights?: readonly string[];
}

/**
 * A cell that drops single weights, the same in all steps and for all sequences of a batch: W becomes
 * m ⊙ W / (1 − rate), m ~ Bernoulli(1 − rate). On the recurrent weights it is the "weight-dropped LSTM".
 *
 * It is training where the first state was made with a key and the parameters,
 * `initialState(batch, { key, parameters })`, which `rnn` does for its option `key`; else the cell is left as
 * it is. The state carries the masks on.
 *
 * Shapes: the cell's; masks those of the weights. Parameters: the cell's. State: the cell's, under `cell`,
 * and in training `masks`.
 *
 * Source: Merity, Keskar and Socher 2018, arXiv:1708.02182, section 2, after Wan et al. 2013.
 *
 * @param rate - From 0, below 1.
 * @throws ArgumentError for any other rate; from `initialState` if no parameter has a name that is asked
 *   for, or there is a key without parameters.
 *
 * @example
 * ```ts
 * import { key, lstmCell, normal, rnn, weightDrop } from "tapeloop";
 *
 * const model = rnn(weightDrop(lstmCell(3, 8), 0.5));
 * const xs = normal([10, 2, 3], { key: key(1) });
 * const { state } = model.apply(model.init(key(0)), xs, { key: key(2) });
 * console.log(state.masks?.["Wh"].shape); // [ 8, 32 ]
 * ```
 */
export function weightDrop<C extends AnyCell>(
  cell: C,
  rate: number,
  options?: WeightDropOptions,
): RecurrentCell<ParametersOf<C>, WeightDropState<StateOf<C>>>;
export function weightDrop<P extends Tree, S>(
  cell: RecurrentCell<P, S>,
  rate: number,
  options: WeightDropOptions = {},
): RecurrentCell<P, WeightDropState<S>> {
  checkRate("weightDrop", "rate", rate);
  checkOptions("weightDrop", options, ["weights"]);
  const { weights = ["Wh"] } = options;
  return {
    ...cell,
    initialState: (batch, start = {}) =>
      scope(() => {
        const { key, parameters } = start;
        if (key === undefined) return { cell: cell.initialState(batch, start) };
        if (parameters === undefined) {
          throw new ArgumentError(
            "weightDrop",
            "a state with a key needs the parameters, whose shapes the masks have",
            "none",
            "Call initialState(batch, { key, parameters }).",
          );
        }
        const [inner, own] = splitKey(key);
        const masks = masksOf(parameters, weights, 1 - rate, own);
        return { cell: cell.initialState(batch, { ...start, key: inner }), masks };
      }),
    step: (parameters, { cell: state, masks }, x) => {
      if (masks === undefined) {
        const [next, y] = cell.step(parameters, state, x);
        return [{ cell: next }, y];
      }
      const thinned = mapNamed((name, W) => {
        const kept = masks[name];
        return kept === undefined ? W : dropped(W, kept, rate);
      }, parameters);
      const [next, y] = cell.step(thinned, state, x);
      return [{ cell: next, masks }, y];
    },
  };
}

/** A mask for each of the weights. */
function masksOf(
  parameters: Tree,
  weights: readonly string[],
  stays: number,
  key: Tensor,
): Record<string, Tensor> {
  const all = [...namedParts(parameters)];
  for (const wanted of weights) {
    if (!all.some(([name]) => isCalled(name, wanted))) {
      throw new ArgumentError(
        "weightDrop",
        `weights are those of the cell, ${all.map(([name]) => name).join(", ")}`,
        `"${wanted}"`,
      );
    }
  }
  const chosen = all.filter(([name]) => weights.some((wanted) => isCalled(name, wanted)));
  const keys = splitKey(key, chosen.length);
  return Object.fromEntries(
    chosen.map(([name, { shape }], i) => [name, bernoulli(shape, stays, { key: keys[i] })]),
  );
}
