/** @file Matrices: diagonals, triangles, products by blocks, powers. Batch axes stand in front. */
import { apply } from "../apply.ts";
import { ArgumentError, checkOptions, ShapeError } from "../errors.ts";
import { numericPair, toTensor } from "../operands.ts";
import { moveAxis } from "../primitives/batching.ts";
import { mul, sub } from "../primitives/binary.ts";
import { cast, lessEqual, where } from "../primitives/choice.ts";
import { broadcastTo, expandDims, reshape } from "../primitives/movement.ts";
import { Pad, slice } from "../primitives/slicing.ts";
import { type AxisOptions, axisOf, sum } from "../primitives/reduce.ts";
import {
  checkShape,
  formatType,
  formatTypes,
  normalizeAxes,
  type TensorType,
  type Shape,
} from "../shape.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import type { AnyShape, Operand } from "../shape-types.ts";
import { arange, type DTypeOptions, eye } from "./create.ts";
import { matmul } from "./linear.ts";
import { checkCount, roll } from "./rearrange.ts";

/** Which diagonal is meant. */
export interface OffsetOptions {
  /** How far above the main diagonal; negative numbers are below it. Default: 0. */
  readonly offset?: number;
}

/** Which diagonal, of the matrices along which axes. */
export interface DiagonalOptions extends OffsetOptions {
  /** The axes of rows and columns. Default: 0 and 1, as in NumPy and PyTorch. */
  readonly axes?: readonly [number, number];
}

/** Checks an offset. */
function offsetOf(op: string, { offset = 0 }: OffsetOptions): number {
  if (!Number.isInteger(offset)) {
    throw new ArgumentError(op, "the offset is a whole number", String(offset));
  }
  return offset;
}

/** Refuses what has no rows and columns. */
function checkMatrix(op: string, x: TensorType): void {
  if (x.shape.length < 2) throw new ShapeError(op, "needs rows and columns", formatType(x));
}

/**
 * A diagonal of the matrices along two axes, as a new last axis: a view where the backend has views.
 *
 * @example
 * ```ts
 * import { arange, diagonal } from "tapeloop";
 *
 * const x = arange(6).reshape([2, 3]);
 * console.log(diagonal(x).toArray(), diagonal(x, { offset: 1 }).toArray()); // [ 0, 4 ] [ 1, 5 ]
 * ```
 */
export function diagonal(x: TensorLike, options: DiagonalOptions = {}): Tensor {
  const t = toTensor(x);
  checkOptions("diagonal", options, ["offset", "axes"]);
  return diagonalOf("diagonal", t, options);
}

/** {@link diagonal} in the name of an op. */
function diagonalOf(op: string, t: Tensor, options: DiagonalOptions): Tensor {
  checkMatrix(op, t);
  const offset = offsetOf(op, options);
  const named = options.axes ?? [0, 1];
  const [low, high] = normalizeAxes(op, named, t);
  let matrices = moveAxis(moveAxis(t, high, t.rank - 1), low, t.rank - 2);
  const isSwapped = normalizeAxes(op, named[0], t)[0] === high;
  if (isSwapped) matrices = moveAxis(matrices, t.rank - 1, t.rank - 2);
  const [m, n] = matrices.shape.slice(-2);
  const batch = matrices.shape.slice(0, -2);
  const count = Math.max(0, Math.min(m + Math.min(offset, 0), n - Math.max(offset, 0)));
  // In a row of all m·n elements, neighbours on the diagonal are n + 1 apart.
  const start = offset >= 0 ? offset : -offset * n;
  const range =
    count === 0 ? { stop: 0 } : { start, stop: start + (count - 1) * (n + 1) + 1, step: n + 1 };
  return slice(reshape(matrices, [...batch, m * n]), [...batch.map(() => null), range]);
}

/**
 * Matrices with the given diagonal and zeros elsewhere; to read a diagonal use {@link diagonal}.
 *
 * Shapes: [..., n] → [..., n + |offset|, n + |offset|].
 */
export function diag(x: TensorLike, options: OffsetOptions = {}): Tensor {
  const t = toTensor(x);
  checkOptions("diag", options, ["offset"]);
  const offset = offsetOf("diag", options);
  if (t.rank === 0) throw new ShapeError("diag", "needs a row of elements", formatType(t));
  const n = t.shape[t.rank - 1];
  const size = n + Math.abs(offset);
  const batch = t.shape.slice(0, -1);
  if (n === 0) return broadcastTo(cast(0, t.dtype), [...batch, size, size]);
  // In a row of all size² elements, neighbours on the diagonal have `size` others between them.
  const before = offset >= 0 ? offset : -offset * size;
  const after = size * size - before - (n - 1) * (size + 1) - 1;
  const none = { before: 0, between: 0, after: 0 };
  const spans = [...batch.map(() => none), { before, between: size, after }];
  return reshape(apply(Pad, [t], { spans, value: 0 }), [...batch, size, size]);
}

