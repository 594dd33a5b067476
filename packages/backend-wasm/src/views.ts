/** @file Movements that need no copy: other strides over the same memory. */
import type { ParamsOf, Shape } from "@tapeloop/autograd/backend";
import type { WasmArray } from "./array.ts";

/** A shape, and elements between neighbours along its axes. */
export type Layout = Pick<WasmArray, "shape" | "strides">;

/** Another layout: its strides, and how many elements further it begins. */
export interface View {
  /** Elements between neighbours along each axis. */
  readonly strides: readonly number[];
  /** Elements from the first one of the old layout to that of the new one. */
  readonly offset: number;
}

/** The movements that are views, by the primitive. */
export const views: {
  readonly [N in "alias" | "permute" | "broadcastTo" | "slice"]: (
    x: Layout,
    params: ParamsOf<N>,
    shape: Shape,
  ) => View;
} = {
  alias: ({ strides }) => ({ strides, offset: 0 }),
  permute: ({ strides }, { axes }) => ({ strides: axes.map((axis) => strides[axis]), offset: 0 }),
  broadcastTo: (x, _, shape) => {
    const missing = shape.length - x.shape.length;
    const strides = shape.map((size, i) =>
      i < missing || x.shape[i - missing] !== size ? 0 : x.strides[i - missing],
    );
    return { strides, offset: 0 };
  },
  slice: ({ strides }, { starts, steps }) => ({
    strides: strides.map((stride, i) => stride * steps[i]),
    offset: starts.reduce((sum, start, i) => sum + start * strides[i], 0),
  }),
};
