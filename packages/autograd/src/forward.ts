/** @file The forward pass: the tape read from the beginning, carrying tangents. */
import type { ManyPrimitive, OnePrimitive, Tangents } from "./primitive.ts";
import { type TapeNode, tapeOf } from "./tape.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Reads the tape from the beginning: carries tangents from the leaves to the results.
 *
 * @param results - The nodes of the results.
 * @param tangents - The tangents of the leaves, where the tape begins.
 * @param since - Nodes made before this index are constant.
 * @returns The tangent of each result; null for zero.
 */
export function pushForward(
  results: readonly (TapeNode | null)[],
  tangents: ReadonlyMap<TapeNode, Tensor>,
  since = 0,
): (Tensor | null)[] {
  const known = new Map<TapeNode, Tensor | Tangents | null>(tangents);
  const roots = results.filter((node) => node !== null);
  for (const node of tapeOf(roots, since, [...tangents.keys()])) {
    if (known.has(node) || node.origin === "leaf") continue;
    const inputs = node.inputs.map((input) => (input === null ? null : (known.get(input) ?? null)));
    if (inputs.some((t) => t !== null)) known.set(node, push(node, inputs));
  }
  return results.map((node) => (node === null ? null : ((known.get(node) as Tensor) ?? null)));
}

/** Carries tangents over one node. */
function push(
  { origin, saved, params }: TapeNode,
  inputs: readonly (Tensor | Tangents | null)[],
): Tensor | Tangents | null {
  if (typeof origin === "number") return (inputs[0] as Tangents)[origin];
  const { jvp } = origin as
    | OnePrimitive<string, unknown, unknown>
    | ManyPrimitive<string, unknown, unknown>;
  return (jvp as NonNullable<typeof jvp>)(inputs as Tangents, saved, params);
}
