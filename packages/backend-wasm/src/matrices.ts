/** @file Operands of products as matrices: axes that go together, walked with one stride. */
import type { Layout } from "./views.ts";

/** Groups of axes as one axis each; null if one of them cannot be walked with one stride. */
function joined({ shape, strides }: Layout, groups: readonly (readonly number[])[]): Layout | null {
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
  const axes = found as { size: number; stride: number }[];
  return { shape: axes.map(({ size }) => size), strides: axes.map(({ stride }) => stride) };
}

/** The axes of an operand that are in neither list. */
export function freeAxes(
  { shape }: Layout,
  batch: readonly number[],
  contract: readonly number[],
): number[] {
  return shape.map((_, i) => i).filter((i) => !batch.includes(i) && !contract.includes(i));
}

/** An operand as [batch, free, contracted]; null if its axes do not join. */
export function matricesOf(
  x: Layout,
  batch: readonly number[],
  contract: readonly number[],
): Layout | null {
  return joined(x, [batch, freeAxes(x, batch, contract), contract]);
}
