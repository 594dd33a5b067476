/** @file The backends that the conformance tests and the matrix in the guides are about. */
import type { Backend } from "@tapeloop/autograd/backend";
import { gpuBackend } from "@tapeloop/backend-gpu";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { wasmBackend } from "@tapeloop/backend-wasm";

/** Every backend by its name. */
export const backends: readonly (readonly [name: string, backend: Backend])[] = [
  ["ndarray", ndarrayBackend],
  ["wasm", wasmBackend()],
];

/**
 * Backends that compute in float32 alone and hand all else to the reference: they are tested in float32.
 * Without a device, kernels for the GPU run as plain JavaScript and as WebAssembly.
 */
export const singles: readonly (readonly [name: string, backend: Backend])[] = [
  ["gpu, mode cpu", await gpuBackend({ mode: "cpu", elsewhere: ndarrayBackend })],
  ["gpu, mode webasm", await gpuBackend({ mode: "webasm", elsewhere: ndarrayBackend })],
];
