/** @file Results against definitions, to the accuracy that shading languages promise. */
import {
  type Backend,
  type PrimitiveName,
  primitives,
  type TensorType,
} from "@tapeloop/autograd/backend";
import { expect } from "vitest";
import { indicesOf, type Input } from "../conformance/plain.ts";
import { runsOf } from "../conformance/properties.ts";
import { type Run, typeIn, upload } from "../conformance/runs.ts";

/** Devices keep no NaN, no infinities, no signs of 0 and no numbers below 2⁻¹²⁶, and add in float32. */
function isOrdinary({ sample }: Run): boolean {
  const isPlain = (v: number): boolean =>
    Object.is(v, 0) || (Math.abs(v) > 1e-37 && Math.abs(v) < 1e37);
  const isExact = sample.what.endsWith("kept in float64");
  return !isExact && sample.inputs.every(({ data }) => data.every(isPlain));
}

/** The samples that a device is asked of. */
export function ordinary(backend: Backend, name: PrimitiveName): Run[] {
  return runsOf(backend, name).filter((run) => run.float === "float32" && isOrdinary(run));
}

/** A kernel whose primitive is not known. */
type AnyKernel = (inputs: readonly unknown[], params: unknown, type: unknown) => unknown;

/** Fails unless the results of a kernel are those of the definition. */
export async function expectDefinition(
  run: Run,
  inputs: readonly Input[] = run.sample.inputs,
  arrays: readonly unknown[] = inputs.map((x) => upload(run, x)),
): Promise<void> {
  const { backend, name, sample, row } = run;
  const types = inputs.map((x) => typeIn(x, run));
  const inferred = primitives[name].type(types, sample.params as never);
  const made = (backend.kernels[name] as AnyKernel)(arrays, sample.params, inferred);
  const [values, kinds] = Array.isArray(inferred)
    ? [made as readonly unknown[], inferred as readonly TensorType[]]
    : [[made], [inferred as TensorType]];
  for (const [slot, type] of kinds.entries()) {
    const data = await backend.read(values[slot], type);
    const expected = indicesOf(type.shape).map((at) => row.value(at, inputs, sample.params, slot));
    const greatest = Math.max(1, ...expected.filter(Number.isFinite).map(Math.abs));
    const isFloat = type.dtype === "float32";
    const wrong = expected.flatMap((want, i) => {
      const allowed = isFloat ? 1e-5 * Math.abs(want) + 2e-6 * greatest : 0;
      const isRight = !Number.isFinite(want) || Math.abs(data[i] - want) <= allowed;
      return isRight ? [] : [`${sample.what}: element ${i} is ${data[i]}, not ${want}`];
    });
    expect(wrong).toEqual([]);
  }
}
