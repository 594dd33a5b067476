/**
 * @file The batching interpreter: under `vmap` a tensor looks like one example and holds all of them.
 * An op on such tensors runs once, on all examples, by the primitive's batching rule.
 */
import { apply, applyMany } from "../apply.ts";
import type { Lane, ManyPrimitive, OnePrimitive } from "../primitive.ts";
import { broadcastTo } from "../primitives/movement.ts";
import { Tensor } from "../tensor.ts";
import { deeper } from "./depth.ts";

/** One `vmap`, while it runs. */
export interface Batch {
  /** Inner ones have higher numbers. */
  readonly depth: number;
  /** The number of examples. */
  readonly size: number;
  /** The level of differentiation outside: nodes up to it are recorded on the full tensors. */
  readonly outerLevel: number;
}

/** All examples of a tensor that looks like one of them. */
export interface Examples {
  /** The `vmap` it belongs to. */
  readonly batch: Batch;
  /** Every example, along a first axis. */
  readonly full: Tensor;
}

/** How many `vmap`s are running. */
let running = 0;

/** Whether any `vmap` is running, so that inputs may be batched. */
export function isBatching(): boolean {
  return running > 0;
}

/** Runs `f` under one more `vmap`. */
export function batching<R>(size: number, outerLevel: number, f: (batch: Batch) => R): R {
  running++;
  try {
    return deeper((depth) => f({ depth, size, outerLevel }));
  } finally {
    running--;
  }
}

/** A tensor that looks like one example of `full`. */
export function exampleOf(full: Tensor, batch: Batch): Tensor {
  return new Tensor({ shape: full.shape.slice(1), dtype: full.dtype }, null, null, { batch, full });
}

/** All examples of a result; one that does not differ is repeated. */
export function fullOf(y: Tensor, batch: Batch): Tensor {
  return y.examples?.batch === batch ? y.examples.full : broadcastTo(y, [batch.size, ...y.shape]);
}

/** The innermost `vmap` that an input belongs to; null if none does. */
export function innermost(inputs: readonly Tensor[]): Batch | null {
  let found: Batch | null = null;
  for (const { examples } of inputs) {
    if (examples !== null && examples.batch.depth > (found?.depth ?? 0)) found = examples.batch;
  }
  return found;
}

/** The inputs as seen by the batching rules of one `vmap`. */
function lanes(inputs: readonly Tensor[], batch: Batch): Lane[] {
  return inputs.map((x) =>
    x.examples?.batch === batch ? { x: x.examples.full, isBatched: true } : { x, isBatched: false },
  );
}

/** Runs a primitive with one result on all examples. */
export function batchOne<P, S>(
  primitive: OnePrimitive<string, P, S>,
  inputs: readonly Tensor[],
  params: P,
  batch: Batch,
): Tensor {
  // Checks the shapes as those of one example, so that errors speak of what the user sees.
  primitive.type(inputs, params);
  const run = (full: readonly Tensor[], p: P): Tensor => apply(primitive, full, p);
  return exampleOf(primitive.batch(run, lanes(inputs, batch), params, batch.size), batch);
}

/** Runs a primitive with several results on all examples. */
export function batchMany<P, S>(
  primitive: ManyPrimitive<string, P, S>,
  inputs: readonly Tensor[],
  params: P,
  batch: Batch,
): readonly Tensor[] {
  primitive.type(inputs, params);
  const run = (full: readonly Tensor[], p: P): readonly Tensor[] => applyMany(primitive, full, p);
  return primitive
    .batch(run, lanes(inputs, batch), params, batch.size)
    .map((full) => exampleOf(full, batch));
}
