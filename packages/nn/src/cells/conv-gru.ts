/** @file ConvGRU: a gated recurrent unit over images or rows, whose products are convolutions. */
import {
  type Cell,
  checkOptions,
  scope,
  sigmoid,
  split,
  splitKey,
  sub,
  tanh,
  type Tensor,
  within,
  zeros,
} from "@tapeloop/autograd";
import { orthogonal } from "../initializers/orthogonal.ts";
import { zerosInit } from "../initializers/plain.ts";
import { glorotUniform } from "../initializers/scaled.ts";
import { probe } from "../rnn/probe.ts";
import { checkLastAxis, checkSizes } from "../sizes.ts";
import { type ConvCellOptions, convolved, kernelOf, kernelSizes } from "./convolution.ts";
import { cellOptions, type RecurrentCell, stateShape } from "./recurrent-cell.ts";

/** Parameters of a {@link convGruCell}: three gates side by side, in the order r, z, n. */
export interface ConvGruParameters {
  /** Kernels of the input [3H, F, …K]. */
  readonly Wx: Tensor;
  /** Kernels of the state [3H, H, …K]. */
  readonly Wh: Tensor;
  /** Bias [3H]. */
  readonly b: Tensor;
}

/** State of a {@link convGruCell}. */
export interface ConvGruState {
  /** Hidden state [B, …space, H]. */
  readonly h: Tensor;
}

/** The equations of {@link convGruCell}. */
const step: Cell<ConvGruParameters, ConvGruState, Tensor, Tensor> = ({ Wx, Wh, b }, { h }, x) => {
  const [, hiddenSize] = Wh.shape;
  checkLastAxis("convGruCell", "x", x, Wx.shape[1]);
  checkLastAxis("convGruCell", "h", h, hiddenSize);
  return within("convGruCell", () => {
    const [xr, xz, xn] = split(convolved(x, Wx).add(b), 3);
    const [Wrz, Wn] = split(Wh, [2 * hiddenSize, hiddenSize], { axis: 0 });
    const [hr, hz] = split(convolved(h, Wrz), 2);
    const r = probe("gates.r", sigmoid(probe("sums.r", xr.add(hr))));
    const z = probe("gates.z", sigmoid(probe("sums.z", xz.add(hz))));
    const n = probe("candidate", tanh(probe("sums.n", xn.add(convolved(r.mul(h), Wn)))));
    const y = sub(1, z).mul(n).add(z.mul(h));
    return [{ h: y }, y];
  });
};

/**
 * The gated recurrent unit over space, one axis or two, in which a convolution ∗ takes the place of each product:
 *
 * ```text
 * [xr, xz, xn] = Wx ∗ x + b
 * r = sigmoid(xr + Whr ∗ h)                 reset gate
 * z = sigmoid(xz + Whz ∗ h)                 update gate
 * n = tanh(xn + Whn ∗ (r ⊙ h))              candidate
 * h′ = (1 − z) ⊙ n + z ⊙ h
 * ```
 *
 * The output is h′. z keeps, as in `gruCell`; in the paper it lets in. Space keeps its size: zeros stand around it.
 * Channels are the last axis, so wrappers around cells see them as features. Names for {@link probe} are those of
 * `gruCell`.
 *
 * Shapes: x [B,…S,F], h [B,…S,H] → [B,…S,H]; Wx [3H,F,…K], Wh [3H,H,…K], b [3H]. B batch, S space, F input channels, H hidden
 * channels, K kernel. Without the batch axis it steps one sequence; `rnn` needs one.
 * Parameters: 3 (FK + HK + 1) H, K counted over all axes. First values: Wx Glorot uniform and Wh orthogonal, as matrices
 * [all that a gate sees, 3H]; b 0.
 *
 * Source: Ballas, Yao, Pal and Courville 2016, "Delving deeper into convolutional networks for learning video
 * representations", arXiv:1511.06432, its GRU-RCN.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @param space - S: [length] or [height, width].
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of h not H.
 *
 * @example
 * ```ts
 * import { convGruCell, key, normal, rnn } from "tapeloop";
 *
 * const model = rnn(convGruCell(2, 4, [16], { kernelSize: 5 }));
 * const rows = normal([5, 3, 16, 2], { key: key(1) }); // 5 rows of 16 places for each of 3
 * console.log(model.apply(model.init(key(0)), rows).outputs.shape); // [ 5, 3, 16, 4 ]
 * ```
 */
export function convGruCell(
  inputSize: number,
  hiddenSize: number,
  space: readonly number[],
  options: ConvCellOptions = {},
): RecurrentCell<ConvGruParameters, ConvGruState> {
  checkOptions("convGruCell", options, [...cellOptions, "kernelSize"]);
  checkSizes("convGruCell", { inputSize, hiddenSize });
  const {
    kernelSize = 3,
    inputWeights = glorotUniform,
    recurrentWeights = orthogonal,
    dtype = "float32",
  } = options;
  const sizes = kernelSizes("convGruCell", space, kernelSize);
  return {
    inputSize,
    hiddenSize,
    init: (key) =>
      scope(() => {
        const [forWx, forWh] = splitKey(key);
        return {
          Wx: kernelOf(inputWeights, forWx, [3 * hiddenSize, inputSize, ...sizes], dtype),
          Wh: kernelOf(recurrentWeights, forWh, [3 * hiddenSize, hiddenSize, ...sizes], dtype),
          b: zerosInit(key, [3 * hiddenSize], { dtype }),
        };
      }),
    initialState: (batch) => ({ h: zeros(stateShape(batch, ...space, hiddenSize), { dtype }) }),
    step,
  };
}
