/** @file The chaos free network. */
import { matmul, split, tanh } from "@tapeloop/autograd";
import { candidate, gate, type GateParameters, shown, sizedCell } from "./plain-cell.ts";
import type { CellOptions, SizedCell } from "./recurrent-cell.ts";

/**
 * The chaos free network: without input its state fades to 0, whatever its weights.
 *
 * ```text
 * θ = sigmoid(x·Wxθ + h·Whθ + bθ)
 * η = sigmoid(x·Wxη + h·Whη + bη)
 * h′ = θ ⊙ tanh(h) + η ⊙ tanh(x·Wxn)
 * ```
 *
 * The output is h′. For `probe`: `gates.θ`, `gates.η`, `candidate`; `sums.θ`, `sums.η`, `sums.n`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,3H] in the order θ, η, n; Wh [H,2H] and b [2H] in the order θ, η.
 * Parameters: 3 FH + 2 H² + 2 H. First values: Wx Glorot uniform, Wh orthogonal, b 1 for θ and −1 for η.
 *
 * Source: Laurent and von Brecht 2017, "A recurrent neural network without chaos", arXiv:1612.06212, eqs. 1
 * and 2.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of h not H.
 *
 * @example
 * ```ts
 * import { cfnCell, key, normal, scan } from "tapeloop";
 *
 * const cell = cfnCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function cfnCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<GateParameters, "h", I, H> {
  return sizedCell("cfnCell", inputSize, hiddenSize, options, {
    state: ["h"],
    parameters: (first) => ({ Wx: first.input(3), Wh: first.recurrent(2), b: first.bias(1, -1) }),

    step: ({ Wx, Wh, b }, { h }, x) => {
      const [xθ, xη, xn] = split(matmul(x, Wx), 3);
      const [hθ, hη] = split(matmul(h, Wh).add(b), 2);
      const [θ, η] = [gate("θ", xθ.add(hθ)), gate("η", xη.add(hη))];
      return shown(θ.mul(tanh(h)).add(η.mul(candidate("n", xn))));
    },
  });
}
