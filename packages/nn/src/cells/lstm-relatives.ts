/** @file Relatives of the LSTM: with peepholes, without a forget gate, with one gate, with working memory. */
import {
  checkFiniteNumbers,
  matmul,
  sigmoid,
  split,
  sub,
  tanh,
  type Tensor,
} from "@tapeloop/autograd";
import { probe } from "../rnn/probe.ts";
import {
  candidate,
  cellOf,
  checkSetting,
  gate,
  type GateParameters,
  sizedCell,
} from "./plain-cell.ts";
import type { CellOptions, RecurrentCell, SizedCell } from "./recurrent-cell.ts";

/** Parameters of a {@link peepholeLstmCell}: gates side by side, in the order i, f, g, o. */
export interface PeepholeParameters extends GateParameters {
  /** Weight of each unit's own memory in its gates i, f and o [3H]. */
  readonly u: Tensor;
}

/**
 * Long short-term memory with peepholes: gates see the memory of their own unit.
 *
 * ```text
 * i = sigmoid(x·Wxi + h·Whi + u_i ⊙ c + b_i)
 * f = sigmoid(x·Wxf + h·Whf + u_f ⊙ c + b_f)
 * c′ = f ⊙ c + i ⊙ tanh(x·Wxg + h·Whg + b_g)
 * o = sigmoid(x·Wxo + h·Who + u_o ⊙ c′ + b_o)
 * h′ = o ⊙ tanh(c′)
 * ```
 *
 * The output is h′. For `probe`: `gates.i`, `gates.f`, `gates.o`, `candidate`; `sums.i`, `sums.f`, `sums.g`, `sums.o`, `sums.c`.
 *
 * Shapes: x [B,F], h and c [B,H] → [B,H]; Wx [F,4H], Wh [H,4H], u [3H], b [4H]; gate order i, f, g, o.
 * Parameters: 4 (FH + H² + H) + 3H. First values: Wx Glorot uniform, Wh orthogonal, u even in [0, 1), b 0 and 1 for f.
 *
 * Source: Gers, Schraudolph and Schmidhuber 2002, "Learning precise timing with LSTM recurrent networks", eqs. 1–5.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, peepholeLstmCell, normal, scan } from "tapeloop";
 *
 * const cell = peepholeLstmCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function peepholeLstmCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<PeepholeParameters, "h" | "c", I, H> {
  return sizedCell("peepholeLstmCell", inputSize, hiddenSize, options, {
    state: ["h", "c"],
    parameters: (first) => ({
      Wx: first.input(4),
      Wh: first.recurrent(4),
      u: first.diagonal(3),
      b: first.bias(0, 1, 0, 0),
    }),
    step: ({ Wx, Wh, u, b }, { h, c }, x) => {
      const [ai, af, ag, ao] = split(matmul(x, Wx).add(b).add(matmul(h, Wh)), 4);
      const [ui, uf, uo] = split(u, 3);
      const kept = gate("f", af.add(uf.mul(c))).mul(c);
      const next = kept.add(gate("i", ai.add(ui.mul(c))).mul(candidate("g", ag)));
      const y = gate("o", ao.add(uo.mul(next))).mul(tanh(probe("sums.c", next)));
      return [{ h: y, c: next }, y];
    },
  });
}

/**
 * Long short-term memory as it was first: without a forget gate, so that its memory never fades.
 *
 * ```text
 * [i, g, o] = x·Wx + h·Wh + b
 * c′ = c + sigmoid(i) ⊙ tanh(g)
 * h′ = sigmoid(o) ⊙ tanh(c′)
 * ```
 *
 * The output is h′. For `probe`: `gates.i`, `gates.o`, `candidate`; `sums.i`, `sums.g`, `sums.o`, `sums.c`.
 *
 * Shapes: x [B,F], h and c [B,H] → [B,H]; Wx [F,3H], Wh [H,3H], b [3H]; gate order i, g, o.
 * Parameters: 3 (FH + H² + H). First values: Wx Glorot uniform, Wh orthogonal, b 0.
 *
 * Source: Hochreiter and Schmidhuber 1997, "Long short-term memory", section 4, with tanh in place of its scaled
 * logistic functions.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, originalLstmCell, normal, scan } from "tapeloop";
 *
 * const cell = originalLstmCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function originalLstmCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<GateParameters, "h" | "c", I, H> {
  return sizedCell("originalLstmCell", inputSize, hiddenSize, options, {
    state: ["h", "c"],
    parameters: (first) => ({ Wx: first.input(3), Wh: first.recurrent(3), b: first.bias(0, 0, 0) }),
    step: ({ Wx, Wh, b }, { h, c }, x) => {
      const [ai, ag, ao] = split(matmul(x, Wx).add(b).add(matmul(h, Wh)), 3);
      const next = c.add(gate("i", ai).mul(candidate("g", ag)));
      const y = gate("o", ao).mul(tanh(probe("sums.c", next)));
      return [{ h: y, c: next }, y];
    },
  });
}

/** Options of {@link janetCell}. */
export interface JanetOptions extends CellOptions {
  /** β, by how much less is written than forgotten. Default: 1. */
  readonly beta?: number;
}

