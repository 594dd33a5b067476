/** @file Values as kernels that run on arrays. */
import { sizeOf } from "@tapeloop/autograd/backend";
import { type GpuArray, Memory, whole } from "./array.ts";
import type { Device } from "./device.ts";
import type { Value } from "./value.ts";
import { writeKernel } from "./writer.ts";

/** Computes a value; its leaves are the arrays at their places in the list. */
export type ValueKernel = (arrays: readonly GpuArray[]) => GpuArray;

/** A value as a kernel. */
export function kernelOf(device: Device, value: Value): ValueKernel {
  const { source, arrays, numbers } = writeKernel(value);
  const size = sizeOf(value.shape);
  const sizes = arrays.map((leaf) => leaf.size);
  const launch = device.kernel({ source, size, arrays: sizes, numbers: numbers.length });
  const type = { shape: value.shape, dtype: value.dtype };
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
