/** @file Rules that treat every tensor of a tree by itself, as transformations. */
import { cast, mapTree, scope, type Tensor } from "@tapeloop/autograd";
import type { Transformation } from "./optimizer.ts";
import { mapTrees } from "./trees.ts";
import { firstStep, nextStep, perType } from "./update.ts";

/**
 * What is done to one gradient, with what is kept of its parameter from one update to the next.
 *
 * @typeParam Slot - Names of what is kept.
 * @typeParam Numbers - What depends on nothing but the number of updates.
 */
export interface LeafRule<Slot extends string, Numbers = undefined> {
  /** What is kept, by name, and what it is before the first update. */
  readonly slots: Readonly<Record<Slot, (x: Tensor) => Tensor>>;
  /**
   * Computed once for all parameters of an element type.
   *
   * @param t - The number of this update, from 1: rank 0, of that type.
   */
  readonly numbers?: (t: Tensor) => Numbers;
  /**
   * The rule.
   *
   * @param g - The gradient.
   * @param kept - What the last update has left.
   * @param numbers - Of this update.
   * @param x - The parameter.
   * @returns The changed gradient as `direction`, and what is kept next.
   */
  next(
    g: Tensor,
    kept: Readonly<Record<Slot, Tensor>>,
    numbers: Numbers,
    x: Tensor,
  ): Readonly<Record<Slot | "direction", Tensor>>;
}

/**
 * A transformation by a rule for one tensor, done to each gradient of a tree by itself. With
 * {@link descent} it is an optimizer; most of those here are made so.
 *
 * State: what is kept, each name with a tree like the parameters, and, where the rule has `numbers`, `step`
 * int32[], the number of updates so far.
 *
 * @example
 * ```ts
 * import { descent, leafwise, maximum, tensor, zerosLike } from "tapeloop";
 *
 * // Gradients in units of the greatest that there has been.
 * const byGreatest = leafwise({
 *   slots: { greatest: zerosLike },
 *   next: (g, { greatest }) => {
 *     const next = maximum(greatest, g.abs());
 *     return { greatest: next, direction: g.div(next) };
 *   },
 * });
 * const optimizer = descent(0.5, byGreatest);
 * const params = { w: tensor([1, 2]) };
 * const next = optimizer.update({ w: tensor([8, -4]) }, optimizer.init(params), params);
 * console.log(next.params.w); // float32[2] [0.5, 2.5]
 * ```
 */
export function leafwise<Slot extends string, Numbers = undefined>(
  rule: LeafRule<Slot, Numbers>,
): Transformation {
  const slots = Object.keys(rule.slots) as Slot[];
  const counts = rule.numbers !== undefined;
  return {
    init: (params) => ({
      ...(counts && { step: firstStep(params) }),
      ...Object.fromEntries(slots.map((slot) => [slot, mapTree(rule.slots[slot], params)])),
    }),
    transform: (grads, state, params) => {
      const last = state as Record<Slot, typeof params> & { readonly step: Tensor };
      const step = counts ? { step: nextStep(last.step) } : {};
      const numbers = perType((dtype) => rule.numbers?.(cast(step.step as Tensor, dtype)));
      const { direction, ...kept } = mapTrees(
        [...slots, "direction"],
        (x, g, ...parts) => {
          const named = Object.fromEntries(slots.map((slot, i) => [slot, parts[i]]));
          const now = numbers(x.dtype) as Numbers;
          return scope(() => rule.next(g, named as Record<Slot, Tensor>, now, x));
        },
        params,
        grads,
        ...slots.map((slot) => last[slot]),
      );
      return { grads: direction, state: { ...step, ...kept } };
    },
  };
}

/** A transformation that keeps nothing, by a function of one gradient and its parameter. */
export function stateless(f: (g: Tensor, x: Tensor) => Tensor): Transformation {
  return {
    init: () => ({}),
    transform: (grads, state, params) => ({
      grads: mapTree((x, g) => scope(() => f(g, x)), params, grads),
      state,
    }),
  };
}
