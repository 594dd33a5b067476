/**
 * @file Threads that run kernels beside this one, on the same memory.
 *
 * All that they are told stands in a few shared numbers: for each thread a counter of jobs, what to do (take a
 * module, run a kernel), and the values. A thread that has nothing to do looks at its counter for a moment, and
 * then sleeps until it is woken.
 */
import { BackendError } from "@tapeloop/autograd/backend";
import type { KernelSlot } from "./machine.ts";
import type { LinearMemory } from "./memory.ts";

/** A kernel, and what it is called with. */
export interface Job {
  /** The kernel. */
  readonly slot: KernelSlot;
  /** Its arguments. */
  readonly values: readonly number[];
}

/** Numbers of each thread: its counter, what to do, how many values, and these. */
const width = 32;
/** Kernels that take more values than there is room for stay on this thread. */
const mostValues = width - 4;
/** What all threads share, in front of them: jobs that are not done, threads that are there, whether one failed. */
const [undone, present, failed, head] = [0, 1, 2, 16];

/**
 * What a thread does, in plain JavaScript that needs nothing around it, with host functions of its own: it runs
 * where no module of ours can be loaded from. Operation 1 makes the kernels of a module, whose bytes are at an address; 2 runs one of them.
 */
const program = `
const start = ({ memory, shared, index }) => {
  const env = {
    memory,
    sin: Math.sin,
    cos: Math.cos,
    atan2: Math.atan2,
    pow: (x, y) => (x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : x ** y),
    rem: (x, y) => x % y,
  };
  const at = ${head} + index * ${width};
  const kernels = [];
  let seen = 0;
  Atomics.add(shared, ${present}, 1);
  for (;;) {
    for (let i = 0; i < 20000 && Atomics.load(shared, at) === seen; i++);
    while (Atomics.load(shared, at) === seen) Atomics.wait(shared, at, seen);
    seen = Atomics.load(shared, at);
    try {
      const values = shared.subarray(at + 3, at + 3 + shared[at + 2]);
      if (shared[at + 1] === 1) {
        const bytes = new Uint8Array(memory.buffer, values[0], values[1]).slice();
        const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env });
        for (let i = 0; i < values[2]; i++) kernels.push(exports[i]);
      } else kernels[values[0]](...values.subarray(1));
    } catch (error) {
      Atomics.store(shared, ${failed}, 1);
    }
    if (Atomics.sub(shared, ${undone}, 1) === 1) Atomics.notify(shared, ${undone});
  }
};
if (typeof require === "function") start(require("node:worker_threads").workerData);
else onmessage = ({ data }) => start(data);
`;

/** What is used of a worker. */
interface Thread {
  postMessage?(message: unknown): void;
  /** In Node: lets the process end while the thread waits. */
  unref?(): void;
}

/** Makes a thread, as the host does. */
function makeThread(data: object): Thread {
  const host = globalThis as {
    process?: { getBuiltinModule?: (name: string) => unknown };
    Worker?: new (url: string) => Required<Pick<Thread, "postMessage">>;
  };
  const node = host.process?.getBuiltinModule?.("node:worker_threads") as
    | { Worker: new (source: string, options: object) => Thread }
    | undefined;
  if (node !== undefined) {
    const thread = new node.Worker(program, { eval: true, workerData: data });
    thread.unref?.();
    return thread;
  }
  const Worker = host.Worker as NonNullable<typeof host.Worker>;
  const thread = new Worker(URL.createObjectURL(new Blob([program], { type: "text/javascript" })));
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that of windows; workers have none
  thread.postMessage(data);
  return thread;
}

/** How many threads may work on one kernel, and when they do. */
export interface Threads {
  /** How many, this one counted. */
  readonly count: number;
  /** Operations on single elements that are worth the way to another thread and back. */
  readonly worthwhile: number;
}

/** No threads but this one. */
export const alone: Threads = { count: 1, worthwhile: Infinity };

/** Threads that were asked for take even small parts of the work. */
const partWhenAsked = 100_000;
/** Threads that nobody asked for take what is long beside waking one: some 200 µs. */
const partByDefault = 8_000_000;
/** More threads than this share too little of the work to be kept busy. */
const mostByDefault = 4;

/** The threads for a number that was asked for, or as many as the machine has cores, for large kernels alone. */
export function threadsFor(count: number | undefined): Threads {
  if (count !== undefined) {
    checkThreads(count);
    return { count, worthwhile: partWhenAsked };
  }
  if (!("SharedArrayBuffer" in globalThis)) return alone;
  return { count: Math.min(cores(), mostByDefault), worthwhile: partByDefault };
}

