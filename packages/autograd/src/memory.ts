/**
 * @file Who owns a tensor's memory, and when it goes back.
 *
 * A {@link Storage} is one allocation of a backend. Every tensor that looks at it holds one reference;
 * with the last one gone it goes back to the backend. A {@link Scope} owns the tensors made while it is
 * current and lets go of them at its end, all but those that are returned. Tensors made outside of any
 * scope belong to the garbage collector, with a finalizer that keeps the count.
 */
import type { Backend } from "./backend.ts";
import { ArgumentError } from "./errors.ts";
import type { Tensor } from "./tensor.ts";
import { tensorsIn } from "./tree.ts";

/** Live allocations, over all backends. */
export interface MemoryReport {
  /** Allocations that some tensor holds. */
  readonly buffers: number;
  /** Their size in bytes. */
  readonly bytes: number;
  /** Allocations since the start of the program. */
  readonly allocations: number;
}

let buffers = 0;
let bytes = 0;
let allocations = 0;

/**
 * Live buffers and bytes now, and allocations since the start. A training loop whose steps run in
 * {@link step} or {@link scope} keeps the first two constant.
 *
 * @example
 * ```ts
 * import { memory, scope, zeros } from "tapeloop";
 *
 * const before = memory().buffers;
 * const kept = scope(() => zeros([2, 2]).add(1).mul(3));
 * console.log(memory().buffers - before, kept.shape); // 1 [ 2, 2 ]
 * ```
 */
export function memory(): MemoryReport {
  return { buffers, bytes, allocations };
}

/** One allocation of a backend, counted by the tensors that look at it. */
export class Storage {
  /** The backend that made the allocation. */
  readonly backend: Backend;
  readonly #memory: object;
  readonly #bytes: number;
  #references = 1;

  /** Counts a fresh allocation, held by one tensor: the backend's memory, and its size in bytes. */
  constructor(backend: Backend, behind: object, size: number) {
    this.backend = backend;
    this.#memory = behind;
    this.#bytes = size;
    this.#count();
    allocations++;
  }

  /** One more tensor looks at the allocation. */
  retain(): this {
    this.#references++;
    return this;
  }

  /** One tensor fewer. */
  release(): void {
    if (--this.#references > 0) return;
    this.#forget();
    this.backend.release?.(this.#memory);
  }

  /** Whether more than one tensor looks at it. */
  get isShared(): boolean {
    return this.#references > 1;
  }

  /** The one tensor that looks at it lets go, and the backend's memory is the caller's. */
  surrender(): void {
    this.#references = 0;
    this.#forget();
  }

  /** After {@link Storage.surrender}: one tensor looks at it again, if this is the backend's memory behind it. */
  reclaim(behind: object): boolean {
    if (this.#references > 0 || this.#memory !== behind) return false;
    this.#references = 1;
    this.#count();
    return true;
  }

  #count(): void {
    buffers++;
    bytes += this.#bytes;
  }

  #forget(): void {
    buffers--;
    bytes -= this.#bytes;
  }
}

/** Keeps the count right for tensors that no scope owns. It never holds their data. */
const collected = new FinalizationRegistry<Storage>((storage) => storage.release());

/** Tensors of scopes that were forgotten before their end pass to the garbage collector. */
const forgotten = new FinalizationRegistry<Owned>((owned) => {
  outsideScopes(() => owned.tensors?.forEach(adopt));
  owned.tensors = null;
});

/** The scope that owns what is made now. */
let current: Scope | null = null;

/** How many `grad`s are recording: inner scopes then leave their tensors to the tape's scope. */
let recording = 0;

/** What a scope owns; null once it has ended. */
interface Owned {
  tensors: Tensor[] | null;
}

/**
 * Owns the tensors that are made while it runs. Scopes are objects: nothing is current between two
 * calls of {@link Scope.run}, so a scope may live across an `await`, and `using` ends it.
 *
 * @example
 * ```ts
 * import { Scope, tensor } from "tapeloop";
 *
 * const s = new Scope();
 * const x = s.run(() => tensor([1, 2, 3]).mul(2));
 * const data = await x.data(); // other code may run here; its tensors are its own
 * s.end();
 * console.log(data); // Float32Array(3) [ 2, 4, 6 ]
 * ```
 */
export class Scope {
  readonly #owned: Owned = { tensors: [] };
  #sweepAt = 4096;
  #isWatched = false;
  readonly #name: string;

  /** @param name - Appears in the error when a tensor is used after the scope's end. */
  constructor(name = "scope") {
    this.#name = name;
  }

