/** @file scan: a step function run over the first axis of its inputs, carrying a state. */
import { within } from "./anomaly.ts";
import { checkpoint } from "./custom.ts";
import { defaultBackend } from "./default-backend.ts";
import { ArgumentError, checkOptions, ShapeError } from "./errors.ts";
import { isTracing, tracerOf } from "./interpreters/trace.ts";
import { toTensor } from "./operands.ts";
import { concat, stack, unstack } from "./primitives/joining.ts";
import { reshape } from "./primitives/movement.ts";
import { takeRange } from "./primitives/slicing.ts";
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
  /**
   * What is kept of each step for the derivative: "all" that its rules read; "carries", the states alone,
   * from which each step is run once more; `{ every: k }`, the state before every k-th step, from which
   * k steps are; "sqrt", the same with k = √T, so that memory grows with √T. Values and derivatives are the
   * same, memory is traded for a second forward run. Default: "all".
   */
  readonly save?: SaveOption;
}

/** What a scan keeps for its derivative: see {@link ScanOptions}. */
export type SaveOption = "all" | "carries" | "sqrt" | SaveEvery;

/** Keeps some of the states. */
export interface SaveEvery {
  /** Steps between two states that are kept, from 1. */
  readonly every: number;
}

/**
 * Runs `cell` over the first axis of `xs`: `[state, y[t]] = cell(parameters, state, xs[t])`. Gradients
 * flow through all steps (backpropagation through time) by plain differentiation.
 *
 * Run as it is, it is a plain loop, in which values can be printed. In a compiled function it is one op,
 * whose cell is run once, on a step without data, however many steps there are; what does not need the
 * state is then computed for all steps at once.
 *
 * @param cell - A pure function of differentiable ops.
 * @param parameters - Handed to every step.
 * @param init - The state before the first step.
 * @param xs - Inputs, steps along the first axis of every leaf; null for none.
 * @returns The last state, and the outputs of all steps stacked along a new first axis.
 * @throws ShapeError if inputs disagree about the number of steps, or a step changes the state's types.
 * @throws ArgumentError if the number of steps is unknown, or an option is.
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
  checkOptions("scan", options, ["reverse", "length", "save"]);
  const steps = countSteps(xs, options.length);
  const every = stepsPerState(options.save ?? "all", steps);
  if (every > 1) return inBlocks(cell, parameters, init, xs, options, steps, every) as never;
  if (isTracing() || steps === 0) {
    const keeps = every === 0 ? "all" : "carries";
    return asOneLoop(cell, parameters, init, xs, steps, options, keeps) as never;
  }
  const run = every === 0 ? cell : checkpoint(cell);
  const columns = new Map<Tensor, readonly Tensor[]>();
  if (xs !== null) for (const { tensor } of namedLeaves(xs)) columns.set(tensor, unstack(tensor));
  let state = mapTree(toTensor, init);
  const outputs: Y[] = [];
  for (let i = 0; i < steps; i++) {
    const t = options.reverse === true ? steps - 1 - i : i;
    const x = xs === null ? xs : mapTree((leaf) => columns.get(leaf)?.[t] as Tensor, xs);
    const before = state;
    const [next, y] = within(`step ${t}`, () => run(parameters, before, x as Unstacked<Xs>));
    checkState(state, next, t);
    state = next;
    outputs[t] = y;
  }
  return [state, stackTrees(outputs) as Stacked<FirstSize<Xs>, Y>];
}

/** How many steps there are to each state that is kept; 0 where everything is. */
function stepsPerState(save: SaveOption, steps: number): number {
  if (save === "all") return 0;
  if (save === "carries") return 1;
  if (save === "sqrt") return Math.ceil(Math.sqrt(steps));
  if (typeof save === "object" && save !== null) {
    checkOptions("scan", save, ["every"]);
    if (Number.isInteger(save.every) && save.every > 0) return save.every;
  }
  throw new ArgumentError(
    "scan",
    'save is "all", "carries", "sqrt" or { every: k } with a whole number k from 1',
    typeof save === "object" ? `{ every: ${String(save?.every)} }` : String(save),
  );
}

