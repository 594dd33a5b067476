/** @file Primitives that make tensors from parameters alone. */
import { apply } from "../apply.ts";
import type { DType } from "../dtype.ts";
import { DTypeError, ShapeError } from "../errors.ts";
import { type OnePrimitive, savesNothing, typeInParams } from "../primitive.ts";
import { checkShape, formatType, type Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { zerosOfType } from "../ops/create.ts";
import { elementwise } from "./batching.ts";
import { stack, unstack } from "./joining.ts";

/** Type and value of a constant tensor. */
export interface FillParams {
  /** Sizes. */
  readonly shape: Shape;
  /** Element type. */
  readonly dtype: DType;
  /** Every element. */
  readonly value: number;
}

/** One value everywhere. */
export const Fill: OnePrimitive<"fill", FillParams, null> = {
  name: "fill",
  work: "layout",
  results: "one",
  type: (_, params) => {
    checkShape("fill", params.shape);
    return params;
  },
  saves: savesNothing,
  vjp: null,
  jvp: null,
  batch: elementwise,
};

/** Type of a counting tensor. */
export interface IotaParams {
  /** One size: how far to count. */
  readonly shape: Shape;
  /** Element type. */
  readonly dtype: DType;
}

/** 0, 1, 2, … along one axis. */
export const Iota: OnePrimitive<"iota", IotaParams, null> = {
  name: "iota",
  work: "layout",
  results: "one",
  type: typeInParams,
  saves: savesNothing,
  vjp: null,
  jvp: null,
  batch: elementwise,
};

/** Type of a random tensor. */
export interface RandomParams {
  /** Sizes. */
  readonly shape: Shape;
  /** int32: all 32 bits are random. float32: k·2⁻²⁴, float64: k·2⁻⁵³, uniform in [0, 1). */
  readonly dtype: Exclude<DType, "bool">;
}

/**
 * Random numbers from a key, int32[2]. Word i of `randomWords(key)` is element i; an int32 is that
 * word, a float32 its upper 24 bits times 2⁻²⁴. A float64 takes the words 2i (upper 26 bits, a) and
 * 2i + 1 (upper 27 bits, b): (a·2²⁷ + b)·2⁻⁵³.
 */
export const Random: OnePrimitive<"random", RandomParams, null> = {
  name: "random",
  work: "heavy",
  results: "one",
  type: ([key], params) => {
    if (key?.dtype !== "int32" || key.shape.length !== 1 || key.shape[0] !== 2) {
      throw new ShapeError(
        "random",
        "a key is int32[2]",
        key === undefined ? "nothing" : formatType(key),
        "Make one with key(seed).",
      );
    }
    if ((params.dtype as DType) === "bool") {
      throw new DTypeError("random", "makes numbers", "bool", "Use bernoulli().");
    }
    return typeInParams([], params);
  },
  saves: savesNothing,
  vjp: null,
  jvp: null,
  // One draw per key: numbers must not depend on which other examples there are.
  batch: (run, [{ x }], params, size) => {
    const { shape, dtype } = params;
    if (size === 0) return zerosOfType({ shape: [0, ...shape], dtype }, x);
    return stack(
      unstack(x).map((key) => run([key], params)),
      { axis: 0 },
    );
  },
};

/** The primitive `random` as a function; see {@link Random}. */
export function random(key: Tensor, params: RandomParams): Tensor {
  return apply(Random, [key], params);
}
