/** @file A program made ready: its instructions, and how inputs and results go in and out. */
import type { CompiledProgram, KernelTable, Program } from "@tapeloop/autograd/backend";
import { addressOf, fresh, isRowMajor, type WasmArray } from "../array.ts";
import { copyTo, rowMajor } from "../layout.ts";
import type { Machine } from "../machine.ts";
import { addressIn, asArray, type Buffer, type Clock, rowMajorIn } from "./located.ts";
import { Pool } from "./pool.ts";
import { Section } from "./section.ts";
import type { Value } from "./values.ts";

/** A program as a function of arrays. Its buffers are set aside once, when it is made. */
export function compileProgram(
  machine: Machine,
  kernels: KernelTable<WasmArray>,
  program: Program,
): CompiledProgram<WasmArray> {
  const clock: Clock = { inputs: [], steps: [] };
  const plan = { machine, kernels, clock, pool: new Pool(machine.memory) };
  const given = [...program.inputs, ...program.constants.map(({ variable }) => variable)];
  const values = given.map(({ type }, input): Value => {
    const buffer: Buffer = { pointer: 0, bytes: 0, input, users: 1 };
    return { kind: "located", at: rowMajorIn(buffer, type) };
  });
  const section = new Section(plan, program, 0, values, 0, new Map());
  const outputs = section.build();
  machine.write();
  const addresses = outputs.map((at) => addressIn(clock, at));
  const { instructions } = section;
  return (inputs, constants) => {
    const all = [...inputs, ...constants];
    const read = all.map((x) => (isRowMajor(x) ? x : rowMajor(machine, x)));
    read.forEach((x, i) => (clock.inputs[i] = addressOf(x)));
    for (const instruction of instructions) instruction();
    const results = outputs.map((at, i) => {
      const out = fresh(at, machine.memory);
      copyTo(machine, out, asArray(at, addresses[i]()));
      return out;
    });
    read.forEach((x, i) => {
      if (x !== all[i]) machine.memory.release(x.part);
    });
    return results;
  };
}
