/** @file A fast-slow RNN: several fast cells in every step, and a slow one that sees the first of them. */
import {
  ArgumentError,
  namedLeaves,
  scope,
  splitKey,
  type Tensor,
  type Tree,
  zerosLike,
} from "@tapeloop/autograd";
import type {
  AnyCell,
  ParametersOf,
  RecurrentCell,
  StartOptions,
  StateOf,
} from "../cells/recurrent-cell.ts";
import { prefixed } from "../rnn/probe.ts";
import { typeOf } from "../sizes.ts";
import type { AllParameters } from "./stacked.ts";
import { forPart } from "./start.ts";

/** Parameters of a {@link fastSlow} cell. */
export interface FastSlowParameters<F, P> {
  /** Those of each fast cell, the first one first. */
  readonly fast: F;
  /** Those of the slow cell. */
  readonly slow: P;
}

/** State of a {@link fastSlow} cell. */
export interface FastSlowState<S, T> {
  /** The one state that the fast cells hand on to one another. */
  readonly fast: S;
  /** The state of the slow cell. */
  readonly slow: T;
}

/**
 * Fast cells one after the other in every step, all on one state, and a slow cell between the first two, whose
 * own state changes once in a step: long lags are short for it.
 *
 * ```text
 * s₁, y₁ = fast₁(s, x)
 * t′, z = slow(t, y₁)
 * s₂, y₂ = fast₂(s₁, z)
 * sᵢ, yᵢ = fastᵢ(sᵢ₋₁, 0),  i = 3 … k
 * s′ = sₖ,  y = yₖ
 * ```
 *
 * Shapes: x [B, F of fast₁] → [B, H of fastₖ]. Parameters and state: see {@link FastSlowParameters} and
 * {@link FastSlowState}. Names of recorded values begin with the cell: `fast[0].gates.f`, `slow.gates.f`.
 *
 * Source: Mujika, Meier and Steger 2017, "Fast-slow recurrent neural networks", arXiv:1705.08639, section 3.1; its
 * FS-LSTM-k is k LSTMs around another one. From the third one on fast cells have no input, as there.
 *
 * @param fast - Two cells or more, of one kind and size of state.
 * @throws ArgumentError if there are not two, or sizes do not fit; from `initialState` if states do not.
 *
 * @example
 * ```ts
 * import { fastSlow, key, lstmCell, normal, rnn } from "tapeloop";
 *
 * const cell = fastSlow([lstmCell(3, 8), lstmCell(4, 8)], lstmCell(8, 4)); // FS-LSTM-2
 * const xs = normal([10, 2, 3], { key: key(1) });
 * const { outputs, state } = rnn(cell).apply(cell.init(key(0)), xs);
 * console.log(outputs.shape, state.fast.c.shape, state.slow.c.shape); // [ 10, 2, 8 ] [ 2, 8 ] [ 2, 4 ]
 * ```
 */
export function fastSlow<
  const F extends readonly [AnyCell, AnyCell, ...AnyCell[]],
  C extends AnyCell,
>(
  fast: F,
  slow: C,
): RecurrentCell<
  FastSlowParameters<AllParameters<F>, ParametersOf<C>>,
  FastSlowState<StateOf<F[0]>, StateOf<C>>
>;
export function fastSlow<S extends Tree, T extends Tree>(
  fast: readonly RecurrentCell<unknown, S>[],
  slow: RecurrentCell<unknown, T>,
): AnyCell {
  checkCells(fast, slow);
  const all: RecurrentCell<FastSlowParameters<readonly unknown[], unknown>, FastSlowState<S, T>> = {
    inputSize: fast[0].inputSize,
    hiddenSize: fast[fast.length - 1].hiddenSize,
    init: (key) =>
      scope(() => {
        const [forSlow, ...keys] = splitKey(key, fast.length + 1);
        return { fast: fast.map((cell, i) => cell.init(keys[i])), slow: slow.init(forSlow) };
      }),
    initialState: (batch, options = {}) =>
      scope(() => {
        const [forFast, forSlow] = keysOf(options);
        const starts = fast.map((cell, i) => {
          const start = forPart(options, (p) => p.fast[i]);
          return cell.initialState(batch, { ...start, ...forFast });
        });
        checkShared(starts);
        const start = forPart(options, (p) => p.slow);
        return { fast: starts[0], slow: slow.initialState(batch, { ...start, ...forSlow }) };
      }),
    step: (parameters, state, x) => {
      let [shared, input, rest] = [state.fast, x, state.slow];
      fast.forEach((cell, i) => {
        const own = i < 2 ? input : zerosLike(input);
        const [next, y] = prefixed(`fast[${i}]`, () => cell.step(parameters.fast[i], shared, own));
        [shared, input] = [next, y];
        if (i === 0) {
          [rest, input] = prefixed("slow", () => slow.step(parameters.slow, rest, y));
        }
      });
      return [{ fast: shared, slow: rest }, input];
    },
  };
  return all;
}

/** A key for each of both states. */
function keysOf({ key }: StartOptions): readonly [StartOptions, StartOptions] {
  if (key === undefined) return [{}, {}];
  const [a, b]: readonly Tensor[] = splitKey(key);
  return [{ key: a }, { key: b }];
}

/** A cell must take what the one before it makes. */
function checkTakes(name: string, cell: AnyCell, from: string, { hiddenSize }: AnyCell): void {
  if (cell.inputSize !== hiddenSize) {
    throw new ArgumentError(
      "fastSlow",
      `${name} must take what ${from} makes`,
      `inputs of size ${cell.inputSize} and outputs of size ${hiddenSize}`,
    );
  }
}

/** Each cell must take what it is given, and hand on a state that the next one takes. */
function checkCells(fast: readonly AnyCell[], slow: AnyCell): void {
  if (fast.length < 2) {
    throw new ArgumentError("fastSlow", "needs two fast cells or more", String(fast.length));
  }
  checkTakes("the slow cell", slow, "fast cell 0", fast[0]);
  fast.slice(1).forEach((cell, i) => {
    if (i === 0) checkTakes("fast cell 1", cell, "the slow cell", slow);
    else checkTakes(`fast cell ${i + 1}`, cell, `fast cell ${i}`, fast[i]);
    if (cell.hiddenSize !== fast[0].hiddenSize) {
      throw new ArgumentError(
        "fastSlow",
        "fast cells share one state, and must have one size",
        `${fast[0].hiddenSize} and ${cell.hiddenSize}`,
      );
    }
  });
}

/** The fast cells' states must be of one kind. */
function checkShared(states: readonly Tree[]): void {
  const [first, ...others] = states.map((state) =>
    namedLeaves(state)
      .map(({ path, tensor }) => `${path} ${typeOf(tensor)}`)
      .join(", "),
  );
  const other = others.find((kind) => kind !== first);
  if (other !== undefined) {
    throw new ArgumentError(
      "fastSlow",
      "fast cells share one state, of one kind",
      `${first || "none"} and ${other || "none"}`,
    );
  }
}
