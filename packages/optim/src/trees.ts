/** @file Functions of the leaves of several trees of one structure. */
import { mapTree, namedLeaves, type Tensor, type Tree, where } from "@tapeloop/autograd";

/**
 * Several trees of the same structure: `f` returns a tensor for each of the names.
 *
 * @param f - Takes one leaf of each tree.
 */
export function mapTrees<P extends Tree, Name extends string>(
  names: readonly Name[],
  f: (...leaves: Tensor[]) => Readonly<Record<Name, Tensor>>,
  tree: P,
  ...others: readonly NoInfer<P>[]
): Record<Name, P> {
  const found: Readonly<Record<Name, Tensor>>[] = [];
  mapTree(
    (x, ...more) => {
      found.push(f(x, ...more));
      return x;
    },
    tree,
    ...others,
  );
  const treeOf = (name: Name): P => {
    let i = 0;
    return mapTree(() => found[i++][name], tree);
  };
  return Object.fromEntries(names.map((name) => [name, treeOf(name)])) as Record<Name, P>;
}

/** `mapTree` with the path of each leaf in the first tree: `layers[0].W`. */
export function mapNamed<P extends Tree>(
  f: (path: string, ...leaves: Tensor[]) => Tensor,
  tree: P,
  ...others: readonly NoInfer<P>[]
): P {
  const named = namedLeaves(tree);
  let i = 0;
  return mapTree((...leaves) => f(named[i++].path, ...leaves), tree, ...others);
}

/** One of two trees, as a mask of rank 0 says. */
export function whereTree<P extends Tree>(mask: Tensor, yes: P, no: NoInfer<P>): P {
  return mapTree((x, y) => (x === y ? x : where(mask, x, y)), yes, no);
}
