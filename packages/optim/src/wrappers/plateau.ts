/** @file A learning rate that falls when nothing gets better. */
import {
  add,
  ArgumentError,
  cast,
  checkOptions,
  greater,
  leaves,
  less,
  mapTree,
  maximum,
  mul,
  sub,
  type Tensor,
  tensor,
  type Tree,
  where,
} from "@tapeloop/autograd";
import { checkCounts, checkPositive, checkRange } from "../numbers.ts";
import type { ObservingOptimizer, Optimizer, OptimizerState } from "../optimizer.ts";
import { firstStep, nextStep, perType, pure } from "../update.ts";

/** Options of {@link reduceOnPlateau}. */
export interface PlateauOptions {
  /** Whether the metric should be small or great. Default: "min". */
  readonly mode?: "min" | "max";
  /** What the learning rate is multiplied by, in (0, 1). Default: 0.1. */
  readonly factor?: number;
  /** How many observations without improvement are borne. Default: 10. */
  readonly patience?: number;
  /** How much better the metric must be to count as better, from 0. Default: 1e-4. */
  readonly threshold?: number;
  /** Whether the threshold is in units of the best metric, or absolute. Default: "relative". */
  readonly thresholdMode?: "relative" | "absolute";
  /** How many observations after a reduction do not count. Default: 0. */
  readonly cooldown?: number;
  /** The least scale, from 0. Default: 0. */
  readonly minScale?: number;
}

/** State of {@link reduceOnPlateau}. */
interface PlateauState {
  readonly scale: Tensor;
  readonly best: Tensor;
  readonly bad: Tensor;
  readonly cooldown: Tensor;
  readonly optimizer: OptimizerState;
}

/**
 * An optimizer whose learning rate is multiplied by `factor` when a metric has not got better for more than
 * `patience` observations: `state = optimizer.observe(state, metric)`, after each epoch for example. Its steps
 * are scaled as a whole, θ + s (θ′ − θ), whatever the optimizer; for those that multiply by their learning rate
 * at the end, which is nearly all, that is the same.
 *
 * State: `{ scale, best, bad, cooldown, optimizer }`; `scale` is s, `best` the best metric, both of the element
 * type of the first parameter; `bad` int32[] counts observations without improvement, `cooldown` int32[] those
 * that will not count.
 *
 * Source: PyTorch's ReduceLROnPlateau, with its defaults. There is no least change of the learning rate.
 *
 * @param optimizer - Moves the parameters.
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { reduceOnPlateau, sgd, tensor } from "tapeloop";
 *
 * const optimizer = reduceOnPlateau(sgd({ learningRate: 1 }), { patience: 1, factor: 0.5 });
 * const params = { w: tensor([0]) };
 * let state = optimizer.init(params);
 * for (const loss of [3, 2, 2, 2]) state = optimizer.observe(state, loss);
 * console.log(optimizer.update({ w: tensor([-1]) }, state, params).params.w.item()); // 0.5
 * ```
 */
export function reduceOnPlateau(
  optimizer: Optimizer,
  options: PlateauOptions = {},
): ObservingOptimizer<Tensor | number> {
  const known = [
    "mode",
    "factor",
    "patience",
    "threshold",
    "thresholdMode",
    "cooldown",
    "minScale",
  ];
  checkOptions("reduceOnPlateau", options, known);
  const { mode = "min", factor = 0.1, patience = 10, threshold = 1e-4 } = options;
  const { thresholdMode = "relative", cooldown = 0, minScale = 0 } = options;
  checkRange("reduceOnPlateau", { factor }, 0, 1);
  checkPositive("reduceOnPlateau", { factor });
  checkRange("reduceOnPlateau", { threshold, minScale }, 0, Infinity);
  checkCounts("reduceOnPlateau", { patience, cooldown }, 0);
  checkChoice("mode", mode, ["min", "max"]);
  checkChoice("thresholdMode", thresholdMode, ["relative", "absolute"]);
  const margin = mode === "min" ? -threshold : threshold;
  const isBetter = (metric: Tensor, best: Tensor): Tensor => {
    const limit = thresholdMode === "relative" ? mul(best, 1 + margin) : add(best, margin);
    return mode === "min" ? less(metric, limit) : greater(metric, limit);
  };
  return {
    init: (params) => {
      const [first] = leaves(params);
      const near = first && { dtype: first.dtype, backend: first.backend };
      return {
        scale: tensor(1, near),
        best: tensor(mode === "min" ? Infinity : -Infinity, near),
        bad: firstStep(params),
        cooldown: firstStep(params),
        optimizer: optimizer.init(params),
      };
    },
    update: <P extends Tree>(grads: P, state: OptimizerState, params: P) =>
      pure(() => {
        const last = state as PlateauState;
        const next = optimizer.update(grads, last.optimizer, params);
        const scale = perType((dtype) => cast(last.scale, dtype));
        return {
          params: mapTree((x, y) => add(x, mul(sub(y, x), scale(x.dtype))), params, next.params),
          state: { ...last, optimizer: next.state },
        };
      }),
    observe: (state, metric) =>
      pure(() => {
        const last = state as PlateauState;
        const value = cast(metric, last.best.dtype);
        const better = isBetter(value, last.best);
        const cooling = greater(last.cooldown, 0);
        const bad = where(better, 0, where(cooling, 0, nextStep(last.bad)));
        const reduce = greater(bad, patience);
        const left = where(cooling, sub(last.cooldown, 1), last.cooldown);
        return {
          ...last,
          scale: where(reduce, maximum(mul(last.scale, factor), minScale), last.scale),
          best: where(better, value, last.best),
          bad: where(reduce, 0, bad),
          cooldown: where(reduce, cooldown, left),
        };
      }),
  };
}

/** Refuses what is not one of the choices. */
function checkChoice(name: string, value: string, choices: readonly string[]): void {
  if (!choices.includes(value)) {
    const rule = `${name} is ${choices.map((choice) => `"${choice}"`).join(" or ")}`;
    throw new ArgumentError("reduceOnPlateau", rule, value);
  }
}
