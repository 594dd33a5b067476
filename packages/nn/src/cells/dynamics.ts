/** @file Differential equations in steps: antisymmetric nets, oscillators, several time scales. */
import { matmul, sigmoid, split, sub, tanh, type Tensor, transpose } from "@tapeloop/autograd";
import { probe } from "../rnn/probe.ts";
import {
  blend,
  candidate,
  checkSetting,
  gate,
  type GateParameters,
  shown,
  sizedCell,
} from "./plain-cell.ts";
import type { CellOptions, SizedCell } from "./recurrent-cell.ts";

/** Options of {@link antisymmetricRnnCell} and {@link gatedAntisymmetricRnnCell}. */
export interface AntisymmetricOptions extends CellOptions {
  /** ε, the length of a step, above 0. Default: 1. */
  readonly epsilon?: number;
  /** γ, the damping, from 0. Default: 0. */
  readonly gamma?: number;
}

/** h·(W − Wᵀ) − γ h: what turns the state and, with γ, fades it. */
function turned(h: Tensor, W: Tensor, gamma: number): Tensor {
  return matmul(h, sub(W, transpose(W))).sub(h.mul(gamma));
}

/** Checks ε and γ. */
function checkSteps(
  op: string,
  { epsilon = 1, gamma = 0 }: AntisymmetricOptions,
): readonly [number, number] {
  checkSetting(op, "epsilon is above 0", epsilon, epsilon > 0 && epsilon < Infinity);
  checkSetting(op, "gamma is a number from 0", gamma, gamma >= 0 && gamma < Infinity);
  return [epsilon, gamma];
}

/**
 * The antisymmetric RNN: a step of a differential equation that neither grows nor fades.
 *
 * ```text
 * h′ = h + ε tanh(x·Wx + h·(Wh − Whᵀ − γ) + b)
 * ```
 *
 * The output is h′. For `probe`: `candidate`; `sums.h`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,H], Wh [H,H], b [H].
 * Parameters: FH + H² + H. First values: Wx Glorot uniform, Wh orthogonal, b 0.
 *
 * Source: Chang, Chen, Haber and Chi 2019, "AntisymmetricRNN: a dynamical system view on recurrent neural
 * networks", arXiv:1902.09689, eq. 9.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown. Also if ε is
 * not above 0, or γ below 0.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, antisymmetricRnnCell, normal, scan } from "tapeloop";
 *
 * const cell = antisymmetricRnnCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function antisymmetricRnnCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: AntisymmetricOptions = {},
): SizedCell<GateParameters, "h", I, H> {
  const [epsilon, gamma] = checkSteps("antisymmetricRnnCell", options);
  return sizedCell("antisymmetricRnnCell", inputSize, hiddenSize, options, {
    state: ["h"],
    options: ["epsilon", "gamma"],
    parameters: (first) => ({ Wx: first.input(), Wh: first.recurrent(), b: first.bias(0) }),
    step: ({ Wx, Wh, b }, { h }, x) => {
      const n = candidate(
        "h",
        matmul(x, Wx)
          .add(b)
          .add(turned(h, Wh, gamma)),
      );
      return shown(h.add(n.mul(epsilon)));
    },
  });
}

/**
 * The antisymmetric RNN with an input gate.
 *
 * ```text
 * a = h·(Wh − Whᵀ − γ)
 * z = sigmoid(a + x·Wxz + b_z)
 * h′ = h + ε z ⊙ tanh(a + x·Wxh + b_h)
 * ```
 *
 * The output is h′. For `probe`: `gates.z`, `candidate`; `sums.z`, `sums.h`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,2H], Wh [H,H], b [2H]; order z, h.
 * Parameters: 2FH + H² + 2H. First values: Wx Glorot uniform, Wh orthogonal, b 0.
 *
 * Source: Chang, Chen, Haber and Chi 2019, arXiv:1902.09689, eqs. 10 and 11.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown. Also if ε is
 * not above 0, or γ below 0.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, gatedAntisymmetricRnnCell, normal, scan } from "tapeloop";
 *
 * const cell = gatedAntisymmetricRnnCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function gatedAntisymmetricRnnCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: AntisymmetricOptions = {},
): SizedCell<GateParameters, "h", I, H> {
  const [epsilon, gamma] = checkSteps("gatedAntisymmetricRnnCell", options);
  return sizedCell("gatedAntisymmetricRnnCell", inputSize, hiddenSize, options, {
    state: ["h"],
    options: ["epsilon", "gamma"],
    parameters: (first) => ({ Wx: first.input(2), Wh: first.recurrent(), b: first.bias(0, 0) }),
    step: ({ Wx, Wh, b }, { h }, x) => {
      const a = turned(h, Wh, gamma);
      const [xz, xh] = split(matmul(x, Wx).add(b), 2);
      const n = gate("z", xz.add(a)).mul(candidate("h", xh.add(a)));
      return shown(h.add(n.mul(epsilon)));
    },
  });
}

/** Parameters of a {@link cornnCell}. */
export interface CornnParameters {
  /** Weights of the input [F, H]. */
  readonly Wx: Tensor;
  /** Weights of the places [H, H]. */
  readonly Wh: Tensor;
  /** Weights of the velocities [H, H]. */
  readonly Wz: Tensor;
  /** Bias [H]. */
  readonly b: Tensor;
}

