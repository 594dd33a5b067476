/**
 * The fast CPU backend: WebAssembly SIMD kernels that are written at run time, in Node and browsers.
 *
 * @packageDocumentation
 */
export type { WasmArray } from "./array.ts";
export type { Part } from "./memory.ts";
export { wasmBackend, type WasmOptions } from "./backend.ts";
