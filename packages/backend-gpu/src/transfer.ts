/** @file Arrays from the host and back to it. */
import { allocate, sizeOf, type TensorType, type TypedArray } from "@tapeloop/autograd/backend";
import { type GpuArray, isWhole, Memory, seen, whole } from "./array.ts";
import type { Device, Reader } from "./device.ts";
import { kernelOf } from "./kernel.ts";
import { leafOn } from "./value.ts";

/** An array with elements from the host, in row-major order. */
export function upload(device: Device, data: TypedArray, type: TensorType): GpuArray {
  return whole(type, new Memory(device, data.length, null, data));
}

/** The elements on the host, in row-major order, as a copy. */
export function read(device: Device, x: GpuArray, reader?: Reader): TypedArray {
  const { memory } = x;
  if (sizeOf(x.shape) === 0) return allocate(x.dtype, 0);
  if (memory.host !== null) return seen(memory.host, x);
  if (isWhole(x) || 2 * sizeOf(x.shape) > memory.size)
    return seen(memory.read(typed(x), reader), x);
  const dense = copy(device, x);
  const data = dense.memory.read(typed(x), reader);
  dense.memory.release();
  return data;
}

/** The same, when the device has come so far; until then the page goes on. */
export async function readLater(device: Device, x: GpuArray): Promise<TypedArray> {
  const isThere = x.memory.host !== null || sizeOf(x.shape) === 0;
  if (isThere) return read(device, x);
  const dense = isWhole(x) ? x : copy(device, x);
  const data = dense.memory.readLater(typed(x));
  // What is read stays until it has been read.
  if (dense !== x) dense.memory.release();
  return data;
}

/** A copy in row-major order: on the device, or on the host for what is of whole numbers and is there. */
export function copy(device: Device, x: GpuArray): GpuArray {
  const isEmpty = sizeOf(x.shape) === 0;
  if (isEmpty || (x.dtype !== "float32" && x.memory.host !== null))
    return upload(device, read(device, x), x);
  return kernelOf(device, leafOn(x, 0))([x]);
}

/** The conversion of a device's numbers into elements of an array's type. */
function typed({ dtype }: TensorType): (numbers: Float32Array) => TypedArray {
  if (dtype === "int32") return (numbers) => Int32Array.from(numbers);
  if (dtype === "bool") return (numbers) => Uint8Array.from(numbers);
  return (numbers) => numbers;
}
