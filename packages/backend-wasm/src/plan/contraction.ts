/** @file Products in plans: in the order that their reader wants, with what is added to them, packed once per loop. */
import {
  type DotAxes,
  permuted,
  type PermuteParams,
  type ProgramNode,
  type Variable,
} from "@tapeloop/autograd/backend";
import { bytesOf } from "../array.ts";
import type { FloatType } from "../products/block.ts";
import { productForm } from "../products/contraction.ts";
import { axisGroups, type Matrices, matricesOf } from "../products/matrices.ts";
import type { Lowering } from "./lowering.ts";
import { type Place } from "./place.ts";
import { productStep } from "./product-step.ts";

/** An operand as matrices. */
interface Operand {
  readonly place: Place;
  readonly matrices: Matrices;
}

/** Axes of one operand. */
interface Axes {
  readonly batch: readonly number[];
  readonly contract: readonly number[];
}

/** What is added to a product, by its only reader. */
interface Addend {
  readonly node: ProgramNode;
  readonly place: Place;
  /** Bytes from a row to the next. */
  readonly down: number;
}

/** Makes the step of a contraction of float32 or float64. */
export function lowerContraction(
  to: Lowering,
  node: ProgramNode,
  { batch, contract }: DotAxes,
): void {
  const sides = node.inputs.map((x, i) => ({ x, batch: batch[i], contract: contract[i] }));
  const turned = turnedBy(to, node, { batch, contract });
  // (A·B)ᵀ is Bᵀ·Aᵀ, written in that order from the start.
  const [left, right] = (turned === null ? sides : sides.toReversed()).map(({ x, ...axes }) =>
    operand(to, x, axes),
  );
  const [a, b] = [left.matrices, right.matrices];
  const free = node.inputs[0].type.shape.length - contract[0].length;
  const isSingle = turned === null && batch[0].length === 0;
  const addend = isSingle ? addendOf(to, node, free) : null;
  for (const x of node.inputs) to.used(x);
  const last = turned ?? addend?.node ?? node;
  const [result] = last.outputs;
  const place = to.room(result);
  const form = productForm(result.type.dtype as FloatType, a, b);
  const isRightFixed = to.isGiven(right.place) && a.sizes[0] === 1;
  productStep(to, {
    place,
    left: left.place,
    right: isRightFixed ? to.packed(right.place, form) : right.place,
    addend: addend?.place ?? null,
    form: { ...form, isRightKept: isRightFixed, addendDown: addend?.down ?? null },
    count: a.sizes[0],
    apart: [a.strides[0], b.strides[0]],
  });
  to.set(result, place);
}

/** The only reader of a product, if it exchanges the free axes of the operands. */
function turnedBy(
  to: Lowering,
  { inputs, outputs: [y] }: ProgramNode,
  axes: DotAxes,
): ProgramNode | null {
  const reader = to.onlyReader(y, "permute");
  if (reader === null) return null;
  const [b, k] = [axes.batch[0].length, axes.contract[0].length];
  const m = inputs[0].type.shape.length - b - k;
  const order = (reader.params as PermuteParams).axes;
  const n = order.length - b - m;
  const exchanged = order.map((_, i) => (i < b ? i : i < b + n ? i + m : i - n));
  return order.every((axis, i) => axis === exchanged[i]) ? reader : null;
}

/**
 * What the only reader of a product adds to it, if that is in memory and lies in rows.
 *
 * @param free - How many axes of the product are those of the left operand; there is no batch.
 */
function addendOf(to: Lowering, { outputs: [y] }: ProgramNode, free: number): Addend | null {
  const node = to.onlyReader(y, "add");
  if (node === null) return null;
  const other = node.inputs[node.inputs[0] === y ? 1 : 0];
  const place = to.known(other);
  if (other === y || place === null) return null;
  const axes = y.type.shape.map((_, i) => i);
  const found = matricesOf(place, [[], axes.slice(0, free), axes.slice(free)]);
  if (found === null || (found.strides[2] !== 1 && found.sizes[2] !== 1)) return null;
  to.used(other);
  return { node, place, down: found.strides[1] * bytesOf(place.dtype) };
}

/** An operand as matrices; it is copied if its axes do not join. */
function operand(to: Lowering, x: Variable, { batch, contract }: Axes): Operand {
  const groups = axisGroups(x.type.shape.length, batch, contract);
  const place = to.place(x);
  const found = matricesOf(place, groups);
  if (found !== null) return { place, matrices: found };
  const moved = permuted(groups.flat())(place);
  const dense = to.dense({ ...place, ...moved });
  let next = 0;
  const places = groups.map((group) => group.map(() => next++));
  return { place: dense, matrices: matricesOf(dense, places) as Matrices };
}
