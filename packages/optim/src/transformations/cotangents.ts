/** @file Keeping derivatives small on their way through time. */
import {
  ArgumentError,
  checkOptions,
  clip,
  div,
  gradientHook,
  mapTree,
  maximum,
  mul,
  sqrt,
  square,
  sum,
  type Tensor,
  type Tree,
} from "@tapeloop/autograd";
import { checkPositive } from "../numbers.ts";

/** Options of {@link clipCotangents}: one of the two. */
export interface ClipCotangentsOptions {
  /** Clips each element to [−value, value]. */
  readonly value?: number;
  /** Makes vectors along the last axis, such as the states of each example, no longer than this. */
  readonly norm?: number;
}

/**
 * The tensors themselves; the derivatives that come back through them are clipped. In a cell, around the
 * state, this clips at every step of backpropagation through time, before an exploding derivative reaches
 * the steps before.
 *
 * Shapes: any → the same.
 *
 * Source: Graves 2013, arXiv:1308.0850, section 2.1, clips by value, in [−10, 10].
 *
 * @param tree - A tensor, or a tree of them: a state.
 * @throws ArgumentError without exactly one of the options, or if it is not above 0.
 *
 * @example
 * ```ts
 * import { clipCotangents, grad, scan, tensor, type Tensor } from "tapeloop";
 *
 * // h grows by 3 with every step, and so does the derivative on its way back.
 * const last = (clipped: boolean) => (h: Tensor) =>
 *   scan((_, s) => [(clipped ? clipCotangents(s, { value: 1 }) : s).mul(3), null], null, h, null, {
 *     length: 10,
 *   })[0];
 * console.log(grad(last(false))(tensor(1)).item(), grad(last(true))(tensor(1)).item()); // 59049 1
 * ```
 */
export function clipCotangents<S extends Tree>(tree: S, options: ClipCotangentsOptions): S {
  checkOptions("clipCotangents", options, ["value", "norm"]);
  const { value, norm } = options;
  if ((value === undefined) === (norm === undefined)) {
    throw new ArgumentError(
      "clipCotangents",
      "clips by value or by norm",
      value === undefined ? "neither" : "both",
      "Write { value: 1 } or { norm: 1 }.",
    );
  }
  checkPositive("clipCotangents", { ...options });
  const clipped = (g: Tensor): Tensor => {
    if (value !== undefined) return clip(g, -value, value);
    const limit = norm as number;
    const squares = g.rank === 0 ? square(g) : sum(square(g), { axes: -1, keepAxes: true });
    return mul(g, div(limit, maximum(sqrt(squares), limit)));
  };
  return mapTree((x) => gradientHook(x, clipped), tree);
}
