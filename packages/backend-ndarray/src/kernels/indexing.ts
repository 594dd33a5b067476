/** @file Reading and adding at places given by an integer array. */
import { IndexError, sizeOf } from "@tapeloop/autograd/backend";
import { elements, type Kernels, type NdArray, rowMajor, zeros } from "../array.ts";

/** The indices in row-major order, each within an axis of the given size. */
function checkedIndices(op: string, indices: NdArray, axis: number, size: number): Int32Array {
  const list = elements(rowMajor(indices)) as Int32Array;
  const wrong = list.findIndex((index) => index < 0 || index >= size);
  if (wrong >= 0) {
    throw new IndexError(
      op,
      `indices along axis ${axis} must be in [0, ${size})`,
      `${list[wrong]} at place ${wrong}`,
      size === 0 ? "The axis has no elements." : "Indices count from 0.",
    );
  }
  return list;
}

/** Gathering and scattering. */
export const indexing: Kernels<"gather" | "scatterAdd"> = {
  gather: ([x, indices], { axis }, type) => {
    const out = zeros(type);
    const size = x.shape[axis];
    const list = checkedIndices("gather", indices, axis, size);
    const from = elements(rowMajor(x));
    const [outer, inner] = [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis + 1))];
    for (let o = 0, at = 0; o < outer; o++) {
      for (const index of list) {
        const place = (o * size + index) * inner;
        for (let i = 0; i < inner; i++) out.data[at++] = from[place + i];
      }
    }
    return out;
  },

  // Totals are kept in float64 and rounded once, as in `sum`.
  scatterAdd: ([x, indices], { axis, size }, type) => {
    const list = checkedIndices("scatterAdd", indices, axis, size);
    const from = elements(rowMajor(x));
    const totals = new Float64Array(sizeOf(type.shape));
    const [outer, inner] = [sizeOf(type.shape.slice(0, axis)), sizeOf(type.shape.slice(axis + 1))];
    for (let o = 0, at = 0; o < outer; o++) {
      for (const index of list) {
        const place = (o * size + index) * inner;
        for (let i = 0; i < inner; i++) totals[place + i] += from[at++];
      }
    }
    const out = zeros(type);
    out.data.set(totals);
    return out;
  },
};
