/** @file Simple gated units: the input multiplies the state, and one gate lets the product in. */
import {
  hardSigmoid,
  matmul,
  mul,
  sigmoid,
  softplus,
  split,
  tanh,
  type Tensor,
} from "@tapeloop/autograd";
import { probe } from "../rnn/probe.ts";
import { blend, type GateParameters, shown, sizedCell } from "./plain-cell.ts";
import type { CellOptions, SizedCell } from "./recurrent-cell.ts";

/** The state times what the input says of it, and the gate that lets a function of it in. */
function modulated(
  { Wx, Wh, b, bn }: SimpleGatedParameters,
  h: Tensor,
  x: Tensor,
): readonly [product: Tensor, z: Tensor] {
  const [xn, xz] = split(matmul(x, Wx).add(b), 2);
  const [Wn, Wz] = split(Wh, 2);
  const n = tanh(probe("sums.n", matmul(xn.mul(h), Wn).add(bn)));
  const z = hardSigmoid(probe("sums.z", xz.add(matmul(h, Wz))));
  return [mul(n, h), probe("gates.z", z)];
}

/** Parameters of an {@link sguCell}: side by side, in the order n, z. */
export interface SimpleGatedParameters extends GateParameters {
  /** Bias inside of the product's tanh [H]. */
  readonly bn: Tensor;
}

/**
 * The simple gated unit: an input gate that multiplies, in place of a GRU's reset gate.
 *
 * ```text
 * n = tanh(((x·Wxn + b_n) ⊙ h)·Whn + bn)
 * z = hardSigmoid(x·Wxz + h·Whz + b_z)
 * h′ = (1 − z) ⊙ h + z ⊙ softplus(n ⊙ h)
 * ```
 *
 * hardSigmoid(v) is v / 6 + ½ between 0 and 1. The output is h′. For `probe`: `gates.z`, `candidate`; `sums.n`,
 * `sums.z`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,2H], Wh [H,2H], b [2H], bn [H]; order n, z.
 * Parameters: 2 (FH + H² + H) + H. First values: Wx Glorot uniform, Wh orthogonal, b and bn 0.
 *
 * Source: Gao and Glowacka 2016, "Deep gate recurrent neural network", arXiv:1604.02910, the equations of SGU; biases
 * and the slope of the hard sigmoid as in RecurrentLayers.jl.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, sguCell, normal, scan } from "tapeloop";
 *
 * const cell = sguCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function sguCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<SimpleGatedParameters, "h", I, H> {
  return sizedCell("sguCell", inputSize, hiddenSize, options, {
    state: ["h"],
    parameters: (first) => ({
      Wx: first.input(2),
      Wh: first.recurrent(2),
      b: first.bias(0, 0),
      bn: first.bias(0),
    }),
    step: (parameters, { h }, x) => {
      const [product, z] = modulated(parameters, h, x);
      return shown(blend(z, probe("candidate", softplus(product)), h));
    },
  });
}

/** Parameters of a {@link dsguCell}. */
export interface DeepSimpleGatedParameters extends SimpleGatedParameters {
  /** Weights of the product [H, H]. */
  readonly Wo: Tensor;
}

/**
 * The deep simple gated unit: an {@link sguCell} with one layer more behind the product.
 *
 * ```text
 * n = tanh(((x·Wxn + b_n) ⊙ h)·Whn + bn)
 * z = hardSigmoid(x·Wxz + h·Whz + b_z)
 * h′ = (1 − z) ⊙ h + z ⊙ sigmoid((n ⊙ h)·Wo)
 * ```
 *
 * The output is h′. For `probe`: `gates.z`, `candidate`; `sums.n`, `sums.z`, `sums.o`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,2H], Wh [H,2H], Wo [H,H], b [2H], bn [H]; order n, z.
 * Parameters: 2 (FH + H² + H) + H² + H. First values: Wx Glorot uniform, Wh and Wo orthogonal, b and bn 0.
 *
 * Source: Gao and Glowacka 2016, "Deep gate recurrent neural network", arXiv:1604.02910, the equations of DSGU; biases
 * and the slope of the hard sigmoid as in RecurrentLayers.jl.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, dsguCell, normal, scan } from "tapeloop";
 *
 * const cell = dsguCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function dsguCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<DeepSimpleGatedParameters, "h", I, H> {
  return sizedCell("dsguCell", inputSize, hiddenSize, options, {
    state: ["h"],
    parameters: (first) => ({
      Wx: first.input(2),
      Wh: first.recurrent(2),
      b: first.bias(0, 0),
      bn: first.bias(0),
      Wo: first.recurrent(),
    }),
    step: (parameters, { h }, x) => {
      const [product, z] = modulated(parameters, h, x);
      const o = sigmoid(probe("sums.o", matmul(product, parameters.Wo)));
      return shown(blend(z, probe("candidate", o), h));
    },
  });
}
