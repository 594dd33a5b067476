/** @file Batches from sequences of different lengths. */
import {
  ArgumentError,
  checkOptions,
  pad,
  permutation,
  scope,
  ShapeError,
  splitKey,
  stack,
  tensor,
  Tensor,
  type NestedArray,
  type TypedArray,
} from "@tapeloop/autograd";
import { checkSizes } from "../sizes.ts";

/** One sequence: steps along the first axis. */
export type Sequence = Tensor | NestedArray | TypedArray;

/** Options of {@link padSequences}. */
export interface PadSequencesOptions {
  /** What stands behind the end of a sequence. Default: 0. */
  readonly value?: number;
  /** T, the number of steps of all. Default: that of the longest. */
  readonly length?: number;
}

/** Sequences as one tensor. */
export interface PaddedSequences {
  /** [T, B, …] */
  readonly xs: Tensor;
  /** The number of real steps of each: int32 [B]. */
  readonly lengths: Tensor;
}

/**
 * Sequences of different lengths side by side, filled up behind their ends.
 *
 * Shapes: B sequences [Tᵢ, …] → [T, B, …].
 *
 * @throws ShapeError if there is none, they differ in more than their lengths, or one is longer than T.
 *
 * @example
 * ```ts
 * import { padSequences, tensor } from "tapeloop";
 *
 * const words = [[3, 1, 2], [5]].map((ids) => tensor(ids, { dtype: "int32" }));
 * const { xs, lengths } = padSequences(words, { value: -1 });
 * console.log(xs.toArray(), lengths.toArray()); // [ [ 3, 5 ], [ 1, -1 ], [ 2, -1 ] ] [ 3, 1 ]
 * ```
 */
export function padSequences(
  sequences: readonly Sequence[],
  options: PadSequencesOptions = {},
): PaddedSequences {
  checkOptions("padSequences", options, ["value", "length"]);
  if (sequences.length === 0) throw new ShapeError("padSequences", "needs a sequence", "none");
  return scope(() => {
    const rows = sequences.map((s) => (s instanceof Tensor ? s : tensor(s)));
    const lengths = rows.map(({ shape }) => shape[0] ?? 0);
    const { value = 0, length = Math.max(...lengths) } = options;
    const longest = lengths.findIndex((n) => n > length);
    if (longest >= 0) {
      throw new ShapeError(
        "padSequences",
        `no sequence is longer than ${length} steps`,
        `${lengths[longest]} steps in sequence ${longest}`,
      );
    }
    const padded = rows.map((x, i) =>
      pad(x, [[0, length - lengths[i]], ...x.shape.slice(1).map(() => [0, 0] as const)], { value }),
    );
    return {
      xs: stack(padded, { axis: 1 }),
      lengths: tensor(Int32Array.from(lengths)),
    };
  });
}

/** Options of {@link bucketBatches}. */
export interface BucketOptions {
  /** B, the number of sequences in a batch. */
  readonly batchSize: number;
  /** The key that shuffles: sequences among those of like length, and the batches. Default: in order. */
  readonly key?: Tensor;
  /**
   * The greatest length of each bucket, rising; batches are filled up to it, so there are no more shapes
   * than bounds, and as many compiled programs. Default: sorted by length, without bounds.
   */
  readonly bounds?: readonly number[];
  /** Whether sequences that make no whole batch are left out. Default: false. */
  readonly dropRest?: boolean;
}

/** Which sequences make a batch. */
export interface BucketBatch {
  /** Their places. */
  readonly indices: readonly number[];
  /** The number of steps to fill up to. */
  readonly length: number;
}

/**
 * Puts sequences of like length together, so that little is padded: batches of places, for
 * {@link padSequences}.
 *
 * @param lengths - Of all sequences.
 * @throws ArgumentError if the batch is not a whole number from 1, lengths are none from 0, bounds do not rise, or
 *   a sequence is longer than the last.
 *
 * @example
 * ```ts
 * import { bucketBatches } from "tapeloop";
 *
 * const batches = bucketBatches([3, 9, 4, 10, 2], { batchSize: 2, bounds: [5, 10] });
 * console.log(batches.map(({ indices, length }) => `${length}: ${indices}`)); // [ '5: 0,2', '5: 4', '10: 1,3' ]
 * ```
 */
export function bucketBatches(
  lengths: readonly number[],
  options: BucketOptions,
): readonly BucketBatch[] {
  checkOptions("bucketBatches", options, ["batchSize", "key", "bounds", "dropRest"]);
  const { batchSize, key, bounds, dropRest = false } = options;
  checkSizes("bucketBatches", { batchSize });
  for (const length of lengths) {
    if (Number.isInteger(length) && length >= 0) continue;
    const rule = "lengths are whole numbers from 0";
    throw new ArgumentError("bucketBatches", rule, String(length));
  }
  const keys = key === undefined ? null : scope(() => splitKey(key));
  const order = ordered(lengths.length, keys?.[0]);
  const buckets =
    bounds === undefined ? [byLength(order, lengths)] : bucketsOf(order, lengths, bounds);
  const batches = buckets.flatMap((bucket, k) =>
    Array.from({ length: Math.ceil(bucket.length / batchSize) }, (_, i) => {
      const indices = bucket.slice(i * batchSize, (i + 1) * batchSize);
      return { indices, length: bounds?.[k] ?? Math.max(...indices.map((j) => lengths[j])) };
    }),
  );
  const kept = batches.filter(({ indices }) => !dropRest || indices.length === batchSize);
  const mixed = ordered(kept.length, keys?.[1]).map((i) => kept[i]);
  keys?.forEach((k) => k.dispose());
  return mixed;
}

/** The numbers below n, shuffled if there is a key. */
function ordered(n: number, key: Tensor | undefined): readonly number[] {
  if (key === undefined) return Array.from({ length: n }, (_, i) => i);
  return scope(() => Array.from(permutation(n, { key }).dataSync()));
}

/** Places by rising length; equal ones stay in their order. */
function byLength(order: readonly number[], lengths: readonly number[]): readonly number[] {
  return order.toSorted((i, j) => lengths[i] - lengths[j]);
}

/** Places by the first bound that their length does not exceed. */
function bucketsOf(
  order: readonly number[],
  lengths: readonly number[],
  bounds: readonly number[],
): readonly (readonly number[])[] {
  const [greatest, last] = [Math.max(0, ...lengths), bounds[bounds.length - 1] ?? 0];
  if (bounds.some((bound, k) => k > 0 && bound <= bounds[k - 1]) || greatest > last) {
    throw new ArgumentError(
      "bucketBatches",
      `bounds rise to the greatest length, ${greatest}`,
      `[${bounds.join(", ")}]`,
    );
  }
  return bounds.map((bound, k) =>
    order.filter((i) => lengths[i] <= bound && lengths[i] > (bounds[k - 1] ?? -1)),
  );
}
