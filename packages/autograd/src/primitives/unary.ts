/** @file Functions of one number, element by element. The derivative of each is its line. */
import { apply } from "../apply.ts";
import { isFloat } from "../dtype.ts";
import { DTypeError } from "../errors.ts";
import { floatOperand, numericOperand } from "../operands.ts";
import {
  diagonal,
  type NoParams,
  noParams,
  type OnePrimitive,
  only,
  savesNothing,
} from "../primitive.ts";
import { formatType, type TensorType } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { elementwise } from "./batching.ts";
import { add, div, mul, sub } from "./binary.ts";
import type { AnyShape, Operand } from "../shape-types.ts";
import type { Shape } from "../shape.ts";

/** A function of one number whose derivative keeps its input or its output. */
export type Unary<N extends string> = OnePrimitive<N, NoParams, Tensor>;

/** A function of one number whose derivative keeps nothing. */
export type PlainUnary<N extends string> = OnePrimitive<N, NoParams, null>;

/** The result has the operand's type. */
function sameType([x]: readonly TensorType[]): TensorType {
  return x;
}

/** The result has the operand's type, which must be a floating-point one. */
function floatType(name: string): (inputs: readonly TensorType[]) => TensorType {
  return ([type]) => {
    if (!isFloat(type.dtype)) throw new DTypeError(name, "takes real numbers", formatType(type));
    return type;
  };
}

/** d(y) from the output y: `vjp` gets the cotangent and y. */
function ofOutput<N extends string>(name: N, vjp: (g: Tensor, y: Tensor) => Tensor): Unary<N> {
  return {
    name,
    work: "pointwise",
    results: "one",
    type: floatType(name),
    saves: (_, y) => y,
    vjp,
    jvp: diagonal(vjp),
    batch: elementwise,
  };
}

/** d(y) from the input x: `vjp` gets the cotangent and x. */
function ofInput<N extends string>(name: N, vjp: (g: Tensor, x: Tensor) => Tensor): Unary<N> {
  return {
    name,
    work: "pointwise",
    results: "one",
    type: floatType(name),
    saves: ([x]) => x,
    vjp,
    jvp: diagonal(vjp),
    batch: elementwise,
  };
}

/** A step function: constant wherever it has a derivative. */
function steps<N extends string>(name: N): PlainUnary<N> {
  return {
    name,
    work: "pointwise",
    results: "one",
    type: sameType,
    saves: savesNothing,
    vjp: null,
    jvp: null,
    batch: elementwise,
  };
}

// ----- Linear -----

/** −x */
export const Neg: PlainUnary<"neg"> = {
  name: "neg",
  work: "pointwise",
  results: "one",
  type: sameType,
  saves: savesNothing,
  vjp: (g) => neg(g),
  jvp: (t) => neg(only(t)),
  batch: elementwise,
};

// ----- Derivatives from the output -----

/** eˣ */
export const Exp: Unary<"exp"> = ofOutput("exp", (g, y) => mul(g, y));
/** eˣ − 1 */
export const Expm1: Unary<"expm1"> = ofOutput("expm1", (g, y) => mul(g, add(y, 1)));
/** √x; the derivative at 0 is +Inf */
export const Sqrt: Unary<"sqrt"> = ofOutput("sqrt", (g, y) => div(g, add(y, y)));
/** tanh x: 1 − y² */
export const Tanh: Unary<"tanh"> = ofOutput("tanh", (g, y) => sub(g, mul(g, mul(y, y))));
/** 1 / (1 + e⁻ˣ): y (1 − y) */
export const Sigmoid: Unary<"sigmoid"> = ofOutput("sigmoid", (g, y) => mul(g, sub(y, mul(y, y))));
/** The inverse of erf: √π/2 e^(y²) */
export const Erfinv: Unary<"erfinv"> = ofOutput("erfinv", (g, y) =>
  mul(mul(g, Math.sqrt(Math.PI) / 2), exp(mul(y, y))),
);

// ----- Derivatives from the input -----

/** ln x */
export const Log: Unary<"log"> = ofInput("log", (g, x) => div(g, x));
/** ln (1 + x) */
export const Log1p: Unary<"log1p"> = ofInput("log1p", (g, x) => div(g, add(x, 1)));
/** sin x */
export const Sin: Unary<"sin"> = ofInput("sin", (g, x) => mul(g, cos(x)));
/** cos x */
export const Cos: Unary<"cos"> = ofInput("cos", (g, x) => neg(mul(g, sin(x))));
/** 2/√π ∫₀ˣ e^(−t²) dt: 2/√π e^(−x²) */
export const Erf: Unary<"erf"> = ofInput("erf", (g, x) => mul(g, bell(x)));
/** 1 − erf x */
export const Erfc: Unary<"erfc"> = ofInput("erfc", (g, x) => neg(mul(g, bell(x))));
/** |x|; the derivative at 0 is 0 */
export const Abs: Unary<"abs"> = { ...ofInput("abs", (g, x) => mul(g, sign(x))), type: sameType };

/** The derivative of erf. */
function bell(x: Tensor): Tensor {
  return mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI));
}

// ----- Piecewise constant -----

/** −1, 0 or 1 */
export const Sign: PlainUnary<"sign"> = steps("sign");
/** The next whole number below */
export const Floor: PlainUnary<"floor"> = steps("floor");

/** −x. */
export function neg<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return apply(Neg, [numericOperand("neg", x)], noParams);
}

/** eˣ. */
export function exp<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return apply(Exp, [floatOperand(x)], noParams);
}

/** eˣ − 1, exact also near 0. */
export function expm1<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return apply(Expm1, [floatOperand(x)], noParams);
}

/** The square root; NaN below 0. Derivative at 0: +Inf. */
export function sqrt<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return apply(Sqrt, [floatOperand(x)], noParams);
}

/** The hyperbolic tangent. */
export function tanh<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return apply(Tanh, [floatOperand(x)], noParams);
}

/** The logistic function 1 / (1 + e⁻ˣ), without overflow for any x. */
export function sigmoid<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return apply(Sigmoid, [floatOperand(x)], noParams);
}

/** The natural logarithm; −Inf at 0, NaN below. */
export function log<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return apply(Log, [floatOperand(x)], noParams);
}

/** ln (1 + x), exact also near 0. */
export function log1p<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return apply(Log1p, [floatOperand(x)], noParams);
}

/** The sine; x in radians. */
export function sin<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return apply(Sin, [floatOperand(x)], noParams);
}

/** The cosine; x in radians. */
export function cos<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return apply(Cos, [floatOperand(x)], noParams);
}

/** The error function 2/√π ∫₀ˣ e^(−t²) dt, from −1 to 1. */
export function erf<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return apply(Erf, [floatOperand(x)], noParams);
}

/** 1 − erf x, exact also where erf is nearly 1. */
export function erfc<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return apply(Erfc, [floatOperand(x)], noParams);
}

/** The inverse of {@link erf}; ±Inf at ±1, NaN beyond. */
export function erfinv<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return apply(Erfinv, [floatOperand(x)], noParams);
}

/** |x|. Derivative at 0: 0, as in PyTorch. */
export function abs<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return apply(Abs, [numericOperand("abs", x)], noParams);
}

/** −1, 0 or 1; NaN stays NaN. Derivative: 0. */
export function sign<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return apply(Sign, [numericOperand("sign", x)], noParams);
}

/** The greatest whole number not above x. Derivative: 0. */
export function floor<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  return apply(Floor, [numericOperand("floor", x)], noParams);
}

/** x². */
export function square<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<S> {
  const t = numericOperand("square", x);
  return mul(t, t);
}
