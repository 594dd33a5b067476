/** @file Cells found by search, and nets with several layers or time scales in a step. */
import { matmul, mul, relu, sigmoid, split, tanh, type Tensor } from "@tapeloop/autograd";
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
 * The cell that neural architecture search has found, with eight sums. State: h and c.
 *
 * ```text
 * [a₀ … a₇] = x·Wx + b,  [m₀ … m₇] = h·Wh
 * l = tanh(sigmoid(a₀ + m₀) ⊙ relu(a₁ + m₁)),  k = tanh(sigmoid(a₂ + m₂) + relu(a₃ ⊙ m₃))
 * p = tanh(tanh(a₄ + m₄) ⊙ sigmoid(a₅ + m₅)),  q = sigmoid(tanh(a₆ + m₆) + sigmoid(a₇ + m₇))
 * c′ = tanh(l + c) ⊙ k
 * h′ = tanh(c′ ⊙ tanh(p + q))
 * ```
 *
 * The output is h′. For `probe`: `sums.c`.
 *
 * Shapes: x [B,F], h and c [B,H] → [B,H]; Wx [F,8H], Wh [H,8H], b [8H].
 * Parameters: 8 (FH + H² + H). First values: Wx Glorot uniform, Wh orthogonal, b 0.
 *
 * Source: Zoph and Le 2017, "Neural architecture search with reinforcement learning", arXiv:1611.01578, appendix A,
 * figure 8, as in TensorFlow's NASCell.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, nasCell, normal, scan } from "tapeloop";
 *
 * const cell = nasCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function nasCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<GateParameters, "h" | "c", I, H> {
  return sizedCell("nasCell", inputSize, hiddenSize, options, {
    state: ["h", "c"],
    parameters: (first) => ({
      Wx: first.input(8),
      Wh: first.recurrent(8),
      b: first.bias(0, 0, 0, 0, 0, 0, 0, 0),
    }),
    step: ({ Wx, Wh, b }, { h, c }, x) => {
      const a = split(matmul(x, Wx).add(b), 8);
      const m = split(matmul(h, Wh), 8);
      const sum = (i: number): Tensor => a[i].add(m[i]);
      const l = tanh(sigmoid(sum(0)).mul(relu(sum(1))));
      const k = tanh(sigmoid(sum(2)).add(relu(a[3].mul(m[3]))));
      const p = tanh(tanh(sum(4)).mul(sigmoid(sum(5))));
      const q = sigmoid(tanh(sum(6)).add(sigmoid(sum(7))));
      const next = tanh(probe("sums.c", l.add(c))).mul(k);
      const y = tanh(next.mul(tanh(p.add(q))));
      return [{ h: y, c: next }, y];
    },
  });
}

/** Parameters of a {@link rhnCell}. */
export interface RhnParameters {
  /** Weights of the input [F, 2H]: of h and t, for the first layer. */
  readonly Wx: Tensor;
  /** Weights of the state [H, 2H], one for each layer. */
  readonly Wh: readonly Tensor[];
  /** Biases [2H], one for each layer. */
  readonly b: readonly Tensor[];
}

/** Options of {@link rhnCell}. */
export interface RhnOptions extends CellOptions {
  /** L, how many layers a step has, from 1. Default: 3. */
  readonly depth?: number;
}

/**
 * The recurrent highway network: a step of several layers, each with a gate that lets the state through.
 *
 * ```text
 * s₀ = h
 * [n, t] = (x·Wx, for l = 1) + sₗ₋₁·Whₗ + bₗ,  l = 1 … L
 * sₗ = sigmoid(t) ⊙ tanh(n) + (1 − sigmoid(t)) ⊙ sₗ₋₁
 * h′ = s_L
 * ```
 *
 * The output is h′. For `probe`, of layer 1: `gates.t1`, `candidate`; `sums.n1`, `sums.t1`; and so on.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,2H], Whₗ [H,2H], bₗ [2H]; order n, t.
 * Parameters: 2FH + L (2H² + 2H). First values: Wx Glorot uniform, Wh orthogonal, b 0 and −2 for t.
 *
 * Source: Zilly, Srivastava, Koutník and Schmidhuber 2017, "Recurrent highway networks", arXiv:1607.03474, eqs. 6–9,
 * with coupled gates.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown. Also if the
 * depth is not a whole number from 1.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, rhnCell, normal, scan } from "tapeloop";
 *
 * const cell = rhnCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function rhnCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: RhnOptions = {},
): SizedCell<RhnParameters, "h", I, H> {
  const { depth = 3 } = options;
  checkSetting(
    "rhnCell",
    "depth is a whole number from 1",
    depth,
    Number.isInteger(depth) && depth > 0,
  );
  return sizedCell("rhnCell", inputSize, hiddenSize, options, {
    state: ["h"],
    options: ["depth"],
    parameters: (first): RhnParameters => {
      const layers = Array.from({ length: depth }, () => first);
      return {
        Wx: first.input(2),
        Wh: layers.map((layer) => layer.recurrent(2)),
        b: layers.map((layer) => layer.bias(0, -2)),
      };
    },
    step: ({ Wx, Wh, b }, { h }, x) => {
      const y = Wh.reduce((s, W, l) => {
        const own = matmul(s, W).add(b[l]);
        const [an, at] = split(l === 0 ? matmul(x, Wx).add(own) : own, 2);
        return blend(gate(`t${l + 1}`, at), candidate(`n${l + 1}`, an), s);
      }, h);
      return shown(y);
    },
  });
}

/** Parameters of an {@link scrnCell}. */
export interface ScrnParameters {
  /** Weights of the input [F, 2H]: of h and of s. */
  readonly Wx: Tensor;
  /** Weights of h, of itself and of the output [H, 2H]. */
  readonly Wh: Tensor;
  /** Weights of s, of h and of the output [H, 2H]. */
  readonly Ws: Tensor;
  /** Bias of h [H]. */
  readonly b: Tensor;
}

