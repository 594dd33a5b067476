/** @file Values as kernels that run on arrays. */
import { sizeOf } from "@tapeloop/autograd/backend";
import { type GpuArray, Memory, whole } from "./array.ts";
import type { Device } from "./device.ts";
import { type Range, rangeOf } from "./ranges.ts";
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
  const isRanged = value.dtype !== "float32";
  return (list) => {
    const given = [
      ...arrays.map((leaf) => list[leaf.source].memory.numbers),
      ...numbers.map(({ leaf, is }) => {
        const { memory, offset } = list[leaf.source];
        return is === "offset" ? offset : (memory.host as Float32Array)[0];
      }),
    ];
    const range = isRanged ? rangeOn(value, list) : null;
    return whole(type, new Memory(device, size, launch(given), null, range));
  };
}

/** What is known of a value's elements, on these arrays. */
function rangeOn(value: Value, list: readonly GpuArray[]): Range | null {
  const known = new Map<Value, Range | null>();
  const of = (each: Value): Range | null => {
    if (each.dtype === "float32") return null;
    if (each.kind === "leaf") return list[each.source].memory.range;
    let range = known.get(each);
    if (range === undefined) {
      const inputs = each.inputs.map((x) => ({ ...x, range: of(x) }));
      range = rangeOf(each.name, each.params, inputs, each);
      known.set(each, range);
    }
    return range;
  };
  return of(value);
}
