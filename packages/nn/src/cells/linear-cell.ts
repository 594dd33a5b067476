/** @file Cells whose next state is linear in the last: one definition, run step by step or all at once. */
import {
  type AnyShape,
  type Cell,
  namedLeaves,
  type Tensor,
  type Tree,
  within,
} from "@tapeloop/autograd";
import { checkLastAxis } from "../sizes.ts";
import { mapParts } from "../rnn/linear-recurrence.ts";
import { plus, times } from "./complex.ts";
import type { CellOptions, RecurrentCell, SizedCell, States } from "./recurrent-cell.ts";

/**
 * What a linear cell does to its state: s′ = a ⊙ s + b in each of its parts, which are tensors or, as
 * `{ re, im }`, complex.
 *
 * @typeParam S - State.
 */
export interface LinearUpdate<S> {
  /** What each part of the state is multiplied by. What is the same in every step needs no axis of them. */
  readonly a: S;
  /** What is added to it. */
  readonly b: S;
  /** The output, of the next state. */
  readonly show: (next: S) => Tensor;
}

/**
 * The update for an input [B, F], or those for the inputs of all steps [T, B, F]: a, b and what `show` makes of the
 * states then have T for their first axis.
 *
 * `before` is the state before x, or before the first of them. What is known of later ones without the recurrence
 * may be read off it, such as which inputs came last; nothing else.
 *
 * @typeParam P - Parameters.
 * @typeParam S - State.
 */
export type LinearForm<P, S> = (parameters: P, x: Tensor, before: S) => LinearUpdate<S>;

/**
 * A step and the form that it follows.
 *
 * @typeParam P - Parameters.
 * @typeParam S - State.
 */
export interface LinearDefinition<P, S> {
  /** The update, for one step or for all. */
  readonly form: LinearForm<P, S>;
  /** The step that is made of it. A cell with another one, such as a wrapper's, is not linear any more. */
  readonly step: Cell<P, S, Tensor, Tensor>;
}

/**
 * A recurrent cell whose next state is linear in the last, and element by element: {@link parallel} runs it
 * over all steps at once.
 *
 * @typeParam P - Parameters.
 * @typeParam S - State.
 */
export interface LinearCell<P, S> extends RecurrentCell<P, S> {
  /** How its step is linear. */
  readonly linear: LinearDefinition<P, S>;
}

/** A linear cell, whatever its parameters and its state are. */
// oxlint-disable-next-line typescript/no-explicit-any -- only any is assignable in both directions
export type AnyLinearCell = LinearCell<any, any>;

/**
 * A {@link LinearCell} that knows its sizes in types, as {@link SizedCell} does.
 *
 * @typeParam P - Parameters.
 * @typeParam N - The names of the parts of its state.
 * @typeParam I - F, the size of inputs.
 * @typeParam H - The size of states and outputs.
 */
export interface SizedLinearCell<
  P,
  N extends string,
  I extends number,
  H extends number,
> extends SizedCell<P, N, I, H> {
  /** How its step is linear. */
  readonly linear: LinearDefinition<P, States<N, AnyShape>>;
}

/** Options of linear cells, which have no recurrent weights. */
export type LinearCellOptions = Omit<CellOptions, "recurrentWeights">;

/** The names of {@link LinearCellOptions}. */
export const linearCellOptions: readonly string[] = ["inputWeights", "dtype"];

/**
 * The step of a linear cell, s′ = a ⊙ s + b, and what makes the cell linear: both are parts of it.
 *
 * @param op - The cell, for errors.
 * @param form - a, b and the output; the definition of the cell.
 *
 * @example
 * ```ts
 * import { key, linearStep, normal, parallel, rnn, sigmoid, type Tensor, zeros } from "tapeloop";
 *
 * // An exponential mean with a decay for each unit that is learned.
 * const mean = {
 *   inputSize: 3,
 *   hiddenSize: 3,
 *   init: () => ({ decay: zeros([3]) }),
 *   initialState: (batch = 1) => ({ h: zeros([batch, 3]) }),
 *   ...linearStep("mean", (p: { decay: Tensor }, x) => {
 *     const a = sigmoid(p.decay);
 *     return { a: { h: a }, b: { h: x.sub(x.mul(a)) }, show: ({ h }: { h: Tensor }) => h };
 *   }),
 * };
 * const xs = normal([50, 2, 3], { key: key(0) });
 * const [one, other] = [rnn(mean), parallel(mean)].map((run) => run.apply(mean.init(), xs).outputs);
 * console.log(one.sub(other).abs().max().item() < 1e-6); // true
 * ```
 */
export function linearStep<P, S extends Tree>(
  op: string,
  form: LinearForm<P, S>,
): Pick<LinearCell<P, S>, "step" | "linear"> {
  const step: Cell<P, S, Tensor, Tensor> = (parameters, state, x) => {
    const { a, b, show } = form(parameters, x, state);
    const sizes = new Map(namedLeaves(b).map(({ path, tensor }) => [path, tensor.shape.at(-1)]));
    for (const { path, tensor } of namedLeaves(state)) {
      checkLastAxis(op, path, tensor, sizes.get(path) as number);
    }
    return within(op, () => {
      const next = mapParts((s, kept, added) => plus(times(kept, s), added), state, a, b);
      return [next, show(next)];
    });
  };
  return { step, linear: { form, step } };
}
