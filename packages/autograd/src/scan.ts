/** @file scan: a step function run over the first axis of its inputs, carrying a state. */
import { within } from "./anomaly.ts";
import { defaultBackend } from "./default-backend.ts";
import { ArgumentError, checkOptions, ShapeError } from "./errors.ts";
import { isTracing, tracerOf } from "./interpreters/trace.ts";
import { stack, unstack } from "./primitives/joining.ts";
import { traceBody } from "./program/evaluate.ts";
import { runLoop } from "./program/loop.ts";
import type { FirstSize, Stacked, Unstacked } from "./shape-changes.ts";
import { formatTypes, sameType } from "./shape.ts";
import { leaves, mapTensors, mapTree, namedLeaves, tensorsIn, type Tree } from "./tree.ts";
import type { Tensor } from "./tensor.ts";

/**
 * One step of a recurrent model: (parameters, state, input) → [next state, output].
 *
 * @typeParam P - Parameters.
 * @typeParam S - State; the next one has the same structure and types.
 * @typeParam X - Input of one step.
 * @typeParam Y - Output of one step.
 */
export type Cell<P, S, X, Y> = (
  parameters: P,
  state: S,
  input: X,
) => readonly [state: S, output: Y];

/** How {@link scan} runs. */
export interface ScanOptions {
  /** Runs from the last step to the first; outputs stay at their input's place. Default: false. */
  readonly reverse?: boolean;
  /** The number of steps, needed where there are no inputs (`xs` null). */
  readonly length?: number;
}

/**
 * Runs `cell` over the first axis of `xs`: `[state, y[t]] = cell(parameters, state, xs[t])`. Gradients
 * flow through all steps (backpropagation through time) by plain differentiation.
 *
 * @param cell - A pure function of differentiable ops.
 * @param parameters - Handed to every step.
 * @param init - The state before the first step.
 * @param xs - Inputs, steps along the first axis of every leaf; null for none.
 * @returns The last state, and the outputs of all steps stacked along a new first axis.
 * @throws ShapeError if inputs disagree about the number of steps, or a step changes the state's types.
 * @throws ArgumentError if the number of steps is unknown, or 0 where outputs are wanted.
 *
 * @example
 * ```ts
 * import { scan, tensor } from "tapeloop";
 *
 * const [total, sums] = scan((_, s, x) => [s.add(x), s.add(x)], null, tensor(0), tensor([1, 2, 3]));
 * console.log(total.item(), sums.toArray()); // 6 [ 1, 3, 6 ]
 * ```
 */
export function scan<P, S extends Tree, Xs extends Tree | null, Y extends Tree | null>(
  cell: Cell<P, S, Unstacked<Xs>, Y>,
  parameters: P,
  init: S,
  xs: Xs,
  options: ScanOptions = {},
): [state: S, outputs: Stacked<FirstSize<Xs>, Y>] {
  checkOptions("scan", options, ["reverse", "length"]);
  const steps = countSteps(xs, options.length);
  if (isTracing() || steps === 0) {
    return asOneLoop(cell, parameters, init, xs, steps, options.reverse === true) as never;
  }
  const columns = new Map<Tensor, readonly Tensor[]>();
  if (xs !== null) for (const { tensor } of namedLeaves(xs)) columns.set(tensor, unstack(tensor));
  let state = init;
  const outputs: Y[] = [];
  for (let i = 0; i < steps; i++) {
    const t = options.reverse === true ? steps - 1 - i : i;
    const x = xs === null ? xs : mapTree((leaf) => columns.get(leaf)?.[t] as Tensor, xs);
    const before = state;
    const [next, y] = within(`step ${t}`, () => cell(parameters, before, x as Unstacked<Xs>));
    checkState(state, next, t);
    state = next;
    outputs[t] = y;
  }
  return [state, stackTrees(outputs, steps) as Stacked<FirstSize<Xs>, Y>];
}

/** The loop as one op: the cell is run once, on a step without data, and written down. */
function asOneLoop<P, S extends Tree, Xs extends Tree | null, Y extends Tree | null>(
  cell: Cell<P, S, Unstacked<Xs>, Y>,
  parameters: P,
  init: S,
  xs: Xs,
  steps: number,
  reverse: boolean,
): [S, Y] {
  const [states, rows] = [leaves(init), xs === null ? [] : leaves(xs)];
  const types = rows.map(({ shape, dtype }) => ({ shape: shape.slice(1), dtype }));
  const backend = tracerOf([])?.backend ?? [...states, ...rows][0]?.backend ?? defaultBackend();
  let outputs: Y = null as Y;
  const first = reverse ? steps - 1 : 0;
  const { program, captured } = traceBody([...states, ...types], backend, (inputs) => {
    let next = 0;
    const state = mapTree(() => inputs[next++], init);
    const x = xs === null ? xs : mapTree(() => inputs[next++], xs);
    const [after, y] = within(`step ${first}`, () => cell(parameters, state, x as Unstacked<Xs>));
    checkState(state, after, first);
    outputs = y;
    const inOrder: Tensor[] = [];
    mapTree((_, leaf) => (inOrder.push(leaf), leaf), init, after);
    return [...inOrder, ...(y === null ? [] : tensorsIn(y))];
  });
  const { last, ys } = runLoop({
    body: program,
    consts: captured,
    init: states,
    xs: rows,
    steps,
    reverse,
    totals: 0,
    save: "all",
  });
  let [state, output] = [0, 0];
  return [mapTree(() => last[state++], init), mapTensors(outputs, () => ys[output++])];
}

/** The number of steps that all inputs and the option agree on. */
function countSteps(xs: Tree | null, length: number | undefined): number {
  const leaves = xs === null ? [] : namedLeaves(xs);
  const counts = leaves.map(({ path, tensor }) => {
    if (tensor.rank > 0) return tensor.shape[0];
    throw new ShapeError("scan", "inputs need a first axis of steps", `float32[] at "${path}"`);
  });
  const steps = length ?? counts[0];
  if (steps === undefined || !Number.isInteger(steps) || steps < 0) {
    throw new ArgumentError(
      "scan",
      "the number of steps must be known",
      String(steps),
      "Give inputs, or { length } as a whole number.",
    );
  }
  if (counts.some((n) => n !== steps)) {
    throw new ShapeError(
      "scan",
      `all inputs must have ${steps} steps along their first axis`,
      formatTypes(leaves.map(({ tensor }) => tensor)),
    );
  }
  return steps;
}

/** A step must hand on a state of the types it was given. */
function checkState(before: Tree, after: Tree, step: number): void {
  mapTree(
    (a, b) => {
      if (!sameType(a, b)) {
        throw new ShapeError(
          "scan",
          `step ${step} must return a state of the types it was given`,
          formatTypes([a, b]),
          "Give the initial state the types of the later ones.",
        );
      }
      return a;
    },
    before,
    after,
  );
}

/** Outputs of all steps side by side along a new first axis. */
function stackTrees<Y extends Tree | null>(outputs: readonly Y[], steps: number): Y {
  const [first, ...others] = outputs;
  if (first === undefined) {
    throw new ArgumentError(
      "scan",
      "needs at least one step to know its outputs",
      `${steps} steps`,
      "Skip the call for empty sequences.",
    );
  }
  if (first === null || tensorsIn(first).length === 0) return first;
  return mapTree(
    (...column) => stack(column, { axis: 0 }),
    first,
    ...(others as NoInfer<typeof first>[]),
  );
}
