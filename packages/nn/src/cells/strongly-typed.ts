/** @file Strongly typed cells: gates see the inputs of this step and of the last one, and not the state. */
import { matmul, split, tanh, type Tensor } from "@tapeloop/autograd";
import { probe } from "../rnn/probe.ts";
import { blend, cellOf, gate, shown, sizedCell } from "./plain-cell.ts";
import type { CellOptions, RecurrentCell, SizedCell } from "./recurrent-cell.ts";

/** Parameters of a {@link trnnCell}. */
export interface TrnnParameters {
  /** Weights of the input [F, 2H], in the order z, f. */
  readonly Wx: Tensor;
  /** Bias of f [H]. */
  readonly b: Tensor;
}

/**
 * The strongly typed RNN: a moving mean whose pace the input decides.
 *
 * ```text
 * [z, f] = x·Wx + [0, b]
 * h′ = sigmoid(f) ⊙ h + (1 − sigmoid(f)) ⊙ z
 * ```
 *
 * The output is h′. For `probe`: `gates.f`, `candidate`; `sums.f`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,2H], b [H]; order z, f.
 * Parameters: 2FH + H. First values: Wx Glorot uniform, b 0.
 *
 * Source: Balduzzi and Ghifary 2016, "Strongly-typed recurrent neural networks", arXiv:1602.02218, eq. 13. The gate is a
 * sigmoid, as there; RecurrentLayers.jl has tanh.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, trnnCell, normal, scan } from "tapeloop";
 *
 * const cell = trnnCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function trnnCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<TrnnParameters, "h", I, H> {
  return sizedCell("trnnCell", inputSize, hiddenSize, options, {
    state: ["h"],
    parameters: (first) => ({ Wx: first.input(2), b: first.bias(0) }),
    step: ({ Wx, b }, { h }, x) => {
      const [z, af] = split(matmul(x, Wx), 2);
      return shown(blend(gate("f", af.add(b)), h, probe("candidate", z)));
    },
  });
}

/** Parameters of a {@link tgruCell} and a {@link tlstmCell}: side by side, in the order z, f, o. */
export interface TypedParameters {
  /** Weights of the input [F, 3H]. */
  readonly Wx: Tensor;
  /** Weights of the input before [F, 3H]. */
  readonly Wp: Tensor;
  /** Bias [3H]. */
  readonly b: Tensor;
}

/** State of a {@link tgruCell}. */
export interface TgruState {
  /** Hidden state [B, H]. */
  readonly h: Tensor;
  /** The input before [B, F]. */
  readonly x: Tensor;
}

/** State of a {@link tlstmCell}. */
export interface TlstmState extends TgruState {
  /** Cell state [B, H]. */
  readonly c: Tensor;
}

/** z, f and o of both inputs. */
function typed({ Wx, Wp, b }: TypedParameters, before: Tensor, x: Tensor): readonly Tensor[] {
  const [z, af, ao] = split(matmul(x, Wx).add(b).add(matmul(before, Wp)), 3);
  return [probe("candidate", z), gate("f", af), tanh(probe("sums.o", ao))];
}

/**
 * The strongly typed GRU. State: h and the input before.
 *
 * ```text
 * [z, f, o] = x·Wx + x₋₁·Wp + b
 * h′ = sigmoid(f) ⊙ h + z ⊙ tanh(o)
 * ```
 *
 * The output is h′. For `probe`: `gates.f`, `candidate`; `sums.f`, `sums.o`.
 *
 * Shapes: x [B,F], h [B,H], the input before [B,F] → [B,H]; Wx and Wp [F,3H], b [3H]; order z, f, o.
 * Parameters: 6FH + 3H. First values: Wx and Wp Glorot uniform, b 0.
 *
 * Source: Balduzzi and Ghifary 2016, arXiv:1602.02218, section 3.2.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, tgruCell, normal, scan } from "tapeloop";
 *
 * const cell = tgruCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function tgruCell(
  inputSize: number,
  hiddenSize: number,
  options: CellOptions = {},
): RecurrentCell<TypedParameters, TgruState> {
  return cellOf("tgruCell", inputSize, hiddenSize, options, {
    state: { h: hiddenSize, x: inputSize },
    parameters: (first) => ({ Wx: first.input(3), Wp: first.input(3), b: first.bias(0, 0, 0) }),
    step: (parameters, { h, x: before }, x) => {
      const [z, f, o] = typed(parameters, before, x);
      const y = f.mul(h).add(z.mul(o));
      return [{ h: y, x }, y];
    },
  });
}

/**
 * The strongly typed LSTM. State: h, c and the input before.
 *
 * ```text
 * [z, f, o] = x·Wx + x₋₁·Wp + b
 * c′ = sigmoid(f) ⊙ c + (1 − sigmoid(f)) ⊙ z
 * h′ = c′ ⊙ tanh(o)
 * ```
 *
 * The output is h′. For `probe`: `gates.f`, `candidate`; `sums.f`, `sums.o`.
 *
 * Shapes: x [B,F], h and c [B,H], the input before [B,F] → [B,H]; Wx and Wp [F,3H], b [3H]; order z, f, o.
 * Parameters: 6FH + 3H. First values: Wx and Wp Glorot uniform, b 0.
 *
 * Source: Balduzzi and Ghifary 2016, arXiv:1602.02218, section 3.2.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, tlstmCell, normal, scan } from "tapeloop";
 *
 * const cell = tlstmCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function tlstmCell(
  inputSize: number,
  hiddenSize: number,
  options: CellOptions = {},
): RecurrentCell<TypedParameters, TlstmState> {
  return cellOf("tlstmCell", inputSize, hiddenSize, options, {
    state: { h: hiddenSize, c: hiddenSize, x: inputSize },
    parameters: (first) => ({ Wx: first.input(3), Wp: first.input(3), b: first.bias(0, 0, 0) }),
    step: (parameters, { c, x: before }, x) => {
      const [z, f, o] = typed(parameters, before, x);
      const next = blend(f, c, z);
      const y = next.mul(o);
      return [{ h: y, c: next, x }, y];
    },
  });
}