/** How many threads run at the same time on this machine. */
function cores(): number {
  const host = globalThis as {
    process?: { getBuiltinModule?: (name: string) => unknown };
    navigator?: { hardwareConcurrency?: number };
  };
  const os = host.process?.getBuiltinModule?.("node:os") as
    | { availableParallelism: () => number }
    | undefined;
  return os?.availableParallelism() ?? host.navigator?.hardwareConcurrency ?? 1;
}

/** Refuses more than one thread where there can be none: a page that is not isolated from others. */
function checkThreads(threads: number): void {
  const rule = "threads is a whole number from 1";
  if (!Number.isInteger(threads) || threads < 1) {
    throw new BackendError("wasmBackend", rule, String(threads));
  }
  if (threads > 1 && !("SharedArrayBuffer" in globalThis)) {
    throw new BackendError(
      "wasmBackend",
      "threads need memory that they share",
      "a page that is not isolated from others",
      "Serve it with Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp.",
    );
  }
}

/** Threads beside this one. They start with the first jobs, which this thread still does alone. */
export class Crew {
  readonly #memory: LinearMemory;
  readonly #shared: Int32Array<SharedArrayBuffer>;
  readonly #threads: Thread[] = [];
  readonly #count: number;
  /** All modules, and how many kernels they have; and how many of the modules each thread has taken. */
  readonly #modules: { readonly bytes: Uint8Array; readonly kernels: number }[] = [];
  readonly #taken: number[];
  #elsewhere = 0;

  /** @param count - How many there are, beside this one. */
  constructor(count: number, memory: LinearMemory) {
    this.#count = count;
    this.#memory = memory;
    this.#shared = new Int32Array(new SharedArrayBuffer(4 * (head + count * width)));
    this.#taken = Array.from({ length: count }, () => 0);
  }

  /** How many jobs other threads have done so far. */
  get elsewhere(): number {
    return this.#elsewhere;
  }

  /** Kernels that all threads are going to have, numbered in the order in which they come. */
  know(bytes: Uint8Array, kernels: number): void {
    this.#modules.push({ bytes, kernels });
  }

  /** Does jobs at the same time: the first one here. No more than there are threads, this one counted. */
  run(jobs: readonly Job[]): void {
    const others = jobs.length - 1;
    const isFit = others > 0 && jobs.every(({ values }) => values.length <= mostValues);
    if (!isFit || !this.#areThere()) {
      for (const { slot, values } of jobs) slot.run(...values);
      return;
    }
    for (let i = 0; i < others; i++) this.#teach(i);
    Atomics.store(this.#shared, undone, others);
    for (let i = 0; i < others; i++) {
      const { slot, values } = jobs[i + 1];
      this.#tell(i, 2, [slot.place, ...values]);
    }
    jobs[0].slot.run(...jobs[0].values);
    this.#wait();
    this.#elsewhere += others;
  }

  /** Whether all threads have started; the first time, they are made. */
  #areThere(): boolean {
    if (this.#threads.length === 0) {
      const memory = this.#memory.memory;
      for (let index = 0; index < this.#count; index++) {
        this.#threads.push(makeThread({ memory, shared: this.#shared, index }));
      }
    }
    return Atomics.load(this.#shared, present) === this.#count;
  }

  /** Has a thread take the modules that it does not know. */
  #teach(thread: number): void {
    while (this.#taken[thread] < this.#modules.length) {
      const { bytes, kernels } = this.#modules[this.#taken[thread]++];
      const part = this.#memory.allocate(bytes.length);
      this.#memory.views.bool.set(bytes, part.pointer);
      Atomics.store(this.#shared, undone, 1);
      this.#tell(thread, 1, [part.pointer, bytes.length, kernels]);
      this.#wait();
      this.#memory.release(part);
    }
  }

  /** Gives a thread something to do. */
  #tell(thread: number, operation: number, values: readonly number[]): void {
    const shared = this.#shared;
    const at = head + thread * width;
    shared[at + 1] = operation;
    shared[at + 2] = values.length;
    for (let i = 0; i < values.length; i++) shared[at + 3 + i] = values[i];
    Atomics.add(shared, at, 1);
    Atomics.notify(shared, at);
  }

  /** Waits until all jobs are done. A page may not sleep: it looks again and again. */
  #wait(): void {
    const shared = this.#shared;
    for (let left = Atomics.load(shared, undone); left > 0; left = Atomics.load(shared, undone)) {
      for (let i = 0; i < 20_000 && left > 0; i++) left = Atomics.load(shared, undone);
      if (left > 0 && canSleep()) Atomics.wait(shared, undone, left, 10);
    }
    if (Atomics.load(shared, failed) !== 0) {
      throw new Error("internal: a kernel failed on another thread");
    }
  }
}

/** Whether this thread may sleep. */
function canSleep(): boolean {
  return !("document" in globalThis);
}
