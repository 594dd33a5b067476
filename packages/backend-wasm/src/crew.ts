/**
 * @file Threads that run kernels beside this one, on the same memory.
 *
 * All that they are told stands in a few shared numbers: a list of jobs, and how many of them nobody has taken yet.
 * Every thread takes one job after the other, this one as well: so nobody waits for a thread that the system does not
 * let run, but for the job that it has in hand. A thread that finds nothing to do looks again for a moment, and then
 * sleeps until it is woken.
 */
import type { KernelSlot } from "./machine.ts";
import type { LinearMemory, Part } from "./memory.ts";
import { at, firstTaken, jobWidth, makeThread, mostModules, type Thread } from "./worker.ts";

/** A kernel, and what it is called with. */
export interface Job {
  /** The kernel. */
  readonly slot: KernelSlot;
  /** Its arguments. */
  readonly values: readonly number[];
}

/** Kernels that take more values than there is room for stay on this thread. */
const mostValues = jobWidth - 2;

/** How many jobs there are for each thread: the more, the less the last one is waited for. */
export const jobsPerThread = 4;

/** A module's bytes, and how many kernels it has. */
interface Module {
  readonly bytes: Uint8Array;
  readonly kernels: number;
}

/** Threads beside this one. They start with the first jobs. */
export class Crew {
  readonly #memory: LinearMemory;
  readonly #shared: Int32Array<SharedArrayBuffer>;
  readonly #threads: Thread[] = [];
  readonly #count: number;
  readonly #firstJob: number;
  /** Bytes of modules that some thread has not made yet, the oldest first; and the number of the first. */
  readonly #parts: Part[] = [];
  #firstPart = 0;
  /** Modules that there is no room for yet. */
  readonly #waiting: Module[] = [];
  readonly #patience = new Patience();

  /** @param count - How many there are, beside this one. */
  constructor(count: number, memory: LinearMemory) {
    this.#count = count;
    this.#memory = memory;
    this.#firstJob = firstTaken + count;
    const jobs = (count + 1) * jobsPerThread;
    this.#shared = new Int32Array(new SharedArrayBuffer(4 * (this.#firstJob + jobs * jobWidth)));
  }

  /** How many jobs other threads have done so far. */
  get elsewhere(): number {
    return Atomics.load(this.#shared, at.done);
  }

  /** Kernels that all threads are going to have, numbered in the order in which they come. */
  know(bytes: Uint8Array, kernels: number): void {
    this.#waiting.push({ bytes, kernels });
  }

  /** Does jobs, at the same time as far as there are threads. No more than {@link jobsPerThread} for each of them. */
  run(jobs: readonly Job[]): void {
    const isFit = jobs.length > 1 && jobs.every(({ values }) => values.length <= mostValues);
    if (!isFit || !this.#patience.isThere() || !this.#publish()) {
      for (const { slot, values } of jobs) slot.run(...values);
      return;
    }
    this.#start();
    const shared = this.#shared;
    jobs.forEach(({ slot, values }, job) => {
      const place = this.#firstJob + job * jobWidth;
      shared[place] = slot.place;
      shared[place + 1] = values.length;
      for (let i = 0; i < values.length; i++) shared[place + 2 + i] = values[i];
    });
    Atomics.store(shared, at.undone, jobs.length);
    // From now on jobs are taken, the last one first.
    Atomics.store(shared, at.left, jobs.length);
    Atomics.add(shared, at.list, 1);
    Atomics.notify(shared, at.list);
    const start = performance.now();
    for (let job; (job = Atomics.sub(shared, at.left, 1)) > 0;) {
      const { slot, values } = jobs[job - 1];
      slot.run(...values);
      Atomics.sub(shared, at.undone, 1);
    }
    const ready = performance.now();
    this.#wait();
    this.#patience.note(ready - start, performance.now() - ready);
  }

  /** Makes the threads, the first time. */
  #start(): void {
    const [memory, shared, firstJob] = [this.#memory.memory, this.#shared, this.#firstJob];
    while (this.#threads.length < this.#count) {
      this.#threads.push(makeThread({ memory, shared, firstJob, index: this.#threads.length }));
    }
  }

  /** Shows new modules to all threads; false as long as there is no room for them. */
  #publish(): boolean {
    if (this.#parts.length === 0 && this.#waiting.length === 0) return true;
    const shared = this.#shared;
    const taken = Array.from({ length: this.#count }, (_, i) =>
      Atomics.load(shared, firstTaken + i),
    );
    for (const least = Math.min(...taken); this.#firstPart < least; this.#firstPart++) {
      this.#memory.release(this.#parts.shift() as Part);
    }
    while (this.#waiting.length > 0 && this.#parts.length < mostModules) {
      const { bytes, kernels } = this.#waiting.shift() as Module;
      const part = this.#memory.allocate(bytes.length);
      this.#memory.views.bool.set(bytes, part.pointer);
      const number = this.#firstPart + this.#parts.push(part) - 1;
      shared.set([part.pointer, bytes.length, kernels], at.module + 3 * (number % mostModules));
      Atomics.store(shared, at.modules, number + 1);
    }
    return this.#waiting.length === 0;
  }

  /** Waits until all jobs are done. A page may not sleep: it looks again and again. */
  #wait(): void {
    const shared = this.#shared;
    for (
      let open = Atomics.load(shared, at.undone);
      open > 0;
      open = Atomics.load(shared, at.undone)
    ) {
      for (let i = 0; i < 20_000 && open > 0; i++) open = Atomics.load(shared, at.undone);
      if (open > 0 && canSleep()) Atomics.wait(shared, at.undone, open, 10);
    }
    if (Atomics.load(shared, at.failed) !== 0) {
      throw new Error("internal: a kernel failed on another thread");
    }
  }
}

/** So many lists are done alone after one that was waited for: at first, and at most. */
const [shortest, longest] = [16, 256];

/**
 * Whether threads are worth it now. Where other programs keep the cores busy, a thread may be stopped with a job in
 * hand: then lists are done alone for a while, for longer each time.
 */
export class Patience {
  #alone = 0;
  #next = shortest;
  #good = 0;

  /** Whether the next list is for all threads. */
  isThere(): boolean {
    if (this.#alone === 0) return true;
    this.#alone--;
    return false;
  }

  /** What became of a list: milliseconds of work here, and of waiting for the others. */
  note(worked: number, waited: number): void {
    if (waited > worked + 0.05) {
      this.#alone = this.#next;
      this.#next = Math.min(2 * this.#next, longest);
      this.#good = 0;
    } else if (++this.#good >= this.#next) {
      this.#next = Math.max(shortest, this.#next / 2);
      this.#good = 0;
    }
  }
}

/** Whether this thread may sleep. */
function canSleep(): boolean {
  return !("document" in globalThis);
}
