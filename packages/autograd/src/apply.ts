/**
 * @file The one entrance: every op passes through {@link apply}, which runs it and, where a derivative
 * may be asked for, records it.
 */
import { runMany, runOne } from "./interpreters/eager.ts";
import { recordMany, recordOne } from "./interpreters/record.ts";
import type { ManyPrimitive, OnePrimitive } from "./primitive.ts";
import type { Tensor } from "./tensor.ts";

/** Runs a primitive with one result. */
export function apply<P, S>(
  primitive: OnePrimitive<string, P, S>,
  inputs: readonly Tensor[],
  params: P,
): Tensor {
  const output = runOne(primitive, inputs, params);
  if (primitive.vjp !== null) recordOne(primitive, inputs, params, output);
  return output;
}

/** Runs a primitive with several results. */
export function applyMany<P, S>(
  primitive: ManyPrimitive<string, P, S>,
  inputs: readonly Tensor[],
  params: P,
): readonly Tensor[] {
  const outputs = runMany(primitive, inputs, params);
  if (primitive.vjp !== null) recordMany(primitive, inputs, params, outputs);
  return outputs;
}
