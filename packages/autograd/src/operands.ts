/**
 * @file What public ops do to their operands before the primitive sees them: numbers become tensors,
 * element types are promoted and shapes broadcast. Each change is an op of its own on the tape.
 */
import { isWidening } from "./anomaly.ts";
import { type DType, isFloat, promote } from "./dtype.ts";
import { ArgumentError, describe, DTypeError } from "./errors.ts";
import { apply } from "./apply.ts";
import { Cast, cast } from "./primitives/choice.ts";
import { Fill } from "./primitives/leaf.ts";
import { broadcastTo } from "./primitives/movement.ts";
import { broadcastShapes, formatType, sameShape } from "./shape.ts";
import { Tensor, type TensorLike } from "./tensor.ts";

/** A number as a tensor of rank 0. */
function fromNumber(value: number, dtype: DType): Tensor {
  return apply(Fill, [], { shape: [], dtype, value });
}

/** float32 as float64; other types as they are. */
export function widened(x: Tensor): Tensor {
  return x.dtype === "float32" ? apply(Cast, [x], { dtype: "float64" as const }) : x;
}

/** A tensor for anything that ops take; numbers become float32. */
export function toTensor(x: TensorLike): Tensor {
  if (x instanceof Tensor) return isWidening() ? widened(x) : x;
  if (typeof x === "number") return fromNumber(x, "float32");
  if (typeof x === "object" && x !== null && x.value instanceof Tensor) return x.value;
  throw new ArgumentError(
    "tensor",
    "ops take tensors, parameters and numbers",
    describe(x),
    "Make it a tensor with tensor(…).",
  );
}

/** A number beside a tensor takes the tensor's element type, unless that would round it. */
function beside(x: TensorLike, partner: TensorLike): Tensor {
  if (typeof x !== "number") return toTensor(x);
  if (typeof partner === "number") return fromNumber(x, "float32");
  const { dtype } = toTensor(partner);
  if (isFloat(dtype)) return fromNumber(x, dtype);
  return fromNumber(x, Number.isInteger(x) && Math.abs(x) < 2 ** 31 ? "int32" : "float32");
}

/** Two operands of one element type. */
export function ofOneType(a: TensorLike, b: TensorLike): [Tensor, Tensor] {
  let x = beside(a, b);
  let y = beside(b, a);
  if (x.dtype !== y.dtype) {
    const dtype = promote(x.dtype, y.dtype);
    x = cast(x, dtype);
    y = cast(y, dtype);
  }
  return [x, y];
}

/** Two operands of one element type and one shape. */
export function pair(op: string, a: TensorLike, b: TensorLike): [Tensor, Tensor] {
  let [x, y] = ofOneType(a, b);
  if (x.shape !== y.shape && !sameShape(x.shape, y.shape)) {
    const shape = broadcastShapes(op, x, y);
    x = broadcastTo(x, shape);
    y = broadcastTo(y, shape);
  }
  return [x, y];
}

/** {@link pair} for arithmetic: masks count as 0 and 1. */
export function numericPair(op: string, a: TensorLike, b: TensorLike): [Tensor, Tensor] {
  const operands = pair(op, a, b);
  return operands[0].dtype === "bool"
    ? [cast(operands[0], "int32"), cast(operands[1], "int32")]
    : operands;
}

/** {@link pair} for functions of real numbers: whole numbers become float32. */
export function floatPair(op: string, a: TensorLike, b: TensorLike): [Tensor, Tensor] {
  const operands = pair(op, a, b);
  return isFloat(operands[0].dtype)
    ? operands
    : [cast(operands[0], "float32"), cast(operands[1], "float32")];
}

/** An operand of a function of real numbers: whole numbers become float32. */
export function floatOperand(x: TensorLike): Tensor {
  const t = toTensor(x);
  return isFloat(t.dtype) ? t : cast(t, "float32");
}

/** An operand of arithmetic; masks are refused, since "minus true" is a slip. */
export function numericOperand(op: string, x: TensorLike): Tensor {
  const t = toTensor(x);
  if (t.dtype === "bool") {
    throw new DTypeError(op, "takes numbers", formatType(t), 'Use cast(x, "int32") first.');
  }
  return t;
}
