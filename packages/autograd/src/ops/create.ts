/** @file Making tensors from numbers, and numbers from tensors. */
import { apply } from "../apply.ts";
import type { Backend } from "../backend.ts";
import { defaultBackend } from "../default-backend.ts";
import { allocate, type DType, isDType, type TypedArray } from "../dtype.ts";
import { ArgumentError, checkOptions, describe, DTypeError, ShapeError } from "../errors.ts";
import { upload } from "../interpreters/eager.ts";
import { isTracing } from "../interpreters/trace.ts";
import { toTensor } from "../operands.ts";
import { Fill, Iota } from "../primitives/leaf.ts";
import { add, mul } from "../primitives/binary.ts";
import { cast, equal } from "../primitives/choice.ts";
import { broadcastTo, expandDims } from "../primitives/movement.ts";
import { checkShape, ownShape, sameShape, type Shape, sizeOf, type TensorType } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import type { Dim, Writable } from "../shape-types.ts";

/** Numbers in nested arrays, all of one length at each depth; booleans count as 0 and 1. */
export type NestedArray = number | boolean | readonly NestedArray[];

/** How {@link tensor} reads its data. */
export interface TensorOptions {
  /** Default: what the data is, with plain numbers as float32. */
  readonly dtype?: DType;
  /** Default: the shape of nested arrays; one axis for typed arrays. */
  readonly shape?: Shape;
  /** Where it lives. Default: the default backend. */
  readonly backend?: Backend;
}

/** Element type of new tensors. */
export interface DTypeOptions {
  /** Default: float32. */
  readonly dtype?: DType;
}

/**
 * A tensor from numbers: a number, nested arrays, or a typed array with a shape. The data is copied.
 *
 * @throws ShapeError for ragged arrays, or a shape that does not fit the data; it names the place.
 * @throws ArgumentError for anything that is not a number or boolean.
 *
 * @example
 * ```ts
 * import { tensor } from "tapeloop";
 *
 * console.log(tensor([[1, 2, 3], [4, 5, 6]]).shape); // [ 2, 3 ]
 * console.log(tensor(new Float64Array(6), { shape: [3, 2] }).dtype); // float64
 * ```
 */
export function tensor(data: NestedArray | TypedArray, options: TensorOptions = {}): Tensor {
  checkOptions("tensor", options, ["dtype", "shape", "backend"]);
  const { dtype = dtypeOf(data), backend = defaultBackend() } = options;
  checkDType("tensor", dtype);
  const natural = isTypedArray(data) ? [data.length] : shapeOf(data);
  const shape = options.shape ?? natural;
  checkShape("tensor", shape);
  if (sizeOf(shape) !== sizeOf(natural)) {
    throw new ShapeError(
      "tensor",
      `the data must fill the shape [${shape.join(", ")}]`,
      `${sizeOf(natural)} elements for ${sizeOf(shape)}`,
    );
  }
  const array = allocate(dtype, sizeOf(shape));
  if (isTypedArray(data)) copyInto(array, data, dtype);
  else fillFrom(data, natural, 0, { array, dtype, at: 0 });
  return upload(array, { shape: [...shape], dtype }, backend);
}

/** Refuses element types that do not exist. */
function checkDType(op: string, dtype: DType): void {
  if (!isDType(dtype)) {
    throw new ArgumentError(op, "dtype is bool, int32, float32 or float64", String(dtype));
  }
}

/** Whether data is a typed array that a tensor can be read from. */
function isTypedArray(data: unknown): data is TypedArray {
  return (
    data instanceof Float32Array ||
    data instanceof Float64Array ||
    data instanceof Int32Array ||
    data instanceof Uint8Array
  );
}

/** The element type that the data is of. */
function dtypeOf(data: NestedArray | TypedArray): DType {
  if (data instanceof Float64Array) return "float64";
  if (data instanceof Int32Array) return "int32";
  if (data instanceof Uint8Array) return "bool";
  let first: unknown = data;
  while (Array.isArray(first)) first = first[0];
  return typeof first === "boolean" ? "bool" : "float32";
}

