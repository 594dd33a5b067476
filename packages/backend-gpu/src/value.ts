/**
 * @file What kernels compute: primitives on one another's results, down to arrays in memory. A kernel is
 * a value that is computed for every place of its shape.
 */
import type { GpuArray } from "./array.ts";
import { type PrimitiveName, rowMajorStrides, type TensorType } from "@tapeloop/autograd/backend";

/** An array that a kernel reads, or a number that it is given. */
export interface Leaf extends TensorType {
  readonly kind: "leaf";
  /** The place, in the list that the kernel is run on, of the array that it is. */
  readonly source: number;
  /** How many elements its memory has. */
  readonly size: number;
  /** Elements between neighbours along each axis. */
  readonly strides: readonly number[];
  /** Elements in front of the first: written into the kernel, or given to it at every run. */
  readonly offset: number | "given";
  /** Whether it is one number, that is given to the kernel and not read. */
  readonly isNumber: boolean;
  /** In kernels for all steps of a loop at once: elements between steps; 0 for what is the same in all. */
  readonly step: number;
}

/** A primitive on values. */
export interface OpValue extends TensorType {
  readonly kind: "op";
  /** The primitive. */
  readonly name: PrimitiveName;
  /** Its parameters. */
  readonly params: unknown;
  /** What it reads. */
  readonly inputs: readonly Value[];
  /** Which of its results this is. */
  readonly output: number;
}

/** What a kernel computes. */
export type Value = Leaf | OpValue;

/** All elements of a memory, in row-major order. */
export function leafOf({ shape, dtype }: TensorType, source: number, size: number): Leaf {
  const strides = rowMajorStrides(shape);
  return { kind: "leaf", shape, dtype, source, size, strides, offset: 0, isNumber: false, step: 0 };
}

/** A primitive's first or only result. */
export function opOf(
  name: PrimitiveName,
  params: unknown,
  inputs: readonly Value[],
  { shape, dtype }: TensorType,
  output = 0,
): OpValue {
  return { kind: "op", name, params, inputs, output, shape, dtype };
}

/** An array, at a place of the list. */
export function leafOn({ shape, dtype, strides, offset, memory }: GpuArray, source: number): Leaf {
  const isNumber = memory.size === 1 && memory.host !== null;
  const { size } = memory;
  return {
    kind: "leaf",
    shape,
    dtype,
    source,
    size,
    strides,
    offset: offset === 0 ? 0 : "given",
    isNumber,
    step: 0,
  };
}

/** A value on other arrays. */
export function replaced(value: Value, leaves: (leaf: Leaf) => Leaf): Value {
  const known = new Map<Value, Value>();
  const replace = (each: Value): Value => {
    let made = known.get(each);
    if (made === undefined) {
      made = each.kind === "leaf" ? leaves(each) : { ...each, inputs: each.inputs.map(replace) };
      known.set(each, made);
    }
    return made;
  };
  return replace(value);
}
