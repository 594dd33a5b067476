/** @file LSTMs with shorter ways: past the memory to the output, and of each unit to itself. */
import { matmul, mul, split, tanh, type Tensor } from "@tapeloop/autograd";
import { probe } from "../rnn/probe.ts";
import type { PeepholeParameters } from "./lstm-relatives.ts";
import { blend, candidate, gate, type GateParameters, sizedCell } from "./plain-cell.ts";
import type { CellOptions, SizedCell } from "./recurrent-cell.ts";

/** Parameters of a {@link residualLstmCell}: gates side by side, in the order i, f, g, o. */
export interface ResidualLstmParameters extends PeepholeParameters {
  /** Weights of what the memory shows [H, H]. */
  readonly Wp: Tensor;
  /** Weights of the input's way past the memory [F, H]. */
  readonly Wr: Tensor;
}

/**
 * The residual LSTM: the input goes past the memory to the output, through the output gate.
 *
 * ```text
 * i = sigmoid(x·Wxi + h·Whi + u_i ⊙ c + b_i)
 * f = sigmoid(x·Wxf + h·Whf + u_f ⊙ c + b_f)
 * c′ = f ⊙ c + i ⊙ tanh(x·Wxg + h·Whg + b_g)
 * o = sigmoid(x·Wxo + h·Who + u_o ⊙ c′ + b_o)
 * h′ = o ⊙ (tanh(c′)·Wp + x·Wr)
 * ```
 *
 * The output is h′. For `probe`: `gates.i`, `gates.f`, `gates.o`, `candidate`; `sums.i`, `sums.f`, `sums.g`, `sums.o`, `sums.c`.
 *
 * Shapes: x [B,F], h and c [B,H] → [B,H]; Wx [F,4H], Wh [H,4H], u [3H], b [4H], Wp [H,H], Wr [F,H]; order i, f, g, o.
 * Parameters: 4 (FH + H² + H) + 3H + H² + FH. First values: Wx and Wr Glorot uniform, Wh and Wp orthogonal, u even in
 * [0, 1), b 0 and 1 for f.
 *
 * Source: Kim, El-Khamy and Lee 2017, "Residual LSTM: design of a deep recurrent architecture for distant speech
 * recognition", arXiv:1701.03360, the equations of its section on the residual LSTM; x·Wr also where F is H.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, residualLstmCell, normal, scan } from "tapeloop";
 *
 * const cell = residualLstmCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function residualLstmCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<ResidualLstmParameters, "h" | "c", I, H> {
  return sizedCell("residualLstmCell", inputSize, hiddenSize, options, {
    state: ["h", "c"],
    parameters: (first) => ({
      Wx: first.input(4),
      Wh: first.recurrent(4),
      u: first.diagonal(3),
      b: first.bias(0, 1, 0, 0),
      Wp: first.recurrent(),
      Wr: first.input(),
    }),
    step: ({ Wx, Wh, u, b, Wp, Wr }, { h, c }, x) => {
      const [ai, af, ag, ao] = split(matmul(x, Wx).add(b).add(matmul(h, Wh)), 4);
      const [ui, uf, uo] = split(u, 3);
      const kept = gate("f", af.add(uf.mul(c))).mul(c);
      const next = kept.add(gate("i", ai.add(ui.mul(c))).mul(candidate("g", ag)));
      const seen = matmul(tanh(probe("sums.c", next)), Wp).add(matmul(x, Wr));
      const y = mul(gate("o", ao.add(uo.mul(next))), seen);
      return [{ h: y, c: next }, y];
    },
  });
}

/** Parameters of an {@link elementwiseLstmCell}: gates side by side, in the order f, z, o. */
export interface ElementwiseLstmParameters extends Omit<GateParameters, "Wh"> {
  /** Weight of each unit's own memory in f and z [2H]. */
  readonly u: Tensor;
  /** Weights of the new memory in the output gate [H, H]. */
  readonly Wo: Tensor;
}

/**
 * The LSTM with element-wise recurrence, eLSTM: no unit's memory feeds another's, so that real-time recurrent
 * learning is cheap. State: c.
 *
 * ```text
 * f = sigmoid(x·Wxf + u_f ⊙ c + b_f)
 * z = tanh(x·Wxz + u_z ⊙ c + b_z)
 * c′ = f ⊙ c + (1 − f) ⊙ z
 * y = sigmoid(x·Wxo + c′·Wo + b_o) ⊙ c′
 * ```
 *
 * For `probe`: `gates.f`, `gates.o`, `candidate`; `sums.f`, `sums.z`, `sums.o`.
 *
 * Shapes: x [B,F], c [B,H] → [B,H]; Wx [F,3H], u [2H], Wo [H,H], b [3H]; gate order f, z, o.
 * Parameters: 3FH + H² + 5H. First values: Wx Glorot uniform, u even in [0, 1), Wo orthogonal, b 0 and 1 for f.
 *
 * Source: Irie, Gopalakrishnan and Schmidhuber 2023, "Exploring the promise and limits of real-time recurrent
 * learning", arXiv:2305.19044, the equations of eLSTM.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, elementwiseLstmCell, normal, scan } from "tapeloop";
 *
 * const cell = elementwiseLstmCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function elementwiseLstmCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<ElementwiseLstmParameters, "c", I, H> {
  return sizedCell("elementwiseLstmCell", inputSize, hiddenSize, options, {
    state: ["c"],
    parameters: (first) => ({
      Wx: first.input(3),
      u: first.diagonal(2),
      Wo: first.recurrent(),
      b: first.bias(1, 0, 0),
    }),
    step: ({ Wx, u, Wo, b }, { c }, x) => {
      const [af, az, ao] = split(matmul(x, Wx).add(b), 3);
      const [uf, uz] = split(u, 2);
      const f = gate("f", af.add(uf.mul(c)));
      const next = blend(f, c, candidate("z", az.add(uz.mul(c))));
      return [{ c: next }, mul(gate("o", ao.add(matmul(next, Wo))), next)];
    },
  });
}