/** The shape of nested arrays, read along the first elements. */
function shapeOf(data: NestedArray): number[] {
  const shape: number[] = [];
  for (let level: unknown = data; Array.isArray(level); level = level[0]) shape.push(level.length);
  return shape;
}

/** Where nested arrays are read into. */
interface Reading {
  readonly array: TypedArray;
  readonly dtype: DType;
  at: number;
}

/** Reads nested arrays in row-major order, checking that they are not ragged. */
function fillFrom(data: unknown, shape: Shape, depth: number, into: Reading): void {
  if (depth < shape.length) {
    if (!Array.isArray(data) || data.length !== shape[depth]) {
      throw new ShapeError(
        "tensor",
        `every array at depth ${depth} must have ${shape[depth]} elements`,
        describe(data),
        "Pad ragged rows to one length first.",
      );
    }
    for (const element of data) fillFrom(element, shape, depth + 1, into);
    return;
  }
  if (Array.isArray(data)) {
    throw new ShapeError(
      "tensor",
      `numbers expected at depth ${depth}`,
      `an array of ${data.length}`,
    );
  }
  if (typeof data !== "number" && typeof data !== "boolean") {
    throw new ArgumentError("tensor", "elements must be numbers or booleans", describe(data));
  }
  into.array[into.at++] = checkElement("tensor", Number(data), into.dtype);
}

/** Copies a typed array into another element type. */
function copyInto(array: TypedArray, data: TypedArray, dtype: DType): void {
  if (dtype === "float32" || dtype === "float64") {
    array.set(data);
  } else for (let i = 0; i < data.length; i++) array[i] = checkElement("tensor", data[i], dtype);
}

/** An element as its type holds it; whole-number types refuse what they cannot hold. */
export function checkElement(op: string, value: number, dtype: DType): number {
  if (typeof value !== "number") {
    throw new ArgumentError(op, "elements are numbers", describe(value));
  }
  if (dtype === "bool") return value === 0 ? 0 : 1;
  if (dtype === "int32" && value !== (value | 0)) {
    throw new DTypeError(op, "int32 holds whole numbers of 32 bits", String(value));
  }
  return value;
}

/** Elements in row-major order as nested arrays. */
export function nested(data: TypedArray, shape: Shape): NestedArray {
  let at = 0;
  const read = (depth: number): NestedArray =>
    depth === shape.length
      ? data[at++]
      : Array.from({ length: shape[depth] }, () => read(depth + 1));
  return read(0);
}

/**
 * A size with a name: the compiler then tells sizes apart by their names.
 *
 * @throws ShapeError if the size is not a whole number from 0.
 *
 * @example
 * ```ts
 * import { dim, zeros } from "tapeloop";
 *
 * const B = dim("B", 32);
 * console.log(zeros([B, 4]).add(zeros([B, 1])).shape); // [ 32, 4 ]
 * ```
 */
export function dim<const N extends string>(name: N, size: number): Dim<N> {
  checkShape(`dim ${name}`, [size]);
  return size as Dim<N>;
}

/** One value everywhere. */
export function full<const S extends Shape>(
  shape: S,
  value: number,
  options: DTypeOptions = {},
): Tensor<Writable<S>> {
  checkOptions("full", options, ["dtype"]);
  const { dtype = "float32" } = options;
  checkDType("full", dtype);
  const element = checkElement("full", value, dtype);
  return apply(Fill, [], { shape: ownShape(shape), dtype, value: element });
}

/** Zeros. */
export function zeros<const S extends Shape>(
  shape: S,
  options: DTypeOptions = {},
): Tensor<Writable<S>> {
  checkOptions("zeros", options, ["dtype"]);
  return full(shape, 0, options);
}

