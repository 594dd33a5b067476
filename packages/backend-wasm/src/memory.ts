/**
 * @file The one linear memory that kernels work on, and who has which part of it. Parts come in classes
 * of sizes; one that is given back waits for the next request of its class.
 */
import { BackendError, type DType, type TypedArray } from "@tapeloop/autograd/backend";
import { bytesOf } from "./array.ts";
import { mostPages } from "./module.ts";

/** Bytes of a page of WebAssembly memory. */
const page = 65_536;
/** Kernels read and write whole vectors: so many bytes behind an allocation may be touched. */
const slack = 64;

/** A part of the memory. Two arrays look at the same memory if they have the same one. */
export class Part {
  /** Its first byte. */
  readonly pointer: number;
  /** Its bytes. */
  readonly size: number;

  /** A part of `size` bytes from `pointer`. */
  constructor(pointer: number, size: number) {
    this.pointer = pointer;
    this.size = size;
  }
}

/** The size that is set aside for a request: a multiple of 64 with two significant bits, or of 4 below. */
function classOf(bytes: number): number {
  const wanted = bytes + slack;
  if (wanted <= 1024) return Math.ceil(wanted / 64) * 64;
  const step = 2 ** (Math.floor(Math.log2(wanted - 1)) - 2);
  return Math.ceil(wanted / step) * step;
}

/** What is used of a `WebAssembly.Memory`: its declaration is not there for everybody. */
export interface GrowingBuffer {
  /** All of it; another one after growing. */
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
  /** Adds pages. */
  grow(pages: number): number;
}

/** A growing memory with typed views of it. */
export class LinearMemory {
  /** What kernels import. */
  readonly memory: GrowingBuffer;
  readonly #free = new Map<number, number[]>();
  #end = 64;
  #used = 0;
  #views: Readonly<Record<DType, TypedArray>>;

  /**
   * An empty memory of one page.
   *
   * @param isShared - Whether threads share it.
   */
  constructor(isShared = false) {
    this.memory = new WebAssembly.Memory({ initial: 1, maximum: mostPages, shared: isShared });
    this.#views = viewsOf(this.memory.buffer);
  }

  /** Bytes in use, as they were set aside. */
  get used(): number {
    return this.#used;
  }

  /**
   * A part of the memory; what it holds is not said.
   *
   * @throws BackendError if the machine has no place for it.
   */
  allocate(bytes: number): Part {
    const size = classOf(bytes);
    const pointer = this.#free.get(size)?.pop() ?? this.#extend(size, bytes);
    this.#used += size;
    return new Part(pointer, size);
  }

  /** Takes a part back. */
  release({ pointer, size }: Part): void {
    this.#used -= size;
    const waiting = this.#free.get(size);
    if (waiting === undefined) this.#free.set(size, [pointer]);
    else waiting.push(pointer);
  }

  /** `length` elements from a byte on. It is valid until the next allocation. */
  view(dtype: DType, pointer: number, length: number): TypedArray {
    const start = pointer / bytesOf(dtype);
    return this.views[dtype].subarray(start, start + length);
  }

  /** The whole memory as elements of each type. They are valid until the next allocation. */
  get views(): Readonly<Record<DType, TypedArray>> {
    // A memory that has grown has another buffer.
    if (this.#views.float32.buffer !== this.memory.buffer) {
      this.#views = viewsOf(this.memory.buffer);
    }
    return this.#views;
  }

  /** Fresh memory behind all that is in use. */
  #extend(size: number, bytes: number): number {
    const pointer = this.#end;
    const missing = pointer + size - this.memory.buffer.byteLength;
    if (missing > 0) this.#grow(missing, bytes);
    this.#end += size;
    return pointer;
  }

  #grow(missing: number, bytes: number): void {
    const pages = this.memory.buffer.byteLength / page;
    const needed = Math.ceil(missing / page);
    // By a quarter more, so that growing stays rare.
    const generous = Math.max(needed, pages >> 2);
    for (const more of [generous, needed].filter((count) => pages + count <= mostPages)) {
      try {
        this.memory.grow(more);
        return;
      } catch {
        // The smaller request may still fit.
      }
    }
    throw new BackendError(
      "memory",
      `the backend "wasm" holds at most ${mostPages * page} bytes, and what the machine has`,
      `${bytes} bytes more than ${this.#used}`,
      "Work in smaller batches.",
    );
  }
}

/** Views of all of a buffer. */
function viewsOf(buffer: ArrayBuffer | SharedArrayBuffer): Readonly<Record<DType, TypedArray>> {
  return {
    float32: new Float32Array(buffer),
    float64: new Float64Array(buffer),
    int32: new Int32Array(buffer),
    bool: new Uint8Array(buffer),
  };
}
