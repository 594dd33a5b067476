/**
 * @file The one entrance: every op passes through {@link apply}, which runs it (under `vmap` on all
 * examples at once, under `trace` by writing it down), and records it where a derivative may be asked for.
 */
import { checkFinite, isWatching } from "./anomaly.ts";
import { batchMany, batchOne, innermost, isBatching } from "./interpreters/batch.ts";
import { runMany, runOne } from "./interpreters/eager.ts";
import { recordMany, recordOne } from "./interpreters/record.ts";
import { isTracing, traceMany, traceOne, tracerOf } from "./interpreters/trace.ts";
import type { ManyPrimitive, OnePrimitive } from "./primitive.ts";
import type { Tensor } from "./tensor.ts";

/** Runs a primitive with one result, by the interpreter that its inputs belong to. */
function interpretOne<P, S>(
  primitive: OnePrimitive<string, P, S>,
  inputs: readonly Tensor[],
  params: P,
): Tensor {
  const batch = isBatching() ? innermost(inputs) : null;
  const tracer = isTracing() ? tracerOf(inputs, batch?.depth) : null;
  if (tracer !== null) return traceOne(primitive, inputs, params, tracer);
  if (batch !== null) return batchOne(primitive, inputs, params, batch);
  return runOne(primitive, inputs, params);
}

/** Runs a primitive with several results, by the interpreter that its inputs belong to. */
function interpretMany<P, S>(
  primitive: ManyPrimitive<string, P, S>,
  inputs: readonly Tensor[],
  params: P,
): readonly Tensor[] {
  const batch = isBatching() ? innermost(inputs) : null;
  const tracer = isTracing() ? tracerOf(inputs, batch?.depth) : null;
  if (tracer !== null) return traceMany(primitive, inputs, params, tracer);
  if (batch !== null) return batchMany(primitive, inputs, params, batch);
  return runMany(primitive, inputs, params);
}

/** Runs a primitive with one result. */
export function apply<P, S>(
  primitive: OnePrimitive<string, P, S>,
  inputs: readonly Tensor[],
  params: P,
): Tensor {
  const output = interpretOne(primitive, inputs, params);
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
  const outputs = interpretMany(primitive, inputs, params);
  if (isWatching()) for (const output of outputs) checkFinite(primitive.name, inputs, output);
  if (primitive.vjp !== null) recordMany(primitive, inputs, params, outputs);
  return outputs;
}
