/** @file Steps that are not of plans alone: copies, reductions, and the kernels that run ops one by one. */
import type { PrimitiveName, ProgramNode } from "@tapeloop/autograd/backend";
import type { WasmArray } from "../array.ts";
import { copyTo } from "../layout.ts";
import { Buffer, bytesFor, type Place, placeOf } from "./place.ts";
import type { Host } from "./host.ts";
import type { Reduction } from "../folds.ts";
import { reducer } from "../reductions.ts";
import { locate, type Step } from "./step.ts";

/** A kernel whose primitive is known only at run time. */
type AnyKernel = (
  inputs: readonly WasmArray[],
  params: unknown,
  type: unknown,
) => WasmArray | readonly WasmArray[];

/** A step that runs an op's kernel, and where its results will be. */
export function kernelStep(
  host: Host,
  home: object,
  { primitive, params, outputs }: ProgramNode,
  inputs: readonly Place[],
): { step: Step; results: readonly Place[] } {
  const results = outputs.map(({ type }) =>
    placeOf(type, new Buffer(bytesFor(type), home, host.slot())),
  );
  const slots = results.map(({ buffer }) => buffer.slot);
  const types = outputs.map(({ type }) => type);
  const isOne = primitive.results === "one";
  const step: Step = {
    what: primitive.name,
    reads: inputs.map(({ buffer }) => buffer),
    writes: [],
    build: () => {
      const kernel = host.kernels[primitive.name as PrimitiveName] as AnyKernel;
      return () => {
        const read = inputs.map((place) => host.arrayAt(place));
        const made = kernel(read, params, isOne ? types[0] : types);
        const arrays = (isOne ? [made] : made) as readonly WasmArray[];
        host.adopt(slots, arrays, read);
      };
    },
  };
  return { step, results };
}

/** A step that copies elements in any layout. */
export function copyStep(host: Host, to: Place, from: Place): Step {
  return {
    what: "copy",
    reads: [from.buffer],
    writes: [to.buffer],
    build: () => () => copyTo(host.machine, host.arrayAt(to), host.arrayAt(from)),
  };
}

/** A step that reduces the middle one of three axes, of elements in row-major order. */
export function reduceStep(
  { machine, slots }: Host,
  home: object,
  name: Reduction,
  to: Place,
  from: Place,
  sizes: readonly [number, number, number],
): Step {
  const { run, scratch: bytes } = reducer(machine, name, from.dtype, sizes);
  const scratch = new Buffer(bytes, home);
  return {
    what: `${name} ${sizes.join("×")}`,
    reads: [from.buffer],
    writes: [to.buffer, ...(bytes > 0 ? [scratch] : [])],
    build: () => {
      const [target, at] = locate(to);
      const [source, start] = locate(from);
      return () => {
        const space = bytes > 0 ? slots[scratch.slot] + scratch.start : 0;
        run(slots[source] + start, slots[target] + at, space);
      };
    },
  };
}
