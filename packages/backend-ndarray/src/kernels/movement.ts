/** @file Moving elements: views with other strides where there is one, copies elsewhere. */
import { rowMajorStrides } from "@tapeloop/autograd/backend";
import { assign, type Kernels, rowMajor, view, zeros } from "../array.ts";

/** The place of the element at `index`. */
function placeOf(stride: readonly number[], index: readonly number[], offset: number): number {
  return index.reduce((place, at, i) => place + at * stride[i], offset);
}

/** Movements. */
export const movement: Kernels<
  "reshape" | "permute" | "broadcastTo" | "slice" | "pad" | "concat" | "split"
> = {
  reshape: ([x], _, type) => {
    const { data, offset } = rowMajor(x);
    return view(data, type, rowMajorStrides(type.shape), offset);
  },

  permute: ([x], { axes }) => x.transpose(...axes),

  broadcastTo: ([x], { shape }, type) => {
    const missing = shape.length - x.dimension;
    const stride = shape.map((size, i) =>
      i < missing || x.shape[i - missing] !== size ? 0 : x.stride[i - missing],
    );
    return view(x.data, type, stride, x.offset);
  },

  slice: ([x], { starts, steps }, type) => {
    const stride = x.stride.map((step, i) => step * steps[i]);
    return view(x.data, type, stride, placeOf(x.stride, starts, x.offset));
  },

  pad: ([x], { spans, value }, type) => {
    const out = zeros(type);
    if (value !== 0) out.data.fill(value);
    const stride = out.stride.map((step, i) => step * (spans[i].between + 1));
    const start = spans.map((span) => span.before);
    assign(
      view(out.data, { shape: x.shape, dtype: type.dtype }, stride, placeOf(out.stride, start, 0)),
      x,
    );
    return out;
  },

  concat: (inputs, { axis }, type) => {
    const out = zeros(type);
    let offset = 0;
    for (const x of inputs) {
      assign(view(out.data, { shape: x.shape, dtype: type.dtype }, out.stride, offset), x);
      offset += x.shape[axis] * out.stride[axis];
    }
    return out;
  },

  split: ([x], { axis }, types) => {
    let offset = x.offset;
    return types.map((type) => {
      const piece = view(x.data, type, x.stride, offset);
      offset += type.shape[axis] * x.stride[axis];
      return piece;
    });
  },
};
