/** @file Running sums, sorting, and the place of the greatest element: along one axis. */
import {
  type DType,
  type KernelTable,
  sizeOf,
  type TensorType,
  type TypedArray,
} from "@tapeloop/autograd/backend";
import { bytesOf, type WasmArray } from "./array.ts";
import { elementOf, totalOf } from "./elements.ts";
import type { ValueType } from "./instructions.ts";
import { fromElements, fromRowMajor } from "./layout.ts";
import type { Machine } from "./machine.ts";
import type { FunctionSource } from "./module.ts";

/** Visits the rows of elements along an axis: their first element, and the distance between neighbours. */
function eachRow(
  shape: readonly number[],
  axis: number,
  visit: (start: number, step: number) => void,
): void {
  const step = sizeOf(shape.slice(axis + 1));
  const block = step * shape[axis];
  const outer = sizeOf(shape.slice(0, axis));
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < step; i++) visit(o * block + i, step);
  }
}

/** Rising order, NaN last. */
function compare(x: number, y: number): number {
  if (x < y) return -1;
  if (x > y) return 1;
  return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
}

/**
 * The arguments of kernels that visit rows along an axis: the first element, how many there are in a row, bytes from
 * one to the next, the result, bytes from a result to the next, and how many rows lie side by side.
 */
const [first, length, step, out, outStep, rows] = [0, 1, 2, 3, 4, 5];
const sixNumbers: readonly ValueType[] = Array.from({ length: 6 }, () => "i32");

/** The place of the greatest element of each row, the first of equal ones; a NaN is greater than all. */
function argmaxKernel(dtype: DType): FunctionSource {
  const { value, load, isGreater } = elementOf(dtype);
  return {
    parameters: sixNumbers,
    write: (body) => {
      const [best, x] = [0, 1].map(() => body.local(value));
      const [at, k, found] = [0, 1, 2].map(() => body.local("i32"));
      body.repeat(rows, () => {
        body.get(first).set(at).get(at).at(load).set(best);
        body.i32(0).set(found).i32(0).set(k);
        body.loopUntil(k, length, () => {
          body.get(at).at(load).set(x);
          body.get(x).get(best).op(isGreater);
          if (value === "f32" || value === "f64") {
            body.get(x).get(x).op(`${value}.ne`).get(best).get(best).op(`${value}.eq`);
            body.op("i32.and", "i32.or");
          }
          body.when(() => body.get(x).set(best).get(k).set(found));
          body.add(at, step).advance(k, 1);
        });
        body.get(out).get(found).at("i32.store");
        body.add(out, outStep).advance(first, bytesOf(dtype));
      });
    },
  };
}

/** Running sums of each row: in float64, and rounded as they are written, as in `sum`. */
function cumsumKernel(dtype: DType): FunctionSource {
  const { load, store, addTo } = elementOf(dtype);
  const { value, fromWhole } = elementOf(totalOf(dtype));
  const bytes = bytesOf(dtype);
  return {
    parameters: sixNumbers,
    write: (body) => {
      const total = body.local(value);
      const [from, to, left] = [0, 1, 2].map(() => body.local("i32"));
      body.repeat(rows, () => {
        body.get(first).set(from).get(out).set(to).get(length).set(left);
        body
          .i32(0)
          .op(...fromWhole)
          .set(total);
        body.repeat(left, () => {
          body
            .get(total)
            .get(from)
            .at(load)
            .op(...addTo)
            .set(total);
          body.get(to).get(total);
          if (dtype === "float32") body.op("f32.demote_f64");
          body.at(store);
          body.add(from, step).add(to, outStep);
        });
        body.advance(first, bytes).advance(out, bytes);
      });
    },
  };
}

/** The kernels of these ops. */
export function ordering(
  machine: Machine,
): Pick<KernelTable<WasmArray>, "argmax" | "cumsum" | "argsort"> {
  /** Runs a kernel on all rows along an axis. */
  const alongAxis = (
    name: "argmax" | "cumsum",
    x: WasmArray,
    axis: number,
    type: TensorType,
    reverse: boolean,
  ): WasmArray =>
    fromRowMajor(machine, [x], type, ([from], to) => {
      if (sizeOf(x.shape) === 0) return;
      const source = name === "argmax" ? argmaxKernel(x.dtype) : cumsumKernel(x.dtype);
      const run = machine.kernel(`${name} ${x.dtype}`, source);
      const size = x.shape[axis];
      const side = sizeOf(x.shape.slice(axis + 1));
      const outer = sizeOf(x.shape.slice(0, axis));
      const width = bytesOf(x.dtype);
      const [down, block] = [side * width, size * side * width];
      const skip = reverse ? block - down : 0;
      const by = reverse ? -down : down;
      for (let o = 0; o < outer; o++) {
        const start = o * block + skip;
        if (name === "argmax") run(from + start, size, by, to + 4 * o * side, 4, side);
        else run(from + start, size, by, to + start, by, side);
      }
    });

  return {
    argmax: ([x], { axis }, type) => alongAxis("argmax", x, axis, type, false),
    cumsum: ([x], { axis, reverse }, type) => alongAxis("cumsum", x, axis, type, reverse),

    argsort: ([x], { axis }, type) =>
      fromElements(machine, [x], type, ([from], to) => {
        const order = new Int32Array(x.shape[axis]);
        const sort = sorter(x.dtype, order.length);
        eachRow(x.shape, axis, (start, apart) => {
          sort(from, start, apart, order);
          for (let k = 0; k < order.length; k++) to[start + k * apart] = order[k];
        });
      }),
  };
}

/** Puts into `order` the places of a row's elements in rising order, the earlier of equal ones first. */
type Sorter = (from: TypedArray, start: number, apart: number, order: Int32Array) => void;

/** Numbers of 53 bits have room for an element's 32 and for places up to here. */
const mostPlaces = 2 ** 21;

/** How rows of so many elements are sorted. */
function sorter(dtype: DType, count: number): Sorter {
  if (dtype === "float64" || count > mostPlaces) {
    return (from, start, apart, order) => {
      for (let k = 0; k < count; k++) order[k] = k;
      // The sort is stable.
      order.sort((i, j) => compare(from[start + i * apart], from[start + j * apart]));
    };
  }
  // An element and its place as one number: the engine sorts numbers without asking anybody.
  const keys = new Float64Array(count);
  const single = new Float32Array(1);
  const bits = new Int32Array(single.buffer);
  const rank = (x: number): number => {
    if (dtype !== "float32") return x + 2 ** 31;
    if (Number.isNaN(x)) return 2 ** 32 - 1;
    // −0 and 0 are equal. The bits of numbers below 0 fall while they rise.
    single[0] = x + 0;
    return bits[0] >= 0 ? bits[0] + 2 ** 31 : 2 ** 31 - 1 - (bits[0] & 0x7fffffff);
  };
  return (from, start, apart, order) => {
    for (let k = 0; k < count; k++) keys[k] = rank(from[start + k * apart]) * mostPlaces + k;
    keys.sort();
    for (let k = 0; k < count; k++) order[k] = keys[k] % mostPlaces;
  };
}
