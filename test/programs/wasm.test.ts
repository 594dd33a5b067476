/** @file Loops compiled for WebAssembly. */
import { wasmBackend } from "@tapeloop/backend-wasm";
import { gruCell, lstmCell } from "@tapeloop/nn";
import { type AnyCell, testLoops } from "./loops.ts";

testLoops({
  backend: wasmBackend(),
  // Sizes that fill whole vectors, and sizes that do not.
  cells: [
    ["lstm of 3 → 8", lstmCell(3, 8) as unknown as AnyCell],
    ["lstm of 5 → 7", lstmCell(5, 7) as unknown as AnyCell],
    ["gru of 4 → 5", gruCell(4, 5) as unknown as AnyCell],
    ["gru of 3 → 16, reset before", gruCell(3, 16, { resetAfter: false }) as unknown as AnyCell],
  ],
  sizes: [
    [7, 3],
    [4, 16],
    [1, 1],
  ],
  held: () => ({}),
});
