/** @file Dyck languages: brackets that must close in the right order. */
import { checkOptions, scope, tensor, type Tensor } from "@tapeloop/autograd";
import { checkSizes } from "../sizes.ts";
import { Draws } from "./draws.ts";

/** Size of a {@link dyck} task. */
export interface DyckOptions {
  /** k, the kinds of brackets: 1 needs a counter, 2 and more a stack. Default: 2. */
  readonly kinds?: number;
  /** T. */
  readonly steps: number;
  /** B. */
  readonly batch: number;
  /** The most brackets that are open at a time. Default: 8. */
  readonly depth?: number;
}

/** Brackets, and what may come next. */
export interface Dyck {
  /** int32 [T, B]: 0 to k − 1 open, k to 2k − 1 close. */
  readonly xs: Tensor;
  /** 1 for each symbol that may come next, else 0: [T, B, 2k]. */
  readonly targets: Tensor;
}

/**
 * Beginnings of words of Dyck-k with a bounded depth: brackets of k kinds that close in the right order. After
 * each, say which symbols may come next: all that open, unless as many are open as may be, and the one that
 * closes the last. A prediction counts if it is right about all symbols in all steps.
 *
 * Opening and closing are equally likely where both may be.
 *
 * Source: Suzgun, Gehrmann, Belinkov and Shieber 2019, arXiv:1911.03329; depth as in Hewitt et al. 2020,
 * arXiv:2010.07515, who build RNNs that do it.
 *
 * @example
 * ```ts
 * import { dyck, key } from "tapeloop";
 *
 * const { xs, targets } = dyck(key(0), { kinds: 2, steps: 20, batch: 3 });
 * console.log(xs.shape, targets.shape); // [ 20, 3 ] [ 20, 3, 4 ]
 * ```
 */
export function dyck(key: Tensor, options: DyckOptions): Dyck {
  checkOptions("dyck", options, ["kinds", "steps", "batch", "depth"]);
  const { kinds = 2, steps, batch, depth = 8 } = options;
  checkSizes("dyck", { kinds, steps, batch, depth });
  const draws = new Draws(key, 2 * steps * batch);
  const symbols = new Int32Array(steps * batch);
  const allowed = new Float32Array(steps * batch * 2 * kinds);
  for (let b = 0; b < batch; b++) {
    const open: number[] = [];
    for (let t = 0; t < steps; t++) {
      const at = t * batch + b;
      const [kind, coin] = [draws.below(kinds), draws.next()];
      const opens = open.length === 0 || (open.length < depth && coin < 0.5);
      if (opens) open.push(kind);
      symbols[at] = opens ? kind : kinds + (open.pop() as number);
      const row = allowed.subarray(at * 2 * kinds, (at + 1) * 2 * kinds);
      if (open.length < depth) row.fill(1, 0, kinds);
      if (open.length > 0) row[kinds + open[open.length - 1]] = 1;
    }
  }
  return scope(() => ({
    xs: tensor(symbols, { shape: [steps, batch] }),
    targets: tensor(allowed, { shape: [steps, batch, 2 * kinds] }),
  }));
}
