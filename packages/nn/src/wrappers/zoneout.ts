/** @file Zoneout: parts of the state that now and then stay as they were. */
import {
  ArgumentError,
  bernoulli,
  splitKey,
  type Tensor,
  type Tree,
  where,
} from "@tapeloop/autograd";
import type { AnyCell, ParametersOf, RecurrentCell, StateOf } from "../cells/recurrent-cell.ts";
import { endOf, isCalled, mapNamed, namedParts } from "../rnn/state.ts";
import { checkRate, type Keyed, keyedStart } from "./start.ts";

/** Rates by the names of the parts of a state. */
export type ZoneoutRates = Readonly<Record<string, number>>;

/**
 * A cell whose state stays as it was, unit by unit, with the probability `rate` (new in every step):
 * s′ = m ⊙ s + (1 − m) ⊙ cell(s), m ~ Bernoulli(rate) in training; in evaluation m is its mean, the rate.
 * An output that is a part of the state is taken behind it.
 *
 * It is training where the first state was made with a key, `initialState(batch, { key })`, which `rnn`
 * does for its option `key`. The state carries the key on, so a run repeats.
 *
 * Shapes: the cell's. Parameters: the cell's. State: the cell's, under `cell`, and in training `key`.
 *
 * Source: Krueger et al. 2017, arXiv:1606.01305, eqs. 1–6. For an LSTM they propose { c: 0.5, h: 0.05 }.
 *
 * @param rate - From 0, below 1: of all floating-point parts of the state, or of some by their names.
 * @throws ArgumentError for any other rate, and from `initialState` for names that the state has not.
 *
 * @example
 * ```ts
 * import { key, lstmCell, normal, rnn, zoneout } from "tapeloop";
 *
 * const model = rnn(zoneout(lstmCell(3, 8), { c: 0.5, h: 0.05 }));
 * const parameters = model.init(key(0));
 * const xs = normal([10, 2, 3], { key: key(1) });
 * const training = model.apply(parameters, xs, { key: key(2) });
 * const evaluation = model.apply(parameters, xs);
 * console.log(training.outputs.shape, evaluation.outputs.shape); // [ 10, 2, 8 ] [ 10, 2, 8 ]
 * ```
 */
export function zoneout<C extends AnyCell>(
  cell: C,
  rate: number | ZoneoutRates,
): RecurrentCell<ParametersOf<C>, Keyed<StateOf<C>>>;
export function zoneout<P, S extends Tree>(
  cell: RecurrentCell<P, S>,
  rate: number | ZoneoutRates,
): RecurrentCell<P, Keyed<S>> {
  if (typeof rate === "number") checkRate("zoneout", "rate", rate);
  else for (const [name, r] of Object.entries(rate)) checkRate("zoneout", `rate of ${name}`, r);
  const rateOf = (name: string, x: Tensor): number => {
    if (!x.dtype.startsWith("float")) return 0;
    return typeof rate === "number" ? rate : (rate[name] ?? rate[endOf(name)] ?? 0);
  };
  return {
    ...cell,
    initialState: (batch, options = {}) => {
      const state = keyedStart(cell, batch, options);
      if (typeof rate !== "number") checkNames(rate, state.cell);
      return state;
    },
    step: (parameters, state, x) => {
      const [next, y] = cell.step(parameters, state.cell, x);
      const count = namedParts(next).size;
      const keys = state.key === undefined ? null : splitKey(state.key, count + 1);
      let [shown, i] = [y, 0];
      const mixed = mapNamed(
        (name, after, before) => {
          const own = keys?.[++i];
          const r = rateOf(name, after);
          if (r === 0 || after === before) return after;
          const zoned =
            own === undefined
              ? before.mul(r).add(after.mul(1 - r))
              : where(bernoulli(after.shape, r, { key: own }), before, after);
          if (after === y) shown = zoned;
          return zoned;
        },
        next,
        state.cell,
      );
      return [keys === null ? { cell: mixed } : { cell: mixed, key: keys[0] }, shown];
    },
  };
}

/** Every rate must be that of some part of the state. */
function checkNames(rates: ZoneoutRates, state: Tree): void {
  const names = [...namedParts(state).keys()];
  for (const name of Object.keys(rates)) {
    if (!names.some((part) => isCalled(part, name))) {
      throw new ArgumentError(
        "zoneout",
        `rates are those of parts of the state, ${names.join(", ")}`,
        `"${name}"`,
      );
    }
  }
}
