/** @file States that flow: Lipschitz and piecewise-linear systems, and states that go round. */
import {
  add,
  diagonal,
  matmul,
  mul,
  relu,
  roll,
  split,
  sub,
  type Tensor,
  transpose,
  zeros,
} from "@tapeloop/autograd";
import { probe } from "../rnn/probe.ts";
import { checkSizes } from "../sizes.ts";
import {
  candidate,
  checkSetting,
  type GateParameters,
  gate,
  shown,
  sizedCell,
} from "./plain-cell.ts";
import type { CellOptions, SizedCell } from "./recurrent-cell.ts";

/** Options of {@link lipschitzRnnCell}. */
export interface LipschitzOptions extends CellOptions {
  /** ε, the length of a step, above 0. Default: 0.1. */
  readonly dt?: number;
  /** β, how skew the matrices are: ½ is any matrix, 1 a skew one; from 0 to 1. Default: 0.7. */
  readonly beta?: number;
  /** γ, what pulls the state back, from 0. Default: 0.001. */
  readonly gamma?: number;
}

/**
 * The Lipschitz RNN: an Euler step of a linear flow and a nonlinear one, both with matrices whose skew and
 * symmetric parts are weighed apart.
 *
 * ```text
 * S(M) = β (M − Mᵀ) + (1 − β) (M + Mᵀ) − γ
 * h′ = h + ε h·S(A) + ε tanh(x·Wx + h·S(W) + b)
 * ```
 *
 * The output is h′. For `probe`: `candidate`; `sums.n`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,H], Wh [H,2H] with A and W side by side, b [H].
 * Parameters: FH + 2H² + H. First values: Wx Glorot uniform, Wh orthogonal, b 0.
 *
 * Source: Erichson, Azencot, Queiruga, Hodgkinson and Mahoney 2021, "Lipschitz recurrent neural networks",
 * arXiv:2006.12070, the symmetric-skew decomposition and the forward Euler scheme; defaults as in torchrecurrent.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown. Also if
 * ε is not above 0, β not from 0 to 1, or γ below 0.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, lipschitzRnnCell, normal, scan } from "tapeloop";
 *
 * const cell = lipschitzRnnCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function lipschitzRnnCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: LipschitzOptions = {},
): SizedCell<GateParameters, "h", I, H> {
  const { dt = 0.1, beta = 0.7, gamma = 0.001 } = options;
  checkSetting("lipschitzRnnCell", "dt is above 0", dt, dt > 0 && dt < Infinity);
  checkSetting("lipschitzRnnCell", "beta is from 0 to 1", beta, beta >= 0 && beta <= 1);
  checkSetting(
    "lipschitzRnnCell",
    "gamma is a number from 0",
    gamma,
    gamma >= 0 && gamma < Infinity,
  );
  /** h·S(M): β (M − Mᵀ) + (1 − β) (M + Mᵀ) is M + (1 − 2β) Mᵀ. */
  const along = (h: Tensor, M: Tensor): Tensor =>
    sub(matmul(h, add(M, mul(transpose(M), 1 - 2 * beta))), mul(h, gamma));
  return sizedCell("lipschitzRnnCell", inputSize, hiddenSize, options, {
    state: ["h"],
    options: ["dt", "beta", "gamma"],
    parameters: (first) => ({ Wx: first.input(), Wh: first.recurrent(2), b: first.bias(0) }),
    step: ({ Wx, Wh, b }, { h }, x) => {
      const [A, W] = split(Wh, 2);
      const n = candidate("n", matmul(x, Wx).add(b).add(along(h, W)));
      return shown(h.add(add(along(h, A), n).mul(dt)));
    },
  });
}

/** Parameters of a {@link plRnnCell}. */
export interface PlRnnParameters extends GateParameters {
  /** Weight of each unit's own state [H]. */
  readonly u: Tensor;
}

