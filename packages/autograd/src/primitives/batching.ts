/** @file How primitives run on many examples at once: the rules that serve whole families. */
import type { BatchRule, Lane } from "../primitive.ts";
import type { Tensor } from "../tensor.ts";
import { broadcastTo, permute } from "./movement.ts";

/** Every input with its examples along a first axis. */
export function aligned(inputs: readonly Lane[], size: number): Tensor[] {
  return inputs.map(({ x, isBatched }) => (isBatched ? x : broadcastTo(x, [size, ...x.shape])));
}

/**
 * For primitives that treat every axis alike: the same primitive with one more axis in front.
 *
 * @param shift - The parameters for one more axis.
 */
export function withFirstAxis<P, R>(shift: (params: P, size: number) => P): BatchRule<P, R> {
  return (run, inputs, params, size) => run(aligned(inputs, size), shift(params, size));
}

/** For functions of single elements: one more axis changes nothing. */
export function elementwise<P, R>(
  run: (inputs: readonly Tensor[], params: P) => R,
  inputs: readonly Lane[],
  params: P,
  size: number,
): R {
  return run(aligned(inputs, size), params);
}

/** Axes behind one more axis in front. */
export function shifted(axes: readonly number[]): number[] {
  return axes.map((axis) => axis + 1);
}

/** An axis moved to another place; the others keep their order. */
export function moveAxis(x: Tensor, from: number, to: number): Tensor {
  const axes = x.shape.map((_, i) => i).filter((axis) => axis !== from);
  return permute(x, axes.toSpliced(to, 0, from));
}
