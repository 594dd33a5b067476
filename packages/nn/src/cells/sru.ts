/** @file SRU: the simple recurrent unit, whose gates do not look at the state. */
import {
  ArgumentError,
  checkOptions,
  matmul,
  relu,
  scope,
  sigmoid,
  split,
  sub,
  tanh,
  type Tensor,
  within,
} from "@tapeloop/autograd";
import { zerosInit } from "../initializers/plain.ts";
import { glorotUniform } from "../initializers/scaled.ts";
import { probe } from "../rnn/probe.ts";
import { checkLastAxis, checkSizes } from "../sizes.ts";
import {
  type LinearCell,
  type LinearCellOptions,
  linearCellOptions,
  type LinearForm,
  linearStep,
  type SizedLinearCell,
} from "./linear-cell.ts";
import { zeroState } from "./recurrent-cell.ts";

/** Parameters of an {@link sruCell}: candidate, gates and, if F ≠ H, the way past them, side by side. */
export interface SruParameters {
  /** Weights of the input [F, 3H] in the order c, f, r; [F, 4H] with those of the way past, if F ≠ H. */
  readonly Wx: Tensor;
  /** Bias of the gates f and r [2H]. */
  readonly b: Tensor;
}

/** State of an {@link sruCell}. */
export interface SruState {
  /** Cell state [B, H]. */
  readonly c: Tensor;
}

/** Options of {@link sruCell}. */
export interface SruOptions extends LinearCellOptions {
  /** g. Default: "tanh". */
  readonly activation?: "tanh" | "relu" | "identity";
}

const activations = { tanh, relu, identity: (x: Tensor): Tensor => x };

/** The equations of {@link sruCell}. */
function formOf(
  hiddenSize: number,
  activation: (x: Tensor) => Tensor,
): LinearForm<SruParameters, SruState> {
  return ({ Wx, b }, x) => {
    checkLastAxis("sruCell", "x", x, Wx.shape[0]);
    return within("sruCell", () => {
      const [candidate, af, ar, projected = x] = split(matmul(x, Wx), Wx.shape[1] / hiddenSize);
      const [bf, br] = split(b, 2);
      const f = probe("gates.f", sigmoid(probe("sums.f", af.add(bf))));
      const r = probe("gates.r", sigmoid(probe("sums.r", ar.add(br))));
      const past = sub(1, r).mul(projected);
      return {
        a: { c: f },
        b: { c: sub(1, f).mul(probe("candidate", candidate)) },
        show: ({ c }) => r.mul(activation(probe("sums.c", c))).add(past),
      };
    });
  };
}

/**
 * The simple recurrent unit: a state of one gate that does not look at it, and a second one between what the
 * state shows and the input itself:
 *
 * ```text
 * [x̃, f, r] = x·Wx + [0, b]
 * c′ = sigmoid(f) ⊙ c + (1 − sigmoid(f)) ⊙ x̃
 * y  = sigmoid(r) ⊙ g(c′) + (1 − sigmoid(r)) ⊙ x
 * ```
 *
 * If F ≠ H, a fourth product with weights takes the place of the last x, as in the authors' code. The next
 * state is linear in the last: {@link parallel} runs all steps at once. For {@link probe} the gates are
 * `gates.f` and `gates.r`; what goes into them and into g, `sums.f`, `sums.r` and `sums.c`; x̃, `candidate`.
 *
 * Shapes: x [B,F], c [B,H] → [B,H]; Wx [F,3H], or [F,4H] if F ≠ H; b [2H]. B batch, F features, H hidden.
 * Without the batch axis it steps one sequence.
 * Parameters: 3FH + 2H; FH more if F ≠ H. First values: Wx Glorot uniform, b 0.
 *
 * Source: Lei, Zhang and Artzi 2017, "Training RNNs as fast as CNNs", arXiv:1709.02755, version 1, eqs. 3–7.
 * Later versions let the gates look at c, and are not linear in it.
 *
 * @param inputSize - F.
 * @param hiddenSize - H.
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 * @throws ShapeError from `step` if the last axis of x is not F, or that of c not H.
 *
 * @example
 * ```ts
 * import { key, normal, parallel, sruCell } from "tapeloop";
 *
 * const model = parallel(sruCell(3, 4));
 * const xs = normal([10, 2, 3], { key: key(1) }); // 10 steps of a batch of 2
 * const { outputs, state } = model.apply(model.init(key(0)), xs);
 * console.log(outputs.shape, state.c.shape); // [ 10, 2, 4 ] [ 2, 4 ]
 * ```
 */
export function sruCell<I extends number, H extends number>(
  inputSize: I,
  hiddenSize: H,
  options?: SruOptions,
): SizedLinearCell<SruParameters, "c", I, H>;
export function sruCell(
  inputSize: number,
  hiddenSize: number,
  options: SruOptions = {},
): LinearCell<SruParameters, SruState> {
  checkOptions("sruCell", options, [...linearCellOptions, "activation"]);
  checkSizes("sruCell", { inputSize, hiddenSize });
  const { activation = "tanh", inputWeights = glorotUniform, dtype = "float32" } = options;
  if (!Object.hasOwn(activations, activation)) {
    throw new ArgumentError("sruCell", 'activation is "tanh", "relu" or "identity"', activation);
  }
  const products = inputSize === hiddenSize ? 3 : 4;
  return {
    inputSize,
    hiddenSize,
    init: (key) =>
      scope(() => ({
        Wx: inputWeights(key, [inputSize, products * hiddenSize], { dtype }),
        b: zerosInit(key, [2 * hiddenSize], { dtype }),
      })),
    initialState: (batch) => ({ c: zeroState(hiddenSize, batch, dtype) }),
    ...linearStep("sruCell", formOf(hiddenSize, activations[activation])),
  };
}
