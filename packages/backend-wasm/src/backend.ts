/** @file The backend: its memory, its table of kernels, data in and out. */
import {
  type Backend,
  BackendError,
  checkOptions,
  type TensorType,
  type TypedArray,
} from "@tapeloop/autograd/backend";
import type { WasmArray } from "./array.ts";
import { threadsFor } from "./threads.ts";
import { canFuse, hasSimd } from "./features.ts";
import { kernelsOn, read, upload } from "./kernels.ts";
import { Machine } from "./machine.ts";
import type { Part } from "./memory.ts";
import { compileProgram } from "./plan/compile.ts";
import { Products } from "./products/contraction.ts";

/** How {@link wasmBackend} computes. */
export interface WasmOptions {
  /**
   * Whether results are the same bits on every machine: products then round after every multiplication,
   * even where the engine could add without. Default: false.
   */
  readonly deterministic?: boolean;
  /**
   * How many threads work on one kernel, where it is large enough to be cut into parts; results are the same
   * bits for any number. More than one needs memory that threads share: in a page, `crossOriginIsolated`.
   * They start when they are first needed, and do not keep a process alive. Default: one for each core, at
   * most 4, for kernels that take long; where memory cannot be shared, 1.
   */
  readonly threads?: number;
}

/**
 * The fast CPU backend: WebAssembly SIMD kernels for all primitives and element types, written when they are
 * first needed.
 *
 * @throws BackendError where there is no WebAssembly with SIMD, or a content security policy forbids it.
 */
export function wasmBackend(options: WasmOptions = {}): Backend<WasmArray> {
  checkOptions("wasmBackend", options, ["deterministic", "threads"]);
  const { deterministic = false } = options;
  const threads = threadsFor(options.threads);
  if (!hasSimd()) {
    throw new BackendError(
      "wasmBackend",
      "needs WebAssembly with SIMD",
      "an engine without it, or a page that does not allow it",
      "Use the reference backend, or allow 'wasm-unsafe-eval' in the content security policy.",
    );
  }
  const machine = new Machine(!deterministic && canFuse(), threads);
  const products = new Products(machine);
  const kernels = kernelsOn(machine, products);
  return {
    name: "wasm",
    kernels,
    compile: (program, donated) => compileProgram(machine, products, kernels, program, donated),
    upload: (data: TypedArray, type: TensorType) => upload(machine, data, type),
    read: (value) => Promise.resolve(read(machine, value)),
    readSync: (value) => read(machine, value),
    memoryOf: ({ part }) => part,
    release: (memory) => machine.memory.release(memory as Part),
  };
}
