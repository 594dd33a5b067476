/** @file Runs over the outputs of one another. */
import { checkOptions, scope, splitKey, type Tensor } from "@tapeloop/autograd";
import { partsOf, recordedBy } from "../rnn/parts.ts";
import {
  type AnyRunner,
  type Run,
  type Runner,
  type RunOptions,
  runOptions,
} from "../rnn/runner.ts";
import { checkLayers, type LayerParameters, type LayerStates } from "./stacked.ts";

/** Parameters of several runners. */
export type ChainedParameters<R> = {
  readonly [K in keyof R]: R[K] extends Runner<infer P, infer _S> ? P : never;
};

/** States of several runners. */
export type ChainedStates<R> = {
  readonly [K in keyof R]: R[K] extends Runner<infer _P, infer S> ? S : never;
};

/**
 * Runs over the outputs of one another: what {@link stacked} is to cells, for {@link bidirectional} layers.
 *
 * Shapes: xs [T, B, F of the first] → [T, B, H of the last]. Parameters and state: under `layers`. Options
 * are for all of them; names of recorded values begin with the layer, `layers[0].forward.c`.
 *
 * @throws ArgumentError if there is none, or sizes do not fit.
 */
export function chained<const R extends readonly AnyRunner[]>(
  ...runners: R
): Runner<LayerParameters<ChainedParameters<R>>, LayerStates<ChainedStates<R>>>;
export function chained(...runners: readonly Runner<unknown, unknown>[]): AnyRunner {
  checkLayers("chained", runners);
  const names = runners.map((_, i) => `layers[${i}]`);
  const all: Runner<LayerParameters<readonly unknown[]>, LayerStates<readonly unknown[]>> = {
    inputSize: runners[0].inputSize,
    hiddenSize: runners[runners.length - 1].hiddenSize,
    init: (key) =>
      scope(() => {
        const keys = splitKey(key, runners.length);
        return { layers: runners.map((runner, i) => runner.init(keys[i])) };
      }),
    apply<N extends string>(
      parameters: LayerParameters<readonly unknown[]>,
      xs: Tensor,
      options: RunOptions<LayerStates<readonly unknown[]>, N> = {},
    ): Run<LayerStates<readonly unknown[]>, N> {
      checkOptions("chained", options, runOptions);
      const { initialState, ...others } = options;
      const parts = partsOf("chained", others, names, initialState?.layers);
      let x = xs;
      const runs = runners.map((runner, i) => {
        const run = runner.apply(parameters.layers[i], x, parts[i]);
        x = run.outputs;
        return run;
      });
      const { outputs, last } = runs[runs.length - 1];
      const state = { layers: runs.map((run) => run.state) };
      const recorded = recordedBy<N>(Object.fromEntries(runs.map((run, i) => [names[i], run])));
      return { outputs, last, state, recorded };
    },
  };
  return all;
}
