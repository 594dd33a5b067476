/** @file Linear recurrences of real and complex numbers, over all steps at once. */
import {
  associativeScan,
  broadcastTo,
  reshape,
  Tensor,
  type Tree,
  TreeError,
} from "@tapeloop/autograd";
import { type Complex, isComplex, isPart, type StatePart, plus, times } from "../cells/complex.ts";

/**
 * A tree with `f` of its parts, which are tensors or complex numbers `{ re, im }`.
 *
 * @throws TreeError if the trees have different structures.
 */
export function mapParts<S extends Tree>(
  f: (part: StatePart, ...others: StatePart[]) => StatePart,
  tree: S,
  ...others: readonly NoInfer<S>[]
): S {
  const all: readonly Tree[] = [tree, ...others];
  const names = Object.keys(tree);
  const isOne = all.every(
    (x) => isPart(x) === isPart(tree) && isComplex(x) === isComplex(tree) && haveNames(x, names),
  );
  if (!isOne) {
    throw new TreeError(
      "linearRecurrence",
      "a, b and the first state must have the same structure",
      all
        .map((x) => (x instanceof Tensor ? "a tensor" : `{ ${Object.keys(x).join(", ")} }`))
        .join(" and "),
    );
  }
  if (isPart(tree)) return f(...(all as [StatePart, ...StatePart[]])) as S;
  return Object.fromEntries(
    names.map((name) => {
      const [first, ...rest] = all.map((x) => (x as Readonly<Record<string, Tree>>)[name]);
      return [name, mapParts(f, first, ...rest)];
    }),
  ) as S;
}

/** Whether a branch has these names and no others; tensors have none. */
function haveNames(branch: Tree, names: readonly string[]): boolean {
  if (branch instanceof Tensor) return true;
  return Object.keys(branch).length === names.length && names.every((name) => name in branch);
}

/** s′ = a ⊙ s + b for one part. */
interface Pair {
  readonly a: StatePart;
  readonly b: StatePart;
}

/** Two updates, one after the other: a′ (a s + b) + b′. */
function both(earlier: Pair, later: Pair): Pair {
  return {
    a: times(later.a, earlier.a),
    b: plus(times(later.a, earlier.b), later.b),
  };
}

/** A factor with the axes of what is added, steps first: one of fewer axes is that of all steps. */
export function alongSteps<T extends StatePart>(a: T, b: T): T {
  if (isComplex(a)) {
    const { re, im } = b as Complex;
    return { re: alongSteps(a.re, re), im: alongSteps(a.im, im) } as unknown as T;
  }
  const [factor, { shape, rank }] = [a as Tensor, b as Tensor];
  if (factor.rank === rank) return a;
  const between = Array.from({ length: rank - 1 - factor.rank }, () => 1);
  const one = reshape(factor, [1, ...between, ...factor.shape]);
  return broadcastTo(one, [shape[0], ...between, ...factor.shape]) as T;
}

/**
 * The states of a linear recurrence, of all steps: s[t] = a[t] ⊙ s[t−1] + b[t], from s[−1] = first. It
 * takes 2 log₂ T passes, each over many steps at once, by {@link associativeScan}: what a loop gives but for
 * rounding.
 *
 * Shapes: b [T, …], first […]; a broadcasts to b, and with fewer axes is the same in all steps. Trees of such
 * tensors are that many recurrences; in them `{ re, im }` is a complex number.
 *
 * Source: Martin and Cundy 2018, "Parallelizing linear recurrent neural nets over sequence length",
 * arXiv:1709.04057, section 2.
 *
 * @throws ShapeError if shapes do not fit.
 * @throws TreeError if a, b and first have different structures.
 *
 * @example
 * ```ts
 * import { linearRecurrence, tensor } from "tapeloop";
 *
 * const sums = linearRecurrence(tensor([1, 1, 1]), tensor([1, 2, 3]), tensor(10));
 * console.log(sums.toArray()); // [ 11, 13, 16 ]
 *
 * const i = { re: tensor(0), im: tensor(1) };
 * const none = { re: tensor([0, 0, 0]), im: tensor([0, 0, 0]) };
 * const powers = linearRecurrence(i, none, { re: tensor(1), im: tensor(0) }); // i, i², i³
 * console.log(powers.re.toArray(), powers.im.toArray()); // [ 0, -1, 0 ] [ 1, 0, -1 ]
 * ```
 */
export function linearRecurrence<S extends Tree>(a: S, b: NoInfer<S>, first: NoInfer<S>): S {
  return mapParts(
    (factor, added, before) => {
      const all = associativeScan(both, { a: alongSteps(factor, added), b: added });
      return plus(times(all.a, before), all.b);
    },
    a,
    b,
    first,
  );
}
