/** @file Functions of two numbers, element by element. */
import type { TensorType } from "@tapeloop/autograd/backend";
import ops from "ndarray-ops";
import { elements, type Kernels, type NdArray, rowMajor, single, zeros } from "../array.ts";

/**
 * A kernel from a function of two numbers and the loop of `ndarray-ops` that applies it. Single numbers
 * take no loop: it would cost more than they do.
 */
export function binary(
  f: (x: number, y: number) => number,
  loop: (out: NdArray, x: NdArray, y: NdArray) => unknown,
): (inputs: readonly NdArray[], params: unknown, type: TensorType) => NdArray {
  return ([x, y], _, type) => {
    if (x.dimension === 0) return single(f(x.data[x.offset], y.data[y.offset]), type.dtype);
    const out = zeros(type);
    loop(out, x, y);
    return out;
  };
}

/** The loop for a function that `ndarray-ops` does not have. */
function each(
  f: (x: number, y: number) => number,
): (out: NdArray, x: NdArray, y: NdArray) => unknown {
  return (out, ...inputs) => {
    const [x, y] = inputs.map((input) => elements(rowMajor(input)));
    for (let i = 0; i < out.data.length; i++) out.data[i] = f(x[i], y[i]);
  };
}

/** xʸ as IEEE 754 has it: 1 to any power is 1, and so is −1 to ±Inf; JavaScript makes NaN of them. */
function pow(x: number, y: number): number {
  return x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : x ** y;
}

/** The functions of two numbers. */
export const binaries: Kernels<
  "add" | "sub" | "mul" | "div" | "pow" | "atan2" | "rem" | "maximum"
> = {
  add: binary((x, y) => x + y, ops.add),
  sub: binary((x, y) => x - y, ops.sub),
  mul: binary((x, y) => x * y, ops.mul),
  div: binary((x, y) => x / y, ops.div),
  pow: binary(pow, each(pow)),
  atan2: binary(Math.atan2, ops.atan2),
  rem: binary((x, y) => x % y, ops.mod),
  maximum: binary(Math.max, ops.max),
};
