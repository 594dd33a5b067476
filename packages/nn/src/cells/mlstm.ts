/** @file mLSTM: a long short-term memory whose state is a matrix of keys and values. */
import {
  abs,
  type Cell,
  checkOptions,
  concat,
  exp,
  expandDims,
  full,
  matmul,
  maximum,
  mul,
  neg,
  scope,
  sigmoid,
  split,
  squeeze,
  sum,
  type Tensor,
  to,
  within,
  zeros,
} from "@tapeloop/autograd";
import { zerosInit } from "../initializers/plain.ts";
import { glorotUniform } from "../initializers/scaled.ts";
import { probe } from "../rnn/probe.ts";
import { checkLastAxis, checkSizes } from "../sizes.ts";
import { noExponent, shares } from "./exponents.ts";
import { type LinearCellOptions, linearCellOptions } from "./linear-cell.ts";
import { type RecurrentCell, stateShape } from "./recurrent-cell.ts";
import { checkForgetGate, checkHeads, type ForgetGate, logForgetGates } from "./slstm.ts";

/** Parameters of an {@link mlstmCell}: side by side what makes q, k, v, o, i and f. */
export interface MlstmParameters {
  /** Weights of the input [F, 4H + 2N]. */
  readonly Wx: Tensor;
  /** Bias [4H + 2N]. */
  readonly b: Tensor;
}

/** State of an {@link mlstmCell}. */
export interface MlstmState {
  /** Matrix memory [B, N, D, D], values by keys, divided by e^m. */
  readonly C: Tensor;
  /** Normalizer [B, N, D], divided by e^m. */
  readonly n: Tensor;
  /** Stabilizer m [B, N]. */
  readonly m: Tensor;
}

/** Options of {@link mlstmCell}. */
export interface MlstmOptions extends LinearCellOptions {
  /** N, the number of heads, which have D = H/N units each. Default: 1. */
  readonly heads?: number;
  /** What the forget gate is of its sum. Default: "sigmoid". */
  readonly forgetGate?: ForgetGate;
  /** First bias of the forget gate. Default: 3. */
  readonly forgetBias?: number;
}

/** The equations of {@link mlstmCell}. */
function stepWith(
  heads: number,
  forgetGate: ForgetGate,
): Cell<MlstmParameters, MlstmState, Tensor, Tensor> {
  return ({ Wx, b }, { C, n, m }, x) => {
    const hiddenSize = (Wx.shape[1] - 2 * heads) / 4;
    const units = hiddenSize / heads;
    checkLastAxis("mlstmCell", "x", x, Wx.shape[0]);
    checkLastAxis("mlstmCell", "C", C, units);
    checkLastAxis("mlstmCell", "n", n, units);
    checkLastAxis("mlstmCell", "m", m, heads);
    return within("mlstmCell", () => {
      const sizes = [...[0, 1, 2, 3].map(() => hiddenSize), heads, heads];
      const [aq, ak, av, ao, ai, af] = split(matmul(x, Wx).add(b), sizes);
      const byHead = (y: Tensor): Tensor => y.reshape([...x.shape.slice(0, -1), heads, units]);
      const q = byHead(aq);
      const k = mul(byHead(ak), 1 / Math.sqrt(units));
      const v = probe("candidate", byHead(av));
      const o = probe("gates.o", sigmoid(probe("sums.o", ao)));
      const sumF = probe("sums.f", af);
      const gates = shares(logForgetGates[forgetGate](sumF).add(m), probe("sums.i", ai));
      const f = expandDims(probe("gates.f", gates.kept), -1);
      const i = expandDims(probe("gates.i", gates.added), -1);
      const stored = expandDims(v, -1).mul(expandDims(k, -2));
      const CNext = expandDims(f, -1).mul(C).add(expandDims(i, -1).mul(stored));
      const nNext = f.mul(n).add(i.mul(k));
      const found = squeeze(matmul(CNext, expandDims(q, -1)), { axes: -1 });
      const weight = abs(sum(nNext.mul(q), { axes: -1 }));
      // 1 in units of e^m.
      const shown = found.div(expandDims(maximum(weight, exp(neg(gates.m))), -1));
      return [{ C: CNext, n: nNext, m: gates.m }, o.mul(shown.reshape(ao.shape))];
    });
  };
}

