/** @file Values inside of a step that have a name: read by whoever records them, changed by wrappers. */
import type { Tensor } from "@tapeloop/autograd";

/** Sees a named value, and says what the step goes on with. */
export type Probe = (name: string, value: Tensor) => Tensor;

let current: Probe | null = null;

/**
 * The value itself, known by a name to what runs the step: `rnn` records it under this name, and wrappers
 * that work inside of a cell, such as `recurrentDropout`, may hand back another value of its type. Where
 * nobody asks it costs nothing.
 *
 * Cells of this package name `sums.f`, what goes into the nonlinearity of a gate; `gates.f`, what comes
 * out; and `candidate`, what a gate lets into the state.
 *
 * @example
 * ```ts
 * import { key, normal, probe, rnn, type RecurrentCell, type Tensor, zeros } from "tapeloop";
 *
 * // A leaky integrator that shows how far it is from its input.
 * const leaky: RecurrentCell<{}, { h: Tensor }> = {
 *   inputSize: 3,
 *   hiddenSize: 3,
 *   init: () => ({}),
 *   initialState: (batch = 1) => ({ h: zeros([batch, 3]) }),
 *   step: (_, { h }, x) => {
 *     const y = h.add(probe("error", x.sub(h)).mul(0.1));
 *     return [{ h: y }, y];
 *   },
 * };
 * const xs = normal([5, 2, 3], { key: key(0) });
 * const { recorded } = rnn(leaky).apply({}, xs, { record: ["h", "error"] });
 * console.log(recorded.error.shape); // [ 5, 2, 3 ]
 * ```
 */
export function probe(name: string, value: Tensor): Tensor {
  return current === null ? value : current(name, value);
}

/** Runs `f`; its named values go through `seen`, and then to who runs this. */
export function probing<R>(seen: Probe, f: () => R): R {
  const outer = current;
  return under((name, value) => {
    const changed = seen(name, value);
    return outer === null ? changed : outer(name, changed);
  }, f);
}

/** Runs `f`; outside its named values have `prefix` in front of their names. */
export function prefixed<R>(prefix: string, f: () => R): R {
  const outer = current;
  return outer === null ? f() : under((name, value) => outer(`${prefix}.${name}`, value), f);
}

/** Runs `f` with another probe. */
function under<R>(seen: Probe, f: () => R): R {
  const outer = current;
  current = seen;
  try {
    return f();
  } finally {
    current = outer;
  }
}