/**
 * JANET: "just another network", an LSTM with its forget gate alone.
 *
 * ```text
 * [s, g] = x·Wx + h·Wh + b
 * h′ = sigmoid(s) ⊙ h + (1 − sigmoid(s − β)) ⊙ tanh(g)
 * ```
 *
 * The output is h′. For `probe`: `gates.f`, `candidate`; `sums.f`, `sums.g`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,2H], Wh [H,2H], b [2H]; gate order f, g.
 * Parameters: 2 (FH + H² + H). First values: Wx Glorot uniform, Wh orthogonal, b 0 and 1 for f.
 *
 * Source: van der Westhuizen and Lasenby 2018, "The unreasonable effectiveness of the forget gate", arXiv:1804.04849,
 * eq. 6.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown. Also if β
 * is no finite number.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, janetCell, normal, scan } from "tapeloop";
 *
 * const cell = janetCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function janetCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: JanetOptions = {},
): SizedCell<GateParameters, "h", I, H> {
  const { beta = 1 } = options;
  checkFiniteNumbers("janetCell", { beta });
  return sizedCell("janetCell", inputSize, hiddenSize, options, {
    state: ["h"],
    options: ["beta"],
    parameters: (first) => ({ Wx: first.input(2), Wh: first.recurrent(2), b: first.bias(1, 0) }),
    step: ({ Wx, Wh, b }, { h }, x) => {
      const [as, ag] = split(matmul(x, Wx).add(b).add(matmul(h, Wh)), 2);
      const written = sub(1, sigmoid(as.sub(beta))).mul(candidate("g", ag));
      const y = gate("f", as).mul(h).add(written);
      return [{ h: y }, y];
    },
  });
}

/** Parameters of a {@link multiplicativeLstmCell}: gates side by side, in the order i, f, g, o. */
export interface MultiplicativeLstmParameters extends GateParameters {
  /** Weights of the input in the mixed state [F, H]. */
  readonly Wmx: Tensor;
  /** Weights of the state in the mixed state [H, H]. */
  readonly Wmh: Tensor;
}

/**
 * The multiplicative LSTM: gates see a state that the input has mixed anew.
 *
 * ```text
 * m = (x·Wmx) ⊙ (h·Wmh)
 * [i, f, g, o] = x·Wx + m·Wh + b
 * c′ = sigmoid(f) ⊙ c + sigmoid(i) ⊙ tanh(g)
 * h′ = sigmoid(o) ⊙ tanh(c′)
 * ```
 *
 * The output is h′. For `probe`: `gates.i`, `gates.f`, `gates.o`, `candidate`; `sums.i`, `sums.f`, `sums.g`, `sums.o`, `sums.c`.
 *
 * Shapes: x [B,F], h and c [B,H] → [B,H]; Wx [F,4H], Wh [H,4H], b [4H], Wmx [F,H], Wmh [H,H]; gate order i, f, g, o.
 * Parameters: 4 (FH + H² + H) + FH + H². First values: Wx and Wmx Glorot uniform, Wh and Wmh orthogonal, b 0 and 1 for f.
 *
 * Source: Krause, Lu, Murray and Renals 2017, "Multiplicative LSTM for sequence modelling", arXiv:1609.07959, eqs. 9–12.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, multiplicativeLstmCell, normal, scan } from "tapeloop";
 *
 * const cell = multiplicativeLstmCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function multiplicativeLstmCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<MultiplicativeLstmParameters, "h" | "c", I, H> {
  return sizedCell("multiplicativeLstmCell", inputSize, hiddenSize, options, {
    state: ["h", "c"],
    parameters: (first) => ({
      Wx: first.input(4),
      Wh: first.recurrent(4),
      b: first.bias(0, 1, 0, 0),
      Wmx: first.input(),
      Wmh: first.recurrent(),
    }),
    step: ({ Wx, Wh, b, Wmx, Wmh }, { h, c }, x) => {
      const m = matmul(x, Wmx).mul(matmul(h, Wmh));
      const [ai, af, ag, ao] = split(matmul(x, Wx).add(b).add(matmul(m, Wh)), 4);
      const next = gate("f", af)
        .mul(c)
        .add(gate("i", ai).mul(candidate("g", ag)));
      const y = gate("o", ao).mul(tanh(probe("sums.c", next)));
      return [{ h: y, c: next }, y];
    },
  });
}

/** Parameters of a {@link wmcLstmCell}: gates side by side, in the order i, f, g, o. */
export interface WmcLstmParameters extends GateParameters {
  /** Weights of the memory in the gates i, f and o [H, 3H]. */
  readonly Wc: Tensor;
}

