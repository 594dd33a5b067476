/** @file A cell that looks at a memory. */
import {
  ArgumentError,
  checkOptions,
  concat,
  expandDims,
  matmul,
  moveAxis,
  scope,
  softmax,
  splitKey,
  squeeze,
  sum,
  tanh,
  type Tensor,
  where,
  zeros,
} from "@tapeloop/autograd";
import type {
  AnyCell,
  ParametersOf,
  RecurrentCell,
  StartOptions,
  StateOf,
} from "../cells/recurrent-cell.ts";
import type { FloatType } from "../initializers/initializer.ts";
import { glorotUniform } from "../initializers/scaled.ts";
import { probe } from "../rnn/probe.ts";
import { alongside } from "../rnn/state.ts";
import { checkLastAxis, checkSizes } from "../sizes.ts";
import { forPart } from "./start.ts";

/** Parameters of a cell {@link withAttention}. */
export interface AttentionCellParameters<P> {
  /** Those of the cell. */
  readonly cell: P;
  /** Weights of what asks, the last output: [H, A]. */
  readonly Wq: Tensor;
  /** Weights of the memory [E, A]. */
  readonly Wm: Tensor;
  /** Weights of the score [A, 1]. */
  readonly v: Tensor;
}

/** State of a cell {@link withAttention}. */
export interface AttentionCellState<S> {
  /** The state of the cell inside. */
  readonly cell: S;
  /** The last output [B, H], which asks. */
  readonly output: Tensor;
  /** What is looked at [S, B, E]. */
  readonly memory: Tensor;
  /** memory·Wm [S, B, A]. */
  readonly projected: Tensor;
  /** Which rows of the memory there are [S, B]; absent where all are. */
  readonly memoryMask?: Tensor;
}

/** Sizes of {@link withAttention}. */
export interface AttentionCellOptions {
  /** E, the size of the last axis of the memory. */
  readonly memorySize: number;
  /** A, the size in which queries and memory are compared. Default: H. */
  readonly attentionSize?: number;
  /** Element type of the weights and the state. Default: float32. */
  readonly dtype?: FloatType;
}

/**
 * A cell that looks at a memory, such as the outputs of an encoder, before each step:
 *
 * ```text
 * eⱼ = tanh(y·Wq + mⱼ·Wm)·v        y: the last output
 * a  = softmax(e)                  over the rows j of the memory; the rows of the mask alone
 * y′ = cell([x, Σⱼ aⱼ mⱼ])
 * ```
 *
 * The memory is handed to the first state, `initialState(batch, { parameters, memory, memoryMask })`, which
 * `rnn` does for its options of these names. Values called `attention` [B, S] and `context` [B, E] can be
 * recorded.
 *
 * Shapes: x [B, F − E], F the size that the cell takes; memory [S, B, E] → [B, H].
 * Parameters: the cell's and HA + EA + A. First values: Glorot uniform.
 *
 * Source: Bahdanau, Cho and Bengio 2015, arXiv:1409.0473, eqs. 5 and 6 and section A.1.2.
 *
 * @throws ArgumentError if sizes do not fit, and from `initialState` without parameters or a memory.
 * @throws ShapeError from `initialState` if the last axis of the memory is not E.
 *
 * @example
 * ```ts
 * import { gruCell, key, normal, rnn, withAttention } from "tapeloop";
 *
 * const encoder = rnn(gruCell(3, 8));
 * const decoder = rnn(withAttention(gruCell(2 + 8, 16), { memorySize: 8 }));
 * const [source, target] = [normal([7, 4, 3], { key: key(1) }), normal([5, 4, 2], { key: key(2) })];
 * const memory = encoder.apply(encoder.init(key(3)), source).outputs;
 * const { recorded } = decoder.apply(decoder.init(key(4)), target, { memory, record: ["attention"] });
 * console.log(recorded.attention.shape); // [ 5, 4, 7 ]
 * ```
 */
export function withAttention<C extends AnyCell>(
  cell: C,
  options: AttentionCellOptions,
): RecurrentCell<AttentionCellParameters<ParametersOf<C>>, AttentionCellState<StateOf<C>>>;
export function withAttention<P, S>(
  cell: RecurrentCell<P, S>,
  options: AttentionCellOptions,
): RecurrentCell<AttentionCellParameters<P>, AttentionCellState<S>> {
  checkOptions("withAttention", options, ["memorySize", "attentionSize", "dtype"]);
  const { memorySize, attentionSize = cell.hiddenSize, dtype = "float32" } = options;
  checkSizes("withAttention", { memorySize, attentionSize });
  const inputSize = cell.inputSize - memorySize;
  if (inputSize < 1) {
    throw new ArgumentError(
      "withAttention",
      "the cell must take an input and a row of the memory",
      `${cell.inputSize} features in all and rows of ${memorySize}`,
    );
  }
  return {
    inputSize,
    hiddenSize: cell.hiddenSize,
    init: (key) =>
      scope(() => {
        const [forCell, forWq, forWm, forV] = splitKey(key, 4);
        return {
          cell: cell.init(forCell),
          Wq: glorotUniform(forWq, [cell.hiddenSize, attentionSize], { dtype }),
          Wm: glorotUniform(forWm, [memorySize, attentionSize], { dtype }),
          v: glorotUniform(forV, [attentionSize, 1], { dtype }),
        };
      }),
    initialState: (batch, start = {}) =>
      scope(() => {
        const { parameters, memory, memoryMask: mask } = checkMemory(start, memorySize);
        const rows = mask === undefined ? memory : where(alongside(mask, memory), memory, 0);
        const state = {
          cell: cell.initialState(
            batch,
            forPart(start, (p) => p.cell),
          ),
          output: zeros([...(batch === undefined ? [] : [batch]), cell.hiddenSize], { dtype }),
          memory: rows,
          projected: matmul(rows, parameters.Wm),
        };
        return mask === undefined ? state : { ...state, memoryMask: mask };
      }),
    step: (parameters, state, x) => {
      const { output, memory, projected, memoryMask: mask } = state;
      const e = matmul(tanh(matmul(output, parameters.Wq).add(projected)), parameters.v);
      // The rows of the memory stand first, those of the weights last.
      const scores = mask === undefined ? e : where(expandDims(mask, -1), e, -1e9);
      const a = softmax(squeeze(scores, { axes: -1 }), { axis: 0 });
      const weights = probe("attention", moveAxis(a, 0, -1));
      const rows = expandDims(moveAxis(weights, -1, 0), -1).mul(memory);
      const context = probe("context", sum(rows, { axes: 0 }));
      const [next, y] = cell.step(parameters.cell, state.cell, concat([x, context]));
      return [{ ...state, cell: next, output: y }, y];
    },
  };
}

/** What a first state needs. */
function checkMemory<P>(start: StartOptions<P>, memorySize: number) {
  const { parameters, memory } = start;
  if (parameters === undefined || memory === undefined) {
    throw new ArgumentError(
      "withAttention",
      "the first state needs parameters and a memory",
      parameters === undefined ? "no parameters" : "no memory",
      "Call initialState(batch, { parameters, memory }), or give rnn the option memory.",
    );
  }
  checkLastAxis("withAttention", "the memory", memory, memorySize);
  return { ...start, parameters, memory };
}