  /** Runs `f`; what it makes belongs to this scope. */
  run<R>(f: () => R): R {
    if (this.#owned.tensors === null) {
      throw new ArgumentError("scope", "run() needs an open scope", "one that has ended");
    }
    if (!this.#isWatched) {
      this.#isWatched = true;
      forgotten.register(this, this.#owned, this.#owned);
    }
    return this.enter(f);
  }

  /** @internal {@link Scope.run} for those who end the scope at once, whatever happens. */
  enter<R>(f: () => R): R {
    const outer = current;
    // eslint-disable-next-line typescript/no-this-alias -- the current scope is a variable of this module
    current = this;
    try {
      return f();
    } finally {
      current = outer;
    }
  }

  /** Takes a tensor in; it is let go of when the scope ends. */
  own(tensor: Tensor): void {
    const { tensors } = this.#owned;
    if (tensors === null) return;
    tensors.push(tensor);
    if (tensors.length > this.#sweepAt) {
      // A long loop inside: forget the tensors that its steps have let go of already.
      this.#owned.tensors = tensors.filter((t) => t.storage !== null);
      this.#sweepAt = Math.max(4096, 2 * this.#owned.tensors.length);
    }
  }

  /** Lets go of everything the scope owns but the tensors in `kept`, which pass to the scope around. */
  end(kept?: unknown): void {
    const tensors = this.#take();
    if (tensors === null) return;
    if (recording > 0) {
      for (const tensor of tensors) adopt(tensor);
    } else this.#release(tensors, kept);
  }

  /** {@link Scope.end} also while a tape is recorded: for those who know that no tape needs the tensors. */
  drop(kept: unknown): void {
    const tensors = this.#take();
    if (tensors !== null) this.#release(tensors, kept);
  }

  /** What the scope owns; from here on nothing. */
  #take(): Tensor[] | null {
    const { tensors } = this.#owned;
    this.#owned.tensors = null;
    if (this.#isWatched) forgotten.unregister(this.#owned);
    return tensors;
  }

  #release(owned: readonly Tensor[], kept: unknown): void {
    const keep = new Set(tensorsIn(kept).map(held));
    for (const tensor of owned) {
      if (keep.has(tensor)) adopt(tensor);
      else tensor.release(this.#name);
    }
  }

  /** The same as {@link Scope.end}, for `using`. */
  [Symbol.dispose](): void {
    this.end();
  }
}

/** The tensor that holds the memory: under `vmap` the one with all examples. */
function held(tensor: Tensor): Tensor {
  return tensor.examples === null ? tensor : held(tensor.examples.full);
}

/** Gives a tensor its owner: the current scope, or else the garbage collector. */
export function adopt(tensor: Tensor): void {
  if (current !== null) current.own(tensor);
  else if (tensor.storage !== null && !tensor.collected) {
    tensor.collected = true;
    collected.register(tensor, tensor.storage, tensor);
  }
}

/** A tensor that the collector owns is let go of by hand: it must not be counted again. */
export function disown(tensor: Tensor): void {
  collected.unregister(tensor);
}

/** Runs `f` while a tape is recorded: scopes that end inside leave their tensors to the one around the tape. */
export function whileRecording<R>(f: () => R): R {
  recording++;
  try {
    return f();
  } finally {
    recording--;
  }
}

/** Runs `f` with no scope current, so that what it makes stays until it is let go of by hand. */
export function outsideScopes<R>(f: () => R): R {
  const outer = current;
  current = null;
  try {
    return f();
  } finally {
    current = outer;
  }
}

/**
 * Runs `f` and gives back everything it made but what it returns (tensors in nested objects and arrays
 * count). The one tool for long loops outside of `grad` and {@link step}.
 *
 * @param f - Synchronous. For asynchronous work use a {@link Scope} object.
 * @throws ArgumentError if `f` returns a promise.
 *
 * @example
 * ```ts
 * import { scope, tensor } from "tapeloop";
 *
 * const mean = scope(() => tensor([1, 2, 3]).exp().log().mean());
 * console.log(mean.item().toFixed(3)); // 2.000
 * ```
 */
export function scope<R>(f: () => R): R {
  return runIn(new Scope("scope"), f);
}

/** Runs `f` in `s` and ends `s`, keeping the result; on an error nothing is kept. */
export function runIn<R>(s: Scope, f: () => R): R {
  let result: R | undefined;
  try {
    result = s.enter(f);
    if (result instanceof Promise) {
      throw new ArgumentError(
        "scope",
        "the function must be synchronous",
        "a promise",
        "Use new Scope(), scope.run() between the awaits, and scope.end().",
      );
    }
    return result;
  } finally {
    s.end(result);
  }
}

/**
 * One step of a loop that carries `state`: runs `f(state)` in a scope and returns its result. The old
 * state is given back, all but the tensors that the result holds too, so a loop
 * `state = step(state, …)` uses the same memory however long it runs.
 *
 * @param state - Tensors in nested objects and arrays. It must not be used afterwards.
 * @param f - Synchronous; its result is the next state, or holds it.
 *
 * @example
 * ```ts
 * import { memory, step, tensor } from "tapeloop";
 *
 * let x = tensor([1, 2]);
 * const before = memory().buffers;
 * for (let i = 0; i < 100; i++) x = step(x, (x) => x.mul(0.5).add(1));
 * console.log(memory().buffers - before, x.toArray()); // 0 [ 2, 2 ]
 * ```
 */
export function step<S, R>(state: S, f: (state: S) => R): R {
  const result = runIn(new Scope("step"), () => f(state));
  if (recording > 0) return result;
  const keep = new Set(tensorsIn(result).map(held));
  for (const tensor of tensorsIn(state).map(held)) if (!keep.has(tensor)) tensor.release("step");
  return result;
}
