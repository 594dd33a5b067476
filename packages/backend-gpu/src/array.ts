/** @file Arrays of this backend: memory, on the device or on the host or both, with a layout. */
import {
  BackendError,
  rowMajorStrides,
  sizeOf,
  type TensorType,
  type TypedArray,
} from "@tapeloop/autograd/backend";
import type { Device, Reader } from "./device.ts";
import type { Numbers } from "./queue.ts";
import { mask, type Range } from "./ranges.ts";

/**
 * Elements that several arrays may look at. They never change, so they may be in two places: on the
 * device in float32, and on the host in their own type.
 */
export class Memory {
  /** How many elements there are. */
  readonly size: number;
  readonly #device: Device;
  #numbers: Numbers | null;
  #host: TypedArray | null;
  #range: Range | null;

  /**
   * Elements that are on the device, or on the host, now.
   *
   * @param range - What is known of them, if they are whole numbers or masks. Of those on the host all is.
   */
  constructor(
    device: Device,
    size: number,
    numbers: Numbers | null,
    host: TypedArray | null,
    range: Range | null = null,
  ) {
    this.#device = device;
    this.size = size;
    this.#numbers = numbers;
    this.#host = host;
    this.#range = range;
  }

  /** What is known of the elements, if they are whole numbers or masks. */
  get range(): Range | null {
    if (this.#range === null) {
      if (this.#host instanceof Int32Array) this.#range = rangeIn(this.#host);
      else if (this.#host instanceof Uint8Array) this.#range = mask;
    }
    return this.#range;
  }

  /** The elements on the host, if they are there. */
  get host(): TypedArray | null {
    return this.#host;
  }

  /** The elements on the device; they are copied there when they are first wanted. */
  get numbers(): Numbers {
    if (this.#numbers === null) {
      const host = this.#host;
      if (host === null) throw gone();
      const isFloat = host instanceof Float32Array;
      this.#numbers = this.#device.upload(isFloat ? host : Float32Array.from(host));
      // Whole numbers are read on the host again and again, to be checked; others are not.
      if (isFloat && this.size > 1) this.#host = null;
    }
    return this.#numbers;
  }

  /** The elements on the host; they are copied there when they are first wanted, and stay if they are not float32. */
  read(make: (numbers: Float32Array) => TypedArray, reader?: Reader): TypedArray {
    if (this.#host !== null) return this.#host;
    if (this.#numbers === null) throw gone();
    const data = make(this.#device.read(this.#numbers, reader));
    if (!(data instanceof Float32Array)) this.#host = data;
    return data;
  }

  /** The same, when the device has come so far. */
  async readLater(make: (numbers: Float32Array) => TypedArray): Promise<TypedArray> {
    return this.#host ?? make(await this.#device.readLater(this.numbers, this.size));
  }

  /** Gives the memory back. */
  release(): void {
    if (this.#numbers !== null) this.#device.delete(this.#numbers, this.size);
    this.#numbers = null;
    this.#host = null;
  }
}

/** The least range with all of these numbers. */
function rangeIn(data: Int32Array): Range {
  let [low, high] = [data[0], data[0]];
  for (const v of data) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return { low, high };
}

/** Memory that is used after it was given back. */
function gone(): BackendError {
  return new BackendError(
    "gpu",
    "memory is used until it is given back, and no longer",
    "an array that was released",
    "Keep the tensor that owns it.",
  );
}

/** An array: where its elements are, and how they lie there. */
export interface GpuArray extends TensorType {
  /** The memory that it looks at. */
  readonly memory: Memory;
  /** Elements in front of the first. */
  readonly offset: number;
  /** Elements between neighbours along each axis; 0 where one is repeated, below 0 backwards. */
  readonly strides: readonly number[];
}

/** An array that is its memory's elements in row-major order. */
export function whole({ shape, dtype }: TensorType, memory: Memory): GpuArray {
  return { shape, dtype, memory, offset: 0, strides: rowMajorStrides(shape) };
}

/** Whether an array is its memory's elements in row-major order, all of them. */
export function isWhole(x: GpuArray): boolean {
  return x.offset === 0 && x.memory.size === sizeOf(x.shape) && isRowMajor(x);
}

/** Whether the elements lie one behind the other in row-major order. */
export function isRowMajor({ shape, strides }: Pick<GpuArray, "shape" | "strides">): boolean {
  let expected = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== expected) return sizeOf(shape) === 0;
    expected *= shape[i];
  }
  return true;
}

/** The elements that a layout shows, in row-major order. */
export function seen(
  from: TypedArray,
  { shape, strides, offset }: Pick<GpuArray, "shape" | "strides" | "offset">,
): TypedArray {
  const size = sizeOf(shape);
  if (isRowMajor({ shape, strides })) return from.slice(offset, offset + size);
  const to = from.slice(0, 0).constructor as new (length: number) => TypedArray;
  const out = new to(size);
  const index = shape.map(() => 0);
  let at = offset;
  for (let i = 0; i < size; i++) {
    out[i] = from[at];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis];
      if (++index[axis] < shape[axis]) break;
      at -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return out;
}
