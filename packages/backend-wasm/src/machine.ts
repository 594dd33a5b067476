/** @file The machine that kernels run on: its memory, and the kernels that have been written so far. */
import { type FunctionSource, moduleOf } from "./emitter.ts";
import { LinearMemory } from "./memory.ts";

/** A compiled kernel. It takes addresses and numbers of bytes. */
export type CompiledKernel = (...values: (number | undefined)[]) => void;

/** A kernel that may be written later, together with others. */
export interface KernelSlot {
  /** The kernel, once it is written. */
  run: CompiledKernel;
}

/** A memory and the kernels on it. */
export class Machine {
  /** What kernels read and write. */
  readonly memory: LinearMemory = new LinearMemory();
  /** Whether products may add and multiply with one rounding. */
  readonly canFuse: boolean;
  readonly #slots = new Map<string, KernelSlot>();
  #waiting: { readonly slot: KernelSlot; readonly source: FunctionSource }[] = [];

  /** @param canFuse - Whether products may add and multiply with one rounding. */
  constructor(canFuse: boolean) {
    this.canFuse = canFuse;
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
    const slot: KernelSlot = { run: notWritten };
    this.#slots.set(name, slot);
    this.#waiting.push({ slot, source });
    return slot;
  }

  /** Writes all kernels that have only a place, as one module: engines take few large ones more easily. */
  write(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    const module = new WebAssembly.Module(moduleOf(waiting.map(({ source }) => source)));
    const { exports } = new WebAssembly.Instance(module, {
      env: { memory: this.memory.memory as WebAssembly.Memory },
    });
    waiting.forEach(({ slot }, i) => (slot.run = exports[String(i)] as CompiledKernel));
  }
}

/** What stands in a place before its kernel is written. */
function notWritten(): never {
  throw new Error("internal: a kernel runs before it is written");
}
