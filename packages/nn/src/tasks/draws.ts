/** @file Random numbers from a key for data that is made outside of tensors. */
import { scope, type Tensor, uniform } from "@tapeloop/autograd";

/** One random number after the other, as many as were drawn. */
export class Draws {
  readonly #numbers: Float64Array;
  #next = 0;

  /**
   * Draws all numbers at once.
   *
   * @param key - The same key gives the same numbers.
   * @param count - The most that will be asked for.
   */
  constructor(key: Tensor, count: number) {
    const numbers = scope(() => uniform([count], 0, 1, { key, dtype: "float64" }).dataSync());
    this.#numbers = Float64Array.from(numbers);
  }

  /** A number in [0, 1). */
  next(): number {
    return this.#numbers[this.#next++];
  }

  /** A whole number from 0 to below n. */
  below(n: number): number {
    return Math.floor(this.next() * n);
  }
}
