/** @file A cell that is run one step at a time, as inputs come. */
import {
  ArgumentError,
  checkOptions,
  Held,
  noGrad,
  stopGradient,
  type Tensor,
  type Tree,
} from "@tapeloop/autograd";
import type {
  AnyCell,
  ParametersOf,
  RecurrentCell,
  StartOptions,
  StateOf,
} from "../cells/recurrent-cell.ts";

/** Options of {@link stream}. */
export interface StreamOptions<S> {
  /** The number of sequences that run side by side. Default: one, without a batch axis. */
  readonly batch?: number;
  /** The state before the first step. Default: that of the cell. */
  readonly initialState?: S;
  /** What a cell with attention looks at. */
  readonly memory?: Tensor;
  /** Which rows of the memory there are. Default: all. */
  readonly memoryMask?: Tensor;
}

/** A cell at work. */
export interface Stream<S, X = Tensor> {
  /** The state after the last step; it is given back with the next one. */
  readonly state: S;
  /** One step: the output for x. It is the caller's, as results of ops are. */
  step(x: X): Tensor;
  /** Starts again. */
  restart(): void;
  /** Gives the state back; the stream cannot be used afterwards. */
  end(): void;
  /** The same as `end`, for `using`. */
  [Symbol.dispose](): void;
}

/**
 * A cell that is run one step at a time, as inputs come, for inference: it holds its state, and nothing
 * else, however long it runs. Outputs are those of a run over all inputs.
 *
 * For speed give it a compiled step: `stream({ ...cell, step: compile(cell.step) }, parameters)`.
 *
 * @throws ArgumentError if an option is unknown, and from `step` after the end.
 *
 * @example
 * ```ts
 * import { gruCell, key, normal, rnn, select, stream } from "tapeloop";
 *
 * const cell = gruCell(3, 4);
 * const parameters = cell.init(key(0));
 * const xs = normal([5, 3], { key: key(1) });
 * const live = stream(cell, parameters);
 * for (let t = 0; t < 4; t++) live.step(select(xs, t));
 * const y = live.step(select(xs, 4));
 * const { last } = rnn(cell).apply(parameters, xs);
 * console.log(y.sub(last).abs().max().item()); // 0
 * live.end();
 * ```
 */
export function stream<C extends AnyCell>(
  cell: C,
  parameters: ParametersOf<C>,
  options?: StreamOptions<StateOf<C>>,
): Stream<StateOf<C>>;
export function stream<P, S extends Tree, X>(
  cell: RecurrentCell<P, S, X>,
  parameters: P,
  options?: StreamOptions<S>,
): Stream<S, X>;
export function stream<P, S extends Tree, X>(
  cell: RecurrentCell<P, S, X>,
  parameters: P,
  options: StreamOptions<S> = {},
): Stream<S, X> {
  checkOptions("stream", options, ["batch", "initialState", "memory", "memoryMask"]);
  const { batch, initialState, ...others } = options;
  const start: StartOptions<P> = { parameters, ...others };
  const first = (): readonly [S, null] =>
    noGrad(() => [initialState ?? cell.initialState(batch, start), null]);
  /** The state, and the output that came with it. */
  const now = new Held<readonly [S, Tensor | null]>("stream", first);
  let hasEnded = false;
  const current = (): S => {
    if (!hasEnded) return now.value[0];
    throw new ArgumentError("stream", "step() needs a stream that goes on", "one that has ended");
  };
  const end = (): void => {
    now.end();
    hasEnded = true;
  };
  return {
    get state() {
      return current();
    },
    step(x) {
      const before = current();
      now.replace(() => noGrad(() => cell.step(parameters, before, x)));
      // The state may hold the same tensor: the caller gets one that may be let go of.
      return stopGradient(now.value[1] as Tensor);
    },
    restart() {
      current();
      now.replace(first);
    },
    end,
    [Symbol.dispose]: end,
  };
}