/**
 * The LSTM with working memory connections: gates see the whole memory, through a tanh.
 *
 * ```text
 * i = sigmoid(x·Wxi + h·Whi + tanh(c·Wci) + b_i)
 * f = sigmoid(x·Wxf + h·Whf + tanh(c·Wcf) + b_f)
 * c′ = f ⊙ c + i ⊙ tanh(x·Wxg + h·Whg + b_g)
 * o = sigmoid(x·Wxo + h·Who + tanh(c′·Wco) + b_o)
 * h′ = o ⊙ tanh(c′)
 * ```
 *
 * The output is h′. For `probe`: `gates.i`, `gates.f`, `gates.o`, `candidate`; `sums.i`, `sums.f`, `sums.g`, `sums.o`, `sums.c`.
 *
 * Shapes: x [B,F], h and c [B,H] → [B,H]; Wx [F,4H], Wh [H,4H], Wc [H,3H], b [4H]; gate order i, f, g, o.
 * Parameters: 4 (FH + H² + H) + 3H². First values: Wx Glorot uniform, Wh and Wc orthogonal, b 0 and 1 for f.
 *
 * Source: Landi, Baraldi, Cornia and Cucchiara 2021, "Working memory connections for LSTM", arXiv:2109.00020, eqs. 8–12.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, wmcLstmCell, normal, scan } from "tapeloop";
 *
 * const cell = wmcLstmCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function wmcLstmCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<WmcLstmParameters, "h" | "c", I, H> {
  return sizedCell("wmcLstmCell", inputSize, hiddenSize, options, {
    state: ["h", "c"],
    parameters: (first) => ({
      Wx: first.input(4),
      Wh: first.recurrent(4),
      Wc: first.recurrent(3),
      b: first.bias(0, 1, 0, 0),
    }),
    step: ({ Wx, Wh, Wc, b }, { h, c }, x) => {
      const [ai, af, ag, ao] = split(matmul(x, Wx).add(b).add(matmul(h, Wh)), 4);
      const [Wi, Wf, Wo] = split(Wc, 3);
      const kept = gate("f", af.add(tanh(matmul(c, Wf)))).mul(c);
      const next = kept.add(gate("i", ai.add(tanh(matmul(c, Wi)))).mul(candidate("g", ag)));
      const y = gate("o", ao.add(tanh(matmul(next, Wo)))).mul(tanh(probe("sums.c", next)));
      return [{ h: y, c: next }, y];
    },
  });
}

/**
 * The LSTM with a memory controller: what gates see of the memory has a gate of its own. State: v and c.
 *
 * ```text
 * [f, i, o, m, n] = x·Wx + v·Wh + b
 * c′ = sigmoid(f) ⊙ c + sigmoid(i) ⊙ tanh(n)
 * v′ = sigmoid(m) ⊙ tanh(c′)
 * y = sigmoid(o) ⊙ tanh(c′)
 * ```
 *
 * For `probe`: `gates.f`, `gates.i`, `gates.o`, `gates.m`, `candidate`; `sums.f`, `sums.i`, `sums.o`, `sums.m`, `sums.n`, `sums.c`.
 *
 * Shapes: x [B,F], v and c [B,H] → [B,H]; Wx [F,5H], Wh [H,5H], b [5H]; gate order f, i, o, m, n.
 * Parameters: 5 (FH + H² + H). First values: Wx Glorot uniform, Wh orthogonal, b 0 and 1 for f.
 *
 * Source: the equations of MCLSTM in RecurrentLayers.jl, there after a memory controller LSTM of 2017.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, mcLstmCell, normal, scan } from "tapeloop";
 *
 * const cell = mcLstmCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function mcLstmCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<GateParameters, "v" | "c", I, H> {
  return sizedCell("mcLstmCell", inputSize, hiddenSize, options, {
    state: ["v", "c"],
    parameters: (first) => ({
      Wx: first.input(5),
      Wh: first.recurrent(5),
      b: first.bias(1, 0, 0, 0, 0),
    }),
    step: ({ Wx, Wh, b }, { v, c }, x) => {
      const [af, ai, ao, am, an] = split(matmul(x, Wx).add(b).add(matmul(v, Wh)), 5);
      const next = gate("f", af)
        .mul(c)
        .add(gate("i", ai).mul(candidate("n", an)));
      const seen = tanh(probe("sums.c", next));
      return [{ v: gate("m", am).mul(seen), c: next }, gate("o", ao).mul(seen)];
    },
  });
}

/** Parameters of a {@link projectedLstmCell}: gates side by side, in the order i, f, g, o. */
export interface ProjectedLstmParameters extends GateParameters {
  /** Weights of the projection [H, P]. */
  readonly Wr: Tensor;
}

