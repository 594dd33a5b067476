/** @file Few parameters: nets with a residual connection by numbers, and gates that share weights. */
import { matmul, sigmoid, sub, type Tensor } from "@tapeloop/autograd";
import { candidate, gate, type GateParameters, shown, sizedCell } from "./plain-cell.ts";
import type { CellOptions, SizedCell } from "./recurrent-cell.ts";

/** Parameters of a {@link fastRnnCell}. */
export interface FastRnnParameters extends GateParameters {
  /** What decides the part of the candidate, by a sigmoid: []. */
  readonly alpha: Tensor;
  /** What decides the part of the state, by a sigmoid: []. */
  readonly beta: Tensor;
}

/**
 * FastRNN: a plain RNN with a residual connection, weighed by two numbers.
 *
 * ```text
 * n = tanh(x·Wx + h·Wh + b)
 * h′ = sigmoid(α) n + sigmoid(β) h
 * ```
 *
 * The output is h′. For `probe`: `candidate`; `sums.n`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,H], Wh [H,H], b [H], α and β [].
 * Parameters: FH + H² + H + 2. First values: Wx Glorot uniform, Wh orthogonal, b 0, α −3, β 3.
 *
 * Source: Kusupati et al. 2018, "FastGRNN: a fast, accurate, stable and tiny kilobyte sized gated recurrent neural
 * network", arXiv:1901.02358, section 3.1.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, fastRnnCell, normal, scan } from "tapeloop";
 *
 * const cell = fastRnnCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function fastRnnCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<FastRnnParameters, "h", I, H> {
  return sizedCell("fastRnnCell", inputSize, hiddenSize, options, {
    state: ["h"],
    parameters: (first) => ({
      Wx: first.input(),
      Wh: first.recurrent(),
      b: first.bias(0),
      alpha: first.scalar(-3),
      beta: first.scalar(3),
    }),
    step: ({ Wx, Wh, b, alpha, beta }, { h }, x) => {
      const n = candidate("n", matmul(x, Wx).add(b).add(matmul(h, Wh)));
      return shown(n.mul(sigmoid(alpha)).add(h.mul(sigmoid(beta))));
    },
  });
}

/** Parameters of a {@link fastGrnnCell}: one pair of weights, two biases. */
export interface FastGrnnParameters {
  /** Weights of the input [F, H]. */
  readonly Wx: Tensor;
  /** Weights of the state [H, H]. */
  readonly Wh: Tensor;
  /** Bias of the gate [H]. */
  readonly bz: Tensor;
  /** Bias of the candidate [H]. */
  readonly bn: Tensor;
  /** ζ before its sigmoid: []. */
  readonly zeta: Tensor;
  /** ν before its sigmoid: []. */
  readonly nu: Tensor;
}

/**
 * FastGRNN: a gate and a candidate that share their weights.
 *
 * ```text
 * a = x·Wx + h·Wh
 * z = sigmoid(a + bz)
 * n = tanh(a + bn)
 * h′ = (ζ (1 − z) + ν) ⊙ n + z ⊙ h, ζ and ν by a sigmoid
 * ```
 *
 * The output is h′. For `probe`: `gates.z`, `candidate`; `sums.z`, `sums.n`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,H], Wh [H,H], bz and bn [H], ζ and ν [].
 * Parameters: FH + H² + 2H + 2. First values: Wx Glorot uniform, Wh orthogonal, bz and bn 1, ζ 1, ν −4.
 *
 * Source: Kusupati et al. 2018, arXiv:1901.02358, section 3.2; first values of the authors' code.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, fastGrnnCell, normal, scan } from "tapeloop";
 *
 * const cell = fastGrnnCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function fastGrnnCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<FastGrnnParameters, "h", I, H> {
  return sizedCell("fastGrnnCell", inputSize, hiddenSize, options, {
    state: ["h"],
    parameters: (first) => ({
      Wx: first.input(),
      Wh: first.recurrent(),
      bz: first.bias(1),
      bn: first.bias(1),
      zeta: first.scalar(1),
      nu: first.scalar(-4),
    }),
    step: ({ Wx, Wh, bz, bn, zeta, nu }, { h }, x) => {
      const a = matmul(x, Wx).add(matmul(h, Wh));
      const z = gate("z", a.add(bz));
      const part = sub(1, z).mul(sigmoid(zeta)).add(sigmoid(nu));
      return shown(part.mul(candidate("n", a.add(bn))).add(z.mul(h)));
    },
  });
}
