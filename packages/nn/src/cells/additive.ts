/** @file Cells whose state is a weighted sum of inputs: RAN and ATR. */
import { matmul, split, tanh, type Tensor } from "@tapeloop/autograd";
import { probe } from "../rnn/probe.ts";
import { gate, type GateParameters, shown, sizedCell } from "./plain-cell.ts";
import type { CellOptions, SizedCell } from "./recurrent-cell.ts";

/**
 * The recurrent additive network: an LSTM whose candidate is linear in the input alone, so that c is a sum of
 * inputs with weights from the gates.
 *
 * ```text
 * n = x·Wxn
 * i = sigmoid(x·Wxi + h·Whi + bi)
 * f = sigmoid(x·Wxf + h·Whf + bf)
 * c′ = i ⊙ n + f ⊙ c
 * h′ = tanh(c′)
 * ```
 *
 * The output is h′. For `probe`: `gates.i`, `gates.f`, `candidate`; `sums.i`, `sums.f`, `sums.c`.
 *
 * Shapes: x [B,F], h and c [B,H] → [B,H]; Wx [F,3H] in the order n, i, f; Wh [H,2H] and b [2H] in the order
 * i, f. Parameters: 3 FH + 2 H² + 2 H. First values: Wx Glorot uniform, Wh orthogonal, b 0.
 *
 * Source: Lee, Levy and Zettlemoyer 2017, "Recurrent additive networks", arXiv:1705.07393, with g = tanh.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of h or c not H.
 *
 * @example
 * ```ts
 * import { key, normal, ranCell, scan } from "tapeloop";
 *
 * const cell = ranCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function ranCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<GateParameters, "h" | "c", I, H> {
  return sizedCell("ranCell", inputSize, hiddenSize, options, {
    state: ["h", "c"],
    parameters: (first) => ({ Wx: first.input(3), Wh: first.recurrent(2), b: first.bias(0, 0) }),
    step: ({ Wx, Wh, b }, { h, c }, x) => {
      const [xn, xi, xf] = split(matmul(x, Wx), 3);
      const [hi, hf] = split(matmul(h, Wh).add(b), 2);
      const next = gate("i", xi.add(hi))
        .mul(probe("candidate", xn))
        .add(gate("f", xf.add(hf)).mul(c));
      const y = tanh(probe("sums.c", next));
      return [{ h: y, c: next }, y];
    },
  });
}

/** Parameters of an {@link atrCell}. */
export interface AtrParameters {
  /** Weights of the input [F, H]. */
  readonly Wx: Tensor;
  /** Weights of the state [H, H]. */
  readonly Wh: Tensor;
}

/**
 * The addition-subtraction twin-gated recurrent network: both gates are made of two products, without a bias.
 *
 * ```text
 * p = x·Wx
 * q = h·Wh
 * i = sigmoid(p + q)
 * f = sigmoid(p − q)
 * h′ = i ⊙ p + f ⊙ h
 * ```
 *
 * The output is h′. For `probe`: `gates.i`, `gates.f`, `candidate`, which is p; `sums.i`, `sums.f`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,H], Wh [H,H].
 * Parameters: FH + H². First values: Wx Glorot uniform, Wh orthogonal.
 *
 * Source: Zhang, Xiong, Su, Lin and Zhang 2018, "Simplifying neural machine translation with
 * addition-subtraction twin-gated recurrent networks", arXiv:1810.12546.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of h not H.
 *
 * @example
 * ```ts
 * import { atrCell, key, normal, scan } from "tapeloop";
 *
 * const cell = atrCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function atrCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<AtrParameters, "h", I, H> {
  return sizedCell("atrCell", inputSize, hiddenSize, options, {
    state: ["h"],
    parameters: (first) => ({ Wx: first.input(), Wh: first.recurrent() }),
    step: ({ Wx, Wh }, { h }, x) => {
      const [p, q] = [matmul(x, Wx), matmul(h, Wh)];
      const i = gate("i", p.add(q));
      const f = gate("f", p.sub(q));
      return shown(i.mul(probe("candidate", p)).add(f.mul(h)));
    },
  });
}
