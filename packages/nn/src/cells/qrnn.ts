/** @file QRNN: the quasi-recurrent cell, whose gates are convolutions over the last inputs. */
import {
  ArgumentError,
  checkOptions,
  concat,
  matmul,
  mul,
  scope,
  sigmoid,
  slice,
  split,
  sub,
  tanh,
  type Tensor,
  within,
  zerosLike,
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
} from "./linear-cell.ts";
import { zeroState } from "./recurrent-cell.ts";

/** Parameters of a {@link qrnnCell}: candidate and G − 1 gates side by side, in the order z, f, o, i. */
export interface QrnnParameters {
  /** Weights of the last K inputs, the oldest first [K F, G H]. */
  readonly Wx: Tensor;
  /** Bias [G H]. */
  readonly b: Tensor;
}

/** State of a {@link qrnnCell}. */
export interface QrnnState {
  /** Cell state [B, H]. */
  readonly c: Tensor;
  /** The last K − 1 inputs, the oldest first [B, (K − 1) F]; absent if K is 1. */
  readonly past?: Tensor;
}

/** Options of {@link qrnnCell}. */
export interface QrnnOptions extends LinearCellOptions {
  /** K, how many inputs the gates look at, the newest included. Default: 2. */
  readonly window?: number;
  /** Which gates there are. Default: "fo". */
  readonly pooling?: "f" | "fo" | "ifo";
}

/** G, the candidate and the gates. */
const products = { f: 2, fo: 3, ifo: 4 };

/** The last K inputs side by side, the oldest first: of one step, or of all. */
function windowsOf(x: Tensor, past: Tensor | undefined): Tensor {
  if (past === undefined) return x;
  if (x.rank === past.rank) return concat([past, x]);
  const [steps] = x.shape;
  const features = x.shape[x.rank - 1];
  const before = past.shape[past.rank - 1] / features;
  const rows = split(past, before).map((row) => row.reshape([1, ...row.shape]));
  const all = concat([...rows, x], { axis: 0 });
  const columns = Array.from({ length: before + 1 }, (_, k) =>
    slice(all, [{ start: k, stop: k + steps }]),
  );
  return concat(columns);
}

/** The equations of {@link qrnnCell}, with G sums of H. */
function formOf(sizes: readonly number[]): LinearForm<QrnnParameters, QrnnState> {
  return ({ Wx, b }, x, { past }) => {
    const inputSize = Wx.shape[0] - (past === undefined ? 0 : past.shape[past.rank - 1]);
    checkLastAxis("qrnnCell", "x", x, inputSize);
    return within("qrnnCell", () => {
      const windows = windowsOf(x, past);
      const sums = split(matmul(windows, Wx).add(b), sizes);
      const z = probe("candidate", tanh(probe("sums.z", sums[0])));
      const [f, o, i] = sums
        .slice(1)
        .map((sum, k) => probe(`gates.${"foi"[k]}`, sigmoid(probe(`sums.${"foi"[k]}`, sum))));
      const added = mul(i ?? sub(1, f), z);
      const show = ({ c: next }: QrnnState): Tensor => (o === undefined ? next : o.mul(next));
      if (past === undefined) return { a: { c: f }, b: { c: added }, show };
      const recent = slice(windows, [...x.shape.slice(1).map(() => null), { start: inputSize }]);
      return { a: { c: f, past: zerosLike(past) }, b: { c: added, past: recent }, show };
    });
  };
}

/**
 * The quasi-recurrent cell: candidate and gates are convolutions over the last K inputs, and what is recurrent
 * is a pooling of them:
 *
 * ```text
 * [z, f, o] = [x[t−K+1], …, x[t]]·Wx + b
 * c′ = sigmoid(f) ⊙ c + (1 − sigmoid(f)) ⊙ tanh(z)
 * y  = sigmoid(o) ⊙ c′                              pooling "fo"
 * y  = c′                                           pooling "f", without o
 * c′ = sigmoid(f) ⊙ c + sigmoid(i) ⊙ tanh(z)        pooling "ifo", with a gate i behind o
 * ```
 *
 * Inputs before the first are 0. The next state is linear in the last: {@link parallel} runs all steps at once.
 * For {@link probe} the gates are `gates.f`, `gates.o` and `gates.i`; tanh(z) is `candidate`; the sums are
 * `sums.z`, `sums.f`, `sums.o` and `sums.i`.
 *
 * Shapes: x [B,F], c [B,H], past [B,(K−1)F] → [B,H]; Wx [KF,GH], b [GH], with G = 2, 3 or 4 for "f", "fo", "ifo".
 * B batch, F features, H hidden, K window. Without the batch axis it steps one sequence.
 * Parameters: G (KFH + H). First values: Wx Glorot uniform, b 0.
 *
 * Source: Bradbury, Merity, Xiong and Socher 2017, "Quasi-recurrent neural networks", arXiv:1611.01576, eqs. 1
 * and 3–5.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of a state does not fit.
 *
 * @example
 * ```ts
 * import { key, normal, parallel, qrnnCell } from "tapeloop";
 *
 * const model = parallel(qrnnCell(3, 4, { window: 2 }));
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const { outputs, state } = model.apply(model.init(key(0)), xs);
 * console.log(outputs.shape, state.c.shape, state.past?.shape); // [ 10, 2, 4 ] [ 2, 4 ] [ 2, 3 ]
 * ```
 */
export function qrnnCell(
  inputSize: number,
  hiddenSize: number,
  options: QrnnOptions = {},
): LinearCell<QrnnParameters, QrnnState> {
  checkOptions("qrnnCell", options, [...linearCellOptions, "window", "pooling"]);
  const { window = 2, pooling = "fo", inputWeights = glorotUniform, dtype = "float32" } = options;
  checkSizes("qrnnCell", { inputSize, hiddenSize, window });
  if (!Object.hasOwn(products, pooling)) {
    throw new ArgumentError("qrnnCell", 'pooling is "f", "fo" or "ifo"', pooling);
  }
  const sums = Array.from({ length: products[pooling] }, () => hiddenSize);
  const width = sums.length * hiddenSize;
  return {
    inputSize,
    hiddenSize,
    init: (key) =>
      scope(() => ({
        Wx: inputWeights(key, [window * inputSize, width], { dtype }),
        b: zerosInit(key, [width], { dtype }),
      })),
    initialState: (batch) => {
      const c = zeroState(hiddenSize, batch, dtype);
      return window === 1 ? { c } : { c, past: zeroState((window - 1) * inputSize, batch, dtype) };
    },
    ...linearStep("qrnnCell", formOf(sums)),
  };
}
