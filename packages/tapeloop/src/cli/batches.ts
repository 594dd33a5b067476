/**
 * @file A text cut for truncated backpropagation through time. T time, B batch (parallel streams).
 *
 * The text is cut into B streams of equal length, side by side. Position p of an epoch gives the
 * p-th T characters of every stream, so the state that a model carries from position p to p + 1
 * belongs to the characters just before. What is left at the ends (fewer than B + B·T characters)
 * is not used.
 */
import { UsageError } from "./usage-error.ts";

/** What a model reads and predicts at one position. */
export interface Batch {
  /** Characters, [T,B], time-major: stream b at time t is element t·B + b. */
  readonly inputs: Int32Array;
  /** The character after each input, [T,B]. */
  readonly targets: Int32Array;
  /** How many times the text was gone through before this position. */
  readonly epoch: number;
  /** Whether the streams start anew, so that the carried state must be reset. */
  readonly startsEpoch: boolean;
}

/** The batches of a text. Stateless: the position alone says what comes, so a run can resume. */
export class Batches {
  /** The number of positions in an epoch. */
  readonly length: number;
  /** The number of streams, B. */
  readonly streams: number;
  /** The number of characters per stream and position, T. */
  readonly steps: number;
  readonly #ids: Int32Array;
  readonly #streamLength: number;

  /**
   * Throws: UsageError if the text is too short for one position.
   *
   * @param ids - The text.
   * @param what - What the text is, for that message.
   */
  constructor(
    ids: Int32Array,
    { streams, steps, what = "the text" }: { streams: number; steps: number; what?: string },
  ) {
    // The last character of all is a target only, hence the one that is missing here.
    this.#streamLength = Math.floor((ids.length - 1) / streams);
    this.length = Math.floor(this.#streamLength / steps);
    if (this.length < 1) {
      const needed = `${streams} streams of ${steps} need ${streams * steps + 1}`;
      throw new UsageError(
        `${what} has ${ids.length} characters, but ${needed}. Use fewer or shorter streams.`,
      );
    }
    this.streams = streams;
    this.steps = steps;
    this.#ids = ids;
  }

  /** The batch at a position; positions go on from epoch to epoch. */
  at(position: number): Batch {
    const inEpoch = position % this.length;
    const inputs = new Int32Array(this.steps * this.streams);
    const targets = new Int32Array(this.steps * this.streams);
    for (let b = 0; b < this.streams; b++) {
      const start = b * this.#streamLength + inEpoch * this.steps;
      for (let t = 0; t < this.steps; t++) {
        inputs[t * this.streams + b] = this.#ids[start + t]!;
        targets[t * this.streams + b] = this.#ids[start + t + 1]!;
      }
    }
    const epoch = Math.floor(position / this.length);
    return { inputs, targets, epoch, startsEpoch: inEpoch === 0 };
  }
}
