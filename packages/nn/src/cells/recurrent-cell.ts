/** @file What all recurrent cells have in common. */
import { type Cell, type Tensor, zeros } from "@tapeloop/autograd";
import type { FloatType, Initializer } from "../initializers.ts";

/**
 * A recurrent cell: a pure step for {@link scan}, with its first parameters and its first state.
 *
 * @typeParam P - Parameters.
 * @typeParam S - State. Its `h` is also the output.
 */
export interface RecurrentCell<P, S> {
  /** F, the size of the last axis of inputs. */
  readonly inputSize: number;
  /** H, the size of the last axis of states and outputs. */
  readonly hiddenSize: number;
  /** First parameters from a key. */
  init(key: Tensor): P;
  /** Zeros: [batch, H], or [H] without a batch axis. */
  initialState(batch?: number): S;
  /** (parameters, state, x) → [next state, y]. */
  readonly step: Cell<P, S, Tensor, Tensor>;
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
  return zeros(batch === undefined ? [hiddenSize] : [batch, hiddenSize], { dtype });
}
