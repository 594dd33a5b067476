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
import { formatTypes, sameShape, type TensorType } from "../shape.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import { elementwise } from "./batching.ts";
import { equal, greater, greaterEqual, logicalAnd, where } from "./choice.ts";
import { log, neg } from "./unary.ts";

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
  if (a.dtype !== b.dtype || !sameShape(a.shape, b.shape)) {
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
  (g, { x, y }) => where(equal(y, 0), 0, mul(g, mul(y, pow(x, sub(y, 1))))),
  (g, { x, y }) => {
    const flat = logicalAnd(equal(x, 0), greaterEqual(y, 0));
    return where(flat, 0, mul(g, mul(pow(x, y), log(where(flat, 1, x)))));
  },
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
export function add(x: TensorLike, y: TensorLike): Tensor {
  return apply(Add, numericPair("add", x, y), noParams);
}

/** x − y, with broadcasting. */
export function sub(x: TensorLike, y: TensorLike): Tensor {
  return apply(Sub, numericPair("sub", x, y), noParams);
}

/** x y element by element, with broadcasting. */
export function mul(x: TensorLike, y: TensorLike): Tensor {
  return apply(Mul, numericPair("mul", x, y), noParams);
}

/** x / y, with broadcasting. Whole numbers become float32; division by 0 gives ±Inf or NaN. */
export function div(x: TensorLike, y: TensorLike): Tensor {
  return apply(Div, floatPair("div", x, y), noParams);
}

/** xʸ, with broadcasting. Whole numbers become float32; NaN for x < 0 and fractional y. */
export function pow(x: TensorLike, y: TensorLike): Tensor {
  return apply(Pow, floatPair("pow", x, y), noParams);
}

/** The greater of x and y; NaN if either is. In a tie each operand gets half of the derivative. */
export function maximum(x: TensorLike, y: TensorLike): Tensor {
  return apply(Maximum, numericPair("maximum", x, y), noParams);
}

/** The lesser of x and y; NaN if either is. In a tie each operand gets half of the derivative. */
export function minimum(x: TensorLike, y: TensorLike): Tensor {
  return neg(maximum(neg(x), neg(y)));
}
