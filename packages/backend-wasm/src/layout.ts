/** @file Laying elements out in row-major order. */
import { sizeOf, type TensorType, type TypedArray } from "@tapeloop/autograd/backend";
import { addressOf, bytesOf, fresh, isRowMajor, type WasmArray } from "./array.ts";
import type { Machine } from "./machine.ts";
import { eachRow, rowsOf } from "./rows.ts";

/** A copy in row-major order. */
export function rowMajor(machine: Machine, x: WasmArray): WasmArray {
  const out = fresh(x, machine.memory);
  copyTo(machine, out, x);
  return out;
}

/** The array itself if it is in row-major order, else a copy. */
export function asRowMajor(machine: Machine, x: WasmArray): WasmArray {
  return isRowMajor(x) ? x : rowMajor(machine, x);
}

/** Copies elements to an array of the same type whose rows lie in any way. */
export function copyTo(machine: Machine, out: WasmArray, x: WasmArray): void {
  if (sizeOf(x.shape) === 0) return;
  const { views } = machine.memory;
  const all = views[x.dtype];
  const width = bytesOf(x.dtype);
  const [from, to] = [addressOf(x) / width, addressOf(out) / width];
  const rows = rowsOf(x.shape, [x, out]);
  const [step, stride] = rows.inner;
  const { length } = rows;
  eachRow(rows, ([a, b]) => {
    const [source, target] = [from + a, to + b];
    if (step === 1 && stride === 1) all.copyWithin(target, source, source + length);
    else for (let i = 0; i < length; i++) all[target + i * stride] = all[source + i * step];
  });
}

/** Makes an array from the elements of others, all in row-major order. */
export function fromElements(
  machine: Machine,
  inputs: readonly WasmArray[],
  type: TensorType,
  run: (from: readonly TypedArray[], to: TypedArray) => void,
): WasmArray {
  const { memory } = machine;
  const read = inputs.map((x) => asRowMajor(machine, x));
  const out = fresh(type, memory);
  try {
    // Views last until the next allocation.
    const views = read.map((x) => memory.view(x.dtype, addressOf(x), sizeOf(x.shape)));
    run(views, memory.view(type.dtype, out.part.pointer, sizeOf(type.shape)));
    return out;
  } catch (error) {
    memory.release(out.part);
    throw error;
  } finally {
    read.forEach((x, i) => {
      if (x !== inputs[i]) memory.release(x.part);
    });
  }
}
