/** @file How many threads may work on one kernel, and when they do. */
import { BackendError } from "@tapeloop/autograd/backend";

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
