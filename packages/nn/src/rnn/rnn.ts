/** @file rnn: a cell run over sequences of different lengths, with its states and gates recorded. */
import {
  arange,
  checkOptions,
  equal,
  logicalAnd,
  mapTree,
  max,
  scan,
  select,
  sum,
  type Tensor,
  to,
  type Tree,
  type Unstacked,
  where,
  zerosLike,
} from "@tapeloop/autograd";
import type { AnyCell, ParametersOf, RecurrentCell, StateOf } from "../cells/recurrent-cell.ts";
import { firstState, realSteps, recordedOf, sizesOf } from "./inputs.ts";
import { probing } from "./probe.ts";
import { type Run, type Runner, type RunOptions, runOptions } from "./runner.ts";
import { alongside, choose } from "./state.ts";

/**
 * A cell, to be run over sequences.
 *
 * - `lengths`: sequences shorter than T are padded behind their end, in any order. What stands there does
 *   not matter, be it NaN: no value and no derivative depends on it. States stay as they were at the end,
 *   outputs are 0.
 * - `mask`: the same for padding that stands elsewhere, as in front of sequences.
 * - `reverse`: each sequence is read from its own last step to its first.
 * - `record`: parts of the state and named values, for every step, with their derivatives.
 * - `key`: training, for cells that are random then.
 * - `initialState`: stateful use, with the `state` of an earlier run.
 *
 * Shapes: xs [T,B,F] → outputs [T,B,H]; without a batch axis [T,F] → [T,H]. Inputs of int32 are symbols,
 * without an axis of features.
 *
 * @throws ArgumentError if an option is unknown, or a name to record; it lists those there are.
 * @throws ShapeError if lengths are not [B], a mask not [T, B], or there is no step.
 *
 * @example
 * ```ts
 * import { key, lstmCell, normal, rnn } from "tapeloop";
 *
 * const model = rnn(lstmCell(3, 4));
 * const parameters = model.init(key(0));
 * const xs = normal([10, 2, 3], { key: key(1) }); // two sequences, of 10 and of 6 steps
 * const { outputs, last, recorded } = model.apply(parameters, xs, {
 *   lengths: [10, 6],
 *   record: ["c", "gates.f"],
 * });
 * console.log(outputs.shape, last.shape, recorded["gates.f"].shape); // [ 10, 2, 4 ] [ 2, 4 ] [ 10, 2, 4 ]
 * console.log(outputs.slice([{ start: 6 }, { start: 1 }]).abs().max().item()); // 0
 * ```
 */
export function rnn<C extends AnyCell>(cell: C): Runner<ParametersOf<C>, StateOf<C>>;
export function rnn<P, S extends Tree, X extends Tree>(
  cell: RecurrentCell<P, S, X>,
): Runner<P, S, X>;
export function rnn<P, S extends Tree, X extends Tree>(
  cell: RecurrentCell<P, S, X>,
): Runner<P, S, X> {
  return {
    inputSize: cell.inputSize,
    hiddenSize: cell.hiddenSize,
    init: (key) => cell.init(key),
    apply<N extends string>(parameters: P, xs: X, options: RunOptions<S, N> = {}): Run<S, N> {
      checkOptions("rnn", options, runOptions);
      const { reverse = false, record = [], save = "all" } = options;
      const { steps, batch } = sizesOf("rnn", xs);
      const first = firstState("rnn", cell, parameters, batch, options);
      const isReal = realSteps("rnn", options, batch, steps);
      const run = { reverse, save };
      const step = recording(cell, record) as RecordedStep<P, S, Unstacked<X>>;
      if (isReal === null) {
        const [state, { y, recorded }] = scan(step, parameters, first, xs, run);
        const last = select(y, reverse ? 0 : steps - 1, { axis: 0 });
        return { outputs: y, last, state, recorded: recorded as Readonly<Record<N, Tensor>> };
      }
      const clean = mapTree((x) => where(alongside(isReal, x), x, zerosLike(x)), xs);
      const [state, { y, recorded }] = scan(
        masked(step),
        parameters,
        first,
        { x: clean, isReal },
        run,
      );
      // The last step that was run, if there was one.
      const order = reverse ? arange(steps - 1, -1, -1) : arange(0, steps);
      const times = where(isReal, alongside(to(order, isReal.backend), isReal), -1);
      const end = logicalAnd(isReal, equal(times, max(times, { axes: 0 })));
      const last = sum(where(alongside(end, y), y, 0), { axes: 0 });
      return { outputs: y, last, state, recorded: recorded as Readonly<Record<N, Tensor>> };
    },
  };
}

/** What a step shows: its output, and what is recorded. */
interface Shown {
  readonly y: Tensor;
  readonly recorded: Readonly<Record<string, Tensor>>;
}

/** One step, with named values beside its output. */
type RecordedStep<P, S, X> = (parameters: P, state: S, x: X) => readonly [S, Shown];

/** The step of a cell, with what is asked for beside its output. */
function recording<P, S extends Tree, X>(
  cell: RecurrentCell<P, S, X>,
  names: readonly string[],
): RecordedStep<P, S, X> {
  if (names.length === 0) {
    return (parameters, state, x) => {
      const [next, y] = cell.step(parameters, state, x);
      return [next, { y, recorded: {} }];
    };
  }
  return (parameters, state, x) => {
    const seen = new Map<string, Tensor>();
    const [next, y] = probing(
      (name, value) => {
        seen.set(name, value);
        return value;
      },
      () => cell.step(parameters, state, x),
    );
    return [next, { y, recorded: recordedOf("rnn", names, seen, next) }];
  };
}

/** A step that does nothing where there is no input: the state stays, and 0 is shown. */
function masked<P, S extends Tree, X>(
  step: RecordedStep<P, S, X>,
): RecordedStep<P, S, { readonly x: X; readonly isReal: Tensor }> {
  return (parameters, state, { x, isReal }) => {
    const [next, shown] = step(parameters, state, x);
    const zeroed = mapTree((value) => where(alongside(isReal, value), value, 0), { ...shown });
    return [choose(isReal, next, state), zeroed];
  };
}
