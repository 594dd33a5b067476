/** @file Functions of two numbers, element by element, on operands of one type. */
import { apply } from "../apply.ts";
import { InternalError } from "../errors.ts";
import { floatPair, numericPair } from "../operands.ts";
import {
  diagonal,
  type NoParams,
  noParams,
  type OnePrimitive,
  savesNothing,
} from "../primitive.ts";
import { formatTypes, sameType, type TensorType } from "../shape.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import { elementwise } from "./batching.ts";
import { equal, greater, greaterEqual, logicalAnd, where } from "./choice.ts";
import { stopGradient } from "./structure.ts";
import { log, neg } from "./unary.ts";
import type { BinaryOp } from "../shape-types.ts";

/** A function of two numbers whose derivative keeps both. */
export type Binary<N extends string> = OnePrimitive<N, NoParams, Operands>;

/** Both operands, and the output. */
export interface Operands {
  /** The first operand. */
  readonly x: Tensor;
  /** The second operand. */
  readonly y: Tensor;
}

/** The result has the operands' type; the ops have made them equal. */
export function agreedType([a, b]: readonly TensorType[]): TensorType {
  if (!sameType(a, b)) {
    throw new InternalError(`operands of one type expected, got ${formatTypes([a, b])}`);
  }
  return a;
}

/** What products and choices keep. */
function both([x, y]: readonly Tensor[]): Operands {
  return { x, y };
}

/** The cotangent of one operand, given both. */
type Rule = (g: Tensor, operands: Operands) => Tensor;

/** A function of two numbers: its name, and a rule for each operand. */
function binary<N extends string>(name: N, dx: Rule, dy: Rule): Binary<N> {
  const vjp: Binary<N>["vjp"] = (g, operands, _, input) => (input === 0 ? dx : dy)(g, operands);
  return {
    name,
    work: "pointwise",
    results: "one",
    type: agreedType,
    saves: both,
    vjp,
    jvp: diagonal(vjp),
    batch: elementwise,
  };
}

// ----- Linear -----

/** x + y */
export const Add: OnePrimitive<"add", NoParams, null> = {
  name: "add",
  work: "pointwise",
  results: "one",
  type: agreedType,
  saves: savesNothing,
  vjp: (g) => g,
  jvp: diagonal((t) => t),
  batch: elementwise,
};

/** x − y */
export const Sub: OnePrimitive<"sub", NoParams, null> = {
  name: "sub",
  work: "pointwise",
  results: "one",
  type: agreedType,
  saves: savesNothing,
  vjp: (g, _, __, input) => (input === 0 ? g : neg(g)),
  jvp: diagonal((t, _, __, input) => (input === 0 ? t : neg(t))),
  batch: elementwise,
};

// ----- Products -----

/** x y */
export const Mul: Binary<"mul"> = binary(
  "mul",
  (g, { y }) => mul(g, y),
  (g, { x }) => mul(g, x),
);

/** x / y */
export const Div: Binary<"div"> = binary(
  "div",
  (g, { y }) => div(g, y),
  (g, { x, y }) => neg(mul(div(g, y), div(x, y))),
);

/** xʸ. The derivative by x is 0 for y = 0; by y it is 0 for x = 0 and y ≥ 0, as in PyTorch. */
export const Pow: Binary<"pow"> = binary(
  "pow",
  (g, { x, y }) => {
    const flat = equal(y, 0);
    return where(flat, 0, mul(g, mul(y, pow(where(flat, 1, x), sub(y, 1)))));
  },
  (g, { x, y }) => {
    const flat = logicalAnd(equal(x, 0), greaterEqual(y, 0));
    return where(flat, 0, mul(g, mul(pow(x, y), log(where(flat, 1, x)))));
  },
);

