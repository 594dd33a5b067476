/** @file Values as kernels that run on arrays. */
import { sizeOf } from "@tapeloop/autograd/backend";
import { type GpuArray, Memory, whole } from "./array.ts";
import type { Device } from "./device.ts";
import type { Value } from "./value.ts";
import { writeKernel } from "./writer.ts";

/** Computes a value; its leaves are the arrays at their places in the list. */
export type ValueKernel = (arrays: readonly GpuArray[]) => GpuArray;

/**
 * A value as a kernel.
 *
 * @param steps - For all steps of a loop at once: how many there are. The result has them along a first axis.
 */
export function kernelOf(device: Device, value: Value, steps: number | null = null): ValueKernel {
  const { source, arrays, numbers } = writeKernel(value, steps);
  const shape = steps === null ? value.shape : [steps, ...value.shape];
  const size = sizeOf(shape);
  const sizes = arrays.map((leaf) => leaf.size);
  const launch = device.kernel({ source, size, arrays: sizes, numbers: numbers.length });
  const type = { shape, dtype: value.dtype };
  return (list) => {
    const given = [
      ...arrays.map((leaf) => list[leaf.source].memory.numbers),
      ...numbers.map(({ leaf, is }) => {
        const { memory, offset } = list[leaf.source];
        return is === "offset" ? offset : (memory.host as Float32Array)[0];
      }),
    ];
    return whole(type, new Memory(device, size, launch(given), null));
  };
}
