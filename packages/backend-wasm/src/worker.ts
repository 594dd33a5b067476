/** @file What threads do, and what they share with the one that gives them work. */

/** How many modules wait at most for threads to make their kernels. */
export const mostModules = 64;

/** Where numbers stand in what is shared. */
export const at = {
  /** One that changes with every list of jobs. */
  list: 0,
  /** Jobs of the list that nobody has taken. */
  left: 1,
  /** Jobs of the list that are not done. */
  undone: 2,
  /** How many modules there have been. */
  modules: 3,
  /** How many jobs threads have done. */
  done: 4,
  /** Whether one has failed. */
  failed: 5,
  /** Modules, in turns: their bytes' address and count, and how many kernels. */
  module: 16,
} as const;

/** Behind the modules: how many of them each thread has made; and behind that, jobs. */
export const firstTaken: number = at.module + 3 * mostModules;

/** Numbers of a job: the kernel's, how many values, and these. */
export const jobWidth = 32;

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
    for (let i = shared[${firstTaken} + index]; i < Atomics.load(shared, ${at.modules}); i++) {
      const [start, size, count] = shared.subarray(${at.module} + 3 * (i % ${mostModules}));
      const bytes = new Uint8Array(memory.buffer, start, size).slice();
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env });
      for (let k = 0; k < count; k++) kernels.push(exports[k]);
      Atomics.store(shared, ${firstTaken} + index, i + 1);
    }
  };
  let seen = 0;
  for (;;) {
    for (let i = 0; i < 20000 && Atomics.load(shared, ${at.list}) === seen; i++);
    while (Atomics.load(shared, ${at.list}) === seen) Atomics.wait(shared, ${at.list}, seen);
    seen = Atomics.load(shared, ${at.list});
    try {
      learn();
    } catch {
      Atomics.store(shared, ${at.failed}, 1);
    }
    for (let job; (job = Atomics.sub(shared, ${at.left}, 1)) > 0; ) {
      try {
        learn();
        const at = firstJob + (job - 1) * ${jobWidth};
        kernels[shared[at]](...shared.subarray(at + 2, at + 2 + shared[at + 1]));
        Atomics.add(shared, ${at.done}, 1);
      } catch {
        Atomics.store(shared, ${at.failed}, 1);
      }
      if (Atomics.sub(shared, ${at.undone}, 1) === 1) Atomics.notify(shared, ${at.undone});
    }
  }
};
if (typeof require === "function") start(require("node:worker_threads").workerData);
else onmessage = ({ data }) => start(data);
`;

/** What is used of a worker. */
export interface Thread {
  postMessage?(message: unknown): void;
  /** In Node: lets the process end while the thread waits. */
  unref?(): void;
}

/** Makes a thread, as the host does. */
export function makeThread(data: object): Thread {
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
