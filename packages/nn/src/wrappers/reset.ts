/** @file Starting again in the middle of a run. */
import { logicalNot, type Tensor, type Tree } from "@tapeloop/autograd";
import type { AnyCell, ParametersOf, RecurrentCell, StateOf } from "../cells/recurrent-cell.ts";
import { choose } from "../rnn/state.ts";

/** Input of a cell with {@link reset}. */
export interface ResetInput {
  /** The input of the cell [B, F]. */
  readonly x: Tensor;
  /** Which examples begin anew with this input: bool [B]. */
  readonly reset: Tensor;
}

/** State of a cell with {@link reset}. */
export interface ResetState<S> {
  /** The state of the cell inside. */
  readonly cell: S;
  /** The state that a new beginning has. */
  readonly first: S;
}

/**
 * A cell that can begin anew: where the mask `reset` is true, the step starts from the first state and not
 * from the one before; no gradient goes back beyond. So several episodes or documents stand behind one
 * another in one row. It takes `{ x, reset }`, and stands outside of all other wrappers.
 *
 * Random keys of other wrappers go on, and their masks stay.
 *
 * Shapes: x [B,F], reset bool [B] → [B,H]. Parameters: the cell's. State: the cell's twice, under `cell` and `first`.
 *
 * @example
 * ```ts
 * import { gruCell, key, normal, reset, rnn, tensor } from "tapeloop";
 *
 * const model = rnn(reset(gruCell(3, 4)));
 * const x = normal([2, 1, 3], { key: key(1) });
 * const starts = tensor([[true], [true]]); // both steps are the first of their sequence
 * const parameters = model.init(key(0));
 * const both = model.apply(parameters, { x, reset: starts }).outputs;
 * const second = rnn(gruCell(3, 4)).apply(parameters, x.slice([{ start: 1 }])).outputs;
 * console.log(both.slice([{ start: 1 }]).sub(second).abs().max().item()); // 0
 * ```
 */
export function reset<C extends AnyCell>(
  cell: C,
): RecurrentCell<ParametersOf<C>, ResetState<StateOf<C>>, ResetInput>;
export function reset<P, S extends Tree>(
  cell: RecurrentCell<P, S>,
): RecurrentCell<P, ResetState<S>, ResetInput> {
  return {
    ...cell,
    initialState: (batch, start) => {
      const first = cell.initialState(batch, start);
      return { cell: first, first };
    },
    step: (parameters, state, input) => {
      const from = choose(logicalNot(input.reset), state.cell, state.first);
      const [next, y] = cell.step(parameters, from, input.x);
      return [{ cell: next, first: state.first }, y];
    },
  };
}
