/** @file Dropout that is fixed in time: one mask of units for each sequence. */
import {
  ArgumentError,
  bernoulli,
  checkOptions,
  scope,
  splitKey,
  type Tensor,
  type Tree,
  where,
} from "@tapeloop/autograd";
import type { AnyCell, ParametersOf, RecurrentCell, StateOf } from "../cells/recurrent-cell.ts";
import { endOf, mapNamed, namedParts } from "../rnn/state.ts";
import { checkRate } from "./start.ts";

/** Where {@link variationalDropout} works, and at which rates. */
export interface VariationalRates {
  /** Of x. Default: 0. */
  readonly inputs?: number;
  /** Of the `h` that the step reads; the one that it hands on is whole. Default: 0. */
  readonly state?: number;
  /** Of y. Default: 0. */
  readonly outputs?: number;
}

/** Which units stay, in all steps: bool. */
export interface VariationalMasks {
  /** [B, F] */
  readonly inputs: Tensor;
  /** One for each `h` in the state. */
  readonly state: Readonly<Record<string, Tensor>>;
  /** [B, H] */
  readonly outputs: Tensor;
}

/** State of a cell with {@link variationalDropout}. */
export interface VariationalState<S> {
  /** The state of the cell inside. */
  readonly cell: S;
  /** In training: what stays. */
  readonly masks?: VariationalMasks;
}

/** x divided by the rate that stays where the mask is true, else 0. */
export function dropped(x: Tensor, kept: Tensor, rate: number): Tensor {
  return rate === 0 ? x : where(kept, x.div(1 - rate), 0);
}

/**
 * A cell with dropout that drops the same units in all steps of a sequence: masks of the inputs, of the
 * state that the step reads, and of the outputs, each drawn once for each sequence.
 *
 * It is training where the first state was made with a key, `initialState(batch, { key })`, which `rnn`
 * does for its option `key`; else the cell is left as it is. The state carries the masks on.
 *
 * Shapes: the cell's; masks [B,F], [B,H]. Parameters: the cell's. State: the cell's, under `cell`, and in
 * training `masks`.
 *
 * Source: Gal and Ghahramani 2016, arXiv:1512.05287, eq. 7, with one mask for all gates (tied weights).
 *
 * @param rates - From 0, below 1. A number is that of inputs and of the state.
 * @throws ArgumentError for any other rate, and from `initialState` if the state has no `h` to drop.
 *
 * @example
 * ```ts
 * import { key, lstmCell, normal, rnn, variationalDropout } from "tapeloop";
 *
 * const model = rnn(variationalDropout(lstmCell(3, 8), { inputs: 0.2, state: 0.3 }));
 * const xs = normal([10, 2, 3], { key: key(1) });
 * const { state } = model.apply(model.init(key(0)), xs, { key: key(2) });
 * console.log(state.masks?.inputs.shape); // [ 2, 3 ]
 * ```
 */
export function variationalDropout<C extends AnyCell>(
  cell: C,
  rates: number | VariationalRates,
): RecurrentCell<ParametersOf<C>, VariationalState<StateOf<C>>>;
export function variationalDropout<P, S extends Tree>(
  cell: RecurrentCell<P, S>,
  rates: number | VariationalRates,
): RecurrentCell<P, VariationalState<S>> {
  const given = typeof rates === "number" ? { inputs: rates, state: rates } : rates;
  checkOptions("variationalDropout", given, ["inputs", "state", "outputs"]);
  const { inputs = 0, state: ofState = 0, outputs = 0 } = given;
  for (const [name, rate] of Object.entries({ inputs, state: ofState, outputs })) {
    checkRate("variationalDropout", `the rate of ${name}`, rate);
  }
  return {
    ...cell,
    initialState: (batch, options = {}) =>
      scope(() => {
        if (options.key === undefined) return { cell: cell.initialState(batch, options) };
        const [inner, forX, forState, forY] = splitKey(options.key, 4);
        const first = cell.initialState(batch, { ...options, key: inner });
        const axes = batch === undefined ? [] : [batch];
        const masks = {
          inputs: bernoulli([...axes, cell.inputSize], 1 - inputs, { key: forX }),
          state: ofState === 0 ? {} : masksOf(first, 1 - ofState, forState),
          outputs: bernoulli([...axes, cell.hiddenSize], 1 - outputs, { key: forY }),
        };
        return { cell: first, masks };
      }),
    step: (parameters, { cell: state, masks }, x) => {
      if (masks === undefined) {
        const [next, y] = cell.step(parameters, state, x);
        return [{ cell: next }, y];
      }
      const read = mapNamed((name, part) => {
        const kept = masks.state[name];
        return kept === undefined ? part : dropped(part, kept, ofState);
      }, state);
      const [next, y] = cell.step(parameters, read, dropped(x, masks.inputs, inputs));
      return [{ cell: next, masks }, dropped(y, masks.outputs, outputs)];
    },
  };
}

/** A mask for every part of the state that is called h. */
function masksOf(state: Tree, stays: number, key: Tensor): Record<string, Tensor> {
  const parts = [...namedParts(state)];
  const hidden = parts.filter(([name]) => endOf(name) === "h");
  if (hidden.length === 0) {
    throw new ArgumentError(
      "variationalDropout",
      'the state needs a part "h" to drop from',
      parts.map(([name]) => name).join(", ") || "none",
      "Set the rate of the state to 0.",
    );
  }
  const keys = splitKey(key, hidden.length);
  return Object.fromEntries(
    hidden.map(([name, { shape }], i) => [name, bernoulli(shape, stays, { key: keys[i] })]),
  );
}
