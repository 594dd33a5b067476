/** @file Ways to lay an input out in memory, so that kernels meet all kinds of strides. */
import type { PrimitiveName } from "@tapeloop/autograd/backend";
import { at, indicesOf, type Input } from "./plain.ts";

/** Elements in memory, and the movement by which an input is seen in them. */
export interface Layout {
  /** What is seen: the input itself, but for layouts that repeat. */
  readonly seen: Input;
  /** What is uploaded. */
  readonly stored: Input;
  /** The primitive that makes the view. */
  readonly movement: PrimitiveName;
  readonly params: unknown;
}

/** Every layout, by what follows "with …" in a title. */
export const layouts: Readonly<Record<string, (x: Input) => Layout>> = {
  "transposed inputs": (x) => {
    const shape = x.shape.toReversed();
    const data = indicesOf(shape).map((index) => at(x, index.toReversed()));
    const axes = x.shape.map((_, i) => x.shape.length - 1 - i);
    return { seen: x, stored: { ...x, shape, data }, movement: "permute", params: { axes } };
  },

  "reversed inputs": (x) => {
    const starts = x.shape.map((size) => Math.max(0, size - 1));
    const steps = x.shape.map(() => -1);
    const stored = { ...x, data: x.data.toReversed() };
    return { seen: x, stored, movement: "slice", params: { starts, sizes: x.shape, steps } };
  },

  "every second element of larger inputs": (x) => {
    const shape = x.shape.map((size) => 2 * size + 1);
    const data = indicesOf(shape).map((index) => {
      const inside = index.every((i) => i % 2 === 1);
      // 77 is out of range as an index, and shows in sums.
      return inside
        ? at(
            x,
            index.map((i) => (i - 1) / 2),
          )
        : 77;
    });
    const starts = x.shape.map((size) => Math.min(1, size));
    const steps = x.shape.map(() => 2);
    const stored = { ...x, shape, data };
    return { seen: x, stored, movement: "slice", params: { starts, sizes: x.shape, steps } };
  },

  "inputs that repeat along the first axis": (x) => repeating(x, 0),
  "inputs that repeat along the last axis": (x) => repeating(x, x.shape.length - 1),
  "inputs that repeat one element": (x) => repeating(x, ...x.shape.keys()),
};

/** An input whose first elements along some axes are repeated. */
function repeating(x: Input, ...axes: number[]): Layout {
  const shape = x.shape.map((size, i) => (axes.includes(i) ? Math.min(1, size) : size));
  const first = (index: readonly number[]): number[] =>
    index.map((i, axis) => (axes.includes(axis) ? 0 : i));
  return {
    seen: { ...x, data: indicesOf(x.shape).map((index) => at(x, first(index))) },
    stored: { ...x, shape, data: indicesOf(shape).map((index) => at(x, index)) },
    movement: "broadcastTo",
    params: { shape: x.shape },
  };
}
