/** @file The gated recurrent unit, with the reset gate after or before the product. */
import {
  add,
  type Cell,
  checkOptions,
  matmul,
  scope,
  sigmoid,
  split,
  splitKey,
  sub,
  tanh,
  type Tensor,
  within,
} from "@tapeloop/autograd";
import { orthogonal } from "../initializers/orthogonal.ts";
import type { Initializer } from "../initializers/initializer.ts";
import { zerosInit } from "../initializers/plain.ts";
import { glorotUniform } from "../initializers/scaled.ts";
import { probe } from "../rnn/probe.ts";
import { checkLastAxis, checkSizes } from "../sizes.ts";
import {
  type CellOptions,
  cellOptions,
  type RecurrentCell,
  type SizedCell,
  zeroState,
} from "./recurrent-cell.ts";

/** Parameters of a {@link gruCell}: three gates side by side, in the order r, z, n. */
export interface GruParameters {
  /** Weights of the input [F, 3H]. */
  readonly Wx: Tensor;
  /** Weights of the state [H, 3H]. */
  readonly Wh: Tensor;
  /** Bias [3H]. */
  readonly b: Tensor;
  /** Bias of n inside of the reset gate [H]; only with `resetAfter`. */
  readonly bn?: Tensor;
}

/** State of a {@link gruCell}. */
export interface GruState {
  /** Hidden state [B, H]. */
  readonly h: Tensor;
}

/** Options of {@link gruCell}. */
export interface GruOptions extends CellOptions {
  /**
   * Whether the reset gate works on the product h·Whn, as in cuDNN and PyTorch, or, if false, on h before
   * it. Default: true.
   */
  readonly resetAfter?: boolean;
  /** First values of b, such as {@link chronoUpdateBias}. Default: zeros. */
  readonly biases?: Initializer;
}

type GruStep = Cell<GruParameters, GruState, Tensor, Tensor>;

/** n = tanh(xn + r ⊙ (h·Whn + bn)): one product with h for all gates. */
const stepResetAfter: GruStep = ({ Wx, Wh, b, bn }, { h }, x) => {
  checkOperands(x, h, Wx, Wh);
  return within("gruCell", () => {
    const [xr, xz, xn] = split(matmul(x, Wx).add(b), 3);
    const [hr, hz, hn] = split(matmul(h, Wh), 3);
    const [r, z] = gatesOf(add(xr, hr), add(xz, hz));
    const n = candidateOf(xn.add(r.mul(bn === undefined ? hn : hn.add(bn))));
    return next(z, n, h);
  });
};

/** n = tanh(xn + (r ⊙ h)·Whn): a second product, which waits for r. */
const stepResetBefore: GruStep = ({ Wx, Wh, b }, { h }, x) => {
  checkOperands(x, h, Wx, Wh);
  return within("gruCell", () => {
    const hiddenSize = Wh.shape[0];
    const [xr, xz, xn] = split(matmul(x, Wx).add(b), 3);
    const [Wrz, Wn] = split(Wh, [2 * hiddenSize, hiddenSize]);
    const [hr, hz] = split(matmul(h, Wrz), 2);
    const [r, z] = gatesOf(add(xr, hr), add(xz, hz));
    const n = candidateOf(xn.add(matmul(r.mul(h), Wn)));
    return next(z, n, h);
  });
};

/** The last axes of x and h must fit the weights. */
function checkOperands(x: Tensor, h: Tensor, Wx: Tensor, Wh: Tensor): void {
  checkLastAxis("gruCell", "x", x, Wx.shape[0]);
  checkLastAxis("gruCell", "h", h, Wh.shape[0]);
}

/** r and z from their sums. */
function gatesOf(r: Tensor, z: Tensor): readonly [r: Tensor, z: Tensor] {
  return [
    probe("gates.r", sigmoid(probe("sums.r", r))),
    probe("gates.z", sigmoid(probe("sums.z", z))),
  ];
}

/** n from its sum. */
function candidateOf(n: Tensor): Tensor {
  return probe("candidate", tanh(probe("sums.n", n)));
}

/** h′ = (1 − z) ⊙ n + z ⊙ h; exactly h for z = 1, which n + z ⊙ (h − n) would not be. */
function next(z: Tensor, n: Tensor, h: Tensor): readonly [GruState, Tensor] {
  const y = sub(1, z).mul(n).add(z.mul(h));
  return [{ h: y }, y];
}

/**
 * The gated recurrent unit:
 *
 * ```text
 * [xr, xz, xn] = x·Wx + b
 * r = sigmoid(xr + h·Whr)                 reset gate
 * z = sigmoid(xz + h·Whz)                 update gate
 * n = tanh(xn + r ⊙ (h·Whn + bn))         candidate, resetAfter: true
 * n = tanh(xn + (r ⊙ h)·Whn)              candidate, resetAfter: false
 * h′ = (1 − z) ⊙ n + z ⊙ h
 * ```
 *
 * The output is h′. For {@link probe} the gates are `gates.r`, `gates.z` and `candidate`; what goes into
 * them, `sums.r`, `sums.z` and `sums.n`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,3H], Wh [H,3H], b [3H], bn [H]; gate order r, z, n.
 * B batch, F features, H hidden. Without the batch axis it steps one sequence.
 * Parameters: 3 (FH + H² + H), and H for bn. PyTorch and Keras have two biases for every gate; their sum
 * is b, but for n, where they are b and bn. First values: Wx Glorot uniform, Wh orthogonal, b and bn 0.
 *
 * Source: Cho et al. 2014, arXiv:1406.1078, eqs. 5–8: version 3 for `resetAfter: false`; version 1, with
 * bn as in cuDNN, PyTorch and Keras, for `resetAfter: true`.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of h not H.
 *
 * @example
 * ```ts
 * import { gruCell, key, normal, scan } from "tapeloop";
 *
 * const cell = gruCell(3, 4);
 * const parameters = cell.init(key(0));
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [{ h }, ys] = scan(cell.step, parameters, cell.initialState(2), xs);
 * console.log(h.shape, ys.shape); // [ 2, 4 ] [ 10, 2, 4 ]
 * ```
 */
export function gruCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options?: GruOptions,
): SizedCell<GruParameters, "h", I, H>;
export function gruCell(
  inputSize: number,
  hiddenSize: number,
  options: GruOptions = {},
): RecurrentCell<GruParameters, GruState> {
  checkOptions("gruCell", options, [...cellOptions, "resetAfter", "biases"]);
  checkSizes("gruCell", { inputSize, hiddenSize });
  const {
    resetAfter = true,
    inputWeights = glorotUniform,
    recurrentWeights = orthogonal,
    biases = zerosInit,
    dtype = "float32",
  } = options;
  return {
    inputSize,
    hiddenSize,
    init: (key) =>
      scope(() => {
        const [forWx, forWh, forB] = splitKey(key, 3);
        const parameters = {
          Wx: inputWeights(forWx, [inputSize, 3 * hiddenSize], { dtype }),
          Wh: recurrentWeights(forWh, [hiddenSize, 3 * hiddenSize], { dtype }),
          b: biases(forB, [3 * hiddenSize], { dtype }),
        };
        const bn = zerosInit(key, [hiddenSize], { dtype });
        return resetAfter ? { ...parameters, bn } : parameters;
      }),
    initialState: (batch) => ({ h: zeroState(hiddenSize, batch, dtype) }),
    step: resetAfter ? stepResetAfter : stepResetBefore,
  };
}
