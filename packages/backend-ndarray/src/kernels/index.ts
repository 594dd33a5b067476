/** @file The complete table: a primitive without a kernel does not compile. */
import {
  type KernelTable,
  type Machine,
  runCond,
  runScan,
  runWhile,
} from "@tapeloop/autograd/backend";
import { copy, type NdArray } from "../array.ts";
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

/** What loops and choices need of the backend; their bodies run on these same kernels. */
const machine: Machine<NdArray> = {
  name: "ndarray",
  get kernels() {
    return kernels;
  },
  memoryOf: ({ data }) => data,
  readSync: (value) => copy(value).data,
};

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
  scan: (inputs, params, types) => runScan(machine, inputs, params, types),
  cond: (inputs, params) => runCond(machine, inputs, params),
  whileLoop: (inputs, params) => runWhile(machine, inputs, params),
};
