/** @file A first state that is learned. */
import {
  ArgumentError,
  broadcastTo,
  scope,
  type Tensor,
  to,
  type Tree,
  zerosLike,
} from "@tapeloop/autograd";
import type { AnyCell, ParametersOf, RecurrentCell, StateOf } from "../cells/recurrent-cell.ts";
import { mapNamed, namedParts } from "../rnn/state.ts";
import { forPart } from "./start.ts";

/** Parameters of a cell with a {@link learnedInitialState}. */
export interface LearnedStateParameters<P> {
  /** Those of the cell. */
  readonly cell: P;
  /** The first state of one sequence, by the names of its parts: [H] each, 0 at first. */
  readonly state: Readonly<Record<string, Tensor>>;
}

/**
 * A cell whose first state is a parameter, the same for all sequences: s₀ = θ.
 *
 * The first state then needs the parameters, `initialState(batch, { parameters })`, which `rnn` hands in.
 *
 * Shapes: the cell's. Parameters: the cell's, under `cell`, and H for each floating-point part of the
 * state. State: the cell's.
 *
 * Source: Forcada and Carrasco 1995, "Learning the initial state of a second-order recurrent neural
 * network during regular-language inference".
 *
 * @throws ArgumentError from `initialState` without parameters.
 *
 * @example
 * ```ts
 * import { grad, gruCell, key, learnedInitialState, normal, rnn } from "tapeloop";
 *
 * const model = rnn(learnedInitialState(gruCell(3, 4)));
 * const parameters = model.init(key(0));
 * const xs = normal([10, 2, 3], { key: key(1) });
 * const loss = (p: typeof parameters) => model.apply(p, xs).outputs.sum();
 * console.log(grad(loss)(parameters).state["h"].shape); // [ 4 ]
 * ```
 */
export function learnedInitialState<C extends AnyCell>(
  cell: C,
): RecurrentCell<LearnedStateParameters<ParametersOf<C>>, StateOf<C>>;
export function learnedInitialState<P, S extends Tree>(
  cell: RecurrentCell<P, S>,
): RecurrentCell<LearnedStateParameters<P>, S> {
  return {
    ...cell,
    init: (key) =>
      scope(() => {
        const parameters = cell.init(key);
        const parts = [...namedParts(cell.initialState(undefined, { parameters }))];
        const learned = parts.filter(([, { dtype }]) => dtype.startsWith("float"));
        const state = learned.map(([name, x]) => [name, to(zerosLike(x), key.backend)] as const);
        return { cell: parameters, state: Object.fromEntries(state) };
      }),
    initialState: (batch, start = {}) => {
      const { parameters } = start;
      if (parameters === undefined) {
        throw new ArgumentError(
          "learnedInitialState",
          "the first state is a parameter",
          "no parameters",
          "Call initialState(batch, { parameters }).",
        );
      }
      return mapNamed(
        (name, x) => {
          const learned = parameters.state[name];
          return learned === undefined ? x : broadcastTo(learned, x.shape);
        },
        cell.initialState(
          batch,
          forPart(start, (p) => p.cell),
        ),
      );
    },
    step: (parameters, state, x) => cell.step(parameters.cell, state, x),
  };
}
