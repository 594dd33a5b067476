/** @file Primitives that a backend leaves to another one: inputs are copied there, and results back. */
import type { Backend } from "../backend.ts";
import type { TypedArray } from "../dtype.ts";
import type { PrimitiveName } from "../primitives/index.ts";
import type { TensorType } from "../shape.ts";

/** How values of a backend get to another and back. */
export interface Crossing<V> {
  /** The elements of a value, in row-major order. */
  read(value: V): TypedArray;
  /** A value of these elements. */
  upload(data: TypedArray, type: TensorType): V;
}

/** A kernel that is known by its primitive's name alone. */
export type ElsewhereKernel<V> = (
  inputs: readonly (V & TensorType)[],
  params: unknown,
  type: TensorType | readonly TensorType[],
) => V | readonly V[];

/**
 * The kernel of a primitive on another backend, for values of this one. What it takes there is given back.
 *
 * @param crossing - Of this backend's values.
 * @param other - The backend that runs it; one that can be read at once.
 */
export function kernelElsewhere<V, W>(
  crossing: Crossing<V>,
  other: Backend<W>,
  name: PrimitiveName,
): ElsewhereKernel<V> {
  const kernel = other.kernels[name] as (
    inputs: readonly W[],
    params: unknown,
    type: unknown,
  ) => W | readonly W[];
  return (inputs, params, type) => {
    const values = inputs.map((x) => other.upload(crossing.read(x), x));
    const made = kernel(values, params, type);
    const isMany = Array.isArray(type);
    const results = (isMany ? made : [made]) as readonly W[];
    const types = (isMany ? type : [type]) as readonly TensorType[];
    const back = results.map((y, i) => crossing.upload(other.readSync(y, types[i]), types[i]));
    // Results may look at the memory of inputs.
    const memories = new Set([...values, ...results].map((value) => other.memoryOf(value)));
    for (const memory of memories) other.release?.(memory);
    return isMany ? back : back[0];
  };
}
