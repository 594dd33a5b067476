/** @file S5: one diagonal state space for all channels. */
import {
  checkOptions,
  exp,
  matmul,
  normal,
  scope,
  splitKey,
  type Tensor,
  within,
} from "@tapeloop/autograd";
import { glorotUniform } from "../initializers/scaled.ts";
import { checkLastAxis, checkSizes } from "../sizes.ts";
import { type Complex, complexZeros, realProduct, times } from "./complex.ts";
import {
  checkSpectrum,
  checkTimeSteps,
  type StateSpaceOptions,
  stateSpaceOptions,
  type StateSpaceParameters,
  firstSpectrum,
  logSteps,
  zeroOrderHold,
} from "./diagonal.ts";
import { type LinearCell, type LinearForm, linearStep } from "./linear-cell.ts";
import { stateShape } from "./recurrent-cell.ts";

/** Parameters of an {@link s5Cell}: decay, frequency and logStep are [N]. */
export interface S5Parameters extends StateSpaceParameters {
  /** Weights of inputs [F, N]. */
  readonly B: Complex;
  /** Weights of the state [N, H]. */
  readonly C: Complex;
  /** Weights of the way past the state [F, H]. */
  readonly D: Tensor;
}

/** State of an {@link s5Cell}. */
export interface S5State {
  /** State [B, N]. */
  readonly s: Complex;
}

/** The equations of {@link s5Cell}. */
const form: LinearForm<S5Parameters, S5State> = ({ logStep, B, C, D, ...λ }, x) => {
  checkLastAxis("s5Cell", "x", x, D.shape[0]);
  return within("s5Cell", () => {
    const { a, gain } = zeroOrderHold(λ, exp(logStep));
    const input = { re: matmul(x, B.re), im: matmul(x, B.im) };
    const past = matmul(x, D);
    return {
      a: { s: a },
      b: { s: times(gain, input) },
      show: ({ s }) => realProduct(s, C).mul(2).add(past),
    };
  });
};

/**
 * S5: N complex states that all channels share, which follow ds/dt = λ ⊙ s + x·B in continuous time, with x held
 * for the time Δ of a step, one for each state:
 *
 * ```text
 * λ  = −exp(decay) + i frequency,  Δ = exp(logStep)
 * s′ = exp(λΔ) ⊙ s + (exp(λΔ) − 1) / λ ⊙ (x·B)
 * y  = 2 Re(s′·C) + x·D
 * ```
 *
 * A state stands for itself and its conjugate, so N is half of the paper's P. A layer has a nonlinearity behind
 * it. The next state is linear in the last: {@link parallel} runs all steps at once.
 *
 * Shapes: x [B,F], s [B,N] complex → [B,H]; decay, frequency, logStep [N], B [F,N] and C [N,H] complex, D [F,H].
 * B batch, F features, N states, H hidden. Without the batch axis it steps one sequence.
 * Parameters: 3N + 2FN + 2NH + FH. First values: λ as `spectrum` says, Δ from 0.001 to 0.1, B and C normal with
 * variances 1/2F and 1/2N of both parts, D Glorot uniform. The paper's λ are the eigenvalues of the HiPPO-N matrix,
 * which "inverse" is near to; its D is a diagonal, its real parts are free.
 *
 * Source: Smith, Warrington and Linderman 2023, "Simplified state space layers for sequence modeling",
 * arXiv:2208.04933: section 3, with the zero-order hold.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @param options - `stateSize` is H, `spectrum` "inverse" by default.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown or out of range.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of s not N.
 *
 * @example
 * ```ts
 * import { key, normal, parallel, s5Cell } from "tapeloop";
 *
 * const model = parallel(s5Cell(3, 4, { stateSize: 8 }));
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const { outputs, state } = model.apply(model.init(key(0)), xs);
 * console.log(outputs.shape, state.s.re.shape); // [ 10, 2, 4 ] [ 2, 8 ]
 * ```
 */
export function s5Cell(
  inputSize: number,
  hiddenSize: number,
  options: StateSpaceOptions = {},
): LinearCell<S5Parameters, S5State> {
  checkOptions("s5Cell", options, stateSpaceOptions);
  const {
    stateSize = hiddenSize,
    spectrum = "inverse",
    timeSteps = [0.001, 0.1],
    inputWeights = glorotUniform,
    dtype = "float32",
  } = options;
  checkSizes("s5Cell", { inputSize, hiddenSize, stateSize });
  checkSpectrum("s5Cell", spectrum);
  checkTimeSteps("s5Cell", timeSteps);
  return {
    inputSize,
    hiddenSize,
    init: (key) =>
      scope(() => {
        const [forStep, forBre, forBim, forCre, forCim, forD] = splitKey(key, 6);
        const weights = (from: Tensor, rows: number, columns: number): Tensor =>
          normal([rows, columns], { key: from, dtype }).mul(Math.sqrt(1 / (2 * rows)));
        return {
          ...firstSpectrum(key, spectrum, [stateSize], dtype),
          logStep: logSteps(forStep, stateSize, timeSteps, dtype),
          B: {
            re: weights(forBre, inputSize, stateSize),
            im: weights(forBim, inputSize, stateSize),
          },
          C: {
            re: weights(forCre, stateSize, hiddenSize),
            im: weights(forCim, stateSize, hiddenSize),
          },
          D: inputWeights(forD, [inputSize, hiddenSize], { dtype }),
        };
      }),
    initialState: (batch) => ({ s: complexZeros(stateShape(batch, stateSize), dtype) }),
    ...linearStep("s5Cell", form),
  };
}
