/** @file Which functions of single elements have kernels: float32 and masks, and whole numbers where lanes hold them. */
import type { DType, PrimitiveName } from "@tapeloop/autograd/backend";
import type { PointwiseKernel } from "./elementwise.ts";
import { bits, type Expression, op, operand, select } from "./expression.ts";
import { exp, log, sigmoid, sign, tanh } from "./functions.ts";

const [x, y, z] = [operand(0), operand(1), operand(2)];

/** Functions of float32. */
const floats: { readonly [N in PrimitiveName]?: Expression } = {
  neg: op("f32x4.neg", x),
  abs: op("f32x4.abs", x),
  sqrt: op("f32x4.sqrt", x),
  floor: op("f32x4.floor", x),
  sign: sign(x),
  exp: exp(x),
  log: log(x),
  tanh: tanh(x),
  sigmoid: sigmoid(x),
  add: op("f32x4.add", x, y),
  sub: op("f32x4.sub", x, y),
  mul: op("f32x4.mul", x, y),
  div: op("f32x4.div", x, y),
  maximum: op("f32x4.max", x, y),
};

/** Functions of whole numbers. */
const wholes: { readonly [N in PrimitiveName]?: Expression } = {
  neg: op("i32x4.neg", x),
  add: op("i32x4.add", x, y),
  sub: op("i32x4.sub", x, y),
  mul: op("i32x4.mul", x, y),
  maximum: op("i32x4.max_s", x, y),
};

/** Questions about two numbers, by their type. */
const questions: { readonly [N in PrimitiveName]?: Partial<Record<DType, Expression>> } = {
  equal: {
    float32: op("f32x4.eq", x, y),
    int32: op("i32x4.eq", x, y),
    bool: op("i32x4.eq", x, y),
  },
  less: {
    float32: op("f32x4.lt", x, y),
    int32: op("i32x4.lt_s", x, y),
    // Of masks, 0 < 1: lanes of true are all ones.
    bool: op("v128.andnot", y, x),
  },
};

/** Changes of type. */
const casts: Readonly<Record<string, Expression>> = {
  "float32 int32": op("i32x4.trunc_sat_f32x4_s", x),
  "int32 float32": op("f32x4.convert_i32x4_s", x),
  "bool int32": op("v128.and", x, bits(1)),
  "bool float32": op("v128.and", x, bits(0x3f800000)),
  "int32 bool": op("i32x4.ne", x, bits(0)),
  "float32 bool": op("v128.not", op("f32x4.eq", x, 0)),
};

/** The kernel of a primitive for operands and a result of these types; undefined if there is none. */
export function pointwiseOf(
  name: PrimitiveName,
  operands: readonly DType[],
  result: DType,
): PointwiseKernel | undefined {
  const value = valueOf(name, operands, result);
  if (value === undefined || [...operands, result].includes("float64")) return undefined;
  return {
    name: `${name} ${operands.join()} ${result}`,
    operands: operands as PointwiseKernel["operands"],
    result: result as PointwiseKernel["result"],
    value,
  };
}

/** What the kernel computes. */
function valueOf(
  name: PrimitiveName,
  operands: readonly DType[],
  result: DType,
): Expression | undefined {
  if (name === "where") return select(x, y, z);
  if (name === "cast") return casts[`${operands[0]} ${result}`];
  const question = questions[name];
  if (question !== undefined) return question[operands[0]];
  return { float32: floats, int32: wholes, float64: undefined, bool: undefined }[operands[0]]?.[
    name
  ];
}

/** An expression with others in the place of its operands; parts that were shared stay so. */
export function substituted(value: Expression, operands: readonly Expression[]): Expression {
  const done = new Map<Expression, Expression>();
  const change = (part: Expression): Expression => {
    if (part.kind === "operand") return operands[part.index];
    if (part.kind !== "op") return part;
    const known = done.get(part) ?? { ...part, inputs: part.inputs.map(change) };
    done.set(part, known);
    return known;
  };
  return change(value);
}
