/** @file Trees: nested plain objects and arrays with tensors at their leaves. */
import { describe, TreeError } from "./errors.ts";
import { Tensor } from "./tensor.ts";

/**
 * Nested plain objects and arrays with tensors at their leaves: parameters, states, gradients. The type
 * lets every interface through; what is not a tree is refused when it runs, with the path to it.
 */
export type Tree = object;

/** Whether a value is an object literal: something a tree may have for a branch. */
function isBranch(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Visits every leaf with its path (`layers[0].W`), objects in the order of their keys. */
export function visit(
  value: unknown,
  path: string,
  leaf: (value: unknown, path: string) => void,
): void {
  if (value instanceof Tensor) leaf(value, path);
  else if (Array.isArray(value)) value.forEach((v, i) => visit(v, `${path}[${i}]`, leaf));
  else if (isBranch(value)) {
    for (const key of Object.keys(value)) visit(value[key], path ? `${path}.${key}` : key, leaf);
  } else leaf(value, path);
}

/** The tensors anywhere in a value; everything else in it is passed over. */
export function tensorsIn(value: unknown): Tensor[] {
  if (value instanceof Tensor) return [value];
  const found: Tensor[] = [];
  visit(value, "", (leaf) => {
    if (leaf instanceof Tensor) found.push(leaf);
  });
  return found;
}

/** A value of the same structure with `f` of each tensor in it; everything else stays. */
export function mapTensors<T>(value: T, f: (x: Tensor) => Tensor): T {
  const change = (part: unknown): unknown => {
    if (part instanceof Tensor) return f(part);
    if (Array.isArray(part)) return part.map(change);
    if (!isBranch(part)) return part;
    return Object.fromEntries(Object.entries(part).map(([key, v]) => [key, change(v)]));
  };
  return change(value) as T;
}

/** A leaf of a tree. */
export interface NamedLeaf {
  /** Where it stands: `layers[0].W`. */
  readonly path: string;
  /** What stands there. */
  readonly tensor: Tensor;
}

/** A tree's leaves with their paths, in the order of {@link leaves}. */
export function namedLeaves(tree: Tree): NamedLeaf[] {
  const found: NamedLeaf[] = [];
  visit(tree, "", (tensor, path) => {
    if (!(tensor instanceof Tensor)) {
      throw new TreeError("tree", "leaves must be tensors", `${describe(tensor)} at "${path}"`);
    }
    found.push({ path, tensor });
  });
  return found;
}

/**
 * The tensors of a tree: objects in the order of their keys, arrays by index.
 *
 * @throws TreeError if a leaf is not a tensor; it names the path.
 */
export function leaves(tree: Tree): Tensor[] {
  return namedLeaves(tree).map(({ tensor }) => tensor);
}

/**
 * A tree of the same structure with `f` of the leaves that stand in the same place.
 *
 * @param f - Takes one leaf of each tree, and the leaf's path.
 * @param tree - Gives the structure.
 * @param others - Must have the same structure; keys may stand in another order.
 * @throws TreeError if the structures differ or a leaf is not a tensor; it names the path.
 *
 * @example
 * ```ts
 * import { mapTree, tensor } from "tapeloop";
 *
 * const doubled = mapTree((x) => x.mul(2), { W: tensor([1, 2]), layers: [tensor(3)] });
 * console.log(doubled.W.toArray(), doubled.layers[0].item()); // [ 2, 4 ] 6
 * ```
 */
export function mapTree<T extends Tree>(
  f: (leaf: Tensor, ...others: Tensor[]) => Tensor,
  tree: T,
  ...others: readonly NoInfer<T>[]
): T {
  return mapAt(f, [tree, ...others], "") as T;
}

/** {@link mapTree} on the subtrees at `path`. */
function mapAt(f: (...leaves: Tensor[]) => Tensor, trees: readonly unknown[], path: string): Tree {
  const [first] = trees;
  if (first instanceof Tensor) {
    for (const t of trees) if (!(t instanceof Tensor)) throw differs(path, first, t);
    return f(...(trees as Tensor[]));
  }
  if (Array.isArray(first)) {
    for (const t of trees) {
      if (!Array.isArray(t) || t.length !== first.length) throw differs(path, first, t);
    }
    return first.map((_: unknown, i: number) =>
      mapAt(
        f,
        trees.map((t) => (t as Tree[])[i]),
        `${path}[${i}]`,
      ),
    );
  }
  if (isBranch(first)) {
    const keys = Object.keys(first);
    for (const t of trees) {
      if (!isBranch(t) || Object.keys(t).length !== keys.length) throw differs(path, first, t);
      for (const key of keys) if (!(key in t)) throw differs(path, first, t);
    }
    return Object.fromEntries(
      keys.map((key) => [
        key,
        mapAt(
          f,
          trees.map((t) => (t as Record<string, unknown>)[key]),
          path ? `${path}.${key}` : key,
        ),
      ]),
    );
  }
  throw new TreeError("tree", "leaves must be tensors", `${describe(first)} at "${path}"`);
}

/** The error for two trees that part ways at `path`. */
function differs(path: string, a: unknown, b: unknown): TreeError {
  return new TreeError(
    "tree",
    `structures must be the same${path ? ` at "${path}"` : ""}`,
    `${describe(a)} and ${describe(b)}`,
  );
}
