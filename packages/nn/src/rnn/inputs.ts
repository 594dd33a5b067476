/** @file What a run over sequences is given: sizes, the first state, lengths, names to record. */
import {
  arange,
  ArgumentError,
  expandDims,
  less,
  namedLeaves,
  ShapeError,
  tensor,
  type Tensor,
  type Tree,
} from "@tapeloop/autograd";
import type { RecurrentCell, StartOptions } from "../cells/recurrent-cell.ts";
import type { RunOptions } from "./runner.ts";
import { typeOf } from "../sizes.ts";
import { namedParts } from "./state.ts";

/** The number of steps, and the batch if there is one: read off the input with most axes. */
export function sizesOf(op: string, xs: Tree): { steps: number; batch: number | undefined } {
  const [x] = namedLeaves(xs)
    .map(({ tensor: leaf }) => leaf)
    .toSorted((a, b) => b.rank - a.rank);
  if (x === undefined || x.rank === 0 || x.shape[0] === 0) {
    throw new ShapeError(
      op,
      "inputs need a first axis of at least one step",
      x === undefined ? "none" : typeOf(x),
    );
  }
  const features = x.dtype.startsWith("float") ? 1 : 0;
  return { steps: x.shape[0], batch: x.rank > 1 + features ? x.shape[1] : undefined };
}

/** The state before the first step. */
export function firstState<P, S, X>(
  op: string,
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
      op,
      "a state that is given carries its keys and its memory on",
      `initialState and ${given.map(([name]) => name).join(", ")}`,
      "Give one or the other.",
    );
  }
  return initialState;
}

/** Lengths as int32 [B], or [] for one sequence. */
export function lengthsOf(
  op: string,
  given: Tensor | readonly number[],
  batch: number | undefined,
  steps: number,
): Tensor {
  const shape = batch === undefined ? [] : [batch];
  const isList = Array.isArray(given);
  if (isList && !given.every((n) => Number.isInteger(n) && n >= 0 && n <= steps)) {
    throw new ArgumentError(
      op,
      `lengths are whole numbers from 0 to the ${steps} steps there are`,
      `[${given.join(", ")}]`,
    );
  }
  const lengths = isList ? tensor(Int32Array.from(given)) : (given as Tensor);
  if (lengths.dtype !== "int32" || (lengths.size !== 1 && lengths.shape.join() !== shape.join())) {
    throw new ShapeError(
      op,
      `lengths are int32[${shape.join(",")}], one for each sequence`,
      typeOf(lengths),
    );
  }
  return lengths.rank === shape.length ? lengths : lengths.reshape(shape);
}

/** Which steps are real: [T, B], or [T] for one sequence; null if all of them are. */
export function realSteps(
  op: string,
  { lengths, mask }: RunOptions<unknown>,
  batch: number | undefined,
  steps: number,
): Tensor | null {
  if (mask !== undefined) {
    const shape = batch === undefined ? [steps] : [steps, batch];
    if (lengths !== undefined) {
      throw new ArgumentError(op, "takes lengths or a mask", "both", "Give one of them.");
    }
    if (mask.dtype !== "bool" || mask.shape.join() !== shape.join()) {
      throw new ShapeError(
        op,
        `the mask is bool[${shape.join(",")}], one for each step`,
        typeOf(mask),
      );
    }
    return mask;
  }
  if (lengths === undefined) return null;
  const times = arange(0, steps, 1, { dtype: "int32" });
  const t = batch === undefined ? times : expandDims(times, 1);
  return less(t, lengthsOf(op, lengths, batch, steps));
}

/** The values of the names to record: parts of the state, and what a step has named. */
export function recordedOf<N extends string>(
  op: string,
  names: readonly N[],
  named: ReadonlyMap<string, Tensor>,
  state: Tree,
): Readonly<Record<N, Tensor>> {
  const seen = new Map([...named, ...namedParts(state)]);
  const recorded = names.map((name) => {
    const value = seen.get(name);
    if (value !== undefined) return [name, value] as const;
    throw new ArgumentError(
      op,
      `record takes ${[...seen.keys()].toSorted().join(", ")}`,
      `"${name}"`,
    );
  });
  return Object.fromEntries(recorded) as Record<N, Tensor>;
}