/** State of a {@link projectedLstmCell}. */
export interface ProjectedLstmState {
  /** The projection [B, P]: what the cell shows. */
  readonly h: Tensor;
  /** Cell state [B, H]. */
  readonly c: Tensor;
}

/** Options of {@link projectedLstmCell}. */
export interface ProjectedLstmOptions extends CellOptions {
  /** P, the size of the projection, from 1. Default: half of H. */
  readonly projectionSize?: number;
}

/**
 * Long short-term memory with a recurrent projection: a large memory that shows, and reads again, a small state.
 *
 * ```text
 * [i, f, g, o] = x·Wx + h·Wh + b
 * c′ = sigmoid(f) ⊙ c + sigmoid(i) ⊙ tanh(g)
 * h′ = (sigmoid(o) ⊙ tanh(c′))·Wr
 * ```
 *
 * The output is h′. For `probe`: `gates.i`, `gates.f`, `gates.o`, `candidate`; `sums.i`, `sums.f`, `sums.g`, `sums.o`, `sums.c`.
 *
 * Shapes: x [B,F], h [B,P], c [B,H] → [B,P]; Wx [F,4H], Wh [P,4H], b [4H], Wr [H,P]; gate order i, f, g, o.
 * Parameters: 4 (FH + PH + H) + HP. First values: Wx Glorot uniform, Wh and Wr orthogonal, b 0 and 1 for f.
 *
 * Source: Sak, Senior and Beaufays 2014, arXiv:1402.1128, eqs. 7–13, without peepholes and the part of the projection
 * that is not recurrent, for which see {@link projection}; PyTorch's `proj_size`.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not P or H.
 *
 * @example
 * ```ts
 * import { key, normal, projectedLstmCell, scan } from "tapeloop";
 *
 * const cell = projectedLstmCell(3, 8, { projectionSize: 2 });
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(cell.hiddenSize, ys.shape); // 2 [ 10, 2, 2 ]
 * ```
 */
export function projectedLstmCell(
  inputSize: number,
  hiddenSize: number,
  options: ProjectedLstmOptions = {},
): RecurrentCell<ProjectedLstmParameters, ProjectedLstmState> {
  const { projectionSize: P = Math.ceil(hiddenSize / 2) } = options;
  const isSize = Number.isInteger(P) && P > 0;
  checkSetting("projectedLstmCell", "projectionSize is a whole number from 1", P, isSize);
  const cell = cellOf("projectedLstmCell", inputSize, hiddenSize, options, {
    options: ["projectionSize"],
    state: { h: P, c: hiddenSize },
    parameters: (first): ProjectedLstmParameters => ({
      Wx: first.input(4),
      Wh: first.matrix(P, 4 * hiddenSize),
      b: first.bias(0, 1, 0, 0),
      Wr: first.matrix(hiddenSize, P),
    }),
    step: ({ Wx, Wh, b, Wr }, { h, c }: ProjectedLstmState, x) => {
      const [ai, af, ag, ao] = split(matmul(x, Wx).add(b).add(matmul(h, Wh)), 4);
      const next = gate("f", af)
        .mul(c)
        .add(gate("i", ai).mul(candidate("g", ag)));
      const y = matmul(gate("o", ao).mul(tanh(probe("sums.c", next))), Wr);
      return [{ h: y, c: next }, y];
    },
  });
  return { ...cell, hiddenSize: P };
}
