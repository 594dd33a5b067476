/** @file The update gate RNN and the intersection RNN. */
import { matmul, relu, split } from "@tapeloop/autograd";
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

/**
 * The update gate recurrent network: a simple recurrent cell with one gate that keeps its state.
 *
 * ```text
 * c = tanh(x·Wxc + h·Whc + bc)
 * g = sigmoid(x·Wxg + h·Whg + bg)
 * h′ = g ⊙ h + (1 − g) ⊙ c
 * ```
 *
 * The output is h′. For `probe`: `gates.g`, `candidate`; `sums.g`, `sums.c`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,2H], Wh [H,2H], b [2H]; gate order c, g.
 * Parameters: 2 (FH + H² + H). First values: Wx Glorot uniform, Wh orthogonal, b 0.
 *
 * Source: Collins, Sohl-Dickstein and Sussillo 2017, "Capacity and trainability in recurrent neural
 * networks", arXiv:1611.09913, section 1.3.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of h not H.
 *
 * @example
 * ```ts
 * import { key, normal, scan, ugrnnCell } from "tapeloop";
 *
 * const cell = ugrnnCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function ugrnnCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<GateParameters, "h", I, H> {
  return sizedCell("ugrnnCell", inputSize, hiddenSize, options, {
    state: ["h"],
    parameters: (first) => ({ Wx: first.input(2), Wh: first.recurrent(2), b: first.bias(0, 0) }),

    step: ({ Wx, Wh, b }, { h }, x) => {
      const [ac, ag] = split(matmul(x, Wx).add(b).add(matmul(h, Wh)), 2);
      return shown(blend(gate("g", ag), h, candidate("c", ac)));
    },
  });
}

/**
 * The intersection recurrent network: one gate passes the state through time, the other the input through depth.
 *
 * ```text
 * p = relu(x·Wxp + h·Whp + bp)
 * n = tanh(x·Wxn + h·Whn + bn)
 * u = sigmoid(x·Wxu + h·Whu + bu)
 * g = sigmoid(x·Wxg + h·Whg + bg)
 * y = u ⊙ x + (1 − u) ⊙ p
 * h′ = g ⊙ h + (1 − g) ⊙ n
 * ```
 *
 * The output is y, which is not the state. Since y mixes x in, F = H. In the paper p is y^in, n is h^in, u is
 * g^y and g is g^h. For `probe`: `gates.u`, `gates.g`, `candidate`, which is n; `sums.p`, `sums.n`, `sums.u`, `sums.g`.
 *
 * Shapes: x and h [B,H] → [B,H]; Wx and Wh [H,4H], b [4H]; gate order p, n, u, g.
 * Parameters: 4 (2 H² + H). First values: Wx Glorot uniform, Wh orthogonal, b 0.
 *
 * Source: Collins, Sohl-Dickstein and Sussillo 2017, "Capacity and trainability in recurrent neural
 * networks", arXiv:1611.09913, section 1.3.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, the two differ, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of h not H.
 *
 * @example
 * ```ts
 * import { intersectionRnnCell, key, normal, scan } from "tapeloop";
 *
 * const cell = intersectionRnnCell(3, 3);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 3 ]
 * ```
 */
export function intersectionRnnCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<GateParameters, "h", I, H> {
  checkSetting(
    "intersectionRnnCell",
    `inputSize is hiddenSize, ${hiddenSize}: the output mixes the input in`,
    inputSize,
    (inputSize as number) === hiddenSize,
  );
  return sizedCell("intersectionRnnCell", inputSize, hiddenSize, options, {
    state: ["h"],
    parameters: (first) => ({
      Wx: first.input(4),
      Wh: first.recurrent(4),
      b: first.bias(0, 0, 0, 0),
    }),

    step: ({ Wx, Wh, b }, { h }, x) => {
      const [ap, an, au, ag] = split(matmul(x, Wx).add(b).add(matmul(h, Wh)), 4);
      const y = blend(gate("u", au), x, relu(probe("sums.p", ap)));
      return [{ h: blend(gate("g", ag), h, candidate("n", an)) }, y];
    },
  });
}
