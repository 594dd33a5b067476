/** @file The time mixing of RWKV, version 4: attention with a decay, as a recurrence. */
import {
  type Cell,
  checkOptions,
  exp,
  lerp,
  matmul,
  scope,
  sigmoid,
  splitKey,
  sub,
  tensor,
  type Tensor,
  within,
} from "@tapeloop/autograd";
import { glorotUniform } from "../initializers/scaled.ts";
import { probe } from "../rnn/probe.ts";
import { checkLastAxis, checkSizes } from "../sizes.ts";
import { noExponent, shares } from "./exponents.ts";
import { type LinearCellOptions, linearCellOptions } from "./linear-cell.ts";
import { type RecurrentCell, zeroState } from "./recurrent-cell.ts";

/** Parameters of an {@link rwkvCell}. */
export interface RwkvParameters {
  /** How much of r is of this input, and not of the last [F]. */
  readonly mixR: Tensor;
  /** The same of k [F]. */
  readonly mixK: Tensor;
  /** The same of v [F]. */
  readonly mixV: Tensor;
  /** Weights of the receptance r [F, H]. */
  readonly Wr: Tensor;
  /** Weights of the key k [F, H]. */
  readonly Wk: Tensor;
  /** Weights of the value v [F, H]. */
  readonly Wv: Tensor;
  /** Weights of the output [H, H]. */
  readonly Wo: Tensor;
  /** ln w, w the decay of a step [H]. */
  readonly decay: Tensor;
  /** u, added to the key of this input [H]. */
  readonly bonus: Tensor;
}

/** State of an {@link rwkvCell}. */
export interface RwkvState {
  /** The last input [B, F]. */
  readonly x: Tensor;
  /** Σ e^(k − m) v [B, H], with decay. */
  readonly a: Tensor;
  /** Σ e^(k − m) [B, H], with decay. */
  readonly b: Tensor;
  /** m, the greatest exponent [B, H]. */
  readonly m: Tensor;
}

/** The equations of {@link rwkvCell}. */
const step: Cell<RwkvParameters, RwkvState, Tensor, Tensor> = (parameters, state, x) => {
  const { mixR, mixK, mixV, Wr, Wk, Wv, Wo, decay, bonus } = parameters;
  const { a, b, m } = state;
  checkLastAxis("rwkvCell", "x", x, Wr.shape[0]);
  checkLastAxis("rwkvCell", "the state's x", state.x, Wr.shape[0]);
  for (const [name, part] of Object.entries({ a, b, m })) {
    checkLastAxis("rwkvCell", name, part, Wo.shape[0]);
  }
  return within("rwkvCell", () => {
    const mixed = (mix: Tensor, W: Tensor): Tensor => matmul(lerp(state.x, x, mix), W);
    const r = probe("gates.r", sigmoid(probe("sums.r", mixed(mixR, Wr))));
    const k = probe("key", mixed(mixK, Wk));
    const v = probe("candidate", mixed(mixV, Wv));
    const now = shares(m, k.add(bonus));
    const sums = now.kept.mul(a).add(now.added.mul(v));
    const wkv = probe("wkv", sums.div(now.kept.mul(b).add(now.added)));
    const next = shares(sub(m, exp(decay)), k);
    return [
      {
        x,
        a: next.kept.mul(a).add(next.added.mul(v)),
        b: next.kept.mul(b).add(next.added),
        m: next.m,
      },
      matmul(r.mul(wkv), Wo),
    ];
  });
};

/**
 * The time mixing of RWKV: a mean of all values so far, with weights e^k that decay, and a bonus for the one of
 * this step:
 *
 * ```text
 * r, k, v = (μ ⊙ x[t] + (1 − μ) ⊙ x[t−1])·W                      each with its own μ and W
 * wkv = (Σ e^(−(t−1−i) w + k[i]) v[i] + e^(u + k) v) / (Σ e^(−(t−1−i) w + k[i]) + e^(u + k))    over i < t
 * y   = (sigmoid(r) ⊙ wkv)·Wo
 * ```
 *
 * w = exp(decay), u = bonus. The sums are a and b of the state, divided by e^m, m the greatest exponent in them, so
 * that none overflows. For {@link probe} sigmoid(r) is `gates.r`, r `sums.r`, k `key`, v `candidate`, and `wkv`.
 *
 * Shapes: x [B,F], state x [B,F], a, b, m [B,H] → [B,H]; mixes [F], Wr, Wk, Wv [F,H], Wo [H,H], decay and bonus [H].
 * B batch, F features, H hidden. Without the batch axis it steps one sequence.
 * Parameters: 3FH + H² + 3F + 2H. First values: weights Glorot uniform; of the jth of so many units decay is
 * −5 + 8 (j / (H−1))^0.7, bonus ln 0.3 and −½, 0 or ½ in turns, the mixes j/F, √(j/F) for r: what the paper has in
 * the first of many layers. The state is 0, m as good as −∞.
 *
 * Source: Peng et al. 2023, "RWKV: reinventing RNNs for the transformer era", arXiv:2305.13048: section 3.1, with the
 * stable recurrence of its appendix D and the first values of its appendix E.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of a state does not fit.
 *
 * @example
 * ```ts
 * import { key, normal, rwkvCell, scan } from "tapeloop";
 *
 * const cell = rwkvCell(3, 4);
 * const parameters = cell.init(key(0));
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [{ a, b }, ys] = scan(cell.step, parameters, cell.initialState(2), xs);
 * console.log(a.shape, b.shape, ys.shape); // [ 2, 4 ] [ 2, 4 ] [ 10, 2, 4 ]
 * ```
 */
export function rwkvCell(
  inputSize: number,
  hiddenSize: number,
  options: LinearCellOptions = {},
): RecurrentCell<RwkvParameters, RwkvState> {
  checkOptions("rwkvCell", options, linearCellOptions);
  checkSizes("rwkvCell", { inputSize, hiddenSize });
  const { inputWeights = glorotUniform, dtype = "float32" } = options;
  return {
    inputSize,
    hiddenSize,
    init: (key) =>
      scope(() => {
        const [forR, forK, forV, forO] = splitKey(key, 4);
        const weights = (from: Tensor, rows: number): Tensor =>
          inputWeights(from, [rows, hiddenSize], { dtype });
        const numbers = (size: number, value: (j: number) => number): Tensor =>
          tensor(
            Float64Array.from({ length: size }, (_, j) => value(j)),
            {
              dtype,
              backend: key.backend,
            },
          );
        const last = Math.max(1, hiddenSize - 1);
        return {
          mixR: numbers(inputSize, (j) => Math.sqrt(j / inputSize)),
          mixK: numbers(inputSize, (j) => j / inputSize),
          mixV: numbers(inputSize, (j) => j / inputSize),
          Wr: weights(forR, inputSize),
          Wk: weights(forK, inputSize),
          Wv: weights(forV, inputSize),
          Wo: weights(forO, hiddenSize),
          decay: numbers(hiddenSize, (j) => -5 + 8 * (j / last) ** 0.7),
          bonus: numbers(hiddenSize, (j) => Math.log(0.3) + (((j + 1) % 3) - 1) / 2),
        };
      }),
    initialState: (batch) => ({
      x: zeroState(inputSize, batch, dtype),
      a: zeroState(hiddenSize, batch, dtype),
      b: zeroState(hiddenSize, batch, dtype),
      m: noExponent(hiddenSize, batch, dtype),
    }),
    step,
  };
}
