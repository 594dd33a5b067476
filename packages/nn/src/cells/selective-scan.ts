/** @file The selective scan: a state space whose step, input and output depend on the input, as in Mamba. */
import {
  checkOptions,
  exp,
  expandDims,
  expm1,
  log,
  matmul,
  neg,
  ones,
  scope,
  softplus,
  split,
  splitKey,
  sum,
  tensor,
  type Tensor,
  tile,
  to,
  uniform,
  within,
  zeros,
} from "@tapeloop/autograd";
import { glorotUniform } from "../initializers/scaled.ts";
import { probe } from "../rnn/probe.ts";
import { checkLastAxis, checkSizes } from "../sizes.ts";
import { checkTimeSteps, logSteps } from "./diagonal.ts";
import {
  type LinearCell,
  type LinearCellOptions,
  linearCellOptions,
  type LinearForm,
  linearStep,
} from "./linear-cell.ts";
import { stateShape } from "./recurrent-cell.ts";

/** Parameters of a {@link selectiveScanCell}. */
export interface SelectiveScanParameters {
  /** Weights of the input, side by side those of Δ, B and C [H, R + 2N]. */
  readonly Wx: Tensor;
  /** From the R numbers to the Δ of each channel [R, H]. */
  readonly Wdt: Tensor;
  /** Bias of Δ [H]. */
  readonly bdt: Tensor;
  /** ln(−A) [H, N]. */
  readonly decay: Tensor;
  /** What of the input is shown [H]. */
  readonly D: Tensor;
}

/** State of a {@link selectiveScanCell}. */
export interface SelectiveScanState {
  /** State [B, H, N]. */
  readonly s: Tensor;
}

/** Options of {@link selectiveScanCell}. */
export interface SelectiveScanOptions extends LinearCellOptions {
  /** N, the number of states of each channel. Default: 16. */
  readonly stateSize?: number;
  /** R, the rank of the weights that Δ comes from. Default: ⌈H/16⌉. */
  readonly rank?: number;
  /** Least and greatest Δ of an input of 0 at first. Default: [0.001, 0.1]. */
  readonly timeSteps?: readonly [min: number, max: number];
}

/** The equations of {@link selectiveScanCell}. */
const form: LinearForm<SelectiveScanParameters, SelectiveScanState> = (
  { Wx, Wdt, bdt, decay, D },
  x,
) => {
  checkLastAxis("selectiveScanCell", "x", x, D.shape[0]);
  return within("selectiveScanCell", () => {
    const [rank, stateSize] = [Wdt.shape[0], decay.shape[1]];
    const [dt, B, C] = split(matmul(x, Wx), [rank, stateSize, stateSize]);
    const step = probe("step", softplus(probe("sums.step", matmul(dt, Wdt).add(bdt))));
    const input = step.mul(x);
    const past = x.mul(D);
    return {
      a: { s: exp(expandDims(step, -1).mul(neg(exp(decay)))) },
      b: { s: expandDims(input, -1).mul(expandDims(B, -2)) },
      show: ({ s }) => sum(s.mul(expandDims(C, -2)), { axes: -1 }).add(past),
    };
  });
};

/**
 * The selective scan of Mamba: each channel has N states of its own, and how long a step takes, what comes into
 * the states and what is shown of them depends on the input:
 *
 * ```text
 * [d, B, C] = x·Wx
 * Δ  = softplus(d·Wdt + bdt),  A = −exp(decay)
 * s′ = exp(Δ A) ⊙ s + (Δ ⊙ x) Bᵀ
 * y  = s′·C + D ⊙ x
 * ```
 *
 * It is the recurrence alone: Mamba's block has a projection, a short convolution and a gate around it. The next
 * state is linear in the last: {@link parallel} runs all steps at once. For {@link probe} Δ is `step`, what goes
 * into it `sums.step`.
 *
 * Shapes: x [B,H], s [B,H,N] → [B,H]; Wx [H,R+2N], Wdt [R,H], bdt and D [H], decay [H,N]. B batch, H channels,
 * N states of each, R rank. Without the batch axis it steps one sequence.
 * Parameters: H (R + 2N) + RH + 2H + HN. First values: Wx Glorot uniform, Wdt even within ±1/√R, bdt such that Δ is
 * drawn from 0.001 to 0.1, A = −1, …, −N, D 1.
 *
 * Source: Gu and Dao 2023, "Mamba: linear-time sequence modeling with selective state spaces", arXiv:2312.00752,
 * algorithm 2 and section 3.6; A is held (eq. 4), and B by Euler's rule ΔB, as in the authors' code.
 *
 * @param size - H, the number of channels of inputs and outputs.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown or out of range.
 * @throws ShapeError from `step` if the last axis of x is not H, or that of s not N.
 *
 * @example
 * ```ts
 * import { key, normal, parallel, selectiveScanCell } from "tapeloop";
 *
 * const model = parallel(selectiveScanCell(4, { stateSize: 8 }));
 * const xs = normal([10, 2, 4], { key: key(1) }); // 10 steps of a batch of 2
 * const { outputs, state } = model.apply(model.init(key(0)), xs);
 * console.log(outputs.shape, state.s.shape); // [ 10, 2, 4 ] [ 2, 4, 8 ]
 * ```
 */
export function selectiveScanCell(
  size: number,
  options: SelectiveScanOptions = {},
): LinearCell<SelectiveScanParameters, SelectiveScanState> {
  checkOptions("selectiveScanCell", options, [
    ...linearCellOptions,
    "stateSize",
    "rank",
    "timeSteps",
  ]);
  const {
    stateSize = 16,
    rank = Math.ceil(size / 16),
    timeSteps = [0.001, 0.1],
    inputWeights = glorotUniform,
    dtype = "float32",
  } = options;
  checkSizes("selectiveScanCell", { size, stateSize, rank });
  checkTimeSteps("selectiveScanCell", timeSteps);
  return {
    inputSize: size,
    hiddenSize: size,
    init: (key) =>
      scope(() => {
        const [forWx, forWdt, forStep] = splitKey(key, 3);
        const bound = 1 / Math.sqrt(rank);
        const step = exp(logSteps(forStep, size, timeSteps, dtype));
        const rates = Float64Array.from({ length: stateSize }, (_, n) => Math.log(n + 1));
        return {
          Wx: inputWeights(forWx, [size, rank + 2 * stateSize], { dtype }),
          Wdt: uniform([rank, size], -bound, bound, { key: forWdt, dtype }),
          // softplus⁻¹(Δ) = Δ + ln(1 − e^−Δ)
          bdt: step.add(log(neg(expm1(neg(step))))),
          decay: tile(tensor(rates, { dtype, backend: key.backend }), [size, 1]),
          D: to(ones([size], { dtype }), key.backend),
        };
      }),
    initialState: (batch) => ({ s: zeros(stateShape(batch, size, stateSize), { dtype }) }),
    ...linearStep("selectiveScanCell", form),
  };
}
