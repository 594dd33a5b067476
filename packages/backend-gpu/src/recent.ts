/** @file A map with bounds: what was used longest ago goes first. */

/** Values by key, no more than so many of them, as far as they may go. */
export class Recent<V> {
  readonly #most: number;
  readonly #mayGo: (value: V) => boolean;
  readonly #gone: (value: V) => void;
  /** In the order of their last uses. */
  readonly #entries = new Map<string, V>();

  /** An empty map; values that may not go yet stay beyond its bounds. */
  constructor(
    most: number,
    mayGo: (value: V) => boolean = () => true,
    gone: (value: V) => void = () => {},
  ) {
    this.#most = most;
    this.#mayGo = mayGo;
    this.#gone = gone;
  }

  /** How many there are. */
  get size(): number {
    return this.#entries.size;
  }

  /** The value of a key; it is made if it is not there. */
  of(key: string, make: () => V): V {
    const known = this.#entries.get(key);
    if (known !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, known);
      return known;
    }
    const made = make();
    this.#forget(this.#most - 1);
    this.#entries.set(key, made);
    return made;
  }

  #forget(most: number): void {
    for (const [key, value] of this.#entries) {
      if (this.#entries.size <= most) return;
      if (!this.#mayGo(value)) continue;
      this.#entries.delete(key);
      this.#gone(value);
    }
  }
}
