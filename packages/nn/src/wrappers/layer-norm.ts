/** @file Layer normalization: a layer, and a wrapper that puts it inside of a cell. */
import {
  checkOptions,
  checkFiniteNumbers,
  scope,
  type Tensor,
  type Tree,
  zeros,
} from "@tapeloop/autograd";
import type { AnyCell, ParametersOf, RecurrentCell, StateOf } from "../cells/recurrent-cell.ts";
import {
  type Normalization,
  type NormalizationOptions,
  normalizing,
  scale,
  type ScaleParameters,
  standardized,
} from "../layers/normalization.ts";
import { probing } from "../rnn/probe.ts";
import { replaced } from "../rnn/state.ts";
import { forPart } from "./start.ts";

/** Parameters of a cell with {@link layerNorm}. */
export interface LayerNormCellParameters<P> {
  /** Those of the cell. */
  readonly cell: P;
  /** One for each sum that is normalized, by its name; or one, `output`. */
  readonly norms: Readonly<Record<string, ScaleParameters>>;
}

/** The name of what goes into a nonlinearity, without what says so; null for other values. */
function sumOf(name: string): string | null {
  const found = /^(.*\.)?sums\.([^.]+)$/.exec(name);
  return found === null ? null : `${found[1] ?? ""}${found[2]}`;
}

/** α ⊙ (x − μ) / √(σ² + ε) + β, mean and variance over the last axis. */
function normalized(x: Tensor, { gain, bias }: ScaleParameters, epsilon: number): Tensor {
  return standardized(x, [-1], epsilon).mul(gain).add(bias);
}

/**
 * Layer normalization: γ ⊙ (x − μ) / √(σ² + ε) + β, mean and variance over the last axis.
 *
 * Shapes: x [..., F] → the same. Parameters: 2F.
 *
 * Source: Ba, Kiros and Hinton 2016, arXiv:1607.06450, eq. 4.
 *
 * Given a cell in place of a size, it is the wrapper that normalizes inside of that cell.
 *
 * @throws ArgumentError if the size is not a whole number from 1, epsilon is no finite number from 0, or an option is unknown.
 *
 * @example
 * ```ts
 * import { key, layerNorm, tensor } from "tapeloop";
 *
 * const layer = layerNorm(2, { epsilon: 0 });
 * console.log(layer.apply(layer.init(key(0)), tensor([[1, 3]])).toArray()); // [ [ -1, 1 ] ]
 * ```
 */
export function layerNorm(
  size: number,
  options?: NormalizationOptions,
): Normalization<ScaleParameters>;
/**
 * A cell whose gates see normalized sums: each value that the cell calls `sums.…` by {@link probe} (what
 * goes into a nonlinearity) becomes α ⊙ (a − μ) / √(σ² + ε) + β, with μ and σ² over its units, before the
 * nonlinearity sees it. In an LSTM these are the four gates and the tanh of c′, in a GRU its three. A cell
 * that names no sums has its output normalized, and what of its state is the output.
 *
 * Shapes: the cell's. Parameters: the cell's, under `cell`, and 2H for each sum. State: the cell's.
 *
 * Source: Ba, Kiros and Hinton 2016, arXiv:1607.06450, eqs. 4 and 20–22; every gate's sum is normalized
 * as a whole, as in TensorFlow's LayerNormBasicLSTMCell, where the paper normalizes h·Wh and x·Wx apart.
 *
 * @example
 * ```ts
 * import { key, layerNorm, lstmCell, normal, rnn, zoneout } from "tapeloop";
 *
 * const model = rnn(zoneout(layerNorm(lstmCell(3, 128)), 0.1));
 * const parameters = model.init(key(0));
 * console.log(Object.keys(parameters.norms)); // [ 'i', 'f', 'g', 'o', 'c' ]
 * const xs = normal([10, 2, 3], { key: key(1) });
 * console.log(model.apply(parameters, xs, { key: key(2) }).outputs.shape); // [ 10, 2, 128 ]
 * ```
 */
export function layerNorm<C extends AnyCell>(
  cell: C,
  options?: NormalizationOptions,
): RecurrentCell<LayerNormCellParameters<ParametersOf<C>>, StateOf<C>>;
export function layerNorm<P, S extends Tree>(
  what: number | RecurrentCell<P, S>,
  options: NormalizationOptions = {},
): Normalization<ScaleParameters> | RecurrentCell<LayerNormCellParameters<P>, S> {
  return typeof what === "object" ? normalizedCell(what, options) : normalizing(what, options);
}

/** A cell whose sums are normalized. */
function normalizedCell<P, S extends Tree>(
  cell: RecurrentCell<P, S>,
  options: NormalizationOptions,
): RecurrentCell<LayerNormCellParameters<P>, S> {
  checkOptions("layerNorm", options, ["epsilon", "dtype"]);
  const { epsilon = 1e-5, dtype = "float32" } = options;
  checkFiniteNumbers("layerNorm", { epsilon }, 0);
  /** One step of one sequence of zeros, for the sizes of the sums. */
  const sizesOf = (parameters: P): Record<string, number> => {
    const sizes: Record<string, number> = {};
    const see = (name: string, value: Tensor): Tensor => {
      const sum = sumOf(name);
      if (sum !== null) sizes[sum] = value.shape[value.rank - 1];
      return value;
    };
    const x = zeros([cell.inputSize], { dtype });
    probing(see, () => cell.step(parameters, cell.initialState(undefined, { parameters }), x));
    return Object.keys(sizes).length === 0 ? { output: cell.hiddenSize } : sizes;
  };
  return {
    ...cell,
    init: (key) =>
      scope(() => {
        const parameters = cell.init(key);
        const norms = Object.entries(sizesOf(parameters)).map(
          ([name, size]) => [name, scale(key, size, dtype)] as const,
        );
        return { cell: parameters, norms: Object.fromEntries(norms) };
      }),
    initialState: (batch, start = {}) =>
      cell.initialState(
        batch,
        forPart(start, (p) => p.cell),
      ),
    step: ({ cell: parameters, norms }, state, x) => {
      const [next, y] = probing(
        (name, value) => {
          const sum = sumOf(name);
          return sum === null ? value : normalized(value, norms[sum], epsilon);
        },
        () => cell.step(parameters, state, x),
      );
      const { output } = norms;
      if (output === undefined) return [next, y];
      const shown = normalized(y, output, epsilon);
      return [replaced(next, y, shown), shown];
    },
  };
}
