/** @file The arrays of a program while it runs: each is let go of after its last use. */
import { type GpuArray, isWhole, type Memory } from "../array.ts";
import type { Device } from "../device.ts";
import { copy } from "../transfer.ts";

/** How often each memory is held. Views hold the same memory. */
export class Holding {
  readonly #counts = new Map<Memory, number>();

  /** One more use. */
  hold({ memory }: GpuArray): void {
    this.#counts.set(memory, (this.#counts.get(memory) ?? 0) + 1);
  }

  /** One use fewer; with the last one the memory goes back. */
  drop({ memory }: GpuArray): void {
    const left = (this.#counts.get(memory) ?? 0) - 1;
    this.#counts.set(memory, left);
    if (left === 0) memory.release();
  }

  /** After a failure: all goes back but the memory of what was given. */
  abandon(given: readonly GpuArray[]): void {
    const kept = new Set(given.map(({ memory }) => memory));
    for (const [memory, count] of this.#counts) {
      if (count > 0 && !kept.has(memory)) memory.release();
    }
  }
}

/** The arrays of one run of a list of steps, by slot. */
export class Frame {
  readonly device: Device;
  readonly holding: Holding;
  /** By slot. */
  readonly arrays: GpuArray[] = [];

  /** Arrays held in the given account. */
  constructor(device: Device, holding: Holding) {
    this.device = device;
    this.holding = holding;
  }

  /** Puts an array into a slot. */
  set(slot: number, array: GpuArray): void {
    this.holding.hold(array);
    this.arrays[slot] = array;
  }

  /** Puts an array into a slot as all elements of a memory, in row-major order; if need be as a copy. */
  setWhole(slot: number, array: GpuArray): void {
    this.set(slot, isWhole(array) ? array : copy(this.device, array));
  }

  /** Lets go of an array. */
  drop(slot: number): void {
    this.holding.drop(this.arrays[slot]);
  }
}

/** One thing that a plan does. */
export interface Step {
  /** Names it for people. */
  readonly what: string;
  /** The slots that it reads. */
  readonly reads: readonly number[];
  /** The slots that it fills. */
  readonly writes: readonly number[];
  /** Does it. */
  readonly run: (frame: Frame) => void;
}

/** Steps, and the slots that nobody needs after each; those to keep are needed for ever. */
export function withLastUses(
  steps: readonly Step[],
  keep: ReadonlySet<number>,
): (frame: Frame) => void {
  const seen = new Set(keep);
  const dead = steps
    .toReversed()
    .map(({ reads, writes }) => {
      const last = [...new Set([...reads, ...writes])].filter((slot) => !seen.has(slot));
      for (const slot of last) seen.add(slot);
      return last;
    })
    .toReversed();
  return (frame) => {
    steps.forEach(({ run }, i) => {
      run(frame);
      for (const slot of dead[i]) frame.drop(slot);
    });
  };
}
