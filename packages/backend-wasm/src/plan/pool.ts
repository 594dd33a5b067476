/** @file The buffers of a plan: one that nobody reads any more is used again for the next array. */
import { sizeOf, type TensorType } from "@tapeloop/autograd/backend";
import { bytesOf } from "../array.ts";
import type { LinearMemory } from "../memory.ts";
import { type Buffer, type Located, rowMajorIn } from "./located.ts";

/** Buffers of a plan. They stay its own as long as it lives. */
export class Pool {
  readonly #memory: LinearMemory;
  readonly #free: Buffer[] = [];

  /** Takes buffers from a memory. */
  constructor(memory: LinearMemory) {
    this.#memory = memory;
  }

  /** A buffer: a free one that wastes least, or a new one. */
  room(bytes: number): Buffer {
    let best = -1;
    this.#free.forEach((buffer, i) => {
      const fits = buffer.bytes >= bytes && buffer.bytes <= 2 * bytes + 64;
      if (fits && (best < 0 || buffer.bytes < this.#free[best].bytes)) best = i;
    });
    return best >= 0 ? this.#free.splice(best, 1)[0] : this.lasting(bytes);
  }

  /** A buffer that nobody has had before: for what is written once and read in every step or run. */
  lasting(bytes: number): Buffer {
    const { pointer } = this.#memory.allocate(bytes);
    return { pointer, bytes, input: null, users: 0 };
  }

  /** Room for an array in row-major order. */
  array(type: TensorType): Located {
    return rowMajorIn(this.room(sizeOf(type.shape) * bytesOf(type.dtype)), type);
  }

  /** One user more. */
  hold({ buffer }: Located): void {
    buffer.users++;
  }

  /** One user fewer; without any, the buffer is free. */
  drop({ buffer }: Located): void {
    buffer.users--;
    if (buffer.users === 0 && buffer.input === null) this.free(buffer);
  }

  /** Takes a buffer back that nobody reads any more. */
  free(buffer: Buffer): void {
    this.#free.push(buffer);
  }
}
