/** @file The three mutated gated units. */
import { matmul, split, tanh } from "@tapeloop/autograd";
import { blend, candidate, gate, type GateParameters, shown, sizedCell } from "./plain-cell.ts";
import type { CellOptions, SizedCell } from "./recurrent-cell.ts";

/**
 * The mutated unit 1, found by search among ten thousand architectures.
 *
 * ```text
 * z = sigmoid(x·Wxz + bz)
 * r = sigmoid(x·Wxr + h·Whr + br)
 * n = tanh((r ⊙ h)·Whn + tanh(x·Wxn) + bn)
 * h′ = z ⊙ n + (1 − z) ⊙ h
 * ```
 *
 * The output is h′. For `probe`: `gates.z`, `gates.r`, `candidate`; `sums.z`, `sums.r`, `sums.n`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,3H] and b [3H] in the order z, r, n; Wh [H,2H] in the order r, n.
 * Parameters: 3 FH + 2 H² + 3 H. First values: Wx Glorot uniform, Wh orthogonal, b 0.
 *
 * Source: Jozefowicz, Zaremba and Sutskever 2015, "An empirical exploration of recurrent network
 * architectures", the equations of MUT1. The paper has tanh(x) in the candidate, for inputs of size H;
 * with weights, Wxn, inputs have any size.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of h not H.
 *
 * @example
 * ```ts
 * import { key, mut1Cell, normal, scan } from "tapeloop";
 *
 * const cell = mut1Cell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function mut1Cell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<GateParameters, "h", I, H> {
  return sizedCell("mut1Cell", inputSize, hiddenSize, options, {
    state: ["h"],
    parameters: (first) => ({ Wx: first.input(3), Wh: first.recurrent(2), b: first.bias(0, 0, 0) }),

    step: ({ Wx, Wh, b }, { h }, x) => {
      const [xz, xr, xn] = split(matmul(x, Wx), 3);
      const [bz, br, bn] = split(b, 3);
      const [Wr, Wn] = split(Wh, 2);
      const r = gate("r", xr.add(br).add(matmul(h, Wr)));
      const n = candidate(
        "n",
        tanh(xn)
          .add(bn)
          .add(matmul(r.mul(h), Wn)),
      );
      return shown(blend(gate("z", xz.add(bz)), n, h));
    },
  });
}

/**
 * The mutated unit 2, found by search among ten thousand architectures.
 *
 * ```text
 * z = sigmoid(x·Wxz + h·Whz + bz)
 * r = sigmoid(x·Wxr + h·Whr + br)
 * n = tanh((r ⊙ h)·Whn + x·Wxn + bn)
 * h′ = z ⊙ n + (1 − z) ⊙ h
 * ```
 *
 * The output is h′. For `probe`: `gates.z`, `gates.r`, `candidate`; `sums.z`, `sums.r`, `sums.n`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,3H] and b [3H] in the order z, r, n; Wh [H,3H] in the same order.
 * Parameters: 3 (FH + H² + H). First values: Wx Glorot uniform, Wh orthogonal, b 0.
 *
 * Source: Jozefowicz, Zaremba and Sutskever 2015, "An empirical exploration of recurrent network
 * architectures", the equations of MUT2. The paper has x itself in r, for inputs of size H; with
 * weights, Wxr, inputs have any size, and what is left is the GRU with the reset gate before the product.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of h not H.
 *
 * @example
 * ```ts
 * import { key, mut2Cell, normal, scan } from "tapeloop";
 *
 * const cell = mut2Cell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function mut2Cell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<GateParameters, "h", I, H> {
  return sizedCell("mut2Cell", inputSize, hiddenSize, options, {
    state: ["h"],
    parameters: (first) => ({ Wx: first.input(3), Wh: first.recurrent(3), b: first.bias(0, 0, 0) }),

    step: ({ Wx, Wh, b }, { h }, x) => {
      const [xz, xr, xn] = split(matmul(x, Wx).add(b), 3);
      const [Wz, Wr, Wn] = split(Wh, 3);
      const r = gate("r", xr.add(matmul(h, Wr)));
      const n = candidate("n", xn.add(matmul(r.mul(h), Wn)));
      return shown(blend(gate("z", xz.add(matmul(h, Wz))), n, h));
    },
  });
}

/**
 * The mutated unit 3, found by search among ten thousand architectures.
 *
 * ```text
 * z = sigmoid(x·Wxz + tanh(h)·Whz + bz)
 * r = sigmoid(x·Wxr + h·Whr + br)
 * n = tanh((r ⊙ h)·Whn + x·Wxn + bn)
 * h′ = z ⊙ n + (1 − z) ⊙ h
 * ```
 *
 * The output is h′. For `probe`: `gates.z`, `gates.r`, `candidate`; `sums.z`, `sums.r`, `sums.n`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,3H] and b [3H] in the order z, r, n; Wh [H,3H] in the same order.
 * Parameters: 3 (FH + H² + H). First values: Wx Glorot uniform, Wh orthogonal, b 0.
 *
 * Source: Jozefowicz, Zaremba and Sutskever 2015, "An empirical exploration of recurrent network
 * architectures", the equations of MUT3.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of h not H.
 *
 * @example
 * ```ts
 * import { key, mut3Cell, normal, scan } from "tapeloop";
 *
 * const cell = mut3Cell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function mut3Cell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<GateParameters, "h", I, H> {
  return sizedCell("mut3Cell", inputSize, hiddenSize, options, {
    state: ["h"],
    parameters: (first) => ({ Wx: first.input(3), Wh: first.recurrent(3), b: first.bias(0, 0, 0) }),

    step: ({ Wx, Wh, b }, { h }, x) => {
      const [xz, xr, xn] = split(matmul(x, Wx).add(b), 3);
      const [Wz, Wr, Wn] = split(Wh, 3);
      const r = gate("r", xr.add(matmul(h, Wr)));
      const n = candidate("n", xn.add(matmul(r.mul(h), Wn)));
      return shown(blend(gate("z", xz.add(matmul(tanh(h), Wz))), n, h));
    },
  });
}
