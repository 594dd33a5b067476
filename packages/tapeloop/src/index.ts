/**
 * Custom recurrent models in TypeScript: everything a program needs from one import. Importing it makes
 * the WebAssembly backend the default one, or the reference backend where there is no WebAssembly.
 *
 * @packageDocumentation
 */
import { setDefaultBackend } from "@tapeloop/autograd";
import { fastestBackend } from "./backend.ts";

export * from "@tapeloop/autograd";
export * from "@tapeloop/nn";
export * from "@tapeloop/optim";
export * from "@tapeloop/train";
export { fromNdarray, ndarrayBackend, toNdarray } from "@tapeloop/backend-ndarray";
export { wasmBackend, type WasmOptions } from "@tapeloop/backend-wasm";

setDefaultBackend(fastestBackend());
