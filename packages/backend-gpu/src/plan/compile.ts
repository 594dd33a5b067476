/** @file Whole programs as plans: made once, and then run without looking at the program again. */
import {
  type CompiledProgram,
  type Program,
  type ScanParams,
  sizeOf,
} from "@tapeloop/autograd/backend";
import type { GpuArray } from "../array.ts";
import { knownOf } from "../ranges.ts";
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
export function compileProgram(
  host: Host,
  program: Program,
  donated: readonly number[],
): CompiledProgram<GpuArray> {
  const plans = new Map<string, ReturnType<typeof planOf>>();
  return (inputs, constants, given = []) => {
    const arrays = [...inputs, ...constants];
    const numbers = arrays.map(isNumber);
    const key = numbers.map(Number).join("");
    const plan = plans.get(key) ?? planOf(host, program, numbers, donated);
    plans.set(key, plan);
    return plan(arrays, given);
  };
}

/** A plan for a program, as a function of its inputs and constants. */
function planOf(
  host: Host,
  program: Program,
  numbers: readonly boolean[],
  donated: readonly number[],
): (arrays: readonly GpuArray[], given: readonly number[]) => readonly GpuArray[] {
  const lowering = new Lowering(host, program, program.outputs);
  const sourceVariables = [...program.inputs, ...program.constants.map(({ variable }) => variable)];
  const sources = sourceVariables.map((v, i) => {
    const slot = lowering.slot();
    const leaf = leafOf(v.type, slot, sizeOf(v.type.shape));
    lowering.set(v, { ...leaf, isNumber: numbers[i] }, knownOf(v.type));
    return slot;
  });
  lower(lowering, program);
  const results = program.outputs.map((v) => lowering.inSlot(v).source);
  const read = new Set(lowering.steps.flatMap(({ reads }) => reads));
  const kept = sources.filter((slot, i) => !donated.includes(i) || !read.has(slot));
  const keep = new Set([...kept, ...results]);
  const run = withLastUses(lowering.steps, keep);
  return (arrays, given) => {
    const holding = new Holding();
    const frame = new Frame(host.device, holding);
    try {
      // They are somebody else's, whoever lets go of them here.
      for (const array of arrays) holding.hold(array);
      arrays.forEach((array, i) => frame.setWhole(sources[i], array));
      for (const i of given) holding.drop(arrays[i]);
      run(frame);
      for (const slot of results) holding.hold(frame.arrays[slot]);
      for (const slot of keep) frame.drop(slot);
      return results.map((slot) => frame.arrays[slot]);
    } catch (error) {
      holding.abandon(arrays.filter((_, i) => !given.includes(i)));
      throw error;
    }
  };
}
