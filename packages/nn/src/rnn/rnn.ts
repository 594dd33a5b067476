/** @file rnn: a cell run over sequences of different lengths, with its states and gates recorded. */
import {
  arange,
  ArgumentError,
  cast,
  checkOptions,
  cumsum,
  equal,
  expandDims,
  less,
  logicalAnd,
  mapTree,
  namedLeaves,
  scan,
  select,
  ShapeError,
  sub,
  sum,
  tensor,
  type Tensor,
  type Tree,
  type Unstacked,
  where,
  zerosLike,
} from "@tapeloop/autograd";
import type {
  AnyCell,
  ParametersOf,
  RecurrentCell,
  StartOptions,
  StateOf,
} from "../cells/recurrent-cell.ts";
import { probing } from "./probe.ts";
import { type Run, type Runner, type RunOptions, runOptions } from "./runner.ts";
import { alongside, choose, namedParts } from "./state.ts";

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
      const { steps, batch } = sizesOf(xs);
      const first = firstState(cell, parameters, batch, options);
      const isReal = realSteps(options, batch, steps);
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
      // The last step that was run, if there was one, is the one with none behind it.
      const after = reverse
        ? sub(cumsum(cast(isReal, "int32"), { axis: 0 }), cast(isReal, "int32"))
        : sub(sum(cast(isReal, "int32"), { axes: 0 }), cumsum(cast(isReal, "int32"), { axis: 0 }));
      const end = logicalAnd(equal(after, 0), isReal);
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
    for (const [name, part] of namedParts(next)) seen.set(name, part);
    const recorded = names.map((name) => {
      const value = seen.get(name);
      if (value !== undefined) return [name, value] as const;
      throw new ArgumentError(
        "rnn",
        `record takes ${[...seen.keys()].toSorted().join(", ")}`,
        `"${name}"`,
      );
    });
    return [next, { y, recorded: Object.fromEntries(recorded) }];
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

/** The number of steps, and the batch if there is one: read off the input with most axes. */
function sizesOf(xs: Tree): { steps: number; batch: number | undefined } {
  const [x] = namedLeaves(xs)
    .map(({ tensor: leaf }) => leaf)
    .toSorted((a, b) => b.rank - a.rank);
  if (x === undefined || x.rank === 0 || x.shape[0] === 0) {
    throw new ShapeError(
      "rnn",
      "inputs need a first axis of at least one step",
      x === undefined ? "none" : `${x.dtype}[${x.shape.join(",")}]`,
    );
  }
  const features = x.dtype.startsWith("float") ? 1 : 0;
  return { steps: x.shape[0], batch: x.rank > 1 + features ? x.shape[1] : undefined };
}

/** The state before the first step. */
function firstState<P, S, X>(
  cell: RecurrentCell<P, S, X>,
  parameters: P,
  batch: number | undefined,
  { initialState, key, memory, memoryMask }: RunOptions<S>,
): S {
  const given = Object.entries({ key, memory, memoryMask }).filter(([, v]) => v !== undefined);
  if (initialState === undefined) {
    const start: StartOptions<P> = { parameters, ...Object.fromEntries(given) };
    return cell.initialState(batch, start);
  }
  if (given.length > 0) {
    throw new ArgumentError(
      "rnn",
      "a state that is given carries its keys and its memory on",
      `initialState and ${given.map(([name]) => name).join(", ")}`,
      "Give one or the other.",
    );
  }
  return initialState;
}

/** Which steps are real: [T, B], or [T] for one sequence; null if all of them are. */
function realSteps(
  { lengths, mask }: RunOptions<unknown>,
  batch: number | undefined,
  steps: number,
): Tensor | null {
  if (mask !== undefined) {
    const shape = batch === undefined ? [steps] : [steps, batch];
    if (lengths !== undefined) {
      throw new ArgumentError("rnn", "takes lengths or a mask", "both", "Give one of them.");
    }
    if (mask.dtype !== "bool" || mask.shape.join() !== shape.join()) {
      throw new ShapeError(
        "rnn",
        `the mask is bool[${shape.join(",")}], one for each step`,
        `${mask.dtype}[${mask.shape.join(",")}]`,
      );
    }
    return mask;
  }
  if (lengths === undefined) return null;
  const times = arange(0, steps, 1, { dtype: "int32" });
  const t = batch === undefined ? times : expandDims(times, 1);
  return less(t, lengthsOf(lengths, batch, steps));
}

/** Lengths as int32 [B], or [] for one sequence. */
function lengthsOf(
  given: Tensor | readonly number[],
  batch: number | undefined,
  steps: number,
): Tensor {
  const shape = batch === undefined ? [] : [batch];
  const isList = Array.isArray(given);
  if (isList && !given.every((n) => Number.isInteger(n) && n >= 0 && n <= steps)) {
    throw new ArgumentError(
      "rnn",
      `lengths are whole numbers from 0 to the ${steps} steps there are`,
      `[${given.join(", ")}]`,
    );
  }
  const lengths = isList ? tensor(Int32Array.from(given)) : (given as Tensor);
  if (lengths.dtype !== "int32" || (lengths.size !== 1 && lengths.shape.join() !== shape.join())) {
    throw new ShapeError(
      "rnn",
      `lengths are int32[${shape.join(",")}], one for each sequence`,
      `${lengths.dtype}[${lengths.shape.join(",")}]`,
    );
  }
  return lengths.rank === shape.length ? lengths : lengths.reshape(shape);
}