/**
 * The piecewise-linear RNN: a linear system between the corners of its rectifier.
 *
 * ```text
 * h′ = u ⊙ h + relu(h)·(Wh without its diagonal) + x·Wx + b
 * ```
 *
 * The output is h′.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,H], Wh [H,H], u [H], b [H]. The diagonal of Wh counts for nothing.
 * Parameters: FH + H² + 2H. First values: Wx Glorot uniform, Wh orthogonal, u even in [0, 1), b 0.
 *
 * Source: Koppe, Toutounji, Kirsch, Lis and Durstewitz 2019, "Identifying nonlinear dynamical systems via generative
 * recurrent neural networks", eq. 1, without the noise.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, plRnnCell, normal, scan } from "tapeloop";
 *
 * const cell = plRnnCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function plRnnCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<PlRnnParameters, "h", I, H> {
  return sizedCell("plRnnCell", inputSize, hiddenSize, options, {
    state: ["h"],
    parameters: (first) => ({
      Wx: first.input(),
      Wh: first.recurrent(),
      u: first.diagonal(),
      b: first.bias(0),
    }),
    step: ({ Wx, Wh, u, b }, { h }, x) => {
      const r = relu(h);
      const others = sub(matmul(r, Wh), mul(r, diagonal(Wh)));
      return shown(matmul(x, Wx).add(b).add(u.mul(h)).add(others));
    },
  });
}

/** Parameters of a {@link shufflingRnnCell}. */
export interface ShufflingParameters {
  /** Weights of the input's gate [F, H]. */
  readonly Wx: Tensor;
  /** Bias of the gate [H]. */
  readonly b: Tensor;
  /** Weights of the input's first layer [F, M]. */
  readonly W1: Tensor;
  /** Bias of the first layer [M]. */
  readonly b1: Tensor;
  /** Weights of the second layer [M, H]. */
  readonly W2: Tensor;
  /** Bias of the second layer [H]. */
  readonly b2: Tensor;
}

/** Options of {@link shufflingRnnCell}. */
export interface ShufflingOptions extends CellOptions {
  /** M, how wide the input's first layer is, from 1. Default: 64. */
  readonly width?: number;
}

/**
 * The shuffling RNN: the state moves on by one unit in every step, with no recurrent weights at all, so that what is
 * in it neither fades nor grows.
 *
 * ```text
 * n = (relu(x·W1 + b1)·W2 + b2) ⊙ sigmoid(x·Wx + b)
 * h′ = relu(shift(h) + n), shift(h)ᵢ = hᵢ₋₁ and h₋₁ = the last
 * ```
 *
 * The output is h′. For `probe`: `gates.x`, `candidate`; `sums.x`, `sums.h`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,H], b [H], W1 [F,M], b1 [M], W2 [M,H], b2 [H].
 * Parameters: FH + 2H + M (F + H + 1). First values: Wx Glorot uniform, W1 and W2 orthogonal, biases 0.
 *
 * Source: Rotman and Wolf 2020, "Shuffling recurrent neural networks", arXiv:2007.07324, the equations of its method,
 * with one hidden layer.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown. Also if
 * the width is not a whole number from 1.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, shufflingRnnCell, normal, scan } from "tapeloop";
 *
 * const cell = shufflingRnnCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function shufflingRnnCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: ShufflingOptions = {},
): SizedCell<ShufflingParameters, "h", I, H> {
  const { width = 64, dtype = "float32" } = options;
  checkSizes("shufflingRnnCell", { width });
  return sizedCell("shufflingRnnCell", inputSize, hiddenSize, options, {
    state: ["h"],
    options: ["width"],
    parameters: (first) => ({
      Wx: first.input(),
      b: first.bias(0),
      W1: first.matrix(inputSize, width),
      b1: zeros([width], { dtype }),
      W2: first.matrix(width, hiddenSize),
      b2: first.bias(0),
    }),
    step: ({ Wx, b, W1, b1, W2, b2 }, { h }, x) => {
      const drive = matmul(relu(matmul(x, W1).add(b1)), W2).add(b2);
      const n = probe("candidate", mul(drive, gate("x", matmul(x, Wx).add(b))));
      return shown(relu(probe("sums.h", add(roll(h, 1, { axes: -1 }), n))));
    },
  });
}
