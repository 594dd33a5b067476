/** @file Functions of one number, element by element. */
import type { TensorType } from "@tapeloop/autograd/backend";
import ops from "ndarray-ops";
import { type Kernels, type NdArray, rowMajor, single, zeros } from "../array.ts";
import { erf, erfc, erfinv } from "../error-function.ts";

/** Writes a function of the elements of `x` to `out`. */
type Loop = (out: NdArray, x: NdArray) => unknown;

/**
 * A kernel from a function of one number and the loop of `ndarray-ops` that applies it. Single numbers
 * take no loop: it would cost more than they do.
 */
export function unary(
  f: (x: number) => number,
  loop: Loop = each(f),
): (inputs: readonly NdArray[], params: unknown, type: TensorType) => NdArray {
  return ([x], _, type) => {
    if (x.dimension === 0) return single(f(x.data[x.offset]), type.dtype);
    const out = zeros(type);
    loop(out, x);
    return out;
  };
}

/** The loop for a function that `ndarray-ops` does not have. */
function each(f: (x: number) => number): Loop {
  return (out, x) => {
    const { data, offset } = rowMajor(x);
    for (let i = 0; i < out.data.length; i++) out.data[i] = f(data[offset + i]);
  };
}

/** 1 / (1 + e⁻ˣ). Where e⁻ˣ overflows to Infinity, the result is 0 as it should be. */
function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** The functions of one number. */
export const unaries: Kernels<
  | "neg"
  | "exp"
  | "expm1"
  | "sqrt"
  | "tanh"
  | "sigmoid"
  | "log"
  | "log1p"
  | "sin"
  | "cos"
  | "erf"
  | "erfc"
  | "erfinv"
  | "abs"
  | "sign"
  | "floor"
> = {
  neg: unary((x) => -x, ops.neg),
  exp: unary(Math.exp, ops.exp),
  expm1: unary(Math.expm1),
  sqrt: unary(Math.sqrt, ops.sqrt),
  tanh: unary(Math.tanh),
  sigmoid: unary(sigmoid),
  log: unary(Math.log, ops.log),
  log1p: unary(Math.log1p),
  sin: unary(Math.sin, ops.sin),
  cos: unary(Math.cos, ops.cos),
  erf: unary(erf),
  erfc: unary(erfc),
  erfinv: unary(erfinv),
  abs: unary(Math.abs, ops.abs),
  sign: unary(Math.sign),
  floor: unary(Math.floor, ops.floor),
};
