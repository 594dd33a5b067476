/**
 * @file Threads that run kernels beside this one, on the same memory.
 *
 * All that they are told stands in a few shared numbers: a list of jobs, and how many of them nobody has taken yet.
 * Every thread takes one job after the other, this one as well: so nobody waits for a thread that the system does not
 * let run, but for the job that it has in hand. A thread that finds nothing to do looks again for a moment, and then
 * sleeps until it is woken.
 */
import { BackendError } from "@tapeloop/autograd/backend";
import type { KernelSlot } from "./machine.ts";
import type { LinearMemory, Part } from "./memory.ts";

/** A kernel, and what it is called with. */
export interface Job {
  /** The kernel. */
  readonly slot: KernelSlot;
  /** Its arguments. */
  readonly values: readonly number[];
}

/** How many jobs there are for each thread: the more, the less the last one is waited for. */
export const jobsPerThread = 4;

/** Shared numbers: one that changes with every list, jobs that nobody has taken, and those that are not done. */
const [list, left, undone] = [0, 1, 2];
/** How many modules there are; jobs that others have done; whether one failed. */
const [modules, byOthers, failed] = [3, 4, 5];
/** Behind them, modules as they come in turns: bytes' address and count, and how many kernels. */
const [firstModule, mostModules] = [16, 64];
/** Behind them, how many modules each thread has made; and behind these, jobs. */
const firstTaken = firstModule + 3 * mostModules;
/** Numbers of a job: the kernel's, how many values, and these. */
const width = 32;
/** Kernels that take more values than there is room for stay on this thread. */
const mostValues = width - 2;

/**
 * What a thread does, in plain JavaScript that needs nothing around it, with host functions of its own: it runs
 * where no module of ours can be loaded from.
 */
const program = `
const start = ({ memory, shared, index, firstJob }) => {
  const env = {
    memory,
    sin: Math.sin,
    cos: Math.cos,
    atan2: Math.atan2,
    pow: (x, y) => (x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : x ** y),
    rem: (x, y) => x % y,
  };
  const kernels = [];
  const learn = () => {
    for (let i = shared[${firstTaken} + index]; i < Atomics.load(shared, ${modules}); i++) {
      const [at, size, count] = shared.subarray(${firstModule} + 3 * (i % ${mostModules}));
      const bytes = new Uint8Array(memory.buffer, at, size).slice();
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env });
      for (let k = 0; k < count; k++) kernels.push(exports[k]);
      Atomics.store(shared, ${firstTaken} + index, i + 1);
    }
  };
  let seen = 0;
  for (;;) {
    for (let i = 0; i < 20000 && Atomics.load(shared, ${list}) === seen; i++);
    while (Atomics.load(shared, ${list}) === seen) Atomics.wait(shared, ${list}, seen);
    seen = Atomics.load(shared, ${list});
    try {
      learn();
    } catch {
      Atomics.store(shared, ${failed}, 1);
    }
    for (let job; (job = Atomics.sub(shared, ${left}, 1)) > 0; ) {
      try {
        learn();
        const at = firstJob + (job - 1) * ${width};
        kernels[shared[at]](...shared.subarray(at + 2, at + 2 + shared[at + 1]));
        Atomics.add(shared, ${byOthers}, 1);
      } catch {
        Atomics.store(shared, ${failed}, 1);
      }
      if (Atomics.sub(shared, ${undone}, 1) === 1) Atomics.notify(shared, ${undone});
    }
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
    this.#shared = new Int32Array(new SharedArrayBuffer(4 * (this.#firstJob + jobs * width)));
  }

  /** How many jobs other threads have done so far. */
  get elsewhere(): number {
    return Atomics.load(this.#shared, byOthers);
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
      const at = this.#firstJob + job * width;
      shared[at] = slot.place;
      shared[at + 1] = values.length;
      for (let i = 0; i < values.length; i++) shared[at + 2 + i] = values[i];
    });
    Atomics.store(shared, undone, jobs.length);
    // From now on jobs are taken, the last one first.
    Atomics.store(shared, left, jobs.length);
    Atomics.add(shared, list, 1);
    Atomics.notify(shared, list);
    const start = performance.now();
    for (let job; (job = Atomics.sub(shared, left, 1)) > 0;) {
      const { slot, values } = jobs[job - 1];
      slot.run(...values);
      Atomics.sub(shared, undone, 1);
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
      shared.set([part.pointer, bytes.length, kernels], firstModule + 3 * (number % mostModules));
      Atomics.store(shared, modules, number + 1);
    }
    return this.#waiting.length === 0;
  }

  /** Waits until all jobs are done. A page may not sleep: it looks again and again. */
  #wait(): void {
    const shared = this.#shared;
    for (let open = Atomics.load(shared, undone); open > 0; open = Atomics.load(shared, undone)) {
      for (let i = 0; i < 20_000 && open > 0; i++) open = Atomics.load(shared, undone);
      if (open > 0 && canSleep()) Atomics.wait(shared, undone, open, 10);
    }
    if (Atomics.load(shared, failed) !== 0) {
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
