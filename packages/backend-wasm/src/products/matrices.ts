/** @file Operands of a contraction as matrices: their axes in three groups, each walked with one stride. */
import type { Shape } from "@tapeloop/autograd/backend";

/** How elements lie. */
export interface Layout {
  /** Sizes along each axis. */
  readonly shape: Shape;
  /** Elements between neighbours along each axis. */
  readonly strides: readonly number[];
}

/** Sizes, or elements between neighbours: of the batch, the free and the contracted axes. */
export type Groups = readonly [batch: number, free: number, contracted: number];

/** An operand as a batch of matrices. */
export interface Matrices {
  /** How many elements there are along each group. */
  readonly sizes: Groups;
  /** How far apart neighbours are. */
  readonly strides: Groups;
}

/** The axes of an operand in their groups: batch, free, contracted. */
export function axisGroups(
  rank: number,
  batch: readonly number[],
  contract: readonly number[],
): readonly (readonly number[])[] {
  const axes = Array.from({ length: rank }, (_, i) => i);
  return [batch, axes.filter((i) => !batch.includes(i) && !contract.includes(i)), contract];
}

/** An operand as matrices; null if the axes of a group cannot be walked with one stride. */
export function matricesOf(
  { shape, strides }: Layout,
  groups: readonly (readonly number[])[],
): Matrices | null {
  const found = groups.map((axes) => {
    let [size, stride] = [1, 1];
    for (const axis of axes.toReversed()) {
      if (shape[axis] === 1) continue;
      if (size === 1) stride = strides[axis];
      else if (strides[axis] !== stride * size) return null;
      size *= shape[axis];
    }
    return { size, stride };
  });
  if (found.includes(null)) return null;
  const all = found as readonly { size: number; stride: number }[];
  return {
    sizes: all.map(({ size }) => size) as unknown as Groups,
    strides: all.map(({ stride }) => stride) as unknown as Groups,
  };
}
