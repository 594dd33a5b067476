/** @file minLSTM: a long short-term memory whose gates do not look at the state. */
import {
  checkOptions,
  logSigmoid,
  matmul,
  neg,
  scope,
  sigmoid,
  split,
  sub,
  type Tensor,
  within,
} from "@tapeloop/autograd";
import { zerosInit } from "../initializers/plain.ts";
import { glorotUniform } from "../initializers/scaled.ts";
import { probe } from "../rnn/probe.ts";
import { checkLastAxis, checkSizes } from "../sizes.ts";
import {
  type LinearCell,
  type LinearForm,
  linearStep,
  type SizedLinearCell,
} from "./linear-cell.ts";
import { minimalCandidate, type MinimalCellOptions, minimalCellOptions } from "./min-gru.ts";
import { zeroState } from "./recurrent-cell.ts";

/** Parameters of a {@link minLstmCell}: gates and candidate side by side, in the order f, i, h. */
export interface MinLstmParameters {
  /** Weights of the input [F, 3H]. */
  readonly Wx: Tensor;
  /** Bias [3H]. */
  readonly b: Tensor;
}

/** State of a {@link minLstmCell}. */
export interface MinLstmState {
  /** Hidden state [B, H]. */
  readonly h: Tensor;
}

/** The equations of {@link minLstmCell}. */
function formOf(positive: boolean): LinearForm<MinLstmParameters, MinLstmState> {
  return ({ Wx, b }, x) => {
    checkLastAxis("minLstmCell", "x", x, Wx.shape[0]);
    return within("minLstmCell", () => {
      const [af, ai, ah] = split(matmul(x, Wx).add(b), 3);
      // f / (f + i) = sigmoid(ln f − ln i), which does not become 0 / 0 where both gates are closed.
      const odds = sub(logSigmoid(probe("sums.f", af)), logSigmoid(probe("sums.i", ai)));
      const f = probe("gates.f", sigmoid(odds));
      const i = probe("gates.i", sigmoid(neg(odds)));
      const candidate = minimalCandidate(ah, positive);
      return { a: { h: f }, b: { h: i.mul(candidate) }, show: ({ h }) => h };
    });
  };
}

/**
 * minLSTM, a long short-term memory without an output gate whose gates do not look at the state and share
 * out 1:
 *
 * ```text
 * [f, i, h̃] = x·Wx + b
 * f′ = sigmoid(f) / (sigmoid(f) + sigmoid(i)),  i′ = sigmoid(i) / (sigmoid(f) + sigmoid(i))
 * h′ = f′ ⊙ h + i′ ⊙ h̃
 * ```
 *
 * The output is h′. The next state is linear in the last: {@link parallel} runs all steps at once. For
 * {@link probe} f′ and i′ are `gates.f` and `gates.i`; the sums f and i, `sums.f` and `sums.i`; h̃, `candidate`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,3H], b [3H]. B batch, F features, H hidden. Without the batch axis it
 * steps one sequence.
 * Parameters: 3 (FH + H). First values: Wx Glorot uniform, b 0.
 *
 * Source: Feng, Tung, Ahmed, Bengio and Hajimirsadeghi 2024, "Were RNNs all we needed?", arXiv:2410.01201,
 * section 3.2; `positive` is g of its appendix.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of h not H.
 *
 * @example
 * ```ts
 * import { key, minLstmCell, normal, parallel } from "tapeloop";
 *
 * const model = parallel(minLstmCell(3, 4));
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const { outputs, state } = model.apply(model.init(key(0)), xs);
 * console.log(outputs.shape, state.h.shape); // [ 10, 2, 4 ] [ 2, 4 ]
 * ```
 */
export function minLstmCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options?: MinimalCellOptions,
): SizedLinearCell<MinLstmParameters, "h", I, H>;
export function minLstmCell(
  inputSize: number,
  hiddenSize: number,
  options: MinimalCellOptions = {},
): LinearCell<MinLstmParameters, MinLstmState> {
  checkOptions("minLstmCell", options, minimalCellOptions);
  checkSizes("minLstmCell", { inputSize, hiddenSize });
  const { positive = false, inputWeights = glorotUniform, dtype = "float32" } = options;
  return {
    inputSize,
    hiddenSize,
    init: (key) =>
      scope(() => ({
        Wx: inputWeights(key, [inputSize, 3 * hiddenSize], { dtype }),
        b: zerosInit(key, [3 * hiddenSize], { dtype }),
      })),
    initialState: (batch) => ({ h: zeroState(hiddenSize, batch, dtype) }),
    ...linearStep("minLstmCell", formOf(positive)),
  };
}
