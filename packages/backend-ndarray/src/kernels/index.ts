/** @file The complete table: a primitive without a kernel does not compile. */
import type { KernelTable } from "@tapeloop/autograd/backend";
import type { NdArray } from "../array.ts";
import { binaries } from "./binary.ts";
import { choice } from "./choice.ts";
import { contraction } from "./contraction.ts";
import { indexing } from "./indexing.ts";
import { leaf } from "./leaf.ts";
import { movement } from "./movement.ts";
import { order } from "./order.ts";
import { reduce } from "./reduce.ts";
import { structure } from "./structure.ts";
import { unaries } from "./unary.ts";

/** One kernel for every primitive. */
export const kernels: KernelTable<NdArray> = {
  ...leaf,
  ...unaries,
  ...binaries,
  ...choice,
  ...reduce,
  ...order,
  ...contraction,
  ...movement,
  ...indexing,
  ...structure,
};