/** The sum of a diagonal of the matrices along two axes; see {@link diagonal}. */
export function matrixTrace(x: TensorLike, options: DiagonalOptions = {}): Tensor {
  const t = toTensor(x);
  checkOptions("matrixTrace", options, ["offset", "axes"]);
  return sum(diagonalOf("matrixTrace", t, options), { axes: -1 });
}

/** Whether the column is at most `offset` behind the row: a triangle as a mask. */
function triangle(rows: number, columns: number, offset: number): Tensor {
  const row = expandDims(arange(0, rows, 1, { dtype: "int32" }), 1);
  return lessEqual(sub(arange(0, columns, 1, { dtype: "int32" }), row), offset);
}

/**
 * A matrix that is 1 on and below a diagonal, and 0 above. As a mask (`dtype: "bool"`) it says what each
 * step may see of those before it.
 *
 * @param columns - Default: as many as rows.
 *
 * @example
 * ```ts
 * import { tri } from "tapeloop";
 *
 * console.log(tri(3).toArray()); // [ [ 1, 0, 0 ], [ 1, 1, 0 ], [ 1, 1, 1 ] ]
 * ```
 */
export function tri(
  rows: number,
  columns: number = rows,
  options: OffsetOptions & DTypeOptions = {},
): Tensor {
  checkOptions("tri", options, ["offset", "dtype"]);
  checkShape("tri", [rows, columns]);
  return cast(triangle(rows, columns, offsetOf("tri", options)), options.dtype ?? "float32");
}

/** The matrices along the last two axes with zeros above a diagonal. */
export function tril<S extends Shape = AnyShape>(
  x: Operand<S> | number,
  options: OffsetOptions = {},
): Tensor<S> {
  const t = toTensor(x);
  checkOptions("tril", options, ["offset"]);
  checkMatrix("tril", t);
  const [m, n] = t.shape.slice(-2);
  return where(triangle(m, n, offsetOf("tril", options)), t, cast(0, t.dtype));
}

/** The matrices along the last two axes with zeros below a diagonal. */
export function triu<S extends Shape = AnyShape>(
  x: Operand<S> | number,
  options: OffsetOptions = {},
): Tensor<S> {
  const t = toTensor(x);
  checkOptions("triu", options, ["offset"]);
  checkMatrix("triu", t);
  const [m, n] = t.shape.slice(-2);
  return where(triangle(m, n, offsetOf("triu", options) - 1), cast(0, t.dtype), t);
}

/**
 * The Kronecker product: every element of x times the whole of y, block by block. Of operands with fewer
 * axes new ones of size 1 stand in front.
 *
 * Shapes: [m,n] [p,q] → [m p, n q].
 *
 * @example
 * ```ts
 * import { kron, tensor } from "tapeloop";
 *
 * console.log(kron(tensor([1, 10]), tensor([1, 2])).toArray()); // [ 1, 2, 10, 20 ]
 * ```
 */
export function kron(x: TensorLike, y: TensorLike): Tensor {
  const [a, b] = [toTensor(x), toTensor(y)];
  const rank = Math.max(a.rank, b.rank);
  const full = (t: Tensor): number[] => [
    ...Array.from({ length: rank - t.rank }, () => 1),
    ...t.shape,
  ];
  const [s, u] = [full(a), full(b)];
  const blocks = mul(
    reshape(
      a,
      s.flatMap((size) => [size, 1]),
    ),
    reshape(
      b,
      u.flatMap((size) => [1, size]),
    ),
  );
  return reshape(
    blocks,
    s.map((size, i) => size * u[i]),
  );
}

/**
 * The cross product of vectors with three components along an axis (default: the last), with broadcasting.
 *
 * @throws ShapeError if there are not three components.
 */
export function cross(x: TensorLike, y: TensorLike, options: AxisOptions = {}): Tensor {
  const [a, b] = numericPair("cross", x, y);
  const axis = axisOf("cross", a, options);
  if (a.shape[axis] !== 3) {
    throw new ShapeError("cross", "vectors need three components", formatTypes([a, b]));
  }
  const turned = (t: Tensor, by: number): Tensor => roll(t, -by, { axes: axis });
  return sub(mul(turned(a, 1), turned(b, 2)), mul(turned(a, 2), turned(b, 1)));
}

/**
 * The n-th power of square matrices, by squaring; the identity for n = 0.
 *
 * @param n - A whole number from 0.
 */
export function matrixPower(x: TensorLike, n: number): Tensor {
  const t = toTensor(x);
  checkMatrix("matrixPower", t);
  checkCount("matrixPower", "the power", n, 0);
  const [rows, columns] = t.shape.slice(-2);
  if (rows !== columns) {
    throw new ShapeError("matrixPower", "matrices must be square", formatType(t));
  }
  if (n === 0) return broadcastTo(eye(rows, { dtype: t.dtype }), t.shape);
  if (n === 1) return t;
  const half = matrixPower(t, Math.floor(n / 2));
  const even = matmul(half, half);
  return n % 2 === 0 ? even : matmul(even, t);
}
