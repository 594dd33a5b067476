/** @file Cells that write what they make of the input alone: minimal RNN, STAR and SGRN. */
import { matmul, split, tanh, type Tensor } from "@tapeloop/autograd";
import { probe } from "../rnn/probe.ts";
import { blend, candidate, gate, type GateParameters, shown, sizedCell } from "./plain-cell.ts";
import type { CellOptions, SizedCell } from "./recurrent-cell.ts";

/** Parameters of a {@link minimalRnnCell}. */
export interface MinimalRnnParameters {
  /** Weights of the input [F, H]. */
  readonly Wx: Tensor;
  /** Bias of what is written [H]. */
  readonly bz: Tensor;
  /** Weights of the state in the gate [H, H]. */
  readonly Wh: Tensor;
  /** Weights of what is written in the gate [H, H]. */
  readonly Wz: Tensor;
  /** Bias of the gate [H]. */
  readonly bu: Tensor;
}

/**
 * The minimal recurrent network: inputs are mapped to the space of states, and a gate chooses between both.
 *
 * ```text
 * z = tanh(x·Wx + bz)
 * u = sigmoid(h·Wh + z·Wz + bu)
 * h′ = u ⊙ h + (1 − u) ⊙ z
 * ```
 *
 * The output is h′. For `probe`: `gates.u`, `candidate`; `sums.u`, `sums.z`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,H], Wh and Wz [H,H], bz and bu [H].
 * Parameters: FH + 2 H² + 2 H. First values: Wx Glorot uniform, Wh and Wz orthogonal, biases 0.
 *
 * Source: Chen 2017, "MinimalRNN: toward more interpretable and trainable recurrent neural networks",
 * arXiv:1711.06788, with Φ = tanh of a linear map.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of h not H.
 *
 * @example
 * ```ts
 * import { key, minimalRnnCell, normal, scan } from "tapeloop";
 *
 * const cell = minimalRnnCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function minimalRnnCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<MinimalRnnParameters, "h", I, H> {
  return sizedCell("minimalRnnCell", inputSize, hiddenSize, options, {
    state: ["h"],
    parameters: (first) => ({
      Wx: first.input(),
      bz: first.bias(0),
      Wh: first.recurrent(),
      Wz: first.recurrent(),
      bu: first.bias(0),
    }),
    step: ({ Wx, bz, Wh, Wz, bu }, { h }, x) => {
      const z = candidate("z", matmul(x, Wx).add(bz));
      const u = gate("u", matmul(z, Wz).add(bu).add(matmul(h, Wh)));
      return shown(blend(u, h, z));
    },
  });
}

/**
 * The stackable recurrent cell: one gate, made so that gradients keep their size through layers and time.
 *
 * ```text
 * z = tanh(x·Wxz + bz)
 * k = sigmoid(x·Wxk + h·Wh + bk)
 * h′ = tanh((1 − k) ⊙ h + k ⊙ z)
 * ```
 *
 * The output is h′. For `probe`: `gates.k`, `candidate`; `sums.k`, `sums.z`, `sums.h`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,2H] and b [2H] in the order z, k; Wh [H,H].
 * Parameters: 2 FH + H² + 2 H. First values: Wx Glorot uniform, Wh orthogonal, b 0.
 *
 * Source: Turkoglu, D'Aronco, Wegner and Schindler 2021, "Gating revisited: deep multi-layer RNNs that can be
 * trained", arXiv:1911.11033.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of h not H.
 *
 * @example
 * ```ts
 * import { key, normal, scan, starCell } from "tapeloop";
 *
 * const cell = starCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function starCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<GateParameters, "h", I, H> {
  return sizedCell("starCell", inputSize, hiddenSize, options, {
    state: ["h"],
    parameters: (first) => ({ Wx: first.input(2), Wh: first.recurrent(), b: first.bias(0, 0) }),

    step: ({ Wx, Wh, b }, { h }, x) => {
      const [xz, xk] = split(matmul(x, Wx).add(b), 2);
      const k = gate("k", xk.add(matmul(h, Wh)));
      return shown(tanh(probe("sums.h", blend(k, candidate("z", xz), h))));
    },
  });
}

/**
 * The simple gated recurrent network: one map of the input serves the gate and the state.
 *
 * ```text
 * f = sigmoid(x·Wx + h·Wh + b)
 * h′ = tanh((1 − f) ⊙ (x·Wx) + f ⊙ h)
 * ```
 *
 * The output is h′. For `probe`: `gates.f`, `candidate`, which is x·Wx; `sums.f`, `sums.h`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,H], Wh [H,H], b [H].
 * Parameters: FH + H² + H. First values: Wx Glorot uniform, Wh orthogonal, b 0.
 *
 * Source: Zu and Wei 2020, "A simple gated recurrent network for detection of power quality disturbances",
 * doi:10.1049/gtd2.12056. RecurrentLayers.jl adds a bias of the input to the second line, too.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of h not H.
 *
 * @example
 * ```ts
 * import { key, normal, scan, sgrnCell } from "tapeloop";
 *
 * const cell = sgrnCell(3, 4);
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [, ys] = scan(cell.step, cell.init(key(0)), cell.initialState(2), xs);
 * console.log(ys.shape); // [ 10, 2, 4 ]
 * ```
 */
export function sgrnCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options: CellOptions = {},
): SizedCell<GateParameters, "h", I, H> {
  return sizedCell("sgrnCell", inputSize, hiddenSize, options, {
    state: ["h"],
    parameters: (first) => ({ Wx: first.input(), Wh: first.recurrent(), b: first.bias(0) }),

    step: ({ Wx, Wh, b }, { h }, x) => {
      const z = matmul(x, Wx);
      const f = gate("f", z.add(b).add(matmul(h, Wh)));
      return shown(tanh(probe("sums.h", blend(f, h, probe("candidate", z)))));
    },
  });
}
