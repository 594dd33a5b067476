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

  /** Lets a slot be where an array is, in row-major order, until the plan ends or the next one comes. */
  adopt(slot: number, array: WasmArray, inputs: readonly WasmArray[]): void {
    const isOther = inputs.some(({ part }) => part === array.part);
    const own = isOther || !isRowMajor(array) ? rowMajor(this.machine, array) : array;
    if (own !== array && !isOther) this.machine.memory.release(array.part);
    const before = this.#adopted.get(slot);
    if (before !== undefined) this.machine.memory.release(before);
    this.#adopted.set(slot, own.part);
    this.slots[slot] = addressOf(own);
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
