/** @file Cells whose input chooses how the state is mixed before they read it. */
import {
  ArgumentError,
  checkOptions,
  matmul,
  mul,
  scope,
  splitKey,
  type Tensor,
  type Tree,
} from "@tapeloop/autograd";
import {
  type AnyCell,
  type CellOptions,
  cellOptions,
  type ParametersOf,
  type RecurrentCell,
  type StateOf,
} from "../cells/recurrent-cell.ts";
import { orthogonal } from "../initializers/orthogonal.ts";
import { glorotUniform } from "../initializers/scaled.ts";
import { probe } from "../rnn/probe.ts";
import { isCalled, mapNamed, namedParts } from "../rnn/state.ts";
import { forPart } from "./start.ts";

/** Parameters of a {@link multiplicative} cell. */
export interface MultiplicativeParameters<P> {
  /** Those of the cell. */
  readonly cell: P;
  /** Weights of the input in the mixed state [F, H]. */
  readonly Wmx: Tensor;
  /** Weights of the state in the mixed state [H, H]. */
  readonly Wmh: Tensor;
}

/**
 * A cell that reads m = (x·Wmx) ⊙ (h·Wmh) in place of its h: the input chooses the recurrent weights. Around
 * `rnnCell` it is the multiplicative RNN, around `lstmCell` the multiplicative LSTM. For `probe`: `mixed`.
 *
 * Shapes: the cell's; Wmx [F,H], Wmh [H,H]. Parameters: the cell's and FH + H². State: the cell's.
 * First values: Wmx Glorot uniform, Wmh orthogonal.
 *
 * Source: Sutskever, Martens and Hinton 2011, "Generating text with recurrent neural networks", eq. 7; around an LSTM
 * Krause, Lu, Murray and Renals 2017, arXiv:1609.07959, eq. 9.
 *
 * @param options - Of the two weights.
 * @throws ArgumentError if an option is unknown, and from `initialState` if the state has not one part h of size H.
 *
 * @example
 * ```ts
 * import { gruCell, key, multiplicative, normal, rnn } from "tapeloop";
 *
 * const model = rnn(multiplicative(gruCell(3, 8)));
 * const parameters = model.init(key(0));
 * console.log(Object.keys(parameters)); // [ 'cell', 'Wmx', 'Wmh' ]
 * const xs = normal([10, 2, 3], { key: key(1) });
 * console.log(model.apply(parameters, xs).outputs.shape); // [ 10, 2, 8 ]
 * ```
 */
export function multiplicative<C extends AnyCell>(
  cell: C,
  options?: CellOptions,
): RecurrentCell<MultiplicativeParameters<ParametersOf<C>>, StateOf<C>>;
export function multiplicative<P, S extends Tree>(
  cell: RecurrentCell<P, S>,
  options: CellOptions = {},
): RecurrentCell<MultiplicativeParameters<P>, S> {
  checkOptions("multiplicative", options, cellOptions);
  const { inputWeights = glorotUniform, recurrentWeights = orthogonal, dtype } = options;
  const { inputSize: F, hiddenSize: H } = cell;
  const type = dtype === undefined ? {} : { dtype };
  return {
    ...cell,
    init: (key) =>
      scope(() => {
        const [forCell, forX, forH] = splitKey(key, 3);
        return {
          cell: cell.init(forCell),
          Wmx: inputWeights(forX, [F, H], type),
          Wmh: recurrentWeights(forH, [H, H], type),
        };
      }),
    initialState: (batch, start = {}) => {
      const state = cell.initialState(
        batch,
        forPart(start, (p) => p.cell),
      );
      checkHidden(state, H);
      return state;
    },
    step: ({ cell: parameters, Wmx, Wmh }, state, x) => {
      const mixed = mapNamed(
        (name, part) =>
          isCalled(name, "h") ? probe("mixed", mul(matmul(x, Wmx), matmul(part, Wmh))) : part,
        state,
      );
      return cell.step(parameters, mixed, x);
    },
  };
}

/** The state must have one part that is called h, of size H. */
function checkHidden(state: Tree, size: number): void {
  const parts = [...namedParts(state)];
  const hidden = parts.filter(([name]) => isCalled(name, "h"));
  if (hidden.length !== 1 || hidden[0][1].shape.at(-1) !== size) {
    throw new ArgumentError(
      "multiplicative",
      `the state needs one part "h" of size ${size}`,
      parts.map(([name, { shape }]) => `${name} [${shape.join(",")}]`).join(", ") || "none",
      "Put multiplicative() around the cells of a stack, not around the stack.",
    );
  }
}
