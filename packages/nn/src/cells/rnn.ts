/** @file The simple recurrent cell. */
import {
  ArgumentError,
  type Cell,
  checkOptions,
  matmul,
  relu,
  scope,
  splitKey,
  tanh,
  type Tensor,
  within,
} from "@tapeloop/autograd";
import { orthogonal } from "../initializers/orthogonal.ts";
import { zerosInit } from "../initializers/plain.ts";
import { glorotUniform } from "../initializers/scaled.ts";
import { probe } from "../rnn/probe.ts";
import { checkLastAxis, checkSizes } from "../sizes.ts";
import {
  type CellOptions,
  cellOptions,
  type RecurrentCell,
  type SizedCell,
  zeroState,
} from "./recurrent-cell.ts";

/** Parameters of an {@link rnnCell}. */
export interface RnnParameters {
  /** Weights of the input [F, H]. */
  readonly Wx: Tensor;
  /** Weights of the state [H, H]. */
  readonly Wh: Tensor;
  /** Bias [H]. */
  readonly b: Tensor;
}

/** State of an {@link rnnCell}. */
export interface RnnState {
  /** Hidden state [B, H]. */
  readonly h: Tensor;
}

/** Options of {@link rnnCell}. */
export interface RnnOptions extends CellOptions {
  /** φ. Default: "tanh". */
  readonly activation?: "tanh" | "relu";
}

/** h′ = φ(x·Wx + b + h·Wh). The part without h stands together: it can be computed for all steps at once. */
function stepWith(
  activation: (x: Tensor) => Tensor,
): Cell<RnnParameters, RnnState, Tensor, Tensor> {
  return ({ Wx, Wh, b }, { h }, x) => {
    checkLastAxis("rnnCell", "x", x, Wx.shape[0]);
    checkLastAxis("rnnCell", "h", h, Wh.shape[0]);
    return within("rnnCell", () => {
      const y = activation(probe("sums.h", matmul(x, Wx).add(b).add(matmul(h, Wh))));
      return [{ h: y }, y];
    });
  };
}

const steps = { tanh: stepWith(tanh), relu: stepWith(relu) };

/**
 * The simple recurrent cell: h′ = φ(x·Wx + h·Wh + b), with φ = tanh or relu. The output is h′.
 * For {@link probe} what goes into φ is `sums.h`.
 *
 * Shapes: x [B,F], h [B,H] → [B,H]; Wx [F,H], Wh [H,H], b [H]. B batch, F features, H hidden.
 * Without the batch axis it steps one sequence.
 * Parameters: FH + H² + H. First values: Wx Glorot uniform, Wh orthogonal, b 0.
 *
 * Source: Elman 1990, "Finding structure in time". With relu, see Le, Jaitly and Hinton 2015,
 * arXiv:1504.00941.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of h not H.
 *
 * @example
 * ```ts
 * import { key, normal, rnnCell, scan } from "tapeloop";
 *
 * const cell = rnnCell(3, 4);
 * const parameters = cell.init(key(0));
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const [{ h }, ys] = scan(cell.step, parameters, cell.initialState(2), xs);
 * console.log(h.shape, ys.shape); // [ 2, 4 ] [ 10, 2, 4 ]
 * ```
 */
export function rnnCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options?: RnnOptions,
): SizedCell<RnnParameters, "h", I, H>;
export function rnnCell(
  inputSize: number,
  hiddenSize: number,
  options: RnnOptions = {},
): RecurrentCell<RnnParameters, RnnState> {
  checkOptions("rnnCell", options, [...cellOptions, "activation"]);
  checkSizes("rnnCell", { inputSize, hiddenSize });
  const {
    activation = "tanh",
    inputWeights = glorotUniform,
    recurrentWeights = orthogonal,
    dtype = "float32",
  } = options;
  if (!Object.hasOwn(steps, activation)) {
    throw new ArgumentError("rnnCell", 'activation is "tanh" or "relu"', activation);
  }
  return {
    inputSize,
    hiddenSize,
    init: (key) =>
      scope(() => {
        const [forWx, forWh] = splitKey(key);
        return {
          Wx: inputWeights(forWx, [inputSize, hiddenSize], { dtype }),
          Wh: recurrentWeights(forWh, [hiddenSize, hiddenSize], { dtype }),
          b: zerosInit(key, [hiddenSize], { dtype }),
        };
      }),
    initialState: (batch) => ({ h: zeroState(hiddenSize, batch, dtype) }),
    step: steps[activation],
  };
}
