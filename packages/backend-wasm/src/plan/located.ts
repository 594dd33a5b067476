/**
 * @file Arrays of a plan: their layout is known when the plan is made, their address when it runs. It may
 * depend on where an input lies, and on the steps of the loops around.
 */
import { rowMajorStrides, sizeOf, type TensorType } from "@tapeloop/autograd/backend";
import { bytesOf, type WasmArray } from "../array.ts";
import { Part } from "../memory.ts";

/** What addresses depend on while a plan runs. */
export interface Clock {
  /** The first byte of every input and constant. */
  readonly inputs: number[];
  /** The step of every loop that is running, from the outside in. */
  readonly steps: number[];
}

/** A buffer of a plan, and how many of its arrays still look at it. */
export interface Buffer {
  /** Its first byte; for an input 0, and `input` says which. */
  readonly pointer: number;
  /** Bytes, as they were asked for. */
  readonly bytes: number;
  /** Which input it is. */
  readonly input: number | null;
  /** Arrays that will still be read. */
  users: number;
}

/** An array of a plan. */
export interface Located extends TensorType {
  /** The buffer that it lies in. */
  readonly buffer: Buffer;
  /** Bytes from the buffer's first one to the array's, in the first step of every loop. */
  readonly start: number;
  /** Elements between neighbours along each axis. */
  readonly strides: readonly number[];
  /** Bytes that it moves on with every step of a loop: of the outermost first. */
  readonly moves: readonly number[];
}

/** An array in row-major order at the beginning of a buffer. */
export function rowMajorIn(buffer: Buffer, { shape, dtype }: TensorType): Located {
  return { shape, dtype, buffer, start: 0, strides: rowMajorStrides(shape), moves: [] };
}

/** The same memory under another layout; `offset` in elements. */
export function viewOf(
  x: Located,
  { shape, dtype }: TensorType,
  strides: readonly number[],
  offset = 0,
): Located {
  const start = x.start + offset * bytesOf(dtype);
  return { shape, dtype, buffer: x.buffer, start, strides, moves: x.moves };
}

/** One step of an array that has steps along its first axis: it moves on with the loop of this depth. */
export function stepOf(x: Located, depth: number): Located {
  const [stride, ...strides] = x.strides;
  const moves = Array.from({ length: depth + 1 }, (_, i) => x.moves[i] ?? 0);
  moves[depth] += stride * bytesOf(x.dtype);
  const { dtype, buffer, start } = x;
  return { shape: x.shape.slice(1), dtype, buffer, start, strides, moves };
}

/** Where the array lies, as a function of the clock. */
export function addressIn(clock: Clock, { buffer, start, moves }: Located): () => number {
  const base = buffer.pointer + start;
  const { input } = buffer;
  const { steps, inputs } = clock;
  const moving = moves.flatMap((bytes, depth) => (bytes === 0 ? [] : [{ bytes, depth }]));
  if (moving.length === 0) return input === null ? () => base : () => inputs[input] + base;
  if (moving.length === 1 && input === null) {
    const [{ bytes, depth }] = moving;
    return () => base + steps[depth] * bytes;
  }
  return () => {
    let address = input === null ? base : inputs[input] + base;
    for (const { bytes, depth } of moving) address += steps[depth] * bytes;
    return address;
  };
}

/** The array as kernels that are not part of plans take it. */
export function asArray(x: Located, address: number): WasmArray {
  const { shape, dtype, strides } = x;
  const part = new Part(address, sizeOf(shape) * bytesOf(dtype));
  return { shape, dtype, strides, part, offset: 0 };
}