/** Options of {@link scrnCell}. */
export interface ScrnOptions extends CellOptions {
  /** α, how much of the slow state stays, from 0 to 1. Default: 0.95. */
  readonly alpha?: number;
}

/**
 * The structurally constrained recurrent network: a fast state, and a slow one that only adds up. State: h and s.
 *
 * ```text
 * s′ = α s + (1 − α) x·Wxs
 * h′ = sigmoid(x·Wxh + s′·Wsh + h·Whh + b)
 * y = h′·Why + s′·Wsy
 * ```
 *
 * For `probe`: `sums.h`.
 *
 * Shapes: x [B,F], h and s [B,H] → [B,H]; Wx [F,2H], Wh [H,2H], Ws [H,2H], b [H].
 * Parameters: 2FH + 4H² + H. First values: Wx Glorot uniform, Wh and Ws orthogonal, b 0.
 *
 * Source: Mikolov, Joulin, Chopra, Mathieu and Ranzato 2015, "Learning longer memory in recurrent neural networks",
 * arXiv:1412.7753, eqs. 6–8; what follows y is left to the layers behind.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown. Also if α is
 * not from 0 to 1.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, scrnCell, normal, scan } from "tapeloop";
 *
 * const cell = scrnCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function scrnCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: ScrnOptions = {},
): SizedCell<ScrnParameters, "h" | "s", I, H> {
  const { alpha = 0.95 } = options;
  checkSetting("scrnCell", "alpha is from 0 to 1", alpha, alpha >= 0 && alpha <= 1);
  return sizedCell("scrnCell", inputSize, hiddenSize, options, {
    state: ["h", "s"],
    options: ["alpha"],
    parameters: (first) => ({
      Wx: first.input(2),
      Wh: first.recurrent(2),
      Ws: first.recurrent(2),
      b: first.bias(0),
    }),
    step: ({ Wx, Wh, Ws, b }, { h, s }, x) => {
      const [xh, xs] = split(matmul(x, Wx), 2);
      const slow = s.mul(alpha).add(xs.mul(1 - alpha));
      const [ofH, ofS] = [split(Wh, 2), split(Ws, 2)];
      const sums = xh.add(b).add(matmul(slow, ofS[0])).add(matmul(h, ofH[0]));
      const fast = sigmoid(probe("sums.h", sums));
      return [{ h: fast, s: slow }, matmul(fast, ofH[1]).add(matmul(slow, ofS[1]))];
    },
  });
}

/** Parameters of a {@link multiplicativeRnnCell}. */
export interface MultiplicativeRnnParameters extends GateParameters {
  /** Weights of the input in the mixed state [F, H]. */
  readonly Wmx: Tensor;
  /** Weights of the state in the mixed state [H, H]. */
  readonly Wmh: Tensor;
}

/**
 * The multiplicative RNN: the input chooses how the state is mixed.
 *
 * ```text
 * m = (x·Wmx) ⊙ (h·Wmh)
 * h′ = tanh(x·Wx + m·Wh + b)
 * ```
 *
 * The output is h′. For `probe`: `sums.h`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx and Wmx [F,H], Wh and Wmh [H,H], b [H].
 * Parameters: 2 (FH + H²) + H. First values: Wx and Wmx Glorot uniform, Wh and Wmh orthogonal, b 0.
 *
 * Source: Sutskever, Martens and Hinton 2011, "Generating text with recurrent neural networks", eqs. 7 and 8.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of the state not H.
 *
 * @example
 * ```ts
 * import { key, multiplicativeRnnCell, normal, scan } from "tapeloop";
 *
 * const cell = multiplicativeRnnCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function multiplicativeRnnCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<MultiplicativeRnnParameters, "h", I, H> {
  return sizedCell("multiplicativeRnnCell", inputSize, hiddenSize, options, {
    state: ["h"],
    parameters: (first) => ({
      Wx: first.input(),
      Wh: first.recurrent(),
      b: first.bias(0),
      Wmx: first.input(),
      Wmh: first.recurrent(),
    }),
    step: ({ Wx, Wh, b, Wmx, Wmh }, { h }, x) => {
      const m = mul(matmul(x, Wmx), matmul(h, Wmh));
      return shown(tanh(probe("sums.h", matmul(x, Wx).add(b).add(matmul(m, Wh)))));
    },
  });
}
