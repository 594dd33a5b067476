/**
 * @file The one entrance: every op passes through {@link apply}, which runs it, on all examples at
 * once under `vmap`, and records it where a derivative may be asked for.
 */
import { checkFinite, isWatching } from "./anomaly.ts";
import { batchMany, batchOne, innermost, isBatching } from "./interpreters/batch.ts";
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
  const batch = isBatching() ? innermost(inputs) : null;
  const output =
    batch === null ? runOne(primitive, inputs, params) : batchOne(primitive, inputs, params, batch);
  if (isWatching()) checkFinite(primitive.name, inputs, output);
  if (primitive.vjp !== null) recordOne(primitive, inputs, params, output);
  return output;
}

/** Runs a primitive with several results. */
export function applyMany<P, S>(
  primitive: ManyPrimitive<string, P, S>,
  inputs: readonly Tensor[],
  params: P,
): readonly Tensor[] {
  const batch = isBatching() ? innermost(inputs) : null;
  const outputs =
    batch === null
      ? runMany(primitive, inputs, params)
      : batchMany(primitive, inputs, params, batch);
  if (isWatching()) for (const output of outputs) checkFinite(primitive.name, inputs, output);
  if (primitive.vjp !== null) recordMany(primitive, inputs, params, outputs);
  return outputs;
}
