/** @file Functions of two numbers, element by element. */
import type { TensorType } from "@tapeloop/autograd/backend";
import ops from "ndarray-ops";
import { type Kernels, type NdArray, single, zeros } from "../array.ts";

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

/** The functions of two numbers. */
export const binaries: Kernels<"add" | "sub" | "mul" | "div" | "pow" | "maximum"> = {
  add: binary((x, y) => x + y, ops.add),
  sub: binary((x, y) => x - y, ops.sub),
  mul: binary((x, y) => x * y, ops.mul),
  div: binary((x, y) => x / y, ops.div),
  pow: binary(Math.pow, ops.pow),
  maximum: binary(Math.max, ops.max),
};
