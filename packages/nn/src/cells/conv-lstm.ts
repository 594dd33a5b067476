/** @file ConvLSTM: a long short-term memory over images or rows, whose products are convolutions. */
import {
  type Cell,
  checkOptions,
  scope,
  sigmoid,
  split,
  splitKey,
  tanh,
  type Tensor,
  within,
  zeros,
} from "@tapeloop/autograd";
import { unitForgetBias } from "../initializers/gates.ts";
import { orthogonal } from "../initializers/orthogonal.ts";
import { zerosInit } from "../initializers/plain.ts";
import { glorotUniform } from "../initializers/scaled.ts";
import { probe } from "../rnn/probe.ts";
import { checkLastAxis, checkSizes } from "../sizes.ts";
import { type ConvCellOptions, convolved, kernelOf, kernelSizes } from "./convolution.ts";
import { cellOptions, type RecurrentCell, stateShape } from "./recurrent-cell.ts";

/** Parameters of a {@link convLstmCell}: four gates side by side, in the order i, f, g, o. */
export interface ConvLstmParameters {
  /** Kernels of the input [4H, F, …K]. */
  readonly Wx: Tensor;
  /** Kernels of the state [4H, H, …K]. */
  readonly Wh: Tensor;
  /** Bias [4H]. */
  readonly b: Tensor;
  /** Peepholes of i, f and o side by side […space, 3H]; only with `peepholes`. */
  readonly Wc?: Tensor;
}

/** State of a {@link convLstmCell}. */
export interface ConvLstmState {
  /** Hidden state [B, …space, H]. */
  readonly h: Tensor;
  /** Cell state [B, …space, H]. */
  readonly c: Tensor;
}

/** Options of {@link convLstmCell}. */
export interface ConvLstmOptions extends ConvCellOptions {
  /** Whether gates see the cell state, each place by weights of its own. Default: false. */
  readonly peepholes?: boolean;
  /** First bias of the forget gate. Default: 1. */
  readonly forgetBias?: number;
}

/** A sum that sees the cell state, if it has weights for it. */
function seeing(sum: Tensor, weights: Tensor | undefined, c: Tensor): Tensor {
  return weights === undefined ? sum : sum.add(weights.mul(c));
}

/** The equations of {@link convLstmCell}. */
const step: Cell<ConvLstmParameters, ConvLstmState, Tensor, Tensor> = (
  { Wx, Wh, b, Wc },
  { h, c },
  x,
) => {
  checkLastAxis("convLstmCell", "x", x, Wx.shape[1]);
  checkLastAxis("convLstmCell", "h", h, Wh.shape[1]);
  checkLastAxis("convLstmCell", "c", c, Wh.shape[1]);
  return within("convLstmCell", () => {
    const [ai, af, ag, ao] = split(convolved(x, Wx).add(b).add(convolved(h, Wh)), 4);
    const [ci, cf, co] = Wc === undefined ? [] : split(Wc, 3);
    const i = probe("gates.i", sigmoid(probe("sums.i", seeing(ai, ci, c))));
    const f = probe("gates.f", sigmoid(probe("sums.f", seeing(af, cf, c))));
    const g = probe("candidate", tanh(probe("sums.g", ag)));
    const cNext = f.mul(c).add(i.mul(g));
    const o = probe("gates.o", sigmoid(probe("sums.o", seeing(ao, co, cNext))));
    const hNext = o.mul(tanh(probe("sums.c", cNext)));
    return [{ h: hNext, c: cNext }, hNext];
  });
};

/**
 * Long short-term memory over space, one axis or two, in which a convolution ∗ takes the place of each product:
 *
 * ```text
 * [i, f, g, o] = Wx ∗ x + Wh ∗ h + b
 * i, f += Wci ⊙ c, Wcf ⊙ c                         with peepholes
 * c′ = sigmoid(f) ⊙ c + sigmoid(i) ⊙ tanh(g)
 * o += Wco ⊙ c′                                    with peepholes
 * h′ = sigmoid(o) ⊙ tanh(c′)
 * ```
 *
 * The output is h′. Space keeps its size: zeros stand around it. Channels are the last axis, so wrappers around cells
 * see them as features: a `projection` is a 1×1 convolution. Names for {@link probe} are those of `lstmCell`.
 *
 * Shapes: x [B,…S,F], h and c [B,…S,H] → [B,…S,H]; Wx [4H,F,…K], Wh [4H,H,…K], b [4H], Wc […S,3H]. B batch, S space, F input
 * channels, H hidden channels, K kernel. Without the batch axis it steps one sequence; `rnn` needs one.
 * Parameters: 4 (FK + HK + 1) H, K counted over all axes, and 3SH for peepholes. First values: Wx Glorot uniform and Wh
 * orthogonal, as matrices [all that a gate sees, 4H]; b 0, and 1 for the forget gate; Wc 0.
 *
 * Source: Shi et al. 2015, "Convolutional LSTM network", arXiv:1506.04214, eq. 3. Without peepholes, as in Keras.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @param space - S: [length] or [height, width].
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of h or c not H.
 *
 * @example
 * ```ts
 * import { convLstmCell, key, normal, rnn } from "tapeloop";
 *
 * const model = rnn(convLstmCell(1, 4, [8, 8]));
 * const films = normal([5, 2, 8, 8, 1], { key: key(1) }); // 5 images of 8 × 8 for each of 2
 * console.log(model.apply(model.init(key(0)), films).outputs.shape); // [ 5, 2, 8, 8, 4 ]
 * ```
 */
export function convLstmCell(
  inputSize: number,
  hiddenSize: number,
  space: readonly number[],
  options: ConvLstmOptions = {},
): RecurrentCell<ConvLstmParameters, ConvLstmState> {
  checkOptions("convLstmCell", options, [...cellOptions, "kernelSize", "peepholes", "forgetBias"]);
  checkSizes("convLstmCell", { inputSize, hiddenSize });
  const {
    kernelSize = 3,
    peepholes = false,
    forgetBias = 1,
    inputWeights = glorotUniform,
    recurrentWeights = orthogonal,
    dtype = "float32",
  } = options;
  const sizes = kernelSizes("convLstmCell", space, kernelSize);
  const bias = unitForgetBias(forgetBias);
  return {
    inputSize,
    hiddenSize,
    init: (key) =>
      scope(() => {
        const [forWx, forWh] = splitKey(key);
        const parameters = {
          Wx: kernelOf(inputWeights, forWx, [4 * hiddenSize, inputSize, ...sizes], dtype),
          Wh: kernelOf(recurrentWeights, forWh, [4 * hiddenSize, hiddenSize, ...sizes], dtype),
          b: bias(key, [4 * hiddenSize], { dtype }),
        };
        if (!peepholes) return parameters;
        return { ...parameters, Wc: zerosInit(key, [...space, 3 * hiddenSize], { dtype }) };
      }),
    initialState: (batch) => ({
      h: zeros(stateShape(batch, ...space, hiddenSize), { dtype }),
      c: zeros(stateShape(batch, ...space, hiddenSize), { dtype }),
    }),
    step,
  };
}
