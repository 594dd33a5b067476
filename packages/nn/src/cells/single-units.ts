/** @file Units on their own: recurrent weights of single units, and gates that see one unit each. */
import { matmul, relu, split, tanh, type Tensor } from "@tapeloop/autograd";
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

/** Parameters of an {@link indRnnCell}. */
export interface IndRnnParameters {
  /** Weights of the input [F, H]. */
  readonly Wx: Tensor;
  /** Weight of each unit's own state [H]. */
  readonly u: Tensor;
  /** Bias [H]. */
  readonly b: Tensor;
}

/**
 * The independently recurrent net: every unit sees its own state alone.
 *
 * ```text
 * h′ = relu(x·Wx + u ⊙ h + b)
 * ```
 *
 * The output is h′. For `probe`: `sums.h`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,H], u [H], b [H].
 * Parameters: FH + 2H. First values: Wx Glorot uniform, u even in [0, 1), b 0.
 *
 * Source: Li, Li, Cook, Zhu and Gao 2018, "Independently recurrent neural network (IndRNN)", arXiv:1803.04831, eq. 4.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, indRnnCell, normal, scan } from "tapeloop";
 *
 * const cell = indRnnCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function indRnnCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<IndRnnParameters, "h", I, H> {
  return sizedCell("indRnnCell", inputSize, hiddenSize, options, {
    state: ["h"],
    parameters: (first) => ({ Wx: first.input(), u: first.diagonal(), b: first.bias(0) }),
    step: ({ Wx, u, b }, { h }, x) =>
      shown(relu(probe("sums.h", matmul(x, Wx).add(b).add(u.mul(h))))),
  });
}

/** Parameters of a {@link brCell}: three inputs side by side, in the order a, c, n. */
export interface BistableParameters {
  /** Weights of the input [F, 3H]. */
  readonly Wx: Tensor;
  /** Weights of each unit's own state in the gates a and c [2H]. */
  readonly u: Tensor;
  /** Bias [3H]. */
  readonly b: Tensor;
}

/** The two settings of a bistable unit: from −1 to 1 above and below a point where it has one rest or two. */
function bistable(a: Tensor, c: Tensor, n: Tensor, h: Tensor): Tensor {
  const up = tanh(probe("sums.a", a)).add(1);
  return blend(gate("c", c), h, candidate("n", n.add(up.mul(h))));
}

/**
 * The bistable recurrent cell: units whose own feedback may have two rests, and so remember without end.
 *
 * ```text
 * a = 1 + tanh(x·Wxa + u_a ⊙ h + b_a)
 * c = sigmoid(x·Wxc + u_c ⊙ h + b_c)
 * h′ = c ⊙ h + (1 − c) ⊙ tanh(x·Wxn + a ⊙ h + b_n)
 * ```
 *
 * The output is h′. For `probe`: `gates.c`, `candidate`; `sums.a`, `sums.c`, `sums.n`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,3H], u [2H], b [3H]; order a, c, n.
 * Parameters: 3FH + 5H. First values: Wx Glorot uniform, u even in [0, 1), b 0.
 *
 * Source: Vecoven, Ernst and Drion 2021, "A bio-inspired bistable recurrent cell allows for long-lasting memory",
 * arXiv:2006.05252, eqs. 3–5; the biases are those of the authors' code.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, brCell, normal, scan } from "tapeloop";
 *
 * const cell = brCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function brCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<BistableParameters, "h", I, H> {
  return sizedCell("brCell", inputSize, hiddenSize, options, {
    state: ["h"],
    parameters: (first) => ({ Wx: first.input(3), u: first.diagonal(2), b: first.bias(0, 0, 0) }),
    step: ({ Wx, u, b }, { h }, x) => {
      const [xa, xc, xn] = split(matmul(x, Wx).add(b), 3);
      const [ua, uc] = split(u, 2);
      return shown(bistable(xa.add(ua.mul(h)), xc.add(uc.mul(h)), xn, h));
    },
  });
}

/**
 * The recurrently neuromodulated bistable cell: a {@link brCell} whose gates see the whole state.
 *
 * ```text
 * a = 1 + tanh(x·Wxa + h·Wha + b_a)
 * c = sigmoid(x·Wxc + h·Whc + b_c)
 * h′ = c ⊙ h + (1 − c) ⊙ tanh(x·Wxn + a ⊙ h + b_n)
 * ```
 *
 * The output is h′. For `probe`: `gates.c`, `candidate`; `sums.a`, `sums.c`, `sums.n`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,3H], Wh [H,2H], b [3H]; order a, c, n.
 * Parameters: 3FH + 2H² + 3H. First values: Wx Glorot uniform, Wh orthogonal, b 0.
 *
 * Source: Vecoven, Ernst and Drion 2021, arXiv:2006.05252, eqs. 6 and 7.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, nbrCell, normal, scan } from "tapeloop";
 *
 * const cell = nbrCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function nbrCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<GateParameters, "h", I, H> {
  return sizedCell("nbrCell", inputSize, hiddenSize, options, {
    state: ["h"],
    parameters: (first) => ({ Wx: first.input(3), Wh: first.recurrent(2), b: first.bias(0, 0, 0) }),
    step: ({ Wx, Wh, b }, { h }, x) => {
      const [xa, xc, xn] = split(matmul(x, Wx).add(b), 3);
      const [ha, hc] = split(matmul(h, Wh), 2);
      return shown(bistable(xa.add(ha), xc.add(hc), xn, h));
    },
  });
}

/** Options of {@link miru1Cell} and {@link miru2Cell}. */
export interface MiruOptions extends CellOptions {
  /** λ, how much of the state stays, from 0 to 1. Default: ½. */
  readonly update?: number;
}