/**
 * mLSTM, whose state is a matrix that stores values under keys and is asked by queries, with exponential gates that
 * do not look at the state. In each head:
 *
 * ```text
 * [q, √D k, v, o, i, f] = x·Wx + b
 * m′ = max(ln f̂ + m, i)                              f̂ = sigmoid(f) or exp(f)
 * C′ = f̂ e^(m − m′) C + e^(i − m′) v kᵀ
 * n′ = f̂ e^(m − m′) n + e^(i − m′) k
 * y  = sigmoid(o) ⊙ C′ q / max(|n′·q|, e^−m′)
 * ```
 *
 * The output does not depend on m, which keeps exponentials from overflowing. For {@link probe} the factors of C and
 * of v kᵀ are `gates.f` and `gates.i`, sigmoid(o) is `gates.o`, v `candidate`, and the sums `sums.i`, `sums.f`, `sums.o`.
 *
 * Shapes: x [B,F], C [B,N,D,D], n [B,N,D], m [B,N] → [B,H]; Wx [F,4H+2N], b [4H+2N]. B batch, F features, H hidden, N heads
 * of D = H/N units. Without the batch axis it steps one sequence.
 * Parameters: (F + 1) (4H + 2N). First values: Wx Glorot uniform, b 0 and 3 for the forget gates, which the authors
 * spread from 3 to 6. The state is 0, m as good as −∞.
 *
 * Source: Beck et al. 2024, "xLSTM: extended long short-term memory", arXiv:2405.04517, eqs. 15–17 and 19–27; the key's
 * bias is divided by √D too, as in the authors' code.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, heads do not divide H, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of a state does not fit.
 *
 * @example
 * ```ts
 * import { key, mlstmCell, normal, scan } from "tapeloop";
 *
 * const cell = mlstmCell(3, 8, { heads: 2 });
 * const parameters = cell.init(key(0));
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [{ C, n }, ys] = scan(cell.step, parameters, cell.initialState(2), xs);
 * console.log(C.shape, n.shape, ys.shape); // [ 2, 2, 4, 4 ] [ 2, 2, 4 ] [ 10, 2, 8 ]
 * ```
 */
export function mlstmCell(
  inputSize: number,
  hiddenSize: number,
  options: MlstmOptions = {},
): RecurrentCell<MlstmParameters, MlstmState> {
  checkOptions("mlstmCell", options, [...linearCellOptions, "heads", "forgetGate", "forgetBias"]);
  const {
    heads = 1,
    forgetGate = "sigmoid",
    forgetBias = 3,
    inputWeights = glorotUniform,
    dtype = "float32",
  } = options;
  checkSizes("mlstmCell", { inputSize, hiddenSize, heads });
  checkForgetGate("mlstmCell", forgetGate);
  checkHeads("mlstmCell", heads, hiddenSize);
  const units = hiddenSize / heads;
  const width = 4 * hiddenSize + 2 * heads;
  return {
    inputSize,
    hiddenSize,
    init: (key) =>
      scope(() => ({
        Wx: inputWeights(key, [inputSize, width], { dtype }),
        b: concat([
          zerosInit(key, [width - heads], { dtype }),
          to(full([heads], forgetBias, { dtype }), key.backend),
        ]),
      })),
    initialState: (batch) => ({
      C: zeros(stateShape(batch, heads, units, units), { dtype }),
      n: zeros(stateShape(batch, heads, units), { dtype }),
      m: noExponent(heads, batch, dtype),
    }),
    step: stepWith(heads, forgetGate),
  };
}
