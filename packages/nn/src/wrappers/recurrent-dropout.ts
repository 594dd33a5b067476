/** @file Dropout of what a gate lets into the state. */
import { ArgumentError, bernoulli, splitKey, type Tensor } from "@tapeloop/autograd";
import type { AnyCell, ParametersOf, RecurrentCell, StateOf } from "../cells/recurrent-cell.ts";
import { probing } from "../rnn/probe.ts";
import { endOf } from "../rnn/state.ts";
import { checkRate, type Keyed, keyedStart } from "./start.ts";
import { dropped } from "./variational-dropout.ts";

/**
 * A cell with dropout, new in every step, of its candidate: what the gates let into the state. What the
 * state remembers is never dropped, so it can last; for an LSTM: c′ = f ⊙ c + i ⊙ drop(g).
 *
 * It is training where the first state was made with a key, `initialState(batch, { key })`, which `rnn`
 * does for its option `key`; else the cell is left as it is. It works on the value that a cell calls
 * `candidate` by {@link probe}, as `lstmCell` and `gruCell` do.
 *
 * Shapes: the cell's. Parameters: the cell's. State: the cell's, under `cell`, and in training `key`.
 *
 * Source: Semeniuta, Severyn and Barth 2016, arXiv:1603.05118, eqs. 9 and 10, masks per step.
 *
 * @param rate - From 0, below 1.
 * @throws ArgumentError for any other rate, and from `step` in training if the cell names no candidate.
 *
 * @example
 * ```ts
 * import { key, lstmCell, normal, recurrentDropout, rnn } from "tapeloop";
 *
 * const model = rnn(recurrentDropout(lstmCell(3, 8), 0.25));
 * const xs = normal([10, 2, 3], { key: key(1) });
 * const { recorded } = model.apply(model.init(key(0)), xs, { key: key(2), record: ["candidate"] });
 * console.log(recorded.candidate.equal(0).mean().item() > 0.1); // true
 * ```
 */
export function recurrentDropout<C extends AnyCell>(
  cell: C,
  rate: number,
): RecurrentCell<ParametersOf<C>, Keyed<StateOf<C>>>;
export function recurrentDropout<P, S>(
  cell: RecurrentCell<P, S>,
  rate: number,
): RecurrentCell<P, Keyed<S>> {
  checkRate("recurrentDropout", "rate", rate);
  return {
    ...cell,
    initialState: (batch, options = {}) => keyedStart(cell, batch, options),
    step: (parameters, state, x) => {
      if (state.key === undefined) {
        const [next, y] = cell.step(parameters, state.cell, x);
        return [{ cell: next }, y];
      }
      let [key, isNamed]: [Tensor, boolean] = [state.key, false];
      const [next, y] = probing(
        (name, value) => {
          if (endOf(name) !== "candidate") return value;
          isNamed = true;
          const [rest, own] = splitKey(key);
          key = rest;
          return dropped(value, bernoulli(value.shape, 1 - rate, { key: own }), rate);
        },
        () => cell.step(parameters, state.cell, x),
      );
      if (!isNamed) {
        throw new ArgumentError(
          "recurrentDropout",
          "the cell must name a candidate",
          "none",
          'Write probe("candidate", …) in its step, or use variationalDropout(cell, { state }).',
        );
      }
      return [{ cell: next, key }, y];
    },
  };
}
