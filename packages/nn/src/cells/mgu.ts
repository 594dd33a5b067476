/** @file Gated units with one gate: the minimal gated unit and its variants. */
import { matmul, split, type Tensor } from "@tapeloop/autograd";
import {
  blend,
  candidate,
  gate,
  type GateParameters,
  type HiddenState,
  shown,
  sizedCell,
} from "./plain-cell.ts";
import type { CellOptions, SizedCell } from "./recurrent-cell.ts";

/** h′ from the gate's sum, and what the candidate adds of the input. */
function minimal(sums: Tensor, ofX: Tensor, Wn: Tensor, h: Tensor): readonly [HiddenState, Tensor] {
  const f = gate("f", sums);
  return shown(blend(f, candidate("n", ofX.add(matmul(f.mul(h), Wn))), h));
}

/**
 * The minimal gated unit: a GRU whose gates are one.
 *
 * ```text
 * f = sigmoid(x·Wxf + h·Whf + bf)
 * n = tanh(x·Wxn + (f ⊙ h)·Whn + bn)
 * h′ = (1 − f) ⊙ h + f ⊙ n
 * ```
 *
 * The output is h′. For `probe`: `gates.f`, `candidate`; `sums.f`, `sums.n`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,2H], Wh [H,2H], b [2H]; gate order f, n.
 * Parameters: 2 (FH + H² + H). First values: Wx Glorot uniform, Wh orthogonal, b 0.
 *
 * Source: Zhou, Wu, Zhang and Zhou 2016, "Minimal gated unit for recurrent neural networks",
 * arXiv:1603.09420.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of h not H.
 *
 * @example
 * ```ts
 * import { key, mguCell, normal, scan } from "tapeloop";
 *
 * const cell = mguCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function mguCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<GateParameters, "h", I, H> {
  return sizedCell("mguCell", inputSize, hiddenSize, options, {
    state: ["h"],
    parameters: (first) => ({
      Wx: first.input(2),
      Wh: first.recurrent(2),
      b: first.bias(0, 0),
    }),
    step: ({ Wx, Wh, b }, { h }, x) => {
      const [xf, xn] = split(matmul(x, Wx).add(b), 2);
      const [Wf, Wn] = split(Wh, 2);
      return minimal(xf.add(matmul(h, Wf)), xn, Wn, h);
    },
  });
}

/**
 * The minimal gated unit, variant 1: a gate that does not see the input.
 *
 * ```text
 * f = sigmoid(h·Whf + bf)
 * n = tanh(x·Wxn + (f ⊙ h)·Whn + bn)
 * h′ = (1 − f) ⊙ h + f ⊙ n
 * ```
 *
 * The output is h′. For `probe`: `gates.f`, `candidate`; `sums.f`, `sums.n`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,H], Wh [H,2H], b [2H]; order f, n.
 * Parameters: FH + 2 (H² + H). First values: Wx Glorot uniform, Wh orthogonal, b 0.
 *
 * Source: Heck and Salem 2017, "Simplified minimal gated unit variations for recurrent neural networks",
 * arXiv:1701.03452, the equations of MGU1.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of h not H.
 *
 * @example
 * ```ts
 * import { key, mgu1Cell, normal, scan } from "tapeloop";
 *
 * const cell = mgu1Cell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function mgu1Cell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<GateParameters, "h", I, H> {
  return sizedCell("mgu1Cell", inputSize, hiddenSize, options, {
    state: ["h"],
    parameters: (first) => ({ Wx: first.input(), Wh: first.recurrent(2), b: first.bias(0, 0) }),
    step: ({ Wx, Wh, b }, { h }, x) => {
      const [bf, bn] = split(b, 2);
      const [Wf, Wn] = split(Wh, 2);
      return minimal(matmul(h, Wf).add(bf), matmul(x, Wx).add(bn), Wn, h);
    },
  });
}

/**
 * The minimal gated unit, variant 2: a gate of the state alone, without a bias.
 *
 * ```text
 * f = sigmoid(h·Whf)
 * n = tanh(x·Wxn + (f ⊙ h)·Whn + bn)
 * h′ = (1 − f) ⊙ h + f ⊙ n
 * ```
 *
 * The output is h′. For `probe`: `gates.f`, `candidate`; `sums.f`, `sums.n`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,H], Wh [H,2H], b [H]; order f, n.
 * Parameters: FH + 2H² + H. First values: Wx Glorot uniform, Wh orthogonal, b 0.
 *
 * Source: Heck and Salem 2017, "Simplified minimal gated unit variations for recurrent neural networks",
 * arXiv:1701.03452, the equations of MGU2.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of h not H.
 *
 * @example
 * ```ts
 * import { key, mgu2Cell, normal, scan } from "tapeloop";
 *
 * const cell = mgu2Cell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function mgu2Cell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<GateParameters, "h", I, H> {
  return sizedCell("mgu2Cell", inputSize, hiddenSize, options, {
    state: ["h"],
    parameters: (first) => ({ Wx: first.input(), Wh: first.recurrent(2), b: first.bias(0) }),
    step: ({ Wx, Wh, b }, { h }, x) => {
      const [Wf, Wn] = split(Wh, 2);
      return minimal(matmul(h, Wf), matmul(x, Wx).add(b), Wn, h);
    },
  });
}

/**
 * The minimal gated unit, variant 3: a gate that is a number for each unit.
 *
 * ```text
 * f = sigmoid(bf)
 * n = tanh(x·Wxn + (f ⊙ h)·Whn + bn)
 * h′ = (1 − f) ⊙ h + f ⊙ n
 * ```
 *
 * The output is h′. For `probe`: `gates.f`, `candidate`; `sums.f`, `sums.n`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,H], Wh [H,H], b [2H]; order f, n.
 * Parameters: FH + H² + 2H. First values: Wx Glorot uniform, Wh orthogonal, b 0.
 *
 * Source: Heck and Salem 2017, "Simplified minimal gated unit variations for recurrent neural networks",
 * arXiv:1701.03452, the equations of MGU3.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of h not H.
 *
 * @example
 * ```ts
 * import { key, mgu3Cell, normal, scan } from "tapeloop";
 *
 * const cell = mgu3Cell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function mgu3Cell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<GateParameters, "h", I, H> {
  return sizedCell("mgu3Cell", inputSize, hiddenSize, options, {
    state: ["h"],
    parameters: (first) => ({ Wx: first.input(), Wh: first.recurrent(), b: first.bias(0, 0) }),
    step: ({ Wx, Wh, b }, { h }, x) => {
      const [bf, bn] = split(b, 2);
      return minimal(bf, matmul(x, Wx).add(bn), Wh, h);
    },
  });
}
