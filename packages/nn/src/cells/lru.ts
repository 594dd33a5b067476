/** @file LRU: the linear recurrent unit, a diagonal recurrence of complex numbers. */
import {
  ArgumentError,
  checkOptions,
  exp,
  expm1,
  log,
  matmul,
  neg,
  normal,
  scope,
  splitKey,
  type Tensor,
  uniform,
  within,
} from "@tapeloop/autograd";
import { glorotUniform } from "../initializers/scaled.ts";
import { checkLastAxis, checkSizes } from "../sizes.ts";
import { type Complex, complexExp, complexZeros, realProduct, scaled } from "./complex.ts";
import {
  type LinearCell,
  type LinearCellOptions,
  linearCellOptions,
  type LinearForm,
  linearStep,
} from "./linear-cell.ts";
import { stateShape } from "./recurrent-cell.ts";

/** Parameters of an {@link lruCell}. */
export interface LruParameters {
  /** ν, by which |λ| = exp(−exp ν) [N]. */
  readonly nu: Tensor;
  /** θ, by which the angle of λ is exp θ [N]. */
  readonly theta: Tensor;
  /** γ, by which inputs are multiplied by exp γ [N]. */
  readonly gamma: Tensor;
  /** Weights of inputs [F, N]. */
  readonly B: Complex;
  /** Weights of the state [N, H]. */
  readonly C: Complex;
  /** Weights of the way past the state [F, H]. */
  readonly D: Tensor;
}

/** State of an {@link lruCell}. */
export interface LruState {
  /** State [B, N]. */
  readonly s: Complex;
}

/** Options of {@link lruCell}. */
export interface LruOptions extends LinearCellOptions {
  /** N, the number of complex states. Default: H. */
  readonly stateSize?: number;
  /** Least and greatest |λ| at first. Default: [0, 1]. */
  readonly radius?: readonly [min: number, max: number];
  /** Greatest angle of λ at first, in radians. Default: 2π. */
  readonly maxPhase?: number;
}

/** The equations of {@link lruCell}. */
const form: LinearForm<LruParameters, LruState> = ({ nu, theta, gamma, B, C, D }, x) => {
  checkLastAxis("lruCell", "x", x, D.shape[0]);
  return within("lruCell", () => {
    const input = { re: matmul(x, B.re), im: matmul(x, B.im) };
    const past = matmul(x, D);
    return {
      a: { s: complexExp({ re: neg(exp(nu)), im: exp(theta) }) },
      b: { s: scaled(input, exp(gamma)) },
      show: ({ s }) => realProduct(s, C).add(past),
    };
  });
};

/**
 * The linear recurrent unit: complex states that decay and turn, each by itself:
 *
 * ```text
 * λ  = exp(−exp(ν) + i exp(θ))
 * s′ = λ ⊙ s + exp(γ) ⊙ (x·B)
 * y  = Re(s′·C) + x·D
 * ```
 *
 * |λ| is below 1 whatever ν is. A layer has a nonlinearity behind it, such as a `projection` with one. The
 * next state is linear in the last: {@link parallel} runs all steps at once.
 *
 * Shapes: x [B,F], s [B,N] complex → [B,H]; ν, θ, γ [N], B [F,N] and C [N,H] complex, D [F,H]. B batch, F features,
 * N states, H hidden. Without the batch axis it steps one sequence.
 * Parameters: 3N + 2FN + 2NH + FH. First values: λ spread evenly over the ring between two radii, exp γ = √(1 − |λ|²),
 * B and C normal with variances 1/2F and 1/N, D Glorot uniform; the authors' D is a diagonal.
 *
 * Source: Orvieto, Smith, Gu, Fernando, Gulcehre, Pascanu and De 2023, "Resurrecting recurrent neural networks for
 * long sequences", arXiv:2303.06349: eq. 7 for the recurrence, lemma 3.2 for the first λ, appendix A for the rest.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, radii are not 0 ≤ min < max ≤ 1, or an option is
 *   unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of s not N.
 *
 * @example
 * ```ts
 * import { key, lruCell, normal, parallel } from "tapeloop";
 *
 * const model = parallel(lruCell(3, 4, { stateSize: 8, radius: [0.9, 0.999] }));
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const { outputs, state } = model.apply(model.init(key(0)), xs);
 * console.log(outputs.shape, state.s.re.shape); // [ 10, 2, 4 ] [ 2, 8 ]
 * ```
 */
export function lruCell(
  inputSize: number,
  hiddenSize: number,
  options: LruOptions = {},
): LinearCell<LruParameters, LruState> {
  checkOptions("lruCell", options, [...linearCellOptions, "stateSize", "radius", "maxPhase"]);
  const {
    stateSize = hiddenSize,
    radius: [min, max] = [0, 1],
    maxPhase = 2 * Math.PI,
    inputWeights = glorotUniform,
    dtype = "float32",
  } = options;
  checkSizes("lruCell", { inputSize, hiddenSize, stateSize });
  if (!(min >= 0 && min < max && max <= 1)) {
    throw new ArgumentError("lruCell", "radius is 0 ≤ min < max ≤ 1", `[${min}, ${max}]`);
  }
  if (!(maxPhase > 0)) {
    throw new ArgumentError("lruCell", "maxPhase is above 0", String(maxPhase));
  }
  return {
    inputSize,
    hiddenSize,
    init: (key) =>
      scope(() => {
        const [forRadius, forPhase, forBre, forBim, forCre, forCim, forD] = splitKey(key, 7);
        // Neither 0, which has no logarithm, nor 1, of which λ could be 1.
        const draw = (from: Tensor): Tensor =>
          uniform([stateSize], 1e-6, 1 - 1e-6, { key: from, dtype });
        // Even over the ring: |λ|² is even between the squares of the radii.
        const squared = draw(forRadius)
          .mul(max ** 2 - min ** 2)
          .add(min ** 2);
        const weights = (from: Tensor, shape: [number, number], deviation: number): Tensor =>
          normal(shape, { key: from, dtype }).mul(deviation);
        const ofB = Math.sqrt(1 / (2 * inputSize));
        const ofC = Math.sqrt(1 / stateSize);
        return {
          nu: log(log(squared).mul(-0.5)),
          theta: log(draw(forPhase).mul(maxPhase)),
          gamma: log(neg(expm1(log(squared)))).mul(0.5),
          B: {
            re: weights(forBre, [inputSize, stateSize], ofB),
            im: weights(forBim, [inputSize, stateSize], ofB),
          },
          C: {
            re: weights(forCre, [stateSize, hiddenSize], ofC),
            im: weights(forCim, [stateSize, hiddenSize], ofC),
          },
          D: inputWeights(forD, [inputSize, hiddenSize], { dtype }),
        };
      }),
    initialState: (batch) => ({ s: complexZeros(stateShape(batch, stateSize), dtype) }),
    ...linearStep("lruCell", form),
  };
}
