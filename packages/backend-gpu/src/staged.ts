/**
 * @file Ops in two stages: reductions of many elements to few, for which one thread would take long and lose digits;
 * and sorting, which counts how many elements come before each, and then looks for the element with each count.
 */
import {
  type ArgParams,
  type DType,
  type PrimitiveName,
  type ReduceParams,
  sizeOf,
  type TensorType,
} from "@tapeloop/autograd/backend";
import { opOf, type OpValue, type Value } from "./value.ts";

/** Fewer elements are reduced at once. */
const few = 512;
/** So many results keep a device busy. */
const many = 4096;

/** An op in two kernels: the first makes what the second reads. */
export interface Staged {
  readonly first: OpValue;
  /** The result, from what the first has made. */
  readonly second: (made: Value) => OpValue;
}

/** Primitives that may take two kernels. */
export type StagedName = "sum" | "max" | "argsort";

/** The same at run time. */
export const stagedNames: ReadonlySet<PrimitiveName> = new Set<StagedName>([
  "sum",
  "max",
  "argsort",
]);

/** Longer rows are not sorted here: every element is compared with all others. */
const mostSorted = 4096;

/** Whether there are stages that do what no kernel does alone. */
export function isStaged(
  name: PrimitiveName,
  params: unknown,
  [x]: readonly TensorType[],
): boolean {
  return name === "argsort" && x.shape[(params as ArgParams).axis] <= mostSorted;
}

/** An op in two stages; null where one will do. */
export function staged(
  name: StagedName,
  x: Value,
  params: unknown,
  type: TensorType,
): Staged | null {
  if (name === "argsort") return sorted(x, (params as ArgParams).axis, type);
  return reduced(name, x, (params as ReduceParams).axes, type);
}

/** A reduction of many elements to few. */
function reduced(
  name: "sum" | "max",
  x: Value,
  axes: readonly number[],
  type: TensorType,
): Staged | null {
  const { shape, dtype } = x;
  const count = sizeOf(axes.map((axis) => shape[axis]));
  const results = sizeOf(type.shape);
  if (count <= few || results >= many) return null;
  const length = lengthOf(count);
  const pieces = Math.ceil(count / length);
  // The greatest of a part must not be one that was put in: without whole pieces, one stage will do.
  if (name === "max" && pieces * length !== count) return null;

  const of = (
    op: "permute" | "reshape" | "pad",
    params: object,
    from: Value,
    to: readonly number[],
  ) => opOf(op, params, [from], { shape: to, dtype });
  const reshaped = (from: Value, to: readonly number[]): OpValue =>
    of("reshape", { shape: to }, from, to);
  const order = [...shape.keys()].filter((axis) => !axes.includes(axis)).concat(axes);
  const moved = of(
    "permute",
    { axes: order },
    x,
    order.map((axis) => shape[axis]),
  );
  const rows = reshaped(moved, [results, count]);
  const none = { before: 0, between: 0, after: 0 };
  const spans = [none, { ...none, after: pieces * length - count }];
  const full =
    pieces * length === count
      ? rows
      : of("pad", { spans, value: 0 }, rows, [results, pieces * length]);
  const cut = reshaped(full, [results, pieces, length]);
  const first = opOf(name, { axes: [2] }, [cut], { shape: [results, pieces, 1], dtype });
  const second = (made: Value): OpValue => {
    const last = opOf(name, { axes: [1] }, [made], { shape: [results, 1, 1], dtype });
    return reshaped(last, type.shape);
  };
  return { first, second };
}

/** The length of pieces: about the square root, and a divisor if there is one nearby. */
function lengthOf(count: number): number {
  const root = Math.ceil(Math.sqrt(count));
  for (let length = root; length <= 2 * root; length++) if (count % length === 0) return length;
  return root;
}

/**
 * The places of elements in rising order; equal ones keep theirs, and NaN comes last. Everything is compared along
 * two axes: `axis` is the place of the result, and the axis behind it is searched.
 */
function sorted(x: Value, axis: number, { shape }: TensorType): Staged {
  const size = shape[axis];
  const square = shape.toSpliced(axis, 0, size);
  const of = (
    name: PrimitiveName,
    params: unknown,
    inputs: readonly Value[],
    dtype: DType,
    to: readonly number[] = square,
  ): OpValue => opOf(name, params, inputs, { shape: to, dtype });
  const reshaped = (from: Value, to: readonly number[]): OpValue =>
    of("reshape", { shape: to }, [from], from.dtype, to);
  const spread = (from: Value, to: readonly number[]): OpValue =>
    of("broadcastTo", { shape: square }, [reshaped(from, to)], from.dtype);
  const along = (from: Value, on: number): OpValue =>
    spread(from, shape.toSpliced(on === axis ? axis + 1 : axis, 0, 1));
  const place = (on: number): OpValue => {
    const count = of("iota", null, [], "int32", [size]);
    return spread(
      count,
      square.map((_, i) => (i === on ? size : 1)),
    );
  };
  const bit = (value: number): OpValue => of("fill", { value }, [], "bool");
  const either = (mask: Value, whenTrue: Value, whenFalse: Value): OpValue =>
    of("where", null, [mask, whenTrue, whenFalse], whenTrue.dtype);
  const ask = (name: "less" | "equal", left: Value, right: Value): OpValue =>
    of(name, null, [left, right], "bool");
  const over = (name: "sum" | "max", from: Value): OpValue => {
    const to = square.with(axis + 1, 1);
    return reshaped(of(name, { axes: [axis + 1] }, [from], from.dtype, to), shape);
  };

  const [own, other] = [along(x, axis), along(x, axis + 1)];
  const isEarlier = ask("less", place(axis + 1), place(axis));
  const isLess = either(
    ask("less", other, own),
    bit(1),
    either(ask("equal", other, own), isEarlier, bit(0)),
  );
  const isNumber = either(ask("equal", other, other), bit(1), isEarlier);
  const comesBefore = either(ask("equal", own, own), isLess, isNumber);
  const first = over("sum", of("cast", { dtype: "int32" }, [comesBefore], "int32"));
  const second = (ranks: Value): OpValue => {
    const isThere = ask("equal", along(ranks, axis + 1), place(axis));
    return over("max", either(isThere, place(axis + 1), of("fill", { value: 0 }, [], "int32")));
  };
  return { first, second };
}
