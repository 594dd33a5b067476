/** @file What all recurrent cells have in common. */
import {
  type AnyShape,
  type Cell,
  type Shape,
  type ShapeMismatch,
  type Tensor,
  zeros,
} from "@tapeloop/autograd";
import type { FloatType, Initializer } from "../initializers/initializer.ts";

/**
 * A recurrent cell: a pure step for {@link scan}, with its first parameters and its first state.
 *
 * All leaves of a state have the batch for their first axis, but for those called `key`: a random key
 * belongs to the whole batch.
 *
 * @typeParam P - Parameters.
 * @typeParam S - State. In plain cells its `h` is also the output.
 * @typeParam X - Input of one step.
 */
export interface RecurrentCell<P, S, X = Tensor> {
  /** F, the size of the last axis of inputs. */
  readonly inputSize: number;
  /** H, the size of the last axis of outputs; of states, too, in plain cells. */
  readonly hiddenSize: number;
  /** First parameters from a key. */
  init(key: Tensor): P;
  /**
   * The state before the first step. Plain cells start with zeros: [batch, H], or [H] without a batch axis.
   *
   * @param options - For wrappers that start with more than zeros; plain cells take no notice.
   */
  initialState(batch?: number, options?: StartOptions<P>): S;
  /** (parameters, state, x) → [next state, y]. */
  readonly step: Cell<P, S, X, Tensor>;
}

/** What the first state of a wrapped cell may depend on. */
export interface StartOptions<P = unknown> {
  /** The cell's parameters: for starts that are learned, and masks of weights. */
  readonly parameters?: P;
  /** For dropout and zoneout in training; without it the cell is evaluated, and nothing is random. */
  readonly key?: Tensor;
  /** What cells with attention look at: [S, B, E], or [S, E] without a batch axis. */
  readonly memory?: Tensor;
  /** Which rows of the memory there are: bool [S, B], or [S]. Default: all. */
  readonly memoryMask?: Tensor;
}

/** A cell whose input is one tensor, whatever its parameters and its state are. */
// oxlint-disable-next-line typescript/no-explicit-any -- only any is assignable in both directions
export type AnyCell = RecurrentCell<any, any>;

/** The parameters of a cell. */
export type ParametersOf<C> =
  C extends Pick<RecurrentCell<infer P, never, never>, "init"> ? P : never;

/** The state of a cell. */
export type StateOf<C> =
  C extends Readonly<Record<"step", (parameters: never, state: infer S, x: never) => unknown>>
    ? S
    : never;

/** The shape X with H for its last size. */
export type WithLast<X, H extends number> =
  // Only any is between 0 and 1.
  0 extends 1 & X
    ? AnyShape
    : X extends readonly [...infer L extends Shape, number]
      ? [...L, H]
      : AnyShape;

/** Refuses the shape X for an input whose last size is known and not I. */
export type LastFits<X, I extends number> = 0 extends 1 & X
  ? unknown
  : X extends readonly [...Shape, infer F extends number]
    ? number extends F | I
      ? unknown
      : F extends I
        ? unknown
        : ShapeMismatch<`the input has ${F} features, the cell takes ${I}`>
    : unknown;

/** A state of tensors of one shape, by their names. */
export type States<N extends string, S extends Shape> = { readonly [K in N]: Tensor<S> };

/** A cell's step, for inputs [I] of one sequence or [B, I] of a batch. */
export type SizedStep<P, N extends string, I extends number, H extends number> = <
  X extends Shape = AnyShape,
>(
  parameters: P,
  state: States<N, WithLast<X, H>>,
  x: Tensor<X> & LastFits<X, I>,
) => readonly [States<N, WithLast<X, H>>, Tensor<WithLast<X, H>>];

/**
 * A {@link RecurrentCell} that knows its sizes in types: `scan` then gives outputs with known shapes, and
 * inputs with another number of features do not compile.
 *
 * @typeParam P - Parameters.
 * @typeParam N - The names of the parts of its state.
 * @typeParam I - F, the size of inputs.
 * @typeParam H - The size of states and outputs.
 */
export interface SizedCell<P, N extends string, I extends number, H extends number> {
  /** F, the size of the last axis of inputs. */
  readonly inputSize: I;
  /** H, the size of the last axis of states and outputs. */
  readonly hiddenSize: H;
  /** First parameters from a key. */
  init(key: Tensor): P;
  /** Zeros: [batch, H], or [H] without a batch axis. */
  initialState<B extends number | undefined = undefined>(
    batch?: B,
  ): States<N, B extends number ? [B, H] : [H]>;
  /** (parameters, state, x) → [next state, y]. */
  readonly step: SizedStep<P, N, I, H>;
}

/** Options of every recurrent cell. */
export interface CellOptions {
  /** First values of Wx. Default: {@link glorotUniform}. */
  readonly inputWeights?: Initializer;
  /** First values of Wh. Default: {@link orthogonal}. */
  readonly recurrentWeights?: Initializer;
  /** Element type of parameters and states. Default: float32. */
  readonly dtype?: FloatType;
}

/** The names of {@link CellOptions}. */
export const cellOptions: readonly string[] = ["inputWeights", "recurrentWeights", "dtype"];

/** Zeros for one part of a state. */
export function zeroState(hiddenSize: number, batch: number | undefined, dtype: FloatType): Tensor {
  return zeros(stateShape(batch, hiddenSize), { dtype });
}

/** The shape of one part of a state: the batch, if there is one, in front. */
export function stateShape(batch: number | undefined, ...sizes: readonly number[]): number[] {
  return batch === undefined ? [...sizes] : [batch, ...sizes];
}