/** A loop of loops of `every` steps each, of which the outer keeps the states; what is left over is a loop, too. */
function inBlocks<P, S extends Tree, Xs extends Tree | null, Y extends Tree | null>(
  cell: Cell<P, S, Unstacked<Xs>, Y>,
  parameters: P,
  init: S,
  xs: Xs,
  { reverse = false }: ScanOptions,
  steps: number,
  every: number,
): [S, Y] {
  const blocks = Math.floor(steps / every);
  const whole = blocks * every;
  // The steps that are left over are the last ones to run.
  const part = (start: number, size: number): Xs =>
    xs === null ? xs : mapTree((x) => takeRange(x, 0, start, size), xs);
  const left = steps - whole;
  const inside = part(reverse ? left : 0, whole);
  const rows =
    inside === null
      ? inside
      : mapTree((x) => reshape(x, [blocks, every, ...x.shape.slice(1)]), inside);
  const block = (p: P, state: S, x: unknown): readonly [S, Y] =>
    scan(cell, p, state, x as Xs, { reverse, length: every }) as unknown as [S, Y];
  const [state, made] = scan(block, parameters, init, rows, {
    reverse,
    length: blocks,
    save: "carries",
  }) as unknown as [S, Y];
  const flat = mapTensors(made, (y) => reshape(y, [whole, ...y.shape.slice(2)]));
  if (left === 0) return [state, flat];
  const rest = part(reverse ? 0 : whole, left);
  const [last, others] = scan(cell, parameters, state, rest, { reverse, length: left });
  const ends = tensorsIn(others);
  let next = 0;
  const joined = mapTensors(flat, (y) => {
    const end = ends[next++];
    return concat(reverse ? [end, y] : [y, end], { axis: 0 });
  });
  return [last, joined];
}

/** The loop as one op: the cell is run once, on a step without data, and written down. */
function asOneLoop<P, S extends Tree, Xs extends Tree | null, Y extends Tree | null>(
  cell: Cell<P, S, Unstacked<Xs>, Y>,
  parameters: P,
  init: S,
  xs: Xs,
  steps: number,
  { reverse = false }: ScanOptions,
  save: "all" | "carries",
): [S, Y] {
  const [states, rows] = [leaves(init), xs === null ? [] : leaves(xs)];
  const types = rows.map(({ shape, dtype }) => ({ shape: shape.slice(1), dtype }));
  const backend = tracerOf([])?.backend ?? [...states, ...rows][0]?.backend ?? defaultBackend();
  let [after, outputs]: [S, Y] = [init, null as Y];
  const first = reverse ? steps - 1 : 0;
  const { program, captured } = traceBody([...states, ...types], backend, (inputs) => {
    let input = 0;
    const state = mapTree(() => inputs[input++], init);
    const x = xs === null ? xs : mapTree(() => inputs[input++], xs);
    const [next, y] = within(`step ${first}`, () => cell(parameters, state, x as Unstacked<Xs>));
    checkState(state, next, first);
    [after, outputs] = [next, y];
    return [...leaves(mapTree((_, leaf) => leaf, init, next)), ...tensorsIn(y)];
  });
  // A part of the state that every step hands on as it is needs no carrying: it is the same for all steps.
  const given = program.inputs.slice(captured.length);
  const isFixed = (_: unknown, i: number): boolean =>
    i < states.length && program.outputs[i] === given[i];
  const isMoving = (x: unknown, i: number): boolean => !isFixed(x, i);
  const { last: moved, ys } = runLoop({
    body: {
      ...program,
      inputs: [
        ...program.inputs.slice(0, captured.length),
        ...given.filter(isFixed),
        ...given.filter(isMoving),
      ],
      outputs: program.outputs.filter(isMoving),
    },
    consts: [...captured, ...states.filter(isFixed)],
    init: states.filter(isMoving),
    xs: rows,
    steps,
    reverse,
    totals: 0,
    save,
  });
  let next = 0;
  const last = states.map((x, i) => (isFixed(x, i) ? x : moved[next++]));
  let [state, output] = [0, 0];
  const found = mapTree(() => last[state++], init);
  // Keys in the order of the cell's, as in a loop that is written out.
  return [mapTree((_, leaf) => leaf, after, found), mapTensors(outputs, () => ys[output++])];
}

/** The number of steps that all inputs and the option agree on. */
function countSteps(xs: Tree | null, length: number | undefined): number {
  const rows = xs === null ? [] : namedLeaves(xs);
  const counts = rows.map(({ path, tensor }) => {
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
      formatTypes(rows.map(({ tensor }) => tensor)),
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

/** Outputs of all steps side by side along a new first axis; there is at least one step. */
function stackTrees<Y extends Tree | null>([first, ...others]: readonly Y[]): Y {
  if (first === null || tensorsIn(first).length === 0) return first;
  return mapTree(
    (...column) => stack(column, { axis: 0 }),
    first,
    ...(others as NoInfer<typeof first>[]),
  );
}