/** Options of {@link cornnCell}. */
export interface CornnOptions extends CellOptions {
  /** Δt, the length of a step, above 0. Default: 0.05. */
  readonly dt?: number;
  /** γ, what pulls the oscillators back, from 0. Default: 1. */
  readonly gamma?: number;
  /** ε, what damps them, from 0. Default: 1. */
  readonly epsilon?: number;
}

/**
 * The coupled oscillatory RNN: driven oscillators, damped and coupled. State: places h and velocities z.
 *
 * ```text
 * z′ = z + Δt (tanh(x·Wx + h·Wh + z·Wz + b) − γ h − ε z)
 * h′ = h + Δt z′
 * ```
 *
 * The output is h′. For `probe`: `candidate`; `sums.z`.
 *
 * Shapes: x [B,F], h and z [B,H] → [B,H]; Wx [F,H], Wh and Wz [H,H], b [H].
 * Parameters: FH + 2H² + H. First values: Wx Glorot uniform, Wh and Wz orthogonal, b 0.
 *
 * Source: Rusch and Mishra 2021, "Coupled oscillatory recurrent neural network (coRNN)", arXiv:2010.00951, eq. 3, with
 * the damping of the step before, as in the authors' code.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown. Also if Δt is
 * not above 0, or γ or ε below 0.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, cornnCell, normal, scan } from "tapeloop";
 *
 * const cell = cornnCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function cornnCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CornnOptions = {},
): SizedCell<CornnParameters, "h" | "z", I, H> {
  const { dt = 0.05, gamma = 1, epsilon = 1 } = options;
  checkSetting("cornnCell", "dt is above 0", dt, dt > 0 && dt < Infinity);
  checkSetting("cornnCell", "gamma is a number from 0", gamma, gamma >= 0 && gamma < Infinity);
  checkSetting(
    "cornnCell",
    "epsilon is a number from 0",
    epsilon,
    epsilon >= 0 && epsilon < Infinity,
  );
  return sizedCell("cornnCell", inputSize, hiddenSize, options, {
    state: ["h", "z"],
    options: ["dt", "gamma", "epsilon"],
    parameters: (first) => ({
      Wx: first.input(),
      Wh: first.recurrent(),
      Wz: first.recurrent(),
      b: first.bias(0),
    }),
    step: ({ Wx, Wh, Wz, b }, { h, z }, x) => {
      const n = candidate("z", matmul(x, Wx).add(b).add(matmul(h, Wh)).add(matmul(z, Wz)));
      const velocity = z.add(n.sub(h.mul(gamma)).sub(z.mul(epsilon)).mul(dt));
      const y = h.add(velocity.mul(dt));
      return [{ h: y, z: velocity }, y];
    },
  });
}

/** Parameters of a {@link unicornnCell}. */
export interface UnicornnParameters {
  /** Weights of the input [F, H]. */
  readonly Wx: Tensor;
  /** Weight of each oscillator's own place [H]. */
  readonly u: Tensor;
  /** Bias [H]. */
  readonly b: Tensor;
  /** What decides each oscillator's time scale [H]. */
  readonly c: Tensor;
}

/** Options of {@link unicornnCell}. */
export interface UnicornnOptions extends CellOptions {
  /** Δt, the length of a step, above 0. Default: 0.05. */
  readonly dt?: number;
  /** α, what pulls the oscillators back, from 0. Default: 1. */
  readonly alpha?: number;
}