/** Options of {@link miru2Cell}. */
export interface Miru2Options extends MiruOptions {
  /** β, what the state is multiplied by before it is read, from 0 to 1. Default: ½. */
  readonly reset?: number;
}

/**
 * The minion recurrent unit whose update gate is a number.
 *
 * ```text
 * r = sigmoid(x·Wxr + h·Whr + b_r)
 * h′ = λ h + (1 − λ) tanh(x·Wxn + (r ⊙ h)·Whn + b_n)
 * ```
 *
 * The output is h′. For `probe`: `gates.r`, `candidate`; `sums.r`, `sums.n`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,2H], Wh [H,2H], b [2H]; gate order r, n.
 * Parameters: 2 (FH + H² + H). First values: Wx Glorot uniform, Wh orthogonal, b 0.
 *
 * Source: Zyarah and Kudithipudi 2025, "Minion gated recurrent unit for continual learning": the first variant, as in
 * RecurrentLayers.jl.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown. Also if
 * λ is not from 0 to 1.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, miru1Cell, normal, scan } from "tapeloop";
 *
 * const cell = miru1Cell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function miru1Cell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: MiruOptions = {},
): SizedCell<GateParameters, "h", I, H> {
  const { update = 0.5 } = options;
  checkSetting("miru1Cell", "update is from 0 to 1", update, update >= 0 && update <= 1);
  return sizedCell("miru1Cell", inputSize, hiddenSize, options, {
    state: ["h"],
    options: ["update"],
    parameters: (first) => ({ Wx: first.input(2), Wh: first.recurrent(2), b: first.bias(0, 0) }),
    step: ({ Wx, Wh, b }, { h }, x) => {
      const [xr, xn] = split(matmul(x, Wx).add(b), 2);
      const [Wr, Wn] = split(Wh, 2);
      const r = gate("r", xr.add(matmul(h, Wr)));
      const n = candidate("n", xn.add(matmul(r.mul(h), Wn)));
      return shown(h.mul(update).add(n.mul(1 - update)));
    },
  });
}

/**
 * The minion recurrent unit whose gates are both numbers: a leaky RNN that reads a part of its state.
 *
 * ```text
 * h′ = λ h + (1 − λ) tanh(x·Wx + (β h)·Wh + b)
 * ```
 *
 * The output is h′. For `probe`: `candidate`; `sums.n`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,H], Wh [H,H], b [H].
 * Parameters: FH + H² + H. First values: Wx Glorot uniform, Wh orthogonal, b 0.
 *
 * Source: Zyarah and Kudithipudi 2025, "Minion gated recurrent unit for continual learning": the second variant.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown. Also if
 * λ or β is not from 0 to 1.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, miru2Cell, normal, scan } from "tapeloop";
 *
 * const cell = miru2Cell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function miru2Cell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: Miru2Options = {},
): SizedCell<GateParameters, "h", I, H> {
  const { update = 0.5, reset = 0.5 } = options;
  checkSetting("miru2Cell", "update is from 0 to 1", update, update >= 0 && update <= 1);
  checkSetting("miru2Cell", "reset is from 0 to 1", reset, reset >= 0 && reset <= 1);
  return sizedCell("miru2Cell", inputSize, hiddenSize, options, {
    state: ["h"],
    options: ["update", "reset"],
    parameters: (first) => ({ Wx: first.input(), Wh: first.recurrent(), b: first.bias(0) }),
    step: ({ Wx, Wh, b }, { h }, x) => {
      const n = candidate(
        "n",
        matmul(x, Wx)
          .add(b)
          .add(matmul(h.mul(reset), Wh)),
      );
      return shown(h.mul(update).add(n.mul(1 - update)));
    },
  });
}
