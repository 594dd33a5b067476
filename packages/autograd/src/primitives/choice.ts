/** @file Comparisons, selection by a mask, and change of element type. */
import { apply } from "../apply.ts";
import { type DType, isDType } from "../dtype.ts";
import { ArgumentError, DTypeError } from "../errors.ts";
import { pair, toTensor } from "../operands.ts";
import { type NoParams, noParams, type OnePrimitive, only, savesNothing } from "../primitive.ts";
import { broadcastShapes, formatType } from "../shape.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import { elementwise } from "./batching.ts";
import { agreedType } from "./binary.ts";
import { zerosOfType } from "../ops/create.ts";
import { broadcastTo } from "./movement.ts";
import type { AnyShape, BinaryOp, Operand } from "../shape-types.ts";
import type { Shape } from "../shape.ts";

/** A question about two numbers: a mask, without derivative. */
export type Comparison<N extends string> = OnePrimitive<N, NoParams, null>;

/** A question about two numbers. */
function comparison<N extends string>(name: N): Comparison<N> {
  return {
    name,
    work: "pointwise",
    results: "one",
    type: (inputs) => ({ shape: agreedType(inputs).shape, dtype: "bool" }),
    saves: savesNothing,
    vjp: null,
    jvp: null,
    batch: elementwise,
  };
}

/** x = y */
export const Equal: Comparison<"equal"> = comparison("equal");
/** x < y */
export const Less: Comparison<"less"> = comparison("less");

/** x where the mask is true, else y. */
export const Where: OnePrimitive<"where", NoParams, Tensor> = {
  name: "where",
  work: "pointwise",
  results: "one",
  type: ([mask, x, y]) => {
    const type = mask;
    if (type.dtype !== "bool") {
      throw new DTypeError("where", "the mask must be bool", formatType(type), "Compare first.");
    }
    return agreedType([x, y]);
  },
  saves: ([mask]) => mask,
  vjp: (g, mask, _, input) => {
    const zero = zerosOfType(g, g);
    return input === 1 ? where(mask, g, zero) : where(mask, zero, g);
  },
  jvp: ([, x, y], mask) => where(mask, x ?? 0, y ?? 0),
  batch: elementwise,
};

/** The element type to change to. */
export interface CastParams {
  /** The new element type. */
  readonly dtype: DType;
}

/** The same numbers in another element type. */
export const Cast: OnePrimitive<"cast", CastParams, DType> = {
  name: "cast",
  work: "pointwise",
  results: "one",
  type: ([x], { dtype }) => ({ shape: x.shape, dtype }),
  saves: ([x]) => x.dtype,
  vjp: (g, dtype) => cast(g, dtype),
  jvp: (t, _, { dtype }) => cast(only(t), dtype),
  batch: elementwise,
};

/** Whether x = y, element by element, with broadcasting. NaN equals nothing. */
export const equal: BinaryOp = (x: TensorLike, y: TensorLike): Tensor =>
  apply(Equal, pair("equal", x, y), noParams);

/** Whether x ≠ y, element by element. */
export const notEqual: BinaryOp = (x: TensorLike, y: TensorLike): Tensor => logicalNot(equal(x, y));

/** Whether x < y, element by element, with broadcasting. */
export const less: BinaryOp = (x: TensorLike, y: TensorLike): Tensor =>
  apply(Less, pair("less", x, y), noParams);

/** Whether x > y, element by element, with broadcasting. */
export const greater: BinaryOp = (x: TensorLike, y: TensorLike): Tensor =>
  apply(Less, pair("greater", y, x), noParams);

/** Whether x ≤ y, element by element, with broadcasting. */
export const lessEqual: BinaryOp = (x: TensorLike, y: TensorLike): Tensor =>
  logicalOr(less(x, y), equal(x, y));

/** Whether x ≥ y, element by element, with broadcasting. */
export const greaterEqual: BinaryOp = (x: TensorLike, y: TensorLike): Tensor => lessEqual(y, x);

/** The opposite of a mask. */
export function logicalNot<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return equal(cast(x, "bool"), cast(0, "bool"));
}

/** Whether both masks are true. */
export const logicalAnd: BinaryOp = (x: TensorLike, y: TensorLike): Tensor =>
  where(cast(x, "bool"), cast(y, "bool"), cast(0, "bool"));

/** Whether one of the masks is true. */
export const logicalOr: BinaryOp = (x: TensorLike, y: TensorLike): Tensor =>
  where(cast(x, "bool"), cast(1, "bool"), cast(y, "bool"));

/**
 * x where the mask is true, else y; all three are broadcast together. Nothing flows back to what was not
 * chosen. A derivative that is infinite there still gives NaN (0 · ∞): keep the argument itself in range,
 * `where(ok, sqrt(where(ok, x, 1)), 0)`.
 *
 * @throws DTypeError if the mask is not bool.
 * @throws ShapeError if the shapes cannot be broadcast together.
 */
export function where(mask: TensorLike, x: TensorLike, y: TensorLike): Tensor {
  const m = toTensor(mask);
  const [a, b] = pair("where", x, y);
  const shape = broadcastShapes("where", m, a);
  return apply(
    Where,
    [broadcastTo(m, shape), broadcastTo(a, shape), broadcastTo(b, shape)],
    noParams,
  );
}

/**
 * The same numbers in another element type. To int32 fractions are cut off toward 0; to bool
 * everything but 0 is true.
 */
export function cast<S extends Shape = AnyShape>(x: Operand<S> | number, dtype: DType): Tensor<S> {
  if (!isDType(dtype)) {
    throw new ArgumentError("cast", "dtype is bool, int32, float32 or float64", String(dtype));
  }
  const t = toTensor(x);
  return t.dtype === dtype ? t : apply(Cast, [t], { dtype });
}
