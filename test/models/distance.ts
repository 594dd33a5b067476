/** @file How far two trees are apart. */
import { namedLeaves, sub, type Tree } from "@tapeloop/autograd";
import { expect } from "vitest";

/** The greatest difference of two numbers of trees that must have the same leaves, by name and shape. */
export function distance(a: Tree, b: Tree): number {
  const [p, q] = [a, b].map((tree) => namedLeaves(tree));
  const types = [p, q].map((all) => all.map(({ path, tensor }) => [path, tensor.shape]));
  expect(types[0]).toEqual(types[1]);
  const differences = p.map(({ tensor }, i) =>
    tensor.size === 0 ? 0 : sub(tensor, q[i].tensor).abs().max().item(),
  );
  return Math.max(0, ...differences);
}
