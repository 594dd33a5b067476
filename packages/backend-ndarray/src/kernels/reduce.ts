/** @file Reductions. */
import ops from "ndarray-ops";
import type { TensorType } from "@tapeloop/autograd/backend";
import {
  assign,
  elements,
  type Kernels,
  type NdArray,
  rowMajor,
  single,
  view,
  zeros,
} from "../array.ts";

/**
 * A kernel that folds elements along axes. Totals are kept in float64 and rounded once; each is seen by
 * all the elements that go into it, through strides of 0 along the reduced axes.
 */
function reduction(
  start: number,
  fold: (totals: NdArray, x: NdArray) => unknown,
): (inputs: readonly NdArray[], params: unknown, type: TensorType) => NdArray {
  return ([x], _, { shape, dtype }) => {
    if (x.dimension === 0) return single(x.get(), dtype);
    const totals = zeros({ shape, dtype: "float64" });
    totals.data.fill(start);
    const stride = totals.stride.map((step, i) => (shape[i] === 1 ? 0 : step));
    fold(view(totals.data, { shape: x.shape, dtype: "float64" }, stride), x);
    if (dtype === "float64") return totals;
    const out = zeros({ shape, dtype });
    assign(out, totals);
    return out;
  };
}

/** Sums and greatest elements. */
export const reduce: Kernels<"sum" | "max" | "argmax"> = {
  sum: reduction(0, ops.addeq),
  // Math.max inside: NaN if there is one.
  max: reduction(-Infinity, ops.maxeq),

  argmax: ([x], { axis }, type) => {
    const out = zeros(type);
    const order = x.shape.map((_, i) => i).filter((i) => i !== axis);
    const rows = elements(rowMajor(x.transpose(...order, axis)));
    const size = x.shape[axis];
    for (let i = 0; i < out.data.length; i++) {
      const row = rows.subarray(i * size, (i + 1) * size);
      const nan = row.findIndex(Number.isNaN);
      let best = 0;
      for (let j = 1; j < size; j++) if (row[j] > row[best]) best = j;
      out.data[i] = nan >= 0 ? nan : best;
    }
    return out;
  },
};