/** The angle of the point (y, x) to the first axis. The derivative at (0, 0) is NaN, as in PyTorch. */
export const Atan2: Binary<"atan2"> = binary(
  "atan2",
  // Here x is the first operand: d atan2(x, y) = (y dx − x dy) / (x² + y²)
  (g, { x, y }) => mul(g, div(y, add(mul(x, x), mul(y, y)))),
  (g, { x, y }) => neg(mul(g, div(x, add(mul(x, x), mul(y, y))))),
);

/** What is left of x after whole multiples of y: x − y trunc(x/y), exactly; the sign is that of x. */
export const Rem: Binary<"rem"> = binary(
  "rem",
  (g) => g,
  // The number of multiples is a step function.
  (g, { x, y }) => neg(mul(g, stopGradient(div(sub(x, rem(x, y)), y)))),
);

// ----- Choices -----

/** The greater of x and y; where they are equal, each gets half of the cotangent, as in PyTorch. */
export const Maximum: Binary<"maximum"> = binary(
  "maximum",
  (g, { x, y }) => shareOfGreater(g, x, y),
  (g, { x, y }) => shareOfGreater(g, y, x),
);

/** The part of g that belongs to x: all of it, none, or half in a tie. */
function shareOfGreater(g: Tensor, x: Tensor, y: Tensor): Tensor {
  return where(equal(x, y), mul(g, 0.5), where(greater(x, y), g, 0));
}

/** x + y, with broadcasting. */
export const add: BinaryOp = (x: TensorLike, y: TensorLike): Tensor =>
  apply(Add, numericPair("add", x, y), noParams);

/** x − y, with broadcasting. */
export const sub: BinaryOp = (x: TensorLike, y: TensorLike): Tensor =>
  apply(Sub, numericPair("sub", x, y), noParams);

/** x y element by element, with broadcasting. */
export const mul: BinaryOp = (x: TensorLike, y: TensorLike): Tensor =>
  apply(Mul, numericPair("mul", x, y), noParams);

/** x / y, with broadcasting. Whole numbers become float32; division by 0 gives ±Inf or NaN. */
export const div: BinaryOp = (x: TensorLike, y: TensorLike): Tensor =>
  apply(Div, floatPair("div", x, y), noParams);

/** xʸ, with broadcasting. Whole numbers become float32; NaN for x < 0 and fractional y. */
export const pow: BinaryOp = (x: TensorLike, y: TensorLike): Tensor =>
  apply(Pow, floatPair("pow", x, y), noParams);

/**
 * The angle in (−π, π] between the first axis and the point with first coordinate x and second
 * coordinate y. Derivative at the origin: NaN, as in PyTorch.
 *
 * @param y - The second coordinate, as everywhere in mathematics libraries.
 * @param x - The first coordinate.
 */
export const atan2: BinaryOp = (y: TensorLike, x: TensorLike): Tensor =>
  apply(Atan2, floatPair("atan2", y, x), noParams);

/**
 * The remainder of x by y with the sign of x, with broadcasting: JavaScript's `%`, C's `fmod`; exact. For
 * the sign of y use {@link mod}. Derivative: 1 by x, −trunc(x/y) by y. For y = 0 NaN; int32 gives 0.
 *
 * @example
 * ```ts
 * import { mod, rem, tensor } from "tapeloop";
 *
 * console.log(rem(tensor([5, -5]), 3).toArray(), mod(tensor([5, -5]), 3).toArray()); // [ 2, -2 ] [ 2, 1 ]
 * ```
 */
export const rem: BinaryOp = (x: TensorLike, y: TensorLike): Tensor =>
  apply(Rem, numericPair("rem", x, y), noParams);

/** The greater of x and y; NaN if either is. In a tie each operand gets half of the derivative. */
export const maximum: BinaryOp = (x: TensorLike, y: TensorLike): Tensor =>
  apply(Maximum, numericPair("maximum", x, y), noParams);

/** The lesser of x and y; NaN if either is. In a tie each operand gets half of the derivative. */
export const minimum: BinaryOp = (x: TensorLike, y: TensorLike): Tensor => {
  const [a, b] = numericPair("minimum", x, y);
  return neg(maximum(neg(a), neg(b)));
};
