/** @file sLSTM: a long short-term memory with exponential gates and a normalized state. */
import {
  ArgumentError,
  type Cell,
  checkOptions,
  concat,
  full,
  logSigmoid,
  matmul,
  moveAxis,
  scope,
  sigmoid,
  split,
  splitKey,
  stack,
  tanh,
  type Tensor,
  to,
  within,
} from "@tapeloop/autograd";
import { orthogonal } from "../initializers/orthogonal.ts";
import { zerosInit } from "../initializers/plain.ts";
import { glorotUniform } from "../initializers/scaled.ts";
import { probe } from "../rnn/probe.ts";
import { checkLastAxis, checkSizes } from "../sizes.ts";
import { noExponent, shares } from "./exponents.ts";
import {
  type CellOptions,
  cellOptions,
  type RecurrentCell,
  type SizedCell,
  zeroState,
} from "./recurrent-cell.ts";

/** Parameters of an {@link slstmCell}: four gates side by side, in the order i, f, z, o. */
export interface SlstmParameters {
  /** Weights of the input [F, 4H]. */
  readonly Wx: Tensor;
  /** Weights of the state [H, 4H]; [N, D, 4D] with several heads. */
  readonly Wh: Tensor;
  /** Bias [4H]. */
  readonly b: Tensor;
}

/** State of an {@link slstmCell}. */
export interface SlstmState {
  /** Hidden state [B, H]. */
  readonly h: Tensor;
  /** Cell state [B, H], divided by e^m. */
  readonly c: Tensor;
  /** Normalizer [B, H], divided by e^m. */
  readonly n: Tensor;
  /** Stabilizer m [B, H]. */
  readonly m: Tensor;
}

/** Options of {@link slstmCell}. */
export interface SlstmOptions extends CellOptions {
  /** N, the number of heads, of D = H/N units each, which do not see the h of one another. Default: 1. */
  readonly heads?: number;
  /** What the forget gate is of its sum. Default: "sigmoid". */
  readonly forgetGate?: ForgetGate;
  /** First bias of the forget gate. Default: 1. */
  readonly forgetBias?: number;
}

/** The forget gates of xLSTM. */
export type ForgetGate = "sigmoid" | "exp";

/** ln f of each forget gate. */
export const logForgetGates: Readonly<Record<ForgetGate, (x: Tensor) => Tensor>> = {
  sigmoid: (x) => logSigmoid(x),
  exp: (x) => x,
};

/** Refuses forget gates that there are not. */
export function checkForgetGate(op: string, gate: string): void {
  if (Object.hasOwn(logForgetGates, gate)) return;
  throw new ArgumentError(op, 'forgetGate is "sigmoid" or "exp"', gate);
}

/** Refuses heads that do not divide the units. */
export function checkHeads(op: string, heads: number, hiddenSize: number): void {
  if (hiddenSize % heads === 0) return;
  throw new ArgumentError(
    op,
    "the heads must divide the hidden size",
    `${heads} heads and ${hiddenSize} units`,
  );
}

/** h·Wh; with several heads each by its own weights, and gates in front of heads again. */
function recurrent(h: Tensor, Wh: Tensor): Tensor {
  if (Wh.rank === 2) return matmul(h, Wh);
  const [heads, units] = Wh.shape;
  const batch = h.shape.slice(0, -1);
  const sums = matmul(h.reshape([...batch, heads, 1, units]), Wh);
  return moveAxis(sums.reshape([...batch, heads, 4, units]), -2, -3).reshape([
    ...batch,
    4 * heads * units,
  ]);
}

/** The equations of {@link slstmCell}. */
function stepWith(forgetGate: ForgetGate): Cell<SlstmParameters, SlstmState, Tensor, Tensor> {
  return ({ Wx, Wh, b }, { h, c, n, m }, x) => {
    checkLastAxis("slstmCell", "x", x, Wx.shape[0]);
    for (const [name, part] of Object.entries({ h, c, n, m })) {
      checkLastAxis("slstmCell", name, part, b.shape[0] / 4);
    }
    return within("slstmCell", () => {
      const sums = split(matmul(x, Wx).add(b).add(recurrent(h, Wh)), 4);
      const [ai, af, az, ao] = ["i", "f", "z", "o"].map((gate, k) =>
        probe(`sums.${gate}`, sums[k]),
      );
      const gates = shares(logForgetGates[forgetGate](af).add(m), ai);
      const f = probe("gates.f", gates.kept);
      const i = probe("gates.i", gates.added);
      const z = probe("candidate", tanh(az));
      const o = probe("gates.o", sigmoid(ao));
      const cNext = f.mul(c).add(i.mul(z));
      const nNext = f.mul(n).add(i);
      const hNext = o.mul(cNext.div(nNext));
      return [{ h: hNext, c: cNext, n: nNext, m: gates.m }, hNext];
    });
  };
}

