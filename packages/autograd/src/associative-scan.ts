/** @file associativeScan: running combinations along an axis, in a number of passes that grows as log T. */
import { checkOptions, ShapeError } from "./errors.ts";
import { concat, stack } from "./primitives/joining.ts";
import { reshape } from "./primitives/movement.ts";
import { flip, type SliceRange, slice } from "./primitives/slicing.ts";
import { formatType, formatTypes, normalizeAxis, sameType } from "./shape.ts";
import type { Tensor } from "./tensor.ts";
import { leaves, mapTree, namedLeaves, type Tree } from "./tree.ts";

/** How {@link associativeScan} runs. */
export interface AssociativeScanOptions {
  /** Combines from the last element to the first. Default: false. */
  readonly reverse?: boolean;
  /** The axis that is scanned, of every leaf. Default: 0. */
  readonly axis?: number;
}

/**
 * Running combinations along an axis: y[t] = x[0] ∘ x[1] ∘ … ∘ x[t], for an associative ∘. Unlike `scan`
 * it needs no step after the other: 2 log₂ T calls of `combine`, each on many elements at once. A linear
 * recurrence h[t] = a[t] h[t−1] + b[t] is one, over pairs: (a, b) ∘ (a′, b′) = (a a′, a′ b + b′).
 *
 * Differentiated as what it is, a composition of ops. With real numbers ∘ is associative but for
 * rounding, so the last bits differ from those of a loop.
 *
 * Source: Blelloch 1990, "Prefix sums and their applications"; for linear recurrences Martin and Cundy
 * 2018, arXiv:1709.04057.
 *
 * @param combine - (earlier, later) → both combined. It works on slices: any number of elements along
 *   the axis, element by element.
 * @param xs - A tensor or a tree; all leaves have the same size along the axis.
 * @throws ShapeError if leaves differ in size along the axis, or `combine` changes a type.
 *
 * @example
 * ```ts
 * import { associativeScan, tensor } from "tapeloop";
 *
 * // h[t] = h[t−1] / 2 + x[t]
 * const pairs = { a: tensor([0.5, 0.5, 0.5]), b: tensor([1, 1, 1]) };
 * const { b } = associativeScan(
 *   (p, q) => ({ a: p.a.mul(q.a), b: q.a.mul(p.b).add(q.b) }),
 *   pairs,
 * );
 * console.log(b.toArray()); // [ 1, 1.5, 1.75 ]
 * ```
 */
export function associativeScan<T extends Tree>(
  combine: (earlier: T, later: T) => T,
  xs: T,
  options: AssociativeScanOptions = {},
): T {
  checkOptions("associativeScan", options, ["reverse", "axis"]);
  const all = leaves(xs);
  if (all.length === 0) return xs;
  const axisOf = (x: Tensor): number => normalizeAxis("associativeScan", options.axis ?? 0, x);
  const size = all[0].shape[axisOf(all[0])];
  for (const { path, tensor } of namedLeaves(xs)) {
    if (tensor.shape[axisOf(tensor)] !== size) {
      throw new ShapeError(
        "associativeScan",
        "all leaves must have the same size along the axis",
        `${formatTypes([all[0], tensor])} at "${path}"`,
      );
    }
  }
  const turned = (tree: T): T =>
    options.reverse === true ? mapTree((x) => flip(x, { axes: axisOf(x) }), tree) : tree;
  return turned(prefixes(checked(combine), turned(xs), axisOf, size));
}

/** `combine`, which must keep types. */
function checked<T extends Tree>(combine: (a: T, b: T) => T): (a: T, b: T) => T {
  return (a, b) => {
    const both = combine(a, b);
    mapTree(
      (x, y) => {
        if (sameType(x, y)) return y;
        throw new ShapeError(
          "associativeScan",
          "combine must return the types it was given",
          `${formatType(y)} for ${formatType(x)}`,
        );
      },
      a,
      both,
    );
    return both;
  };
}

/** All prefixes: those of pairs of neighbours are every second one, and lead to the rest. */
function prefixes<T extends Tree>(
  combine: (a: T, b: T) => T,
  xs: T,
  axisOf: (x: Tensor) => number,
  size: number,
): T {
  if (size < 2) return xs;
  const take = (tree: T, range: SliceRange): T =>
    mapTree((x) => slice(x, [...Array.from({ length: axisOf(x) }, () => null), range]), tree);
  const pairs = combine(
    take(xs, { stop: size - (size % 2), step: 2 }),
    take(xs, { start: 1, step: 2 }),
  );
  const half = Math.floor(size / 2);
  const odd = prefixes(combine, pairs, axisOf, half);
  const first = take(xs, { stop: 1 });
  if (size === 2) return mapTree((a, b) => concat([a, b], { axis: axisOf(a) }), first, odd);
  const behind = combine(
    take(odd, { stop: Math.ceil(size / 2) - 1 }),
    take(xs, { start: 2, step: 2 }),
  );
  return mapTree(
    (a, b, c) => alternating(concat([a, b], { axis: axisOf(a) }), c, axisOf(a), size),
    first,
    behind,
    odd,
  );
}

/** even[0], odd[0], even[1], odd[1], …; `even` may have one element more. */
function alternating(even: Tensor, odd: Tensor, axis: number, size: number): Tensor {
  const all: readonly null[] = Array.from({ length: axis }, () => null);
  const rows = odd.shape[axis];
  const pairs = stack([slice(even, [...all, { stop: rows }]), odd], { axis: axis + 1 });
  const joined = reshape(pairs, odd.shape.with(axis, 2 * rows));
  if (size === 2 * rows) return joined;
  return concat([joined, slice(even, [...all, { start: rows }])], { axis });
}
