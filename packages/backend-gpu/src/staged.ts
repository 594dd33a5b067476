/** @file Reductions of many elements to few, in two stages: one thread for all of them would take long, and lose digits. */
import { sizeOf, type TensorType } from "@tapeloop/autograd/backend";
import { opOf, type OpValue, type Value } from "./value.ts";

/** Fewer elements are reduced at once. */
const few = 512;
/** So many results keep a device busy. */
const many = 4096;

/** A reduction in two kernels: the first makes what the second reads. */
export interface Staged {
  readonly first: OpValue;
  /** The result, from what the first has made. */
  readonly second: (made: Value) => OpValue;
}

/** A reduction in two stages; null where one will do. */
export function staged(
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
