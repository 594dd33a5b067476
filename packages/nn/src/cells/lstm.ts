/** @file The long short-term memory cell. */
import {
  type Cell,
  checkOptions,
  matmul,
  scope,
  sigmoid,
  split,
  splitKey,
  tanh,
  type Tensor,
  within,
} from "@tapeloop/autograd";
import { unitForgetBias } from "../initializers/gates.ts";
import type { Initializer } from "../initializers/initializer.ts";
import { orthogonal } from "../initializers/orthogonal.ts";
import { glorotUniform } from "../initializers/scaled.ts";
import { probe } from "../rnn/probe.ts";
import { checkLastAxis, checkSizes } from "../sizes.ts";
import {
  type CellOptions,
  cellOptions,
  type RecurrentCell,
  type SizedCell,
  zeroState,
} from "./recurrent-cell.ts";

/** Parameters of an {@link lstmCell}: four gates side by side, in the order i, f, g, o. */
export interface LstmParameters {
  /** Weights of the input [F, 4H]. */
  readonly Wx: Tensor;
  /** Weights of the state [H, 4H]. */
  readonly Wh: Tensor;
  /** Bias [4H]. */
  readonly b: Tensor;
}

/** State of an {@link lstmCell}. */
export interface LstmState {
  /** Hidden state [B, H]: what the cell shows. */
  readonly h: Tensor;
  /** Cell state [B, H]: what it remembers. */
  readonly c: Tensor;
}

/** Options of {@link lstmCell}. */
export interface LstmOptions extends CellOptions {
  /** First bias of the forget gate; above 0 it starts by remembering. Default: 1. */
  readonly forgetBias?: number;
  /** First values of b, such as {@link chronoBias}. Default: {@link unitForgetBias} of `forgetBias`. */
  readonly biases?: Initializer;
}

/** The equations of {@link lstmCell}. */
const step: Cell<LstmParameters, LstmState, Tensor, Tensor> = ({ Wx, Wh, b }, { h, c }, x) => {
  checkLastAxis("lstmCell", "x", x, Wx.shape[0]);
  checkLastAxis("lstmCell", "h", h, Wh.shape[0]);
  checkLastAxis("lstmCell", "c", c, Wh.shape[0]);
  return within("lstmCell", () => {
    // The part without h stands together: it can be computed for all steps at once.
    const sums = matmul(x, Wx).add(b).add(matmul(h, Wh));
    const [ai, af, ag, ao] = split(sums, 4);
    const i = probe("gates.i", sigmoid(probe("sums.i", ai)));
    const f = probe("gates.f", sigmoid(probe("sums.f", af)));
    const g = probe("candidate", tanh(probe("sums.g", ag)));
    const o = probe("gates.o", sigmoid(probe("sums.o", ao)));
    const cNext = f.mul(c).add(i.mul(g));
    const hNext = o.mul(tanh(probe("sums.c", cNext)));
    return [{ h: hNext, c: cNext }, hNext];
  });
};

/**
 * Long short-term memory:
 *
 * ```text
 * [i, f, g, o] = x·Wx + h·Wh + b
 * c′ = sigmoid(f) ⊙ c + sigmoid(i) ⊙ tanh(g)
 * h′ = sigmoid(o) ⊙ tanh(c′)
 * ```
 *
 * The output is h′. Gates: i input, f forget, g candidate, o output. For {@link probe} they are `gates.i`,
 * `gates.f`, `candidate` and `gates.o`; what goes into the sigmoids and tanhs, `sums.i`, `sums.f`, `sums.g`,
 * `sums.o` and `sums.c`.
 *
 * Shapes: x [B,F], h and c [B,H] → [B,H]; Wx [F,4H], Wh [H,4H], b [4H]. B batch, F features, H hidden.
 * Without the batch axis it steps one sequence.
 * Parameters: 4 (FH + H² + H). First values: Wx Glorot uniform, Wh orthogonal, b 0 and 1 for the forget gate.
 *
 * Source: Hochreiter and Schmidhuber 1997, "Long short-term memory"; forget gate by Gers, Schmidhuber and
 * Cummins 2000, "Learning to forget", eqs. 1–5, without peepholes; its bias of 1 by Jozefowicz, Zaremba
 * and Sutskever 2015. Gate order and equations are those of PyTorch and cuDNN.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of h or c not H.
 *
 * @example
 * ```ts
 * import { grad, key, lstmCell, normal, scan } from "tapeloop";
 *
 * const cell = lstmCell(3, 4);
 * const parameters = cell.init(key(0));
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [{ h, c }, ys] = scan(cell.step, parameters, cell.initialState(2), xs);
 * console.log(h.shape, c.shape, ys.shape); // [ 2, 4 ] [ 2, 4 ] [ 10, 2, 4 ]
 *
 * const loss = (p: typeof parameters) => scan(cell.step, p, cell.initialState(2), xs)[1].sum();
 * console.log(grad(loss)(parameters).Wh.shape); // [ 4, 16 ]
 * ```
 */
export function lstmCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options?: LstmOptions,
): SizedCell<LstmParameters, "h" | "c", I, H>;
export function lstmCell(
  inputSize: number,
  hiddenSize: number,
  options: LstmOptions = {},
): RecurrentCell<LstmParameters, LstmState> {
  checkOptions("lstmCell", options, [...cellOptions, "forgetBias", "biases"]);
  checkSizes("lstmCell", { inputSize, hiddenSize });
  const {
    forgetBias = 1,
    biases = unitForgetBias(forgetBias),
    inputWeights = glorotUniform,
    recurrentWeights = orthogonal,
    dtype = "float32",
  } = options;
  return {
    inputSize,
    hiddenSize,
    init: (key) =>
      scope(() => {
        const [forWx, forWh, forB] = splitKey(key, 3);
        return {
          Wx: inputWeights(forWx, [inputSize, 4 * hiddenSize], { dtype }),
          Wh: recurrentWeights(forWh, [hiddenSize, 4 * hiddenSize], { dtype }),
          b: biases(forB, [4 * hiddenSize], { dtype }),
        };
      }),
    initialState: (batch) => ({
      h: zeroState(hiddenSize, batch, dtype),
      c: zeroState(hiddenSize, batch, dtype),
    }),
    step,
  };
}
