/** @file Weight decay. */
import { add, checkOptions, mul } from "@tapeloop/autograd";
import { checkRange } from "../numbers.ts";
import type { Transformation } from "../optimizer.ts";
import { isSelected, type Selection } from "../selection.ts";
import { mapNamed } from "../trees.ts";

/** Options of optimizers that let weights decay. */
export interface WeightDecayOptions {
  /** λ, from 0. */
  readonly weightDecay?: number;
  /** The parameters that decay. Default: all. */
  readonly decayed?: Selection;
}

/** The names of {@link WeightDecayOptions}. */
export const weightDecayOptions: readonly string[] = ["weightDecay", "decayed"];

/** Options of {@link addDecayedWeights}. */
export interface AddDecayedWeightsOptions {
  /** The parameters that decay. Default: all. */
  readonly decayed?: Selection;
}

/**
 * Adds the parameters to their gradients: d = g + λ θ. Before the other directions of an optimizer this is
 * L2 regularisation, the gradient of λ/2 ‖θ‖²; behind them it is decoupled weight decay, which shrinks every
 * weight by the same part of it.
 *
 * State: none.
 *
 * Source: Loshchilov and Hutter 2019, "Decoupled weight decay regularization", arXiv:1711.05101, eq. 1.
 *
 * @param weightDecay - λ, from 0.
 * @throws ArgumentError for another number, or an unknown option.
 *
 * @example
 * ```ts
 * import { addDecayedWeights, tensor } from "tapeloop";
 *
 * const decay = addDecayedWeights(0.5, { decayed: /^W/ });
 * const params = { W: tensor([2]), b: tensor([2]) };
 * const grads = { W: tensor([0]), b: tensor([0]) };
 * const changed = decay.transform(grads, {}, params).grads;
 * console.log(changed.W.item(), changed.b.item()); // 1 0
 * ```
 */
export function addDecayedWeights(
  weightDecay: number,
  options: AddDecayedWeightsOptions = {},
): Transformation {
  checkOptions("addDecayedWeights", options, ["decayed"]);
  checkRange("addDecayedWeights", { weightDecay }, 0, Infinity);
  const { decayed = () => true } = options;
  return {
    init: () => ({}),
    transform: (grads, state, params) => ({
      grads: mapNamed(
        (path, x, g) => (isSelected(decayed, path, x) ? add(g, mul(x, weightDecay)) : g),
        params,
        grads,
      ),
      state,
    }),
  };
}

/** {@link addDecayedWeights} in the name of an optimizer, where there is something to add. */
export function weightDecayOf(
  op: string,
  { weightDecay = 0, decayed }: WeightDecayOptions,
): Transformation[] {
  checkRange(op, { weightDecay }, 0, Infinity);
  return weightDecay === 0 ? [] : [addDecayedWeights(weightDecay, decayed ? { decayed } : {})];
}
