/** @file Whole programs as plans: made once, and then run without looking at the program again. */
import {
  type CompiledProgram,
  type Program,
  type ScanParams,
  sizeOf,
} from "@tapeloop/autograd/backend";
import type { GpuArray } from "../array.ts";
import { leafOf } from "../value.ts";
import { Frame, Holding, withLastUses } from "./frame.ts";
import { addLoop } from "./loop.ts";
import { type Host, Lowering } from "./lowering.ts";

/** Adds all ops of a program. */
function lower(lowering: Lowering, { nodes }: Program): void {
  for (const node of nodes) {
    const loop = node.primitive.name === "scan" ? (node.params as ScanParams) : null;
    if (loop === null || loop.steps === 0) lowering.add(node);
    else addLoop(lowering, node, loop, lower);
  }
}

/** Whether an array is one number that the host knows: kernels are given it, and nothing is copied. */
function isNumber({ memory, shape }: GpuArray): boolean {
  return memory.size === 1 && memory.host !== null && sizeOf(shape) === 1;
}

/** Makes a program ready: with a plan for every choice of inputs that are numbers, when it first comes. */
export function compileProgram(host: Host, program: Program): CompiledProgram<GpuArray> {
  const plans = new Map<string, ReturnType<typeof planOf>>();
  return (inputs, constants) => {
    const arrays = [...inputs, ...constants];
    const numbers = arrays.map(isNumber);
    const key = numbers.map(Number).join("");
    const plan = plans.get(key) ?? planOf(host, program, numbers);
    plans.set(key, plan);
    return plan(arrays);
  };
}

/** A plan for a program, as a function of its inputs and constants. */
function planOf(
  host: Host,
  program: Program,
  numbers: readonly boolean[],
): (arrays: readonly GpuArray[]) => readonly GpuArray[] {
  const lowering = new Lowering(host, program, program.outputs);
  const given = [...program.inputs, ...program.constants.map(({ variable }) => variable)];
  const sources = given.map((v, i) => {
    const slot = lowering.slot();
    const leaf = leafOf(v.type, slot, sizeOf(v.type.shape));
    lowering.set(v, { ...leaf, isNumber: numbers[i] });
    return slot;
  });
  lower(lowering, program);
  const results = program.outputs.map((v) => lowering.inSlot(v).source);
  const run = withLastUses(lowering.steps, new Set([...sources, ...results]));
  return (arrays) => {
    const holding = new Holding();
    const frame = new Frame(host.device, holding);
    try {
      // They are somebody else's, whoever lets go of them here.
      for (const array of arrays) holding.hold(array);
      arrays.forEach((array, i) => frame.setWhole(sources[i], array));
      run(frame);
      for (const slot of results) holding.hold(frame.arrays[slot]);
      for (const slot of new Set([...sources, ...results])) frame.drop(slot);
      return results.map((slot) => frame.arrays[slot]);
    } catch (error) {
      holding.abandon(arrays);
      throw error;
    }
  };
}
