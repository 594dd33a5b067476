/** @file S4D: a diagonal state space for each channel. */
import {
  checkOptions,
  exp,
  expandDims,
  normal,
  scope,
  splitKey,
  type Tensor,
  within,
} from "@tapeloop/autograd";
import { checkLastAxis, checkSizes } from "../sizes.ts";
import { type Complex, complexZeros, scaled } from "./complex.ts";
import {
  checkSpectrum,
  checkTimeSteps,
  type StateSpaceOptions,
  stateSpaceOptions,
  type StateSpaceParameters,
  firstSpectrum,
  logSteps,
  realSum,
  zeroOrderHold,
} from "./diagonal.ts";
import { type LinearCell, type LinearForm, linearStep } from "./linear-cell.ts";
import { stateShape } from "./recurrent-cell.ts";

/** Parameters of an {@link s4dCell}: decay and frequency are [H, N], logStep is [H]. */
export interface S4dParameters extends StateSpaceParameters {
  /** What of the states is shown [H, N]. */
  readonly C: Complex;
  /** What of the input is shown [H]. */
  readonly D: Tensor;
}

/** State of an {@link s4dCell}. */
export interface S4dState {
  /** State [B, H, N]. */
  readonly s: Complex;
}

/** The equations of {@link s4dCell}. */
const form: LinearForm<S4dParameters, S4dState> = ({ logStep, C, D, ...λ }, x) => {
  checkLastAxis("s4dCell", "x", x, D.shape[0]);
  return within("s4dCell", () => {
    const { a, gain } = zeroOrderHold(λ, expandDims(exp(logStep), -1));
    const past = x.mul(D);
    return {
      a: { s: a },
      b: { s: scaled(gain, expandDims(x, -1)) },
      show: ({ s }) => realSum(C, s).mul(2).add(past),
    };
  });
};

/**
 * S4D: each channel has N complex states of its own, which follow ds/dt = λ s + x in continuous time, with x
 * held for the time Δ of a step:
 *
 * ```text
 * λ  = −exp(decay) + i frequency,  Δ = exp(logStep)
 * s′ = exp(λΔ) ⊙ s + (exp(λΔ) − 1) / λ ⊙ x
 * y  = 2 Re Σₙ Cₙ s′ₙ + D ⊙ x
 * ```
 *
 * A state stands for itself and its conjugate, so N is half of the paper's; its B is 1, as C takes it in.
 * Channels do not mix: a layer has a nonlinearity and a `linear` behind it. The next state is linear in the
 * last: {@link parallel} runs all steps at once.
 *
 * Shapes: x [B,H], s [B,H,N] complex → [B,H]; decay, frequency [H,N], C [H,N] complex, logStep, D [H]. B batch,
 * H channels, N states of each. Without the batch axis it steps one sequence.
 * Parameters: 4HN + 2H. First values: λ as `spectrum` says, Δ from 0.001 to 0.1, C normal with variance ½ of both
 * parts, D normal.
 *
 * Source: Gu, Gupta, Goel and Ré 2022, "On the parameterization and initialization of diagonal state space models",
 * arXiv:2206.11893: listing 1, with the zero-order hold; S4D-Lin and S4D-Inv for `spectrum`.
 *
 * @param size - H, the number of channels of inputs and outputs.
 * @param options - `stateSize` is 32, `spectrum` "linear" by default.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown or out of range.
 * @throws ShapeError from `step` if the last axis of x is not H, or that of s not N.
 *
 * @example
 * ```ts
 * import { key, normal, parallel, s4dCell } from "tapeloop";
 *
 * const model = parallel(s4dCell(4, { stateSize: 8 }));
 * const xs = normal([10, 2, 4], { key: key(1) }); // 10 steps of a batch of 2
 * const { outputs, state } = model.apply(model.init(key(0)), xs);
 * console.log(outputs.shape, state.s.re.shape); // [ 10, 2, 4 ] [ 2, 4, 8 ]
 * ```
 */
export function s4dCell(
  size: number,
  options: Omit<StateSpaceOptions, "inputWeights"> = {},
): LinearCell<S4dParameters, S4dState> {
  checkOptions(
    "s4dCell",
    options,
    stateSpaceOptions.filter((name) => name !== "inputWeights"),
  );
  const {
    stateSize = 32,
    spectrum = "linear",
    timeSteps = [0.001, 0.1],
    dtype = "float32",
  } = options;
  checkSizes("s4dCell", { size, stateSize });
  checkSpectrum("s4dCell", spectrum);
  checkTimeSteps("s4dCell", timeSteps);
  return {
    inputSize: size,
    hiddenSize: size,
    init: (key) =>
      scope(() => {
        const [forStep, forRe, forIm, forD] = splitKey(key, 4);
        const part = (from: Tensor): Tensor =>
          normal([size, stateSize], { key: from, dtype }).mul(Math.SQRT1_2);
        return {
          ...firstSpectrum(key, spectrum, [size, stateSize], dtype),
          logStep: logSteps(forStep, size, timeSteps, dtype),
          C: { re: part(forRe), im: part(forIm) },
          D: normal([size], { key: forD, dtype }),
        };
      }),
    initialState: (batch) => ({ s: complexZeros(stateShape(batch, size, stateSize), dtype) }),
    ...linearStep("s4dCell", form),
  };
}
