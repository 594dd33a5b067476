/** @file A value that lives across calls and owns its tensors, whatever scope a call is made in. */
import { Scope, scope } from "./memory.ts";

/**
 * A value that takes the place of the one before it again and again, such as the state of a model: it owns its
 * tensors, and holds nothing else, however often it is replaced.
 *
 * @typeParam T - A tree of tensors.
 *
 * @example
 * ```ts
 * import { Held, ones } from "tapeloop";
 *
 * const count = new Held("count", () => ones([3]));
 * for (let i = 0; i < 10; i++) count.replace((x) => x.add(1).mul(1));
 * console.log(count.value.toArray()); // [ 11, 11, 11 ]
 * count.end();
 * ```
 */
export class Held<T> {
  readonly #name: string;
  #owner: Scope;
  #value: T;

  /**
   * @param name - Appears in the error when a tensor is used after it was given back.
   * @param make - Makes the first value.
   */
  constructor(name: string, make: () => T) {
    this.#name = name;
    this.#owner = new Scope(name);
    this.#value = this.#owner.run(() => scope(make));
  }

  /** What is held. */
  get value(): T {
    return this.#value;
  }

  /** Holds what a function makes of it; the rest of it is given back. If the function throws, all stays as it is. */
  replace(make: (value: T) => T): void {
    const next = new Scope(this.#name);
    const after = next.run(() => scope(() => make(this.#value)));
    // What is handed on changes hands.
    next.run(() => this.#owner.end(after));
    [this.#owner, this.#value] = [next, after];
  }

  /** Gives it back. */
  end(): void {
    this.#owner.end();
  }
}
