/** @file States as trees: the names of their leaves, and choosing between two of them for each example. */
import { mapTree, namedLeaves, reshape, type Tensor, type Tree, where } from "@tapeloop/autograd";

/** The name of a part of a state: its path, without the `cell.` of wrappers around one cell. */
export function nameOf(path: string): string {
  return path.replaceAll(/(?<=^|\.)cell\./g, "");
}

/** The last part of a name: `layers[0].h` ends in `h`. */
export function endOf(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1);
}

/** Whether a part is meant by a name: its own, or the end of it. */
export function isCalled(name: string, wanted: string): boolean {
  return name === wanted || endOf(name) === wanted;
}

/** Leaves by their names. */
export function namedParts(state: Tree): ReadonlyMap<string, Tensor> {
  return new Map(namedLeaves(state).map(({ path, tensor }) => [nameOf(path), tensor]));
}

/** mapTree, with the name of each leaf. */
export function mapNamed<T extends Tree>(
  f: (name: string, leaf: Tensor, ...others: Tensor[]) => Tensor,
  tree: T,
  ...others: readonly NoInfer<T>[]
): T {
  const names = namedLeaves(tree).map(({ path }) => nameOf(path));
  let i = 0;
  return mapTree((...parts) => f(names[i++], ...parts), tree, ...others);
}

/** A mask of examples, with axes of size 1 behind it, as many as x has more. */
export function alongside(mask: Tensor, x: Tensor): Tensor {
  const more = Math.max(0, x.rank - mask.rank);
  return reshape(mask, [...mask.shape, ...Array.from({ length: more }, () => 1)]);
}

/**
 * The state `a` for the examples where the mask is true, `b` for the others. Keys belong to all of them:
 * a's are taken. What is the same tensor in both stays it.
 */
export function choose<S extends Tree>(mask: Tensor, a: S, b: S): S {
  return mapNamed(
    (name, x, y) => (x === y || endOf(name) === "key" ? x : where(alongside(mask, x), x, y)),
    a,
    b,
  );
}

/** A state in which another tensor stands wherever `old` did: most cells' output is a part of their state. */
export function replaced<S extends Tree>(state: S, old: Tensor, fresh: Tensor): S {
  return mapTree((x) => (x === old ? fresh : x), state);
}
