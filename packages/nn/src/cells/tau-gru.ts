/** @file The τ-GRU: a gated unit that also reads a state of some steps ago. */
import { concat, matmul, mul, split, tanh, type Tensor } from "@tapeloop/autograd";
import { probe } from "../rnn/probe.ts";
import { checkSizes } from "../sizes.ts";
import {
  blend,
  candidate,
  cellOf,
  gate,
  type GateParameters,
  type HiddenState,
} from "./plain-cell.ts";
import type { CellOptions, RecurrentCell } from "./recurrent-cell.ts";

/** State of a {@link tauGruCell}. */
export interface TauGruState extends HiddenState {
  /** The states of the last d steps before h, the oldest first [B, dH]. */
  readonly past: Tensor;
}

/** Options of {@link tauGruCell}. */
export interface TauGruOptions extends CellOptions {
  /** d, how many steps before h the state was that is read beside it, from 1. Default: 1. */
  readonly delay?: number;
}

/**
 * The gated recurrent unit with weighted delayed feedback, τ-GRU. State: h and the last d states before it.
 *
 * ```text
 * n = tanh(x·Wxn + h·Whn + b_n)
 * m = tanh(x·Wxm + h₋d·Whm + b_m)
 * z = sigmoid(x·Wxz + h·Whz + b_z)
 * a = sigmoid(x·Wxa + h·Wha + b_a)
 * h′ = (1 − z) ⊙ h + z ⊙ (n + a ⊙ m)
 * ```
 *
 * h₋d is the state d steps before h, 0 before the first. The output is h′. For `probe`: `gates.z`, `gates.a`,
 * `candidate`; `sums.n`, `sums.m`, `sums.z`, `sums.a`.
 *
 * Shapes: x [B,F], h [B,H], past [B,dH] → [B,H]; Wx [F,4H], Wh [H,4H], b [4H]; order n, m, z, a.
 * Parameters: 4 (FH + H² + H). First values: Wx Glorot uniform, Wh orthogonal, b 0.
 *
 * Source: Erichson, Lim and Mahoney 2022, "Gated recurrent neural networks with weighted time-delay feedback",
 * arXiv:2212.00228, the discrete equations of τ-GRU; with biases, as in torchrecurrent.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown. Also if
 * the delay is not a whole number from 1.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, tauGruCell, normal, scan } from "tapeloop";
 *
 * const cell = tauGruCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function tauGruCell(
  inputSize: number,
  hiddenSize: number,
  options: TauGruOptions = {},
): RecurrentCell<GateParameters, TauGruState> {
  const { delay = 1 } = options;
  checkSizes("tauGruCell", { delay });
  return cellOf("tauGruCell", inputSize, hiddenSize, options, {
    options: ["delay"],
    state: { h: hiddenSize, past: delay * hiddenSize },
    parameters: (first) => ({
      Wx: first.input(4),
      Wh: first.recurrent(4),
      b: first.bias(0, 0, 0, 0),
    }),
    step: ({ Wx, Wh, b }, { h, past }, x) => {
      const [xn, xm, xz, xa] = split(matmul(x, Wx).add(b), 4);
      const [Wn, Wm, Wz, Wa] = split(Wh, 4);
      const [before, ...later] = split(past, delay);
      const n = candidate("n", xn.add(matmul(h, Wn)));
      const m = tanh(probe("sums.m", xm.add(matmul(before, Wm))));
      const a = gate("a", xa.add(matmul(h, Wa)));
      const y = blend(gate("z", xz.add(matmul(h, Wz))), n.add(mul(a, m)), h);
      return [{ h: y, past: concat([...later, h]) }, y];
    },
  });
}
