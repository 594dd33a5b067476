/** @file Shortcuts around a cell: residual and highway. */
import {
  add,
  ArgumentError,
  checkOptions,
  full,
  scope,
  sigmoid,
  splitKey,
  sub,
  to,
} from "@tapeloop/autograd";
import type { AnyCell, ParametersOf, RecurrentCell, StateOf } from "../cells/recurrent-cell.ts";
import type { FloatType } from "../initializers/initializer.ts";
import { linear, type LinearParameters } from "../linear.ts";
import { probe } from "../rnn/probe.ts";
import { forPart } from "./start.ts";

/** Inputs and outputs must have one size to be added. */
function checkSameSize(op: string, { inputSize, hiddenSize }: AnyCell): void {
  if (inputSize !== hiddenSize) {
    throw new ArgumentError(
      op,
      "inputs and outputs of the cell must have one size",
      `${inputSize} and ${hiddenSize}`,
      "Put projection() around the cell.",
    );
  }
}

/**
 * A cell that adds to its input: y = x + cell(x). The state is the cell's own.
 *
 * Shapes: x [B,H] → [B,H]. Parameters and state: the cell's.
 *
 * Source: He et al. 2016, arXiv:1512.03385; between recurrent layers Wu et al. 2016, arXiv:1609.08144, eq. 6.
 *
 * @throws ArgumentError if inputs and outputs have different sizes.
 *
 * @example
 * ```ts
 * import { gruCell, key, ones, residual } from "tapeloop";
 *
 * const cell = residual(gruCell(4, 4));
 * const [{ h }, y] = cell.step(cell.init(key(0)), cell.initialState(2), ones([2, 4]));
 * console.log(y.sub(h).toArray()); // [ [ 1, 1, 1, 1 ], [ 1, 1, 1, 1 ] ]
 * ```
 */
export function residual<C extends AnyCell>(cell: C): RecurrentCell<ParametersOf<C>, StateOf<C>>;
export function residual<P, S>(cell: RecurrentCell<P, S>): RecurrentCell<P, S> {
  checkSameSize("residual", cell);
  return {
    ...cell,
    step: (parameters, state, x) => {
      const [next, y] = cell.step(parameters, state, x);
      return [next, add(y, x)];
    },
  };
}

/** Parameters of a {@link highway} cell. */
export interface HighwayParameters<P> {
  /** Those of the cell. */
  readonly cell: P;
  /** The gate's: W [H, H], b [H]. */
  readonly gate: LinearParameters;
}

/** Options of {@link highway}. */
export interface HighwayOptions {
  /** First bias of the gate; below 0 it starts by handing its input through. Default: −1. */
  readonly gateBias?: number;
  /** Element type of the gate's parameters. Default: float32. */
  readonly dtype?: FloatType;
}

/**
 * A cell with a gated shortcut: y = t ⊙ cell(x) + (1 − t) ⊙ x, t = sigmoid(x·W + b). The state is the
 * cell's own; the gate is called `gates.transform`.
 *
 * Shapes: x [B,H] → [B,H]; W [H,H], b [H]. Parameters: the cell's and H² + H. First values: W Glorot uniform, b −1.
 *
 * Source: Srivastava, Greff and Schmidhuber 2015, arXiv:1505.00387, eq. 3; around recurrent layers as in
 * Zilly et al. 2017 and TensorFlow's HighwayWrapper.
 *
 * @throws ArgumentError if inputs and outputs have different sizes.
 *
 * @example
 * ```ts
 * import { gruCell, highway, key, leaves } from "tapeloop";
 *
 * const count = (tree: object) => leaves(tree).reduce((n, { size }) => n + size, 0);
 * console.log(count(highway(gruCell(4, 4)).init(key(0))) - count(gruCell(4, 4).init(key(0)))); // 20
 * ```
 */
export function highway<C extends AnyCell>(
  cell: C,
  options?: HighwayOptions,
): RecurrentCell<HighwayParameters<ParametersOf<C>>, StateOf<C>>;
export function highway<P, S>(
  cell: RecurrentCell<P, S>,
  options: HighwayOptions = {},
): RecurrentCell<HighwayParameters<P>, S> {
  checkOptions("highway", options, ["gateBias", "dtype"]);
  checkSameSize("highway", cell);
  const { gateBias = -1, dtype = "float32" } = options;
  const H = cell.hiddenSize;
  const gate = linear(H, H, { dtype });
  return {
    ...cell,
    init: (key) =>
      scope(() => {
        const [forCell, forGate] = splitKey(key);
        const b = to(full([H], gateBias, { dtype }), key.backend);
        return { cell: cell.init(forCell), gate: { ...gate.init(forGate), b } };
      }),
    initialState: (batch, start = {}) =>
      cell.initialState(
        batch,
        forPart(start, (p) => p.cell),
      ),
    step: (parameters, state, x) => {
      const [next, y] = cell.step(parameters.cell, state, x);
      const t = probe("gates.transform", sigmoid(gate.apply(parameters.gate, x)));
      return [next, t.mul(y).add(sub(1, t).mul(x))];
    },
  };
}