/**
 * The undamped independent controlled oscillatory RNN: a Hamiltonian system. State: places h and velocities z.
 *
 * ```text
 * z′ = z − Δt sigmoid(c) ⊙ (tanh(u ⊙ h + x·Wx + b) + α h)
 * h′ = h + Δt sigmoid(c) ⊙ z′
 * ```
 *
 * The output is h′. For `probe`: `candidate`; `sums.z`.
 *
 * Shapes: x [B,F], h and z [B,H] → [B,H]; Wx [F,H], u, b and c [H].
 * Parameters: FH + 3H. First values: Wx Glorot uniform, u even in [0, 1), b 0, c even in [−0.1, 0.1).
 *
 * Source: Rusch and Mishra 2021, "UnICORNN: a recurrent model for learning very long time dependencies",
 * arXiv:2103.05487, eq. 3.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown. Also if Δt is
 * not above 0, or α below 0.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, unicornnCell, normal, scan } from "tapeloop";
 *
 * const cell = unicornnCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function unicornnCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: UnicornnOptions = {},
): SizedCell<UnicornnParameters, "h" | "z", I, H> {
  const { dt = 0.05, alpha = 1 } = options;
  checkSetting("unicornnCell", "dt is above 0", dt, dt > 0 && dt < Infinity);
  checkSetting("unicornnCell", "alpha is a number from 0", alpha, alpha >= 0 && alpha < Infinity);
  return sizedCell("unicornnCell", inputSize, hiddenSize, options, {
    state: ["h", "z"],
    options: ["dt", "alpha"],
    parameters: (first) => ({
      Wx: first.input(),
      u: first.diagonal(),
      b: first.bias(0),
      c: first.uniform(-0.1, 0.1),
    }),
    step: ({ Wx, u, b, c }, { h, z }, x) => {
      const pace = sigmoid(c).mul(dt);
      const n = candidate("z", matmul(x, Wx).add(b).add(u.mul(h)));
      const velocity = z.sub(pace.mul(n.add(h.mul(alpha))));
      const y = h.add(pace.mul(velocity));
      return [{ h: y, z: velocity }, y];
    },
  });
}

/** Parameters of a {@link lemCell}. */
export interface LemParameters extends GateParameters {
  /** Weights of z in the candidate of h [H, H]. */
  readonly Wz: Tensor;
}

/** Options of {@link lemCell}. */
export interface LemOptions extends CellOptions {
  /** Δt, the longest step, above 0, up to 1. Default: 1. */
  readonly dt?: number;
}

/**
 * Long expressive memory: two states whose time scales are learned. State: h and z.
 *
 * ```text
 * d = Δt sigmoid(x·Wx₁ + h·Wh₁ + b₁)
 * e = Δt sigmoid(x·Wx₂ + h·Wh₂ + b₂)
 * z′ = (1 − d) ⊙ z + d ⊙ tanh(x·Wx₃ + h·Wh₃ + b₃)
 * h′ = (1 − e) ⊙ h + e ⊙ tanh(x·Wx₄ + z′·Wz + b₄)
 * ```
 *
 * The output is h′. For `probe`: `gates.d`, `gates.e`, `candidate`; `sums.d`, `sums.e`, `sums.z`, `sums.h`.
 *
 * Shapes: x [B,F], h and z [B,H] → [B,H]; Wx [F,4H], Wh [H,3H], Wz [H,H], b [4H].
 * Parameters: 4 (FH + H² + H). First values: Wx Glorot uniform, Wh and Wz orthogonal, b 0.
 *
 * Source: Rusch, Mishra, Erichson and Mahoney 2022, "Long expressive memory for sequence modeling",
 * arXiv:2110.04744, eq. 3.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown. Also if Δt is
 * not above 0 and at most 1.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, lemCell, normal, scan } from "tapeloop";
 *
 * const cell = lemCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function lemCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: LemOptions = {},
): SizedCell<LemParameters, "h" | "z", I, H> {
  const { dt = 1 } = options;
  checkSetting("lemCell", "dt is above 0 and at most 1", dt, dt > 0 && dt <= 1);
  return sizedCell("lemCell", inputSize, hiddenSize, options, {
    state: ["h", "z"],
    options: ["dt"],
    parameters: (first) => ({
      Wx: first.input(4),
      Wh: first.recurrent(3),
      Wz: first.recurrent(),
      b: first.bias(0, 0, 0, 0),
    }),
    step: ({ Wx, Wh, Wz, b }, { h, z }, x) => {
      const [xd, xe, xz, xh] = split(matmul(x, Wx).add(b), 4);
      const [hd, he, hz] = split(matmul(h, Wh), 3);
      const d = gate("d", xd.add(hd)).mul(dt);
      const e = gate("e", xe.add(he)).mul(dt);
      const slow = blend(d, candidate("z", xz.add(hz)), z);
      const y = blend(e, tanh(probe("sums.h", xh.add(matmul(slow, Wz)))), h);
      return [{ h: y, z: slow }, y];
    },
  });
}
