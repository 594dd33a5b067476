/** @file Whole programs as plans: made once, and then run without looking at the program again. */
import type { CompiledProgram, KernelTable, Program } from "@tapeloop/autograd/backend";
import { addressOf, isRowMajor, type WasmArray } from "../array.ts";
import { rowMajor } from "../layout.ts";
import type { Machine } from "../machine.ts";
import type { Part } from "../memory.ts";
import type { Products } from "../products/contraction.ts";
import { Host } from "./host.ts";
import { lowerProgram } from "./lower.ts";
import { Lowering } from "./lowering.ts";
import { Buffer, bytesFor, type Place, placeOf } from "./place.ts";
import { layOut, settle } from "./step.ts";

/** Makes a plan for a program. */
export function compileProgram(
  machine: Machine,
  products: Products,
  kernels: KernelTable<WasmArray>,
  program: Program,
): CompiledProgram<WasmArray> {
  const { memory } = machine;
  const host = new Host(machine, products, kernels);
  const lowering = new Lowering(host, program);
  const given = [...program.inputs, ...program.constants.map(({ variable }) => variable)];
  const sources = given.map((v) => {
    const buffer = new Buffer(bytesFor(v.type), lowering, host.slot());
    lowering.set(v, placeOf(v.type, buffer));
    return buffer;
  });
  lowerProgram(lowering, program);
  const results = program.outputs.map((v) => kept(lowering, lowering.place(v)));
  const made = [...new Set(results.map(({ buffer }) => buffer).filter(({ slot }) => slot < 0))];
  for (const buffer of made) buffer.slot = host.slot();
  const layout = layOut(lowering.steps, lowering);
  const arena = host.slot();
  settle(layout, arena, 0);
  const run = lowering.steps.map(({ build }) => build());
  machine.write();

  return (inputs, constants) => {
    const { slots } = host;
    const parts = new Map<number, Part>();
    const temporary = new Set<Part>();
    const arrays = [...inputs, ...constants].map((x) => {
      if (isRowMajor(x)) return x;
      const dense = rowMajor(machine, x);
      temporary.add(dense.part);
      return dense;
    });
    arrays.forEach((x, i) => (slots[sources[i].slot] = addressOf(x)));
    const scratch = memory.allocate(layout.bytes);
    temporary.add(scratch);
    slots[arena] = scratch.pointer;
    for (const { slot, bytes } of made) {
      const part = memory.allocate(bytes);
      parts.set(slot, part);
      slots[slot] = part.pointer;
    }
    let isDone = false;
    try {
      for (const step of run) step();
      isDone = true;
      return results.map(({ buffer, shape, dtype, strides, offset }) => {
        const source = sources.indexOf(buffer);
        if (source >= 0) {
          const x = arrays[source];
          temporary.delete(x.part);
          return { shape, dtype, strides, part: x.part, offset: x.offset + offset };
        }
        const part = parts.get(buffer.slot) ?? host.give(buffer.slot);
        parts.set(buffer.slot, part);
        return { shape, dtype, strides, part, offset };
      });
    } finally {
      host.end();
      for (const part of temporary) memory.release(part);
      if (!isDone) for (const part of parts.values()) memory.release(part);
    }
  };
}

/** A result as it is handed out: not as a small part of something large. */
function kept(lowering: Lowering, place: Place): Place {
  const isWhole = 2 * bytesFor(place) >= place.buffer.bytes || place.buffer.slot >= 0;
  return isWhole ? place : lowering.dense(place);
}
