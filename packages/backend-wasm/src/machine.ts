/** @file The machine that kernels run on: its memory, and the kernels that have been written so far. */
import { type FunctionSource, moduleOf } from "./emitter.ts";
import { LinearMemory } from "./memory.ts";

/** A compiled kernel. It takes addresses and numbers of bytes. */
export type CompiledKernel = (...values: (number | undefined)[]) => void;

/** The part of a product that is held in registers. */
export interface Tile {
  /** Rows. */
  readonly rows: number;
  /** Vectors of 16 bytes in a row. */
  readonly vectors: number;
}

/** The tile that fits into the registers of 128 bits: eight sums, four columns, two factors. */
export const usualTile: Tile = { rows: 2, vectors: 4 };

let preferred = usualTile;

/** Machines that are made from now on have this tile. */
export function preferTile(tile: Tile): void {
  preferred = tile;
}

/** A memory and the kernels on it. */
export class Machine {
  /** What kernels read and write. */
  readonly memory: LinearMemory = new LinearMemory();
  /** Whether products may add and multiply with one rounding. */
  readonly canFuse: boolean;
  /** The tile of its products. */
  tile: Tile = preferred;
  readonly #kernels = new Map<string, CompiledKernel>();

  /** @param canFuse - Whether products may add and multiply with one rounding. */
  constructor(canFuse: boolean) {
    this.canFuse = canFuse;
  }

  /** How many kernels have been written. */
  get kernels(): number {
    return this.#kernels.size;
  }

  /** The kernel of this name; it is written when it is first asked for. */
  kernel(name: string, source: FunctionSource): CompiledKernel {
    const known = this.#kernels.get(name);
    if (known !== undefined) return known;
    const module = new WebAssembly.Module(moduleOf([source]));
    const { exports } = new WebAssembly.Instance(module, {
      env: { memory: this.memory.memory as WebAssembly.Memory },
    });
    const kernel = exports["0"] as CompiledKernel;
    this.#kernels.set(name, kernel);
    return kernel;
  }
}
