/** @file The arrays of a task's safetensors file, for entrants in JavaScript. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Typed arrays with their shapes, by name. */
export function readArrays(folder, task) {
  const { buffer, byteOffset } = readFileSync(join(folder, `${task}.safetensors`));
  const bytes = new Uint8Array(buffer, byteOffset);
  const size = Number(new DataView(buffer, byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + size)));
  const arrays = {};
  for (const [name, { dtype, shape, data_offsets: at }] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const part = bytes.slice(8 + size + at[0], 8 + size + at[1]).buffer;
    arrays[name] = { shape, data: dtype === "I32" ? new Int32Array(part) : new Float32Array(part) };
  }
  return arrays;
}