/** Ones. */
export function ones<const S extends Shape>(
  shape: S,
  options: DTypeOptions = {},
): Tensor<Writable<S>> {
  checkOptions("ones", options, ["dtype"]);
  return full(shape, 1, options);
}

/** One value in the shape, element type and backend of another tensor. */
export function fullLike<S extends Shape>(x: Tensor<S>, value: number): Tensor<S> {
  const t = toTensor(x);
  return filled(t, value, t) as Tensor<S>;
}

/** Zeros in the shape, element type and backend of another tensor. */
export function zerosLike<S extends Shape>(x: Tensor<S>): Tensor<S> {
  const t = toTensor(x);
  return filled(t, 0, t) as Tensor<S>;
}

/** Zeros of a type, on the backend of `near`: one element, seen as many. */
export function zerosOfType(type: TensorType, near: Tensor): Tensor {
  return filled(type, 0, near);
}

/** One element on the backend of `near`, broadcast to a shape. */
function filled({ shape, dtype }: TensorType, value: number, near: Tensor): Tensor {
  const element = checkElement("full", value, dtype);
  const one = isTracing()
    ? apply(Fill, [], { shape: [], dtype, value: element })
    : upload(allocate(dtype, 1).fill(element), { shape: [], dtype }, near.backend);
  return sameShape(shape, []) ? one : broadcastTo(one, shape);
}

/**
 * Evenly spaced numbers: `arange(stop)` counts 0, 1, 2, … below stop; `arange(start, stop, step)`
 * as in NumPy.
 *
 * @throws ArgumentError for a step of 0 or ends that are not finite.
 */
export function arange(start: number, stop?: number, step = 1, options: DTypeOptions = {}): Tensor {
  checkOptions("arange", options, ["dtype"]);
  const [from, end] = stop === undefined ? [0, start] : [start, stop];
  if (step === 0 || ![from, end, step].every(Number.isFinite)) {
    throw new ArgumentError(
      "arange",
      "needs finite ends and a step that is not 0",
      `${from}, ${end}, ${step}`,
    );
  }
  const size = Math.max(0, Math.ceil((end - from) / step));
  const { dtype = "float32" } = options;
  checkDType("arange", dtype);
  if (dtype === "bool") throw new DTypeError("arange", "counts in numbers", "bool");
  for (const number of [from, step]) checkElement("arange", number, dtype);
  const counted = apply(Iota, [], { shape: [size], dtype });
  if (from === 0 && step === 1) return counted;
  return add(step === 1 ? counted : mul(counted, step), from);
}

/** The identity matrix. */
export function eye(n: number, options: DTypeOptions = {}): Tensor {
  checkOptions("eye", options, ["dtype"]);
  checkShape("eye", [n, n]);
  const i = arange(0, n, 1, { dtype: "int32" });
  return cast(equal(expandDims(i, 1), i), options.dtype ?? "float32");
}

/**
 * 1 at each index, 0 elsewhere, along a new last axis of the given size. An index out of range gives
 * a row of zeros.
 *
 * @throws DTypeError if the indices are not int32.
 */
export function oneHot(indices: Tensor, size: number, options: DTypeOptions = {}): Tensor {
  checkOptions("oneHot", options, ["dtype"]);
  if (toTensor(indices).dtype !== "int32") {
    throw new DTypeError("oneHot", "indices must be int32", indices.dtype, "Use cast() first.");
  }
  checkShape("oneHot", [size]);
  const classes = arange(0, size, 1, { dtype: "int32" });
  return cast(equal(expandDims(indices, -1), classes), options.dtype ?? "float32");
}

/**
 * The same values on another backend. The result is a constant to derivatives.
 *
 * @throws BackendError if the tensor's backend cannot be read at once.
 */
export function to(x: Tensor, backend: Backend): Tensor {
  return x.backend === backend
    ? x
    : upload(x.dataSync(), { shape: x.shape, dtype: x.dtype }, backend);
}
