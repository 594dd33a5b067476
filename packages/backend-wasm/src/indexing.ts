/** @file Reading and adding at places given by an integer array, slice by slice. */
import { IndexError, type KernelTable, sizeOf } from "@tapeloop/autograd/backend";
import { addressOf, bytesOf, fresh, type WasmArray } from "./array.ts";
import { asRowMajor } from "./layout.ts";
import type { Machine } from "./machine.ts";

/** The indices in row-major order, each within an axis of the given size. They are valid until the next allocation. */
function checkedIndices(
  op: string,
  machine: Machine,
  indices: WasmArray,
  axis: number,
  size: number,
): Int32Array {
  const list = machine.memory.view(
    "int32",
    addressOf(indices),
    sizeOf(indices.shape),
  ) as Int32Array;
  const wrong = list.findIndex((index) => index < 0 || index >= size);
  if (wrong >= 0) {
    throw new IndexError(
      op,
      `indices along axis ${axis} must be in [0, ${size})`,
      `${list[wrong]} at place ${wrong}`,
      size === 0 ? "The axis has no elements." : "Indices count from 0.",
    );
  }
  return list;
}

/** `gather` and `scatterAdd`, for every element type. */
export function indexing(machine: Machine): Pick<KernelTable<WasmArray>, "gather" | "scatterAdd"> {
  const { memory } = machine;
  /** Runs with both inputs in row-major order. */
  const withDense = (
    [x, indices]: readonly WasmArray[],
    f: (x: WasmArray, indices: WasmArray) => void,
  ): void => {
    const dense = [asRowMajor(machine, x), asRowMajor(machine, indices)] as const;
    try {
      f(...dense);
    } finally {
      if (dense[0] !== x) memory.release(dense[0].part);
      if (dense[1] !== indices) memory.release(dense[1].part);
    }
  };
  return {
    gather: (inputs, { axis }, type) => {
      const { shape, dtype } = inputs[0];
      const [outer, size] = [sizeOf(shape.slice(0, axis)), shape[axis]];
      const inner = sizeOf(shape.slice(axis + 1));
      const out = fresh(type, memory);
      withDense(inputs, (x, indices) => {
        const list = checkedIndices("gather", machine, indices, axis, size);
        const all = memory.views[dtype];
        const width = bytesOf(dtype);
        let at = out.part.pointer / width;
        for (let o = 0; o < outer; o++) {
          const from = addressOf(x) / width + o * size * inner;
          for (const index of list) {
            all.copyWithin(at, from + index * inner, from + (index + 1) * inner);
            at += inner;
          }
        }
      });
      return out;
    },

    scatterAdd: (inputs, { axis, size }, type) => {
      const [outer, inner] = [
        sizeOf(type.shape.slice(0, axis)),
        sizeOf(type.shape.slice(axis + 1)),
      ];
      const out = fresh(type, memory);
      withDense(inputs, (x, indices) => {
        const list = checkedIndices("scatterAdd", machine, indices, axis, size);
        const all = memory.views[type.dtype];
        const width = bytesOf(type.dtype);
        const to = out.part.pointer / width;
        all.fill(0, to, to + sizeOf(type.shape));
        let from = addressOf(x) / width;
        for (let o = 0; o < outer; o++) {
          for (const index of list) {
            const at = to + (o * size + index) * inner;
            for (let i = 0; i < inner; i++) all[at + i] += all[from + i];
            from += inner;
          }
        }
      });
      return out;
    },
  };
}
