/** @file Light gated units: a GRU without a reset gate, and one whose candidate does not see the state. */
import { matmul, relu, split } from "@tapeloop/autograd";
import { blend, candidate, gate, type GateParameters, shown, sizedCell } from "./plain-cell.ts";
import type { CellOptions, SizedCell } from "./recurrent-cell.ts";

/**
 * The light gated recurrent unit, for speech: no reset gate, and relu.
 *
 * ```text
 * z = sigmoid(x·Wxz + h·Whz + bz)
 * n = relu(x·Wxn + h·Whn + bn)
 * h′ = z ⊙ h + (1 − z) ⊙ n
 * ```
 *
 * The output is h′. For `probe`: `gates.z`, `candidate`; `sums.z`, `sums.n`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,2H], Wh [H,2H], b [2H]; gate order z, n.
 * Parameters: 2 (FH + H² + H). First values: Wx Glorot uniform, Wh orthogonal, b 0.
 *
 * Source: Ravanelli, Brakel, Omologo and Bengio 2018, "Light gated recurrent units for speech recognition",
 * arXiv:1803.10225. The paper normalizes x·Wx over the batch, which takes the place of b: here b stays, and
 * `layerNorm` normalizes. The candidate is relu, as in the paper; RecurrentLayers.jl has tanh.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of h not H.
 *
 * @example
 * ```ts
 * import { key, liGruCell, normal, scan } from "tapeloop";
 *
 * const cell = liGruCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function liGruCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<GateParameters, "h", I, H> {
  return sizedCell("liGruCell", inputSize, hiddenSize, options, {
    state: ["h"],
    parameters: (first) => ({
      Wx: first.input(2),
      Wh: first.recurrent(2),
      b: first.bias(0, 0),
    }),
    step: ({ Wx, Wh, b }, { h }, x) => {
      const [az, an] = split(matmul(x, Wx).add(b).add(matmul(h, Wh)), 2);
      return shown(blend(gate("z", az), h, candidate("n", an, relu)));
    },
  });
}

/**
 * The light recurrent unit: a candidate that does not see the state.
 *
 * ```text
 * n = tanh(x·Wxn)
 * f = sigmoid(x·Wxf + h·Wh + b)
 * h′ = (1 − f) ⊙ h + f ⊙ n
 * ```
 *
 * The output is h′. For `probe`: `gates.f`, `candidate`; `sums.f`, `sums.n`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,2H] in the order n, f; Wh [H,H], b [H].
 * Parameters: 2 FH + H² + H. First values: Wx Glorot uniform, Wh orthogonal, b 0.
 *
 * Source: Ye, Zhang, Liu et al. 2024, "Light recurrent unit: towards an interpretable recurrent neural
 * network for modeling long-range dependency", Electronics 13(16), 3204.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of h not H.
 *
 * @example
 * ```ts
 * import { key, lightRuCell, normal, scan } from "tapeloop";
 *
 * const cell = lightRuCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function lightRuCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<GateParameters, "h", I, H> {
  return sizedCell("lightRuCell", inputSize, hiddenSize, options, {
    state: ["h"],
    parameters: (first) => ({ Wx: first.input(2), Wh: first.recurrent(), b: first.bias(0) }),
    step: ({ Wx, Wh, b }, { h }, x) => {
      const [xn, xf] = split(matmul(x, Wx), 2);
      const f = gate("f", xf.add(b).add(matmul(h, Wh)));
      return shown(blend(f, candidate("n", xn), h));
    },
  });
}
