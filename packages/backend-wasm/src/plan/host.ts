/** @file What plans run on, and what they hold while they do. */
import type { KernelTable } from "@tapeloop/autograd/backend";
import { addressOf, isRowMajor, type WasmArray } from "../array.ts";
import { rowMajor } from "../layout.ts";
import type { Machine } from "../machine.ts";
import { Part } from "../memory.ts";
import type { Products } from "../products/contraction.ts";
import type { Place } from "./place.ts";
import type { Slots } from "./step.ts";

/** The machine of a plan, its slots, and the arrays that kernels made while it runs. */
export class Host {
  /** Where it runs. */
  readonly machine: Machine;
  /** Its products. */
  readonly products: Products;
  /** The kernels of single ops. */
  readonly kernels: KernelTable<WasmArray>;
  /** Addresses that the plan counts from. */
  readonly slots: Slots = [];
  readonly #adopted = new Map<number, Part>();

  /** A plan's share of a machine. */
  constructor(machine: Machine, products: Products, kernels: KernelTable<WasmArray>) {
    this.machine = machine;
    this.products = products;
    this.kernels = kernels;
  }

  /** One more slot. */
  slot(): number {
    return this.slots.push(0) - 1;
  }

  /** A place as an array, now. */
  arrayAt({ buffer, shape, dtype, strides, offset }: Place): WasmArray {
    const part = new Part(this.slots[buffer.slot] + buffer.start, buffer.bytes);
    return { shape, dtype, part, strides, offset };
  }

  /** Lets slots be where arrays are, in row-major order, until the plan ends or the next ones come. */
  adopt(
    slots: readonly number[],
    arrays: readonly WasmArray[],
    inputs: readonly WasmArray[],
  ): void {
    const { memory } = this.machine;
    // Each slot owns its part: what is an input's, or another slot's, is copied.
    const taken = new Set(inputs.map(({ part }) => part));
    const made = new Set(arrays.map(({ part }) => part).filter((part) => !taken.has(part)));
    const own = arrays.map((array) => {
      if (taken.has(array.part) || !isRowMajor(array)) return rowMajor(this.machine, array);
      taken.add(array.part);
      return array;
    });
    for (const part of made) if (!taken.has(part)) memory.release(part);
    own.forEach((array, i) => {
      const before = this.#adopted.get(slots[i]);
      if (before !== undefined) memory.release(before);
      this.#adopted.set(slots[i], array.part);
      this.slots[slots[i]] = addressOf(array);
    });
  }

  /** Hands out what a slot has adopted. */
  give(slot: number): Part {
    const part = this.#adopted.get(slot) as Part;
    this.#adopted.delete(slot);
    return part;
  }

  /** Gives back all that was adopted and not handed out. */
  end(): void {
    for (const part of this.#adopted.values()) this.machine.memory.release(part);
    this.#adopted.clear();
  }
}
