/** @file Reading and adding at places given by whole numbers, and counting. */
import { IndexError, type KernelTable, sizeOf, type TypedArray } from "@tapeloop/autograd/backend";
import { fresh, type WasmArray } from "./array.ts";
import { fromElements } from "./layout.ts";
import type { Machine } from "./machine.ts";

/** The kernels of these ops. */
export function indexing(
  machine: Machine,
): Pick<KernelTable<WasmArray>, "gather" | "scatterAdd" | "iota"> {
  const { memory } = machine;
  let totals = new Float64Array(0);
  return {
    iota: (_, __, type) => {
      const out = fresh(type, memory);
      const to = memory.view(type.dtype, out.part.pointer, sizeOf(type.shape));
      for (let i = 0; i < to.length; i++) to[i] = i;
      return out;
    },

    gather: ([x, indices], { axis }, type) => {
      const size = x.shape[axis];
      return fromElements(machine, [x, indices], type, ([from, list], to) => {
        checkIndices("gather", list, axis, size);
        const inner = sizeOf(x.shape.slice(axis + 1));
        const outer = sizeOf(x.shape.slice(0, axis));
        for (let o = 0, at = 0; o < outer; o++) {
          for (let k = 0; k < list.length; k++) {
            const place = (o * size + list[k]) * inner;
            if (inner === 1) to[at] = from[place];
            else to.set(from.subarray(place, place + inner), at);
            at += inner;
          }
        }
      });
    },

    scatterAdd: ([x, indices], { axis, size }, type) =>
      fromElements(machine, [x, indices], type, ([from, list], to) => {
        checkIndices("scatterAdd", list, axis, size);
        const inner = sizeOf(type.shape.slice(axis + 1));
        const outer = sizeOf(type.shape.slice(0, axis));
        // Totals are kept in float64 and rounded once. They are zeros before and after.
        if (totals.length < to.length) totals = new Float64Array(to.length);
        const visit = (at: (place: number, source: number) => void): void => {
          for (let o = 0, source = 0; o < outer; o++) {
            for (let k = 0; k < list.length; k++) {
              const place = (o * size + list[k]) * inner;
              for (let i = 0; i < inner; i++) at(place + i, source++);
            }
          }
        };
        to.fill(0);
        visit((place, source) => (totals[place] += from[source]));
        visit((place) => (to[place] = totals[place]));
        visit((place) => (totals[place] = 0));
      }),
  };
}

/** Every index is within the axis. */
function checkIndices(op: string, list: TypedArray, axis: number, size: number): void {
  for (let i = 0; i < list.length; i++) {
    if (list[i] >= 0 && list[i] < size) continue;
    throw new IndexError(
      op,
      `indices along axis ${axis} must be in [0, ${size})`,
      `${list[i]} at place ${i}`,
      size === 0 ? "The axis has no elements." : "Indices count from 0.",
    );
  }
}
