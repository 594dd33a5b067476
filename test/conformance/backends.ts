/** @file The backends that the conformance tests and the matrix in the guides are about. */
import type { Backend } from "@tapeloop/autograd/backend";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { wasmBackend } from "@tapeloop/backend-wasm";

/** Every backend by its name. */
export const backends: readonly (readonly [name: string, backend: Backend])[] = [
  ["ndarray", ndarrayBackend],
  ["wasm", wasmBackend({ elsewhere: ndarrayBackend })],
];
