/** @file Dilated cells: each step goes on from the state of some steps ago. */
import { scope, splitKey, type Tensor, type Tree } from "@tapeloop/autograd";
import type { AnyCell, ParametersOf, RecurrentCell, StateOf } from "../cells/recurrent-cell.ts";
import { checkSizes } from "../sizes.ts";

/** State of a {@link dilated} cell. */
export interface DilatedState<S> {
  /** The states after the last d steps, the oldest first. */
  readonly last: readonly S[];
}

/**
 * A cell that goes on from its state of d steps ago: d interleaved sequences with the same parameters, between
 * whose steps a derivative takes a d-th of the way. Stacked with growing d, 1, 2, 4, …, it is a dilated RNN.
 *
 * Shapes and parameters: the cell's. State: the d last ones, under `last`, all of them the cell's first one before
 * the first step. Named values keep their names; parts of the state are `last[0].h` and so on.
 *
 * Source: Chang et al. 2017, "Dilated recurrent neural networks", arXiv:1710.02224, section 2.1.
 *
 * @param dilation - d, a whole number from 1.
 * @throws ArgumentError for any other number.
 *
 * @example
 * ```ts
 * import { dilated, gruCell, key, normal, rnn, stacked } from "tapeloop";
 *
 * const deep = rnn(stacked(gruCell(3, 8), dilated(gruCell(8, 8), 2), dilated(gruCell(8, 8), 4)));
 * const xs = normal([10, 2, 3], { key: key(1) });
 * console.log(deep.apply(deep.init(key(0)), xs).outputs.shape); // [ 10, 2, 8 ]
 * ```
 */
export function dilated<C extends AnyCell>(
  cell: C,
  dilation: number,
): RecurrentCell<ParametersOf<C>, DilatedState<StateOf<C>>>;
export function dilated<P, S extends Tree>(
  cell: RecurrentCell<P, S>,
  dilation: number,
): RecurrentCell<P, DilatedState<S>> {
  checkSizes("dilated", { dilation });
  return {
    ...cell,
    initialState: (batch, options = {}) =>
      scope(() => {
        const keys: readonly Tensor[] | null =
          options.key === undefined ? null : splitKey(options.key, dilation);
        const last = Array.from({ length: dilation }, (_, i) =>
          cell.initialState(batch, keys === null ? options : { ...options, key: keys[i] }),
        );
        return { last };
      }),
    step: (parameters, { last: [oldest, ...others] }, x) => {
      const [next, y] = cell.step(parameters, oldest, x);
      return [{ last: [...others, next] }, y];
    },
  };
}
