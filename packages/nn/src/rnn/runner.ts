/** @file What runs over sequences: how it is told to, and what it returns. */
import type { SaveOption, Tensor } from "@tapeloop/autograd";

/**
 * How a {@link Runner} runs.
 *
 * @typeParam S - State.
 * @typeParam N - Names of values to record.
 */
export interface RunOptions<S, N extends string = string> {
  /** The number of real steps of each sequence, 0 to T: int32 [B], or numbers. Default: all T. */
  readonly lengths?: Tensor | readonly number[];
  /**
   * Which steps are real: bool [T, B], [T] for one sequence. In place of `lengths`, for padding that stands in
   * front of sequences or between their steps: it is passed over. Default: all.
   */
  readonly mask?: Tensor;
  /** The state before the first step, such as the last one of an earlier run. Default: that of the cell. */
  readonly initialState?: S;
  /** Training, for wrappers with dropout and zoneout. Default: evaluation. */
  readonly key?: Tensor;
  /** What a cell with attention looks at [S, B, E]. */
  readonly memory?: Tensor;
  /** Which rows of the memory there are: bool [S, B]. Default: all. */
  readonly memoryMask?: Tensor;
  /** Whether each sequence is read from its last step to its first; outputs stay beside their inputs. */
  readonly reverse?: boolean;
  /**
   * Parts of the state (`c`), gates and other values that the cell names (`gates.f`) to return for every
   * step. In several layers the names begin with the layer: `layers[0].c`.
   */
  readonly record?: readonly N[];
  /** What is kept of each step for the derivative; see `scan`. Default: "all". */
  readonly save?: SaveOption;
}

/**
 * What a {@link Runner} returns.
 *
 * @typeParam S - State.
 * @typeParam N - Names of recorded values.
 */
export interface Run<S, N extends string = string> {
  /** Outputs of all steps [T, B, H]; 0 where there is no real one. */
  readonly outputs: Tensor;
  /** The output of the step that was run last, for each sequence [B, H]; 0 for empty ones. */
  readonly last: Tensor;
  /** The state after the last real step of each sequence. */
  readonly state: S;
  /** Recorded values of all steps [T, B, …], by their names; 0 where there is no real one. */
  readonly recorded: Readonly<Record<N, Tensor>>;
}

/**
 * Something that runs over sequences: first parameters, and a function of all inputs.
 *
 * @typeParam P - Parameters.
 * @typeParam S - State.
 * @typeParam X - Inputs of all steps.
 */
export interface Runner<P, S, X = Tensor> {
  /** F, the size of the last axis of inputs. */
  readonly inputSize: number;
  /** H, the size of the last axis of outputs. */
  readonly hiddenSize: number;
  /** First parameters from a key. */
  init(key: Tensor): P;
  /** Runs over xs: [T, B, F], or [T, F] for one sequence. */
  apply<const N extends string = never>(
    parameters: P,
    xs: X,
    options?: RunOptions<S, N>,
  ): Run<S, N>;
}

/** A runner over tensors, whatever its parameters and its state are. */
// oxlint-disable-next-line typescript/no-explicit-any -- only any is assignable in both directions
export type AnyRunner = Runner<any, any>;

/** The names of {@link RunOptions}. */
export const runOptions: readonly string[] = [
  "lengths",
  "mask",
  "initialState",
  "key",
  "memory",
  "memoryMask",
  "reverse",
  "record",
  "save",
];
