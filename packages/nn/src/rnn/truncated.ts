/** @file Truncated backpropagation through time. */
import {
  ArgumentError,
  checkOptions,
  concat,
  mapTree,
  namedLeaves,
  scope,
  slice,
  stopGradient,
  type Tensor,
  type Tree,
  valueAndGrad,
} from "@tapeloop/autograd";
import { checkSizes } from "../sizes.ts";

/** How far {@link truncatedBptt} goes back, and how often. */
export interface TruncationOptions {
  /** New steps between two derivatives. */
  readonly k1: number;
  /** Steps that a derivative goes back, from k1. Default: k1. */
  readonly k2?: number;
}

/** What a run over some steps returns. */
export interface Stretch<S> {
  /** Outputs of all steps, along the first axis. */
  readonly outputs: Tensor;
  /** The state after the last of them. */
  readonly state: S;
}

/** Where a derivative of {@link truncatedBptt} begins. */
export interface TruncationWindow<S, X> {
  /** The state before the past inputs. */
  readonly state: S;
  /** The inputs of the last k2 − k1 steps; null where there are none. */
  readonly past: X | null;
}

/** What {@link truncatedBptt} makes of some new steps. */
export interface TruncatedStep<P, S, X> {
  /** The loss of the new steps. */
  readonly value: Tensor;
  /** Its derivative by the parameters, through k2 steps at most. */
  readonly grads: P;
  /** For the next call. */
  readonly window: TruncationWindow<S, X>;
}

/** What {@link truncatedBptt} makes of a whole sequence. */
export interface TruncatedGradient<P, S> {
  /** The sum of the losses. */
  readonly value: Tensor;
  /** The sum of the derivatives. */
  readonly grads: P;
  /** The state after the last step. */
  readonly state: S;
}

/** Backpropagation that goes back a number of steps, and no further. */
export interface TruncatedBptt<P, S, X, T> {
  /** The window before the first step. */
  start(state: S): TruncationWindow<S, X>;
  /** The loss of k1 new steps (of fewer at the end), its derivative, and the next window. */
  step(parameters: P, window: TruncationWindow<S, X>, xs: X, targets: T): TruncatedStep<P, S, X>;
  /** All steps of a sequence with the same parameters. */
  gradient(parameters: P, state: S, xs: X, targets: T): TruncatedGradient<P, S>;
}

/**
 * Truncated backpropagation through time, BPTT(k2; k1): after every k1 steps the loss of these k1 is
 * differentiated through the last k2 steps. Every loss counts once; its derivative goes back at least
 * k2 − k1 steps beyond the first of the new ones, where they exist.
 *
 * With k2 = k1 a sequence is cut into pieces between which the state goes on and the derivative does not.
 * Updates of the parameters may come between two calls of `step`; the steps of the past are then run again
 * with the new ones. All calls but the first few see the same shapes, so `compile(bptt.step)` is written
 * once. A call works on what it is given alone: windows are values.
 *
 * Source: Williams and Peng 1990, "An efficient gradient-based algorithm for on-line training of recurrent
 * network trajectories", section 3; k1 and k2 as in Sutskever 2013, "Training recurrent neural networks",
 * section 2.8.6.
 *
 * @param run - (parameters, xs, state) → outputs and state of the steps of xs, for example by `rnn`.
 * @param loss - (parameters, outputs, targets) → one number, of the new steps: sum over steps, so that
 *   losses of pieces add up.
 * @throws ArgumentError if k1 or k2 is not a whole number from 1, or k2 is below k1.
 *
 * @example
 * ```ts
 * import { gruCell, key, normal, rnn, type Tensor, truncatedBptt } from "tapeloop";
 *
 * const model = rnn(gruCell(1, 4));
 * const parameters = model.init(key(0));
 * const bptt = truncatedBptt(
 *   (p: typeof parameters, xs: Tensor, state: { h: Tensor }) =>
 *     model.apply(p, xs, { initialState: state }),
 *   (_, outputs, targets: Tensor) => outputs.sub(targets).square().sum(),
 *   { k1: 5, k2: 20 },
 * );
 * const xs = normal([100, 2, 1], { key: key(1) });
 * const first = gruCell(1, 4).initialState(2);
 * const { grads } = bptt.gradient(parameters, first, xs, normal([100, 2, 4], { key: key(2) }));
 * console.log(grads.Wh.shape); // [ 4, 12 ]
 * ```
 */
export function truncatedBptt<P extends Tree, S extends Tree, X extends Tree, T extends Tree>(
  run: (parameters: P, xs: X, state: S) => Stretch<S>,
  loss: (parameters: P, outputs: Tensor, targets: T) => Tensor,
  options: TruncationOptions,
): TruncatedBptt<P, S, X, T> {
  checkOptions("truncatedBptt", options, ["k1", "k2"]);
  const { k1, k2 = k1 } = options;
  checkSizes("truncatedBptt", { k1, k2 });
  if (k2 < k1) {
    throw new ArgumentError("truncatedBptt", "k2 is at least k1", `k1 = ${k1}, k2 = ${k2}`);
  }
  const differentiate = valueAndGrad(
    (p: P, { state, past }: TruncationWindow<S, X>, xs: X, targets: T) => {
      const all = past === null ? xs : mapTree((a, b) => concat([a, b], { axis: 0 }), past, xs);
      const [count, fresh] = [stepsOf(all), stepsOf(xs)];
      // The next window begins where k2 − k1 steps are left.
      const cut = Math.max(0, count - (k2 - k1));
      const before = cut === 0 ? null : run(p, part(all, 0, cut), state);
      const middle = before === null ? state : before.state;
      const after = cut === count ? null : run(p, part(all, cut, count), middle);
      const outputs = [before, after].flatMap((s) => (s === null ? [] : [s.outputs]));
      const shown = part(concat(outputs, { axis: 0 }), count - fresh, count);
      const next = {
        state: mapTree(stopGradient, middle),
        past: after === null ? null : part(all, cut, count),
      };
      return [loss(p, shown, targets), { next, last: (after ?? before)?.state ?? state }];
    },
  );
  const start = (state: S): TruncationWindow<S, X> => ({ state, past: null });
  return {
    start,
    step: (parameters, window, xs, targets) => {
      const { value, grads, aux } = differentiate(parameters, window, xs, targets);
      return { value, grads, window: aux.next };
    },
    gradient: (parameters, state, xs, targets) =>
      scope(() => {
        const steps = stepsOf(xs);
        let window = start(state);
        let sum: TruncatedGradient<P, S> | null = null;
        for (let t = 0; t < steps; t += k1) {
          const end = Math.min(steps, t + k1);
          const { value, grads, aux } = differentiate(
            parameters,
            window,
            part(xs, t, end),
            part(targets, t, end),
          );
          window = aux.next;
          sum =
            sum === null
              ? { value, grads, state: aux.last }
              : {
                  value: sum.value.add(value),
                  grads: mapTree((a, b) => a.add(b), sum.grads, grads),
                  state: aux.last,
                };
        }
        return sum as TruncatedGradient<P, S>;
      }),
  };
}

/** The number of steps along the first axis, of which there must be some. */
function stepsOf(xs: Tree): number {
  const steps = namedLeaves(xs)[0]?.tensor.shape[0];
  if (steps === undefined || steps === 0) {
    throw new ArgumentError("truncatedBptt", "inputs need at least one step", "none");
  }
  return steps;
}

/** The steps from `start` to before `stop`. */
function part<X extends Tree>(xs: X, start: number, stop: number): X {
  return mapTree((x) => slice(x, [{ start, stop }]), xs);
}
