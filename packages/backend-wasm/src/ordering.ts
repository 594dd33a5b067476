/** @file Running sums, sorting, and the place of the greatest element: along one axis, in loops over the memory. */
import { type KernelTable, sizeOf, type TypedArray } from "@tapeloop/autograd/backend";
import type { WasmArray } from "./array.ts";
import { fromElements } from "./layout.ts";
import type { Machine } from "./machine.ts";

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

/** The place of the greatest of so many elements, the first of equal ones; a NaN is greater than all. */
function greatest(from: TypedArray, start: number, step: number, count: number): number {
  let best = 0;
  for (let k = 0; k < count; k++) {
    const x = from[start + k * step];
    if (Number.isNaN(x)) return k;
    if (x > from[start + best * step]) best = k;
  }
  return best;
}

/** The kernels of these ops. */
export function ordering(
  machine: Machine,
): Pick<KernelTable<WasmArray>, "argmax" | "cumsum" | "argsort"> {
  return {
    argmax: ([x], { axis }, type) =>
      fromElements(machine, [x], type, ([from], to) => {
        let at = 0;
        eachRow(x.shape, axis, (start, step) => {
          to[at++] = greatest(from, start, step, x.shape[axis]);
        });
      }),

    // Totals are kept in float64 and rounded as they are written, as in `sum`.
    cumsum: ([x], { axis, reverse }, type) =>
      fromElements(machine, [x], type, ([from], to) => {
        const size = x.shape[axis];
        eachRow(x.shape, axis, (start, step) => {
          let total = 0;
          for (let k = 0; k < size; k++) {
            const place = start + (reverse ? size - 1 - k : k) * step;
            total += from[place];
            to[place] = total;
          }
        });
      }),

    argsort: ([x], { axis }, type) =>
      fromElements(machine, [x], type, ([from], to) => {
        const order = new Int32Array(x.shape[axis]);
        eachRow(x.shape, axis, (start, step) => {
          for (let k = 0; k < order.length; k++) order[k] = k;
          // The sort is stable.
          order.sort((i, j) => compare(from[start + i * step], from[start + j * step]));
          for (let k = 0; k < order.length; k++) to[start + k * step] = order[k];
        });
      }),
  };
}