/**
 * sLSTM, a long short-term memory whose input gate, and forget gate if you like, are exponentials, and whose state
 * is divided by what all input gates so far have weighed:
 *
 * ```text
 * [i, f, z, o] = x·Wx + h·Wh + b
 * m′ = max(ln f̂ + m, i)                              f̂ = sigmoid(f) or exp(f)
 * c′ = f̂ e^(m − m′) ⊙ c + e^(i − m′) ⊙ tanh(z)
 * n′ = f̂ e^(m − m′) ⊙ n + e^(i − m′)
 * h′ = sigmoid(o) ⊙ c′ / n′
 * ```
 *
 * The output is h′; it does not depend on m, which keeps exponentials from overflowing. For {@link probe} the
 * factors of c and of tanh(z) are `gates.f` and `gates.i`, sigmoid(o) is `gates.o`, tanh(z) `candidate`, and the
 * sums `sums.i`, `sums.f`, `sums.z`, `sums.o`.
 *
 * Shapes: x [B,F], h, c, n, m [B,H] → [B,H]; Wx [F,4H], Wh [H,4H], or [N,D,4D] with several heads, b [4H].
 * B batch, F features, H hidden, N heads of D = H/N units. Without the batch axis it steps one sequence.
 * Parameters: 4 (FH + H²/N + H). First values: Wx Glorot uniform, Wh orthogonal in each head, b 0 and 1 for the
 * forget gate. The state is 0, m as good as −∞.
 *
 * Source: Beck et al. 2024, "xLSTM: extended long short-term memory", arXiv:2405.04517, eqs. 8–17.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, heads do not divide H, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of a state not H.
 *
 * @example
 * ```ts
 * import { key, normal, scan, slstmCell } from "tapeloop";
 *
 * const cell = slstmCell(3, 4);
 * const parameters = cell.init(key(0));
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [{ c, m }, ys] = scan(cell.step, parameters, cell.initialState(2), xs);
 * console.log(c.shape, m.shape, ys.shape); // [ 2, 4 ] [ 2, 4 ] [ 10, 2, 4 ]
 * ```
 */
export function slstmCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options?: SlstmOptions,
): SizedCell<SlstmParameters, "h" | "c" | "n" | "m", I, H>;
export function slstmCell(
  inputSize: number,
  hiddenSize: number,
  options: SlstmOptions = {},
): RecurrentCell<SlstmParameters, SlstmState> {
  checkOptions("slstmCell", options, [...cellOptions, "heads", "forgetGate", "forgetBias"]);
  const {
    heads = 1,
    forgetGate = "sigmoid",
    forgetBias = 1,
    inputWeights = glorotUniform,
    recurrentWeights = orthogonal,
    dtype = "float32",
  } = options;
  checkSizes("slstmCell", { inputSize, hiddenSize, heads });
  checkForgetGate("slstmCell", forgetGate);
  checkHeads("slstmCell", heads, hiddenSize);
  const units = hiddenSize / heads;
  return {
    inputSize,
    hiddenSize,
    init: (key) =>
      scope(() => {
        const [forWx, forWh] = splitKey(key);
        const block = (from: Tensor): Tensor =>
          recurrentWeights(from, [units, 4 * units], { dtype });
        return {
          Wx: inputWeights(forWx, [inputSize, 4 * hiddenSize], { dtype }),
          Wh: heads === 1 ? block(forWh) : stack(splitKey(forWh, heads).map(block), { axis: 0 }),
          b: concat([
            zerosInit(key, [hiddenSize], { dtype }),
            to(full([hiddenSize], forgetBias, { dtype }), key.backend),
            zerosInit(key, [2 * hiddenSize], { dtype }),
          ]),
        };
      }),
    initialState: (batch) => ({
      h: zeroState(hiddenSize, batch, dtype),
      c: zeroState(hiddenSize, batch, dtype),
      n: zeroState(hiddenSize, batch, dtype),
      m: noExponent(hiddenSize, batch, dtype),
    }),
    step: stepWith(forgetGate),
  };
}
