/** @file The backend that the umbrella starts with. */
import type { Backend } from "@tapeloop/autograd/backend";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { wasmBackend } from "@tapeloop/backend-wasm";

/** WebAssembly where the engine has it, with SIMD; else the reference, and a word about it. */
export function fastestBackend(): Backend {
  try {
    return wasmBackend();
  } catch (error) {
    // eslint-disable-next-line no-console -- a fall-back is never silent
    console.warn(`${(error as Error).message} The reference backend runs in its place.`);
    return ndarrayBackend;
  }
}
