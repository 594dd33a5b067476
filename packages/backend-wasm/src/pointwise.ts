/** @file What functions of single elements are on vectors, for every type of elements. */
import { BackendError, type DType } from "@tapeloop/autograd/backend";
import type { PointwiseKernel } from "./elementwise.ts";
import { bits, double, type Expression, op, operand, select } from "./expression.ts";
import { erfOfSingle, exp, expm1, log, log1p, sigmoid, sign, tanh } from "./functions.ts";
import { double64, type Real, single } from "./real.ts";
import { atan2, cos, erf, erfc, erfinv, ofHost, powOfSingle, sin, viaDouble } from "./special.ts";

/** Primitives that are functions of one or two numbers. */
type NumericName =
  | "neg"
  | "exp"
  | "expm1"
  | "sqrt"
  | "tanh"
  | "sigmoid"
  | "log"
  | "log1p"
  | "sin"
  | "cos"
  | "erf"
  | "erfc"
  | "erfinv"
  | "abs"
  | "sign"
  | "floor"
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "pow"
  | "atan2"
  | "rem"
  | "maximum";

/** The primitives that are functions of single elements. */
export type PointwiseName = NumericName | "equal" | "less" | "where" | "cast";

/** Functions of single elements, by their names. */
type Functions = Readonly<Partial<Record<NumericName, Expression>>>;

const [x, y, z] = [operand(0), operand(1), operand(2)];

/** What float32 and float64 have in common. */
function reals(t: Real) {
  return {
    neg: t.op("neg", x),
    abs: t.op("abs", x),
    sqrt: t.op("sqrt", x),
    floor: t.op("floor", x),
    sign: sign(t, x),
    exp: exp(t, x),
    log: log(t, x),
    tanh: tanh(t, x),
    sigmoid: sigmoid(t, x),
    add: t.op("add", x, y),
    sub: t.op("sub", x, y),
    mul: t.op("mul", x, y),
    div: t.op("div", x, y),
    maximum: t.op("max", x, y),
  };
}

const doubles: Readonly<Record<NumericName, Expression>> = {
  ...reals(double64),
  expm1: expm1(double64, x),
  log1p: log1p(x),
  sin: sin(x),
  cos: cos(x),
  erf: erf(x),
  erfc: erfc(x),
  erfinv: erfinv(x),
  atan2: atan2(x, y),
  pow: ofHost("pow")(x, y),
  rem: ofHost("rem")(x, y),
};

const singles: Readonly<Record<NumericName, Expression>> = {
  ...reals(single),
  expm1: viaDouble((a) => expm1(double64, a))(x),
  log1p: viaDouble(log1p)(x),
  sin: viaDouble(sin)(x),
  cos: viaDouble(cos)(x),
  erf: erfOfSingle(x),
  erfc: viaDouble(erfc)(x),
  erfinv: viaDouble(erfinv)(x),
  atan2: viaDouble(atan2)(x, y),
  pow: viaDouble(powOfSingle)(x, y),
  rem: viaDouble(ofHost("rem"))(x, y),
};

/** x − y trunc(x/y) of whole numbers, in float64, where all of it is exact; 0 for y = 0. */
function wholeRemainder(): Expression {
  const halves = [(a: Expression) => a, (a: Expression) => op("halves.swap", a, a)].map((half) => {
    const [a, b] = [x, y].map((v) => op("f64x2.convert_low_i32x4_s", half(v)));
    const quotient = double64.op("trunc", double64.op("div", a, b));
    const rest = double64.op("sub", a, double64.op("mul", quotient, b));
    return op("i32x4.trunc_sat_f64x2_s_zero", rest);
  });
  return op("v128.or", halves[0], op("halves.swap", halves[1], halves[1]));
}

const wholes: Functions = {
  neg: op("i32x4.neg", x),
  abs: op("i32x4.abs", x),
  sign: op("i32x4.max_s", op("i32x4.min_s", x, bits(1)), bits(-1)),
  floor: x,
  add: op("i32x4.add", x, y),
  sub: op("i32x4.sub", x, y),
  mul: op("i32x4.mul", x, y),
  rem: wholeRemainder(),
  maximum: op("i32x4.max_s", x, y),
};

/** A mask of 64-bit lanes as one of 32. */
function narrowed(mask: Expression): Expression {
  return op("words.low", mask, mask);
}

/** Questions about two numbers, by their type. */
const questions: Readonly<Record<"equal" | "less", Readonly<Record<DType, Expression>>>> = {
  equal: {
    float32: op("f32x4.eq", x, y),
    float64: narrowed(op("f64x2.eq", x, y)),
    int32: op("i32x4.eq", x, y),
    bool: op("i32x4.eq", x, y),
  },
  less: {
    float32: op("f32x4.lt", x, y),
    float64: narrowed(op("f64x2.lt", x, y)),
    int32: op("i32x4.lt_s", x, y),
    // Of masks, 0 < 1: lanes of true are all ones.
    bool: op("v128.andnot", y, x),
  },
};

/** Changes of type. */
const casts: Readonly<Record<string, Expression>> = {
  "float32 int32": op("i32x4.trunc_sat_f32x4_s", x),
  "float64 int32": op("i32x4.trunc_sat_f64x2_s_zero", x),
  "int32 float32": op("f32x4.convert_i32x4_s", x),
  "int32 float64": op("f64x2.convert_low_i32x4_s", x),
  "float32 float64": op("f64x2.promote_low_f32x4", x),
  "float64 float32": op("f32x4.demote_f64x2_zero", x),
  "bool int32": op("v128.and", x, bits(1)),
  "bool float32": op("v128.and", x, bits(0x3f800000)),
  "bool float64": op("v128.and", op("i64x2.extend_low_i32x4_s", x), double(1)),
  "int32 bool": op("i32x4.ne", x, bits(0)),
  "float32 bool": op("v128.not", single.op("eq", x, 0)),
  "float64 bool": narrowed(op("v128.not", double64.op("eq", x, 0))),
};

const functions: Readonly<Record<DType, Functions>> = {
  float32: singles,
  float64: doubles,
  int32: wholes,
  bool: {},
};

/** The names of the primitives that are functions of single elements. */
export const pointwiseNames = [
  ...Object.keys(doubles),
  "equal",
  "less",
  "where",
  "cast",
] as readonly PointwiseName[];

/**
 * The kernel of a primitive for operands and a result of these types.
 *
 * @throws BackendError if it takes no such operands.
 */
export function pointwiseOf(
  name: PointwiseName,
  operands: readonly DType[],
  result: DType,
): PointwiseKernel {
  const value = valueOf(name, operands, result);
  if (value === undefined) {
    throw new BackendError(name, "has no kernel for these element types", operands.join(", "));
  }
  return { name: `${name} ${operands.join()} ${result}`, operands, result, value };
}

/** What the kernel computes. */
function valueOf(
  name: PointwiseName,
  operands: readonly DType[],
  result: DType,
): Expression | undefined {
  const [dtype] = operands;
  if (name === "where") {
    return select(result === "float64" ? op("i64x2.extend_low_i32x4_s", x) : x, y, z);
  }
  if (name === "cast") return dtype === result ? x : casts[`${dtype} ${result}`];
  return name === "equal" || name === "less" ? questions[name][dtype] : functions[dtype][name];
}
