/** @file A value that lives across calls and owns its tensors, whatever scope a call is made in. */
import { Scope, scope } from "@tapeloop/autograd";

/** Tensors that are held until others take their place. */
export class Held<T> {
  #owner = new Scope("model");
  #value: T;

  /** Holds what a function makes. */
  constructor(make: () => T) {
    this.#value = this.#owner.run(() => scope(make));
  }

  /** What is held. */
  get value(): T {
    return this.#value;
  }

  /** Holds what a function makes of it; the rest of it is given back. */
  replace(make: (value: T) => T): void {
    const next = new Scope("model");
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
