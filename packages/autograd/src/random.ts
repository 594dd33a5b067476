/**
 * @file Random numbers from explicit keys: the same key gives the same numbers, on every backend and
 * machine. {@link seed} serves those who want it simple.
 */
import { ArgumentError, checkOptions, TracingError } from "./errors.ts";
import type { DType } from "./dtype.ts";
import { isTracing } from "./interpreters/trace.ts";
import { outsideScopes } from "./memory.ts";
import { tensor } from "./ops/create.ts";
import { toTensor } from "./operands.ts";
import { add, mul } from "./primitives/binary.ts";
import { less } from "./primitives/choice.ts";
import { random } from "./primitives/leaf.ts";
import { reshape } from "./primitives/movement.ts";
import { split, unstack } from "./primitives/joining.ts";
import { argmax } from "./primitives/reduce.ts";
import { cos, log, log1p, neg, sqrt } from "./primitives/unary.ts";
import { checkShape, ownShape, type Shape, sizeOf } from "./shape.ts";
import type { Tensor } from "./tensor.ts";
import type { Several, Writable } from "./shape-types.ts";

/** How random tensors are made. */
export interface RandomOptions {
  /** The key. Default: the next one of the sequence that {@link seed} starts. */
  readonly key?: Tensor;
  /** Default: float32. */
  readonly dtype?: "float32" | "float64";
}

/**
 * A key from a whole number. Use each key once; make more with {@link splitKey}.
 *
 * @param value - From 0 to 2⁵³ − 1.
 * @returns int32[2]
 */
export function key(value: number): Tensor {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new ArgumentError("key", "a seed is a whole number from 0 to 2⁵³ − 1", String(value));
  }
  return tensor(new Int32Array([Math.floor(value / 2 ** 32) | 0, value | 0]));
}

/**
 * Independent keys from one, which must not be used afterwards.
 *
 * @param count - How many. Default: 2.
 *
 * @example
 * ```ts
 * import { key, normal, splitKey } from "tapeloop";
 *
 * const [a, b] = splitKey(key(0));
 * console.log(normal([3], { key: a }).shape, normal([3], { key: b }).shape); // [ 3 ] [ 3 ]
 * ```
 */
export function splitKey<const N extends number = 2>(from: Tensor, count?: N): Several<N>;
export function splitKey(from: Tensor, count = 2): readonly Tensor[] {
  return unstack(random(toTensor(from), { shape: [count, 2], dtype: "int32" }));
}

let sequence: Tensor | null = null;

/**
 * Starts the sequence of keys that random functions take from when they are given none.
 * Without it the sequence starts at 0: programs are repeatable by default.
 */
export function seed(value: number): void {
  sequence?.dispose();
  sequence = outsideScopes(() => key(value));
}

/**
 * The next key of the sequence.
 *
 * @throws TracingError while a program is being written, where it would be drawn once and for all.
 */
export function nextKey(): Tensor {
  if (isTracing()) {
    throw new TracingError(
      "random",
      "inside of compile() a key must be given",
      "none",
      "Make keys an argument of the compiled function.",
    );
  }
  if (sequence === null) seed(0);
  const last = sequence as unknown as Tensor;
  const [rest, next] = outsideScopes(() => splitKey(last)) as [Tensor, Tensor];
  last.dispose();
  sequence = rest;
  return next;
}

/** Checks the options, and gives the key and the element type. */
export function resolve(
  op: string,
  options: RandomOptions,
): { from: Tensor; dtype: "float32" | "float64" } {
  checkOptions(op, options, ["key", "dtype"]);
  const dtype: DType = options.dtype ?? "float32";
  if (dtype !== "float32" && dtype !== "float64") {
    throw new ArgumentError(op, "dtype is float32 or float64", String(dtype));
  }
  return { from: options.key ?? nextKey(), dtype };
}

/**
 * Evenly distributed numbers in [low, high).
 *
 * @throws ArgumentError for bounds that are not finite or in the wrong order.
 *
 * @example
 * ```ts
 * import { key, uniform } from "tapeloop";
 *
 * console.log(uniform([2], -1, 1, { key: key(7) }).shape); // [ 2 ]
 * ```
 */
export function uniform<const S extends Shape>(
  shape: S,
  low = 0,
  high = 1,
  options: RandomOptions = {},
): Tensor<Writable<S>> {
  const { from, dtype } = resolve("uniform", options);
  if (!(Number.isFinite(low) && Number.isFinite(high) && low <= high)) {
    const rule = "low and high are finite numbers in this order";
    throw new ArgumentError("uniform", rule, `${low} and ${high}`);
  }
  const u = random(from, { shape: ownShape(shape), dtype });
  return low === 0 && high === 1 ? u : add(mul(u, high - low), low);
}

/**
 * Normally distributed numbers with mean 0 and standard deviation 1, by Box and Muller 1958:
 * √(−2 ln (1 − u)) cos 2πv.
 */
export function normal<const S extends Shape>(
  shape: S,
  options: RandomOptions = {},
): Tensor<Writable<S>> {
  const { from, dtype } = resolve("normal", options);
  checkShape("normal", shape);
  const count = sizeOf(shape);
  const [u, v] = split(random(from, { shape: [2 * count], dtype }), [count, count]) as [
    Tensor,
    Tensor,
  ];
  const radius = sqrt(mul(log1p(neg(u)), -2));
  return reshape(mul(radius, cos(mul(v, 2 * Math.PI))), shape as Shape);
}

/**
 * A mask that is true with probability p.
 *
 * @throws ArgumentError if p is not in [0, 1].
 */
export function bernoulli(
  shape: Shape,
  p: number,
  options: Pick<RandomOptions, "key"> = {},
): Tensor {
  checkOptions("bernoulli", options, ["key"]);
  if (!(p >= 0 && p <= 1)) {
    throw new ArgumentError("bernoulli", "a probability is in [0, 1]", String(p));
  }
  return less(uniform(shape, 0, 1, options), p);
}

/**
 * One index from each row of unnormalised log-probabilities, by the Gumbel-max method: the index of the
 * greatest of logits + g, with g = −ln(−ln u).
 *
 * Shapes: [..., n] → [...], int32.
 */
export function categorical(logits: Tensor, options: Pick<RandomOptions, "key"> = {}): Tensor {
  checkOptions("categorical", options, ["key"]);
  const u = uniform(logits.shape, 0, 1, options);
  // −ln(−ln(1 − u)) is +Inf for u = 0: half a step above keeps it finite.
  const gumbel = neg(log(neg(log1p(neg(add(u, 2 ** -25))))));
  return argmax(add(logits, gumbel));
}
