/** @file minGRU: a gated recurrent unit whose gates do not look at the state. */
import {
  checkOptions,
  less,
  matmul,
  scope,
  sigmoid,
  split,
  sub,
  type Tensor,
  where,
  within,
} from "@tapeloop/autograd";
import { zerosInit } from "../initializers/plain.ts";
import { glorotUniform } from "../initializers/scaled.ts";
import { probe } from "../rnn/probe.ts";
import { checkLastAxis, checkSizes } from "../sizes.ts";
import {
  type LinearCell,
  type LinearCellOptions,
  linearCellOptions,
  type LinearForm,
  linearStep,
  type SizedLinearCell,
} from "./linear-cell.ts";
import { zeroState } from "./recurrent-cell.ts";

/** Parameters of a {@link minGruCell}: gate and candidate side by side, in the order z, h. */
export interface MinGruParameters {
  /** Weights of the input [F, 2H]. */
  readonly Wx: Tensor;
  /** Bias [2H]. */
  readonly b: Tensor;
}

/** State of a {@link minGruCell}. */
export interface MinGruState {
  /** Hidden state [B, H]. */
  readonly h: Tensor;
}

/** Options of {@link minGruCell} and `minLstmCell`. */
export interface MinimalCellOptions extends LinearCellOptions {
  /**
   * Whether candidates go through g(x) = x + ½ above 0, sigmoid(x) below, and so states stay above 0, as in
   * the form that the paper computes in logarithms. Default: false.
   */
  readonly positive?: boolean;
}

/** The names of {@link MinimalCellOptions}. */
export const minimalCellOptions: readonly string[] = [...linearCellOptions, "positive"];

/** The candidate from its sum: itself, or g of it. */
export function minimalCandidate(x: Tensor, positive: boolean): Tensor {
  return probe("candidate", positive ? where(less(x, 0), sigmoid(x), x.add(0.5)) : x);
}

/** The equations of {@link minGruCell}. */
function formOf(positive: boolean): LinearForm<MinGruParameters, MinGruState> {
  return ({ Wx, b }, x) => {
    checkLastAxis("minGruCell", "x", x, Wx.shape[0]);
    return within("minGruCell", () => {
      const [az, ah] = split(matmul(x, Wx).add(b), 2);
      const z = probe("gates.z", sigmoid(probe("sums.z", az)));
      const candidate = minimalCandidate(ah, positive);
      return { a: { h: sub(1, z) }, b: { h: z.mul(candidate) }, show: ({ h }) => h };
    });
  };
}

/**
 * minGRU, a gated recurrent unit without a reset gate whose gate does not look at the state:
 *
 * ```text
 * [z, h̃] = x·Wx + b
 * h′ = (1 − sigmoid(z)) ⊙ h + sigmoid(z) ⊙ h̃
 * ```
 *
 * The output is h′. The next state is linear in the last: {@link parallel} runs all steps at once. For
 * {@link probe} the gate is `gates.z`, what goes into it `sums.z`, h̃ `candidate`. Here z lets in, as in the
 * paper, where it keeps in `gruCell`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,2H], b [2H]. B batch, F features, H hidden. Without the batch axis it
 * steps one sequence.
 * Parameters: 2 (FH + H). First values: Wx Glorot uniform, b 0.
 *
 * Source: Feng, Tung, Ahmed, Bengio and Hajimirsadeghi 2024, "Were RNNs all we needed?", arXiv:2410.01201,
 * section 3.1; `positive` is g of its appendix.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of h not H.
 *
 * @example
 * ```ts
 * import { key, minGruCell, normal, parallel, scan } from "tapeloop";
 *
 * const cell = minGruCell(3, 4);
 * const parameters = cell.init(key(0));
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [{ h }, ys] = scan(cell.step, parameters, cell.initialState(2), xs);
 * console.log(h.shape, ys.shape); // [ 2, 4 ] [ 10, 2, 4 ]
 * const { last } = parallel(cell).apply(parameters, xs);
 * console.log(last.sub(h).abs().max().item() < 1e-6); // true
 * ```
 */
export function minGruCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options?: MinimalCellOptions,
): SizedLinearCell<MinGruParameters, "h", I, H>;
export function minGruCell(
  inputSize: number,
  hiddenSize: number,
  options: MinimalCellOptions = {},
): LinearCell<MinGruParameters, MinGruState> {
  checkOptions("minGruCell", options, minimalCellOptions);
  checkSizes("minGruCell", { inputSize, hiddenSize });
  const { positive = false, inputWeights = glorotUniform, dtype = "float32" } = options;
  return {
    inputSize,
    hiddenSize,
    init: (key) =>
      scope(() => ({
        Wx: inputWeights(key, [inputSize, 2 * hiddenSize], { dtype }),
        b: zerosInit(key, [2 * hiddenSize], { dtype }),
      })),
    initialState: (batch) => ({ h: zeroState(hiddenSize, batch, dtype) }),
    ...linearStep("minGruCell", formOf(positive)),
  };
}
