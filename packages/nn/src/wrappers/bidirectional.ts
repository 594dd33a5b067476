/** @file Runs in both directions. */
import {
  add,
  ArgumentError,
  checkOptions,
  concat,
  mul,
  scope,
  splitKey,
  type Tensor,
  type Tree,
} from "@tapeloop/autograd";
import type { AnyCell, ParametersOf, RecurrentCell, StateOf } from "../cells/recurrent-cell.ts";
import { partsOf, recordedBy } from "../rnn/parts.ts";
import { rnn } from "../rnn/rnn.ts";
import { type Run, type Runner, type RunOptions, runOptions } from "../rnn/runner.ts";

/** Something for each direction. */
export interface BothDirections<A, B = A> {
  /** Of the run from the first step to the last. */
  readonly forward: A;
  /** Of the run from the last step to the first. */
  readonly backward: B;
}

/** How the outputs of two directions become one. */
export interface BidirectionalOptions {
  /** Side by side, [T, B, 2H], or added, averaged, multiplied. Default: "concat". */
  readonly merge?: "concat" | "sum" | "mean" | "product";
}

const merges = {
  concat: (a: Tensor, b: Tensor): Tensor => concat([a, b]),
  sum: (a: Tensor, b: Tensor): Tensor => add(a, b),
  mean: (a: Tensor, b: Tensor): Tensor => mul(add(a, b), 0.5),
  product: (a: Tensor, b: Tensor): Tensor => mul(a, b),
};

/**
 * Two cells that read each sequence in both directions, each from its own end. Where the outputs of a step
 * stand depends on steps that are yet to come, so this is not a cell with a step of its own, but what
 * {@link rnn} makes of one. Names of recorded values begin with `forward.` and `backward.`.
 *
 * Shapes: xs [T,B,F] → [T,B,2H], or [T,B,H] for other merges; `last` holds the last output of each direction.
 * Parameters and state: those of the cells, under `forward` and `backward`.
 *
 * Source: Schuster and Paliwal 1997, "Bidirectional recurrent neural networks".
 *
 * @param backward - Default: the same cell, with parameters of its own.
 * @throws ArgumentError if sizes do not fit, or an option is unknown.
 *
 * @example
 * ```ts
 * import { bidirectional, chained, key, lstmCell, normal } from "tapeloop";
 *
 * const model = chained(bidirectional(lstmCell(3, 8)), bidirectional(lstmCell(16, 8)));
 * const xs = normal([10, 2, 3], { key: key(1) });
 * const run = model.apply(model.init(key(0)), xs, { lengths: [10, 7], record: ["layers[1].backward.c"] });
 * console.log(run.outputs.shape, run.recorded["layers[1].backward.c"].shape); // [ 10, 2, 16 ] [ 10, 2, 8 ]
 * ```
 */
export function bidirectional<C extends AnyCell, D extends AnyCell = C>(
  forward: C,
  backward?: D,
  options?: BidirectionalOptions,
): Runner<BothDirections<ParametersOf<C>, ParametersOf<D>>, BothDirections<StateOf<C>, StateOf<D>>>;
export function bidirectional(
  forward: RecurrentCell<unknown, Tree>,
  backward: RecurrentCell<unknown, Tree> = forward,
  options: BidirectionalOptions = {},
): Runner<BothDirections<unknown>, BothDirections<Tree>> {
  checkOptions("bidirectional", options, ["merge"]);
  const { merge = "concat" } = options;
  if (!Object.hasOwn(merges, merge)) {
    throw new ArgumentError(
      "bidirectional",
      `merge is one of ${Object.keys(merges).join(", ")}`,
      merge,
    );
  }
  const sizes = [forward, backward].map((cell) => `${cell.inputSize} → ${cell.hiddenSize}`);
  const isOneSize = forward.hiddenSize === backward.hiddenSize || merge === "concat";
  if (forward.inputSize !== backward.inputSize || !isOneSize) {
    throw new ArgumentError("bidirectional", "sizes of the cells must fit", sizes.join(" and "));
  }
  const runners = { forward: rnn(forward), backward: rnn(backward) };
  return {
    inputSize: forward.inputSize,
    hiddenSize: forward.hiddenSize + (merge === "concat" ? backward.hiddenSize : 0),
    init: (key) =>
      scope(() => {
        const [a, b] = splitKey(key);
        return { forward: forward.init(a), backward: backward.init(b) };
      }),
    apply<N extends string>(
      parameters: BothDirections<unknown>,
      xs: Tensor,
      given: RunOptions<BothDirections<Tree>, N> = {},
    ): Run<BothDirections<Tree>, N> {
      checkOptions("bidirectional", given, runOptions);
      const { initialState: states, ...others } = given;
      const { reverse = false } = others;
      const [a, b] = partsOf(
        "bidirectional",
        others,
        ["forward", "backward"],
        states && [states.forward, states.backward],
      );
      const one = runners.forward.apply(parameters.forward, xs, a);
      const other = runners.backward.apply(parameters.backward, xs, { ...b, reverse: !reverse });
      return {
        outputs: merges[merge](one.outputs, other.outputs),
        last: merges[merge](one.last, other.last),
        state: { forward: one.state, backward: other.state },
        recorded: recordedBy<N>({ forward: one, backward: other }),
      };
    },
  };
}
