/** @file The machine that kernels run on: its memory, and the kernels that have been written so far. */
import { Crew, type Job, jobsPerThread } from "./crew.ts";
import { hostFunctions } from "./host-functions.ts";
import { LinearMemory } from "./memory.ts";
import { type FunctionSource, moduleOf } from "./module.ts";
import { alone, type Threads } from "./threads.ts";

/** A compiled kernel. It takes addresses and numbers of bytes. */
export type CompiledKernel = (...values: (number | undefined)[]) => void;

/** How much is held in registers. */
export interface Tile {
  /** Rows of a product. */
  readonly rows: number;
  /** Vectors of 16 bytes in such a row. */
  readonly vectors: number;
  /** Vectors of elements that functions of them are computed of side by side. */
  readonly together: number;
}

/** The tile that fits into the registers of 128 bits: eight sums, four columns, two factors. */
export const usualTile: Tile = { rows: 2, vectors: 4, together: 1 };

let preferred = usualTile;

/** Machines that are made from now on have this tile. */
export function preferTile(tile: Tile): void {
  preferred = tile;
}

/** A kernel that may be written later, together with others. */
export interface KernelSlot {
  /** The kernel, once it is written. */
  run: CompiledKernel;
  /** Its number among all that are written. */
  place: number;
}

/** A memory and the kernels on it. */
export class Machine {
  /** What kernels read and write. */
  readonly memory: LinearMemory;
  /** Whether sums of products may be rounded once. */
  readonly canFuse: boolean;
  /** The tile of its products. */
  tile: Tile = preferred;
  readonly #threads: Threads;
  /** Threads beside this one, if there may be some. */
  readonly crew: Crew | null;
  #written = 0;
  readonly #slots = new Map<string, KernelSlot>();
  #waiting: { readonly slot: KernelSlot; readonly source: FunctionSource }[] = [];

  /**
   * @param canFuse - Whether sums of products may be rounded once.
   * @param threads - Which work on one kernel, at most.
   */
  constructor(canFuse: boolean, threads: Threads = alone) {
    const { count } = threads;
    this.canFuse = canFuse;
    this.#threads = threads;
    this.memory = new LinearMemory(count > 1);
    this.crew = count > 1 ? new Crew(count - 1, this.memory) : null;
  }

  /**
   * Cuts so many equal parts of some work into pieces for {@link Machine.runAll}: some for each thread, or fewer
   * if there is not enough to do.
   *
   * @param count - How many parts there are.
   * @param operations - On single elements, of all parts together.
   * @returns The first part of each piece, and how many there are.
   */
  cut(count: number, operations: number): readonly (readonly [first: number, count: number])[] {
    const enough = Math.max(1, Math.floor(operations / this.#threads.worthwhile));
    const most = this.crew === null ? 1 : this.#threads.count * jobsPerThread;
    const pieces = Math.min(most, count, enough);
    return Array.from({ length: pieces }, (_, i) => {
      const [first, end] = [i, i + 1].map((j) => Math.floor((j * count) / pieces));
      return [first, end - first] as const;
    });
  }

  /** Runs parts of some work: at the same time, if there are threads. */
  runAll(jobs: readonly Job[]): void {
    if (this.crew === null) for (const { slot, values } of jobs) slot.run(...values);
    else this.crew.run(jobs);
  }

  /** The kernel of this name; it is written when it is first asked for. */
  kernel(name: string, source: FunctionSource): CompiledKernel {
    const slot = this.slot(name, source);
    this.write();
    return slot.run;
  }

  /** The place of the kernel of this name, which {@link Machine.write} fills. */
  slot(name: string, source: FunctionSource): KernelSlot {
    const known = this.#slots.get(name);
    if (known !== undefined) return known;
    const slot: KernelSlot = { run: notWritten, place: -1 };
    this.#slots.set(name, slot);
    this.#waiting.push({ slot, source });
    return slot;
  }

  /** Writes all kernels that have only a place, as one module: engines take few large ones more easily. */
  write(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    const sources = waiting.map(({ source }) => source);
    const bytes = moduleOf(sources, this.crew !== null, this.canFuse);
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
      env: { ...hostFunctions, memory: this.memory.memory as WebAssembly.Memory },
    });
    this.crew?.know(bytes, sources.length);
    waiting.forEach(({ slot }, i) => {
      slot.run = exports[String(i)] as CompiledKernel;
      slot.place = this.#written++;
    });
  }
}

/** What stands in a place before its kernel is written. */
function notWritten(): never {
  throw new Error("internal: a kernel runs before it is written");
}
