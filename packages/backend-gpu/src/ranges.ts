/**
 * @file What is known of whole numbers before they are there. Devices have float32 alone, which is exact as far
 * as 2²⁴: whole numbers that are known to stay within that are computed there.
 */
import type { ParamsOf, PrimitiveName, TensorType } from "@tapeloop/autograd/backend";
import { sizeOf } from "@tapeloop/autograd/backend";
import { mostElements } from "./device.ts";

/** Whole numbers from `low` to `high`. */
export interface Range {
  /** The least that there may be. */
  readonly low: number;
  /** The greatest that there may be. */
  readonly high: number;
}

/** A type, and what is known of its elements if they are whole numbers or masks; null for what is not. */
export interface Ranged extends TensorType {
  readonly range: Range | null;
}

/** What masks are. */
export const mask: Range = { low: 0, high: 1 };

/** Whether float32 has all of these numbers. */
export function isExact(range: Range | null): boolean {
  return range !== null && range.low >= -mostElements && range.high <= mostElements;
}

/** Whether all of these numbers count elements of an axis of this size. */
export function isWithin(range: Range | null, size: number): boolean {
  return range !== null && range.low >= 0 && range.high < size;
}

/** What is known of elements by their type alone. */
export function knownOf({ dtype }: TensorType): Range | null {
  return dtype === "bool" ? mask : null;
}

/** One number. */
function only(value: number): Range {
  return { low: value, high: value };
}

/** The least range with all of these in it. */
function hull(...ranges: readonly Range[]): Range {
  return {
    low: Math.min(...ranges.map(({ low }) => low)),
    high: Math.max(...ranges.map(({ high }) => high)),
  };
}

/** So many of these numbers together. */
function times({ low, high }: Range, count: number): Range {
  return { low: low * count, high: high * count };
}

/** Products. */
function product(x: Range, y: Range): Range {
  return hull(...[x.low, x.high].flatMap((v) => [only(v * y.low), only(v * y.high)]));
}

/** How many elements there are along some axes. */
function countAlong({ shape }: TensorType, axes: readonly number[]): number {
  return sizeOf(axes.map((axis) => shape[axis]));
}

/** The range of a primitive's result: of the ranges of its inputs, its parameters, and the types. */
type Rule<N extends PrimitiveName> = (
  ranges: readonly Range[],
  params: ParamsOf<N>,
  inputs: readonly TensorType[],
  type: TensorType,
) => Range | null;

/** That of the first input. */
const same: Rule<PrimitiveName> = ([x]) => x;
/** Places along an axis of the first input. */
const places: Rule<"argmax" | "argsort"> = (_, { axis }, [x]) => ({
  low: 0,
  high: x.shape[axis] - 1,
});

/** Where numbers come from places, and where their range follows from that of the inputs. */
const rules: { readonly [N in PrimitiveName]?: Rule<N> } = {
  fill: (_, { value }) => only(value),
  iota: (_, __, ___, { shape }) => ({ low: 0, high: shape[0] - 1 }),
  argmax: places,
  argsort: places,

  neg: ([{ low, high }]) => ({ low: -high, high: -low }),
  abs: ([{ low, high }]) => ({ low: Math.max(0, low, -high), high: Math.max(high, -low) }),
  sign: () => ({ low: -1, high: 1 }),
  add: ([x, y]) => ({ low: x.low + y.low, high: x.high + y.high }),
  sub: ([x, y]) => ({ low: x.low - y.high, high: x.high - y.low }),
  mul: ([x, y]) => product(x, y),
  maximum: ([x, y]) => ({ low: Math.max(x.low, y.low), high: Math.max(x.high, y.high) }),

  equal: ([x, y]) => {
    if (x.high < y.low || y.high < x.low) return only(0);
    return x.low === x.high && y.low === y.high ? only(1) : mask;
  },
  less: ([x, y]) => {
    if (x.high < y.low) return only(1);
    return x.low >= y.high ? only(0) : mask;
  },
  where: ([chosen, x, y]) => {
    if (chosen.low === 1) return x;
    return chosen.high === 0 ? y : hull(x, y);
  },
  cast: ([x], { dtype }) => {
    if (dtype !== "bool") return x;
    if (x.low > 0 || x.high < 0) return only(1);
    return x.low === 0 && x.high === 0 ? only(0) : mask;
  },

  alias: same,
  reshape: same,
  permute: same,
  broadcastTo: same,
  slice: same,
  split: same,
  concat: (ranges) => hull(...ranges),
  pad: ([x], { value }) => hull(x, only(value)),
  gather: same,

  max: same,
  sum: ([x], { axes }, [all]) => times(x, countAlong(all, axes)),
  cumsum: ([x], { axis }, [{ shape }]) => hull(x, times(x, shape[axis])),
  scatterAdd: ([x], _, [, { shape }]) => hull(only(0), times(x, sizeOf(shape))),
  dotGeneral: ([x, y], { contract }, [left]) => times(product(x, y), countAlong(left, contract[0])),
};

/** What is known of a primitive's result; null for real numbers, and where nothing is. */
export function rangeOf(
  name: PrimitiveName,
  params: unknown,
  inputs: readonly Ranged[],
  type: TensorType,
): Range | null {
  if (type.dtype.startsWith("float")) return null;
  const unknown = knownOf(type);
  const rule: Rule<PrimitiveName> | undefined = rules[name];
  if (rule === undefined) return unknown;
  // Indices say nothing of what stands at their places; real numbers say nothing of where the greatest is.
  const isFree = name === "argmax" || name === "argsort";
  const read = isFree
    ? []
    : name === "gather" || name === "scatterAdd"
      ? inputs.slice(0, 1)
      : inputs;
  const ranges = read.flatMap(({ range }) => (range === null ? [] : [range]));
  return ranges.length === read.length ? rule(ranges, params as never, inputs, type) : unknown;
}
