/** @file Whole programs as plans: made once, and then run without looking at the program again. */
import type { CompiledProgram, KernelTable, Program, Variable } from "@tapeloop/autograd/backend";
import { addressOf, isRowMajor, type WasmArray } from "../array.ts";
import { rowMajor } from "../layout.ts";
import type { Machine } from "../machine.ts";
import type { Part } from "../memory.ts";
import type { Products } from "../products/contraction.ts";
import { Host } from "./host.ts";
import { lowerProgram } from "./lower.ts";
import { Lowering } from "./lowering.ts";
import { Buffer, bytesFor, type Place, placeOf } from "./place.ts";
import { layOut, settle, type Step } from "./step.ts";

/** Makes a plan for a program. */
export function compileProgram(
  machine: Machine,
  products: Products,
  kernels: KernelTable<WasmArray>,
  program: Program,
  donated: readonly number[] = [],
): CompiledProgram<WasmArray> {
  const { memory } = machine;
  const host = new Host(machine, products, kernels);
  const lowering = new Lowering(host, program);
  const sourceOf = (v: Variable, layout: Partial<Place>): Buffer => {
    const buffer = new Buffer(bytesFor(v.type), lowering, host.slot());
    lowering.set(v, { ...placeOf(v.type, buffer), ...layout });
    return buffer;
  };
  // Of constants it is known how they lie; inputs are brought in order first.
  const sources = [
    ...program.inputs.map((v) => sourceOf(v, {})),
    ...program.constants.map(({ variable, tensor }) =>
      sourceOf(variable, { strides: (tensor.array as WasmArray).strides }),
    ),
  ];
  lowerProgram(lowering, program);
  const results = program.outputs.map((v) => kept(lowering, lowering.place(v)));
  const made = [...new Set(results.map(({ buffer }) => buffer).filter(({ slot }) => slot < 0))];
  for (const buffer of made) buffer.slot = host.slot();
  const heirs = heirsOf(
    lowering.steps,
    made,
    donated.filter((i) => results.every(({ buffer }) => buffer !== sources[i])),
    sources,
  );
  const layout = layOut(lowering.steps, lowering);
  const arena = host.slot();
  settle(layout, arena, 0);
  const run = lowering.steps.map(({ build }) => build());
  machine.write();

  return (inputs, constants, given = []) => {
    const { slots } = host;
    const parts = new Map<number, Part>();
    const temporary = new Set<Part>();
    const inOrder = inputs.map((x) => {
      if (isRowMajor(x)) return x;
      const dense = rowMajor(machine, x);
      temporary.add(dense.part);
      return dense;
    });
    const arrays = [...inOrder, ...constants];
    arrays.forEach((x, i) => (slots[sources[i].slot] = addressOf(x)));
    const scratch = memory.allocate(layout.bytes);
    temporary.add(scratch);
    slots[arena] = scratch.pointer;
    for (const i of given) temporary.add(inputs[i].part);
    for (const buffer of made) {
      const { slot, bytes } = buffer;
      const x = arrays[heirs.get(buffer) ?? -1];
      const isInherited = x !== undefined && x.offset === 0 && temporary.delete(x.part);
      const part = isInherited ? x.part : memory.allocate(bytes);
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

/** Whether a step has to do with a buffer. */
function touches({ reads, writes }: Step, buffer: Buffer): boolean {
  return reads.includes(buffer) || writes.includes(buffer);
}

/** Which results are written where a donated input lies, of which nothing is read any more then. */
function heirsOf(
  steps: readonly Step[],
  made: readonly Buffer[],
  donated: readonly number[],
  sources: readonly Buffer[],
): ReadonlyMap<Buffer, number> {
  const heirs = new Map<Buffer, number>();
  for (const i of donated) {
    const source = sources[i];
    const last = steps.findLastIndex((step) => touches(step, source));
    const heir = made.find((buffer) => {
      const first = steps.findIndex((step) => touches(step, buffer));
      if (heirs.has(buffer) || buffer.bytes !== source.bytes || first < last) return false;
      return first > last || steps[first].mayOverwrite?.(source, buffer) === true;
    });
    if (heir !== undefined) heirs.set(heir, i);
  }
  return heirs;
}

/** A result as it is handed out: not as a small part of something large. */
function kept(lowering: Lowering, place: Place): Place {
  const isWhole = 2 * bytesFor(place) >= place.buffer.bytes || place.buffer.slot >= 0;
  return isWhole ? place : lowering.dense(place);
}
