/** @file Comparisons, selection by a mask, and change of element type. */
import ops from "ndarray-ops";
import { elements, type Kernels, rowMajor, single, zeros } from "../array.ts";
import { binary } from "./binary.ts";
import { unary } from "./unary.ts";

/** To numbers: the typed array rounds floats, and cuts fractions off toward 0 for int32. */
const toNumber = unary((x) => x, ops.assign);

/** To masks. */
const toBool = unary(
  (x) => Number(x !== 0),
  (out, x) => ops.neqs(out, x, 0),
);

/** Comparisons and choices. */
export const choice: Kernels<"equal" | "less" | "where" | "cast"> = {
  equal: binary((x, y) => Number(x === y), ops.eq),
  less: binary((x, y) => Number(x < y), ops.lt),

  where: (inputs, _, type) => {
    if (type.shape.length === 0) {
      const chosen = inputs[inputs[0].get() === 0 ? 2 : 1];
      return single(chosen.get(), type.dtype);
    }
    const out = zeros(type);
    const [mask, x, y] = inputs.map((input) => elements(rowMajor(input)));
    for (let i = 0; i < out.data.length; i++) out.data[i] = mask[i] === 0 ? y[i] : x[i];
    return out;
  },

  cast: (inputs, { dtype }, type) => (dtype === "bool" ? toBool : toNumber)(inputs, null, type),
};
