/** @file How tensors are printed. */
import type { TypedArray } from "../dtype.ts";
import { formatType, type Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";

/** Axes longer than this are abbreviated to three elements at each end. */
const most = 8;

/** One element in at most six significant digits. */
function formatNumber(value: number, dtype: string): string {
  if (dtype === "bool") return value === 0 ? "false" : "true";
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
}

/** A tensor's type and values: `float32[2,2] [[1, 2], [3, 4]]`, long axes abbreviated. */
export function formatTensor(x: Tensor): string {
  return `${formatType(x)} ${formatValues(x.dataSync(), x.shape, x.dtype)}`;
}

/** Values in nested brackets. */
function formatValues(data: TypedArray, shape: Shape, dtype: string): string {
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
  const at = (depth: number, offset: number): string => {
    const size = shape[depth];
    if (size === undefined) return formatNumber(data[offset], dtype);
    const element = (i: number): string => at(depth + 1, offset + i * strides[depth]);
    const indices = Array.from({ length: size }, (_, i) => i);
    const shown =
      size <= most
        ? indices.map(element)
        : [...indices.slice(0, 3).map(element), "…", ...indices.slice(-3).map(element)];
    return `[${shown.join(", ")}]`;
  };
  return at(0, 0);
}
