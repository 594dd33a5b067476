/** @file parallel: a linear cell run over all steps of sequences at once. */
import {
  arange,
  ArgumentError,
  broadcastTo,
  checkOptions,
  equal,
  expandDims,
  flip,
  less,
  mapTree,
  select,
  sub,
  sum,
  takeAlongAxis,
  type Tensor,
  type Tree,
  where,
} from "@tapeloop/autograd";
import { isComplex, type StatePart } from "../cells/complex.ts";
import type { AnyLinearCell, LinearCell } from "../cells/linear-cell.ts";
import type { ParametersOf, StateOf } from "../cells/recurrent-cell.ts";
import { firstState, lengthsOf, recordedOf, sizesOf } from "./inputs.ts";
import { alongSteps, linearRecurrence, mapParts } from "./linear-recurrence.ts";
import { probing } from "./probe.ts";
import { type Run, type Runner, type RunOptions, runOptions } from "./runner.ts";
import { alongside } from "./state.ts";

/** What {@link parallel} takes: it keeps what its passes made, so there is nothing to `save`; padding is behind. */
const parallelOptions = runOptions.filter((name) => name !== "save" && name !== "mask");

/**
 * A linear cell, to be run over all steps of sequences at once: what {@link rnn} makes of the cell, but for
 * rounding, in a number of passes that grows as log T. Options are those of `rnn`, without `save` and `mask`: lengths,
 * reverse, record and the first state mean the same.
 *
 * Linear cells are `minGruCell`, `minLstmCell`, `sruCell`, `qrnnCell`, `lruCell`, `s4dCell`, `s5Cell`,
 * `selectiveScanCell`, and those that {@link linearStep} makes. A wrapper around a cell changes its step, which
 * is then not linear any more; for several layers put `chained` around the runs.
 *
 * Shapes: xs [T,B,F] → outputs [T,B,H]; without a batch axis [T,F] → [T,H].
 *
 * @throws ArgumentError if the cell is not linear, an option is unknown, or a name to record.
 * @throws ShapeError if lengths are not [B], or there is no step.
 *
 * @example
 * ```ts
 * import { chained, key, minGruCell, normal, parallel, rnn } from "tapeloop";
 *
 * const cell = minGruCell(3, 4);
 * const parameters = cell.init(key(0));
 * const xs = normal([100, 2, 3], { key: key(1) });
 * const run = parallel(cell).apply(parameters, xs, { lengths: [100, 60], record: ["gates.z"] });
 * const loop = rnn(cell).apply(parameters, xs, { lengths: [100, 60] });
 * console.log(run.recorded["gates.z"].shape); // [ 100, 2, 4 ]
 * console.log(run.outputs.sub(loop.outputs).abs().max().item() < 1e-5); // true
 *
 * const deep = chained(parallel(minGruCell(3, 8)), parallel(minGruCell(8, 8)));
 * console.log(deep.apply(deep.init(key(0)), xs).outputs.shape); // [ 100, 2, 8 ]
 * ```
 */
export function parallel<C extends AnyLinearCell>(cell: C): Runner<ParametersOf<C>, StateOf<C>>;
export function parallel<P, S extends Tree>(cell: LinearCell<P, S>): Runner<P, S> {
  const { linear } = cell as Partial<LinearCell<P, S>>;
  if (linear === undefined || linear.step !== cell.step) {
    throw new ArgumentError(
      "parallel",
      "the cell must be linear in its state",
      "a step that linearStep did not make",
      "Use rnn(cell), or put wrappers around the runs: chained(parallel(a), parallel(b)).",
    );
  }
  return {
    inputSize: cell.inputSize,
    hiddenSize: cell.hiddenSize,
    init: (key) => cell.init(key),
    apply<N extends string>(parameters: P, xs: Tensor, options: RunOptions<S, N> = {}): Run<S, N> {
      checkOptions("parallel", options, parallelOptions);
      const { record = [] } = options;
      const { steps, batch } = sizesOf("parallel", xs);
      const first = firstState("parallel", cell, parameters, batch, options);
      const rows = rowsOf(steps, batch, options);
      const seen = new Map<string, Tensor>();
      const [states, y] = probing(
        (name, value) => {
          seen.set(name, value);
          return value;
        },
        () => {
          const { a, b, show } = linear.form(parameters, rows.turned(rows.real(xs)), first);
          const after = linearRecurrence(mapParts(rows.kept, a, b), mapTree(rows.real, b), first);
          return [after, show(after)] as const;
        },
      );
      const outputs = rows.real(y);
      return {
        outputs: rows.turned(outputs),
        last: rows.last(outputs),
        state: mapTree((s) => select(s, steps - 1), states),
        recorded: mapTree(
          (value) => rows.turned(rows.real(value)),
          recordedOf("parallel", record, seen, states),
        ),
      };
    },
  };
}

/** What becomes of the steps of sequences of different lengths. */
interface Rows {
  /** x [T, B, …], 0 where there is no input. */
  readonly real: (x: Tensor) => Tensor;
  /** The factors of a recurrence, 1 where there is no input. */
  readonly kept: (a: StatePart, b: StatePart) => StatePart;
  /** x in the order of reading, or from it back. */
  readonly turned: (x: Tensor) => Tensor;
  /** The row of x, in the order of reading, that is read last. */
  readonly last: (x: Tensor) => Tensor;
}

/** The rows for the options of a run. In reverse each sequence is turned around within its length. */
function rowsOf(
  steps: number,
  batch: number | undefined,
  { lengths: given, reverse = false }: RunOptions<unknown>,
): Rows {
  if (given === undefined) {
    return {
      real: (x) => x,
      kept: (a) => a,
      turned: (x) => (reverse ? flip(x, { axes: 0 }) : x),
      last: (x) => select(x, steps - 1),
    };
  }
  const lengths = lengthsOf("parallel", given, batch, steps);
  const times = arange(0, steps, 1, { dtype: "int32" });
  const t = batch === undefined ? times : expandDims(times, 1);
  const isReal = less(t, lengths);
  const real = (x: Tensor, otherwise = 0): Tensor => where(alongside(isReal, x), x, otherwise);
  const order = where(isReal, sub(sub(lengths, 1), t), t);
  return {
    real: (x) => real(x),
    kept: (a, b) => {
      const factor = alongSteps(a, b);
      if (isComplex(factor)) return { re: real(factor.re, 1), im: real(factor.im) };
      return real(factor as Tensor, 1);
    },
    turned: (x) =>
      reverse ? takeAlongAxis(x, broadcastTo(alongside(order, x), x.shape), { axis: 0 }) : x,
    last: (x) => sum(where(alongside(equal(t, sub(lengths, 1)), x), x, 0), { axes: 0 }),
  };
}
