/** @file Reading and adding at places given by whole numbers, and counting. */
import {
  type DType,
  IndexError,
  type KernelTable,
  sizeOf,
  type TensorType,
} from "@tapeloop/autograd/backend";
import { bytesOf, fresh, type WasmArray } from "./array.ts";
import type { Body } from "./emitter.ts";
import { elementOf, totalOf } from "./elements.ts";
import { copyNeighbours, fromRowMajor } from "./layout.ts";
import type { Machine } from "./machine.ts";
import { type FunctionSource, namedParameters } from "./module.ts";

/** The arguments of kernels that visit places; all are addresses, bytes or counts. */
const { parameters, place } = namedParameters([
  /** Elements in their order, and those at places: the first block. */
  "inOrder",
  "atPlaces",
  /** The places, and how many there are. */
  "list",
  "count",
  /** How many blocks there are, and from a block of those at places to the next. */
  "outer",
  "block",
  /** From a place to the next, and how much of it is taken at once: vectors, and elements behind them. */
  "slice",
  "vectors",
  "rest",
]);

/** Visits all places: `visit` takes what is there, at `target`, and moves `inOrder` on. */
function eachPlace(body: Body, visit: (target: number) => void): void {
  const [at, left, target] = [0, 1, 2].map(() => body.local("i32"));
  body.repeat(place.outer, () => {
    body.get(place.list).set(at).get(place.count).set(left);
    body.repeat(left, () => {
      body.get(at).at("i32.load").get(place.slice).op("i32.mul");
      body.get(place.atPlaces).op("i32.add").set(target);
      visit(target);
      body.advance(at, 4);
    });
    body.add(place.atPlaces, place.block);
  });
}

/** How much stands at each place: one element, or some. */
type Extent = "one" | "some";

/** Copies slices from places. */
function gatherKernel(dtype: DType, extent: Extent): FunctionSource {
  const { load, store } = elementOf(dtype);
  const bytes = bytesOf(dtype);
  return {
    parameters,
    write: (body) => {
      eachPlace(body, (source) => {
        if (extent === "one") {
          body.get(place.inOrder).get(source).at(load).at(store);
          body.advance(place.inOrder, bytes);
          return;
        }
        copyNeighbours(body, dtype, [place.inOrder, source], place.vectors, place.rest);
      });
    },
  };
}

/** Adds slices at places: of float32 to totals in float64. */
function scatterKernel(dtype: DType, extent: Extent): FunctionSource {
  const { load, addTo } = elementOf(dtype);
  const [bytes, isWidened] = [bytesOf(dtype), dtype === "float32"];
  const total = elementOf(totalOf(dtype));
  return {
    parameters,
    write: (body) => {
      const x = body.local("v128");
      const addOne = (target: number): void => {
        body.get(target).get(target).at(total.load).get(place.inOrder).at(load);
        body.op(...addTo).at(total.store);
        body.advance(place.inOrder, bytes);
      };
      eachPlace(body, (target) => {
        if (extent === "one") {
          addOne(target);
          return;
        }
        if (isWidened) {
          body.times(place.vectors, () => {
            body.get(place.inOrder).at("v128.load").set(x);
            for (const offset of [0, 16]) {
              body.get(target).get(target).at("v128.load", offset).get(x);
              if (offset > 0) body.get(x).op("halves.swap");
              body.op("f64x2.promote_low_f32x4", "f64x2.add").at("v128.store", offset);
            }
            body.advance(place.inOrder, 16).advance(target, 32);
          });
        }
        body.times(place.rest, () => {
          addOne(target);
          body.advance(target, bytesOf(totalOf(dtype)));
        });
      });
    },
  };
}

/** Rounds totals in float64: parameters are the result, its end, and the totals. */
const roundKernel: FunctionSource = {
  parameters: ["i32", "i32", "i32"],
  write: (body) => {
    const [to, end, from] = [0, 1, 2];
    const upper = body.local("v128");
    body.loopUntil(to, end, () => {
      body.get(from).at("v128.load", 16).op("f32x4.demote_f64x2_zero").set(upper);
      body.get(to).get(from).at("v128.load").op("f32x4.demote_f64x2_zero");
      body.get(upper).get(upper).op("halves.swap", "v128.or").at("v128.store");
      body.advance(to, 16).advance(from, 32);
    });
  },
};

/** 0, 1, 2, …: parameters are the result and how many there are. */
function countKernel(dtype: DType): FunctionSource {
  const { store, fromWhole } = elementOf(dtype);
  const bytes = bytesOf(dtype);
  return {
    parameters: ["i32", "i32"],
    write: (body) => {
      const [to, left] = [0, 1];
      const next = body.local("i32");
      body.repeat(left, () => {
        body
          .get(to)
          .get(next)
          .op(...fromWhole)
          .at(store);
        body.advance(to, bytes).advance(next, 1);
      });
    },
  };
}

/** Bytes of totals that are kept at a time, if a block of the result is not larger: they stay in the cache. */
const mostTotals = 65_536;

/** The kernels of these ops. */
export function indexing(
  machine: Machine,
): Pick<KernelTable<WasmArray>, "gather" | "scatterAdd" | "iota"> {
  const { memory } = machine;

  /**
   * What visits the places along an axis of an array of this shape, of elements of `width` bytes: a function of
   * where elements in order and those at places begin, and of how many blocks they are.
   */
  const visitor = (
    name: "gather" | "scatterAdd",
    { shape, dtype }: TensorType,
    axis: number,
    list: number,
    count: number,
    width: number,
  ): ((inOrder: number, atPlaces: number, blocks: number) => void) => {
    const size = shape[axis];
    checkIndices(name, memory.view("int32", list, count) as Int32Array, axis, size);
    const inner = sizeOf(shape.slice(axis + 1));
    const extent = inner === 1 ? "one" : "some";
    const kernelOf = name === "gather" ? gatherKernel : scatterKernel;
    const run = machine.kernel(`${name} ${dtype} ${extent}`, kernelOf(dtype, extent));
    // Whole vectors are taken of what both sides have the same bytes of, and of what is added as float32.
    const together = name === "gather" ? 16 / bytesOf(dtype) : dtype === "float32" ? 4 : Infinity;
    const [vectors, rest] = [Math.floor(inner / together), inner % together];
    const slice = inner * width;
    return (inOrder, atPlaces, blocks) => {
      if (count * inner * blocks === 0) return;
      run(inOrder, atPlaces, list, count, blocks, size * slice, slice, vectors, rest);
    };
  };

  return {
    iota: (_, __, type) => {
      const out = fresh(type, memory);
      const size = sizeOf(type.shape);
      const run = machine.kernel(`iota ${type.dtype}`, countKernel(type.dtype));
      if (size > 0) run(out.part.pointer, size);
      return out;
    },

    gather: ([x, indices], { axis }, type) =>
      fromRowMajor(machine, [x, indices], type, ([from, list], to) => {
        const count = sizeOf(indices.shape);
        const visit = visitor("gather", x, axis, list, count, bytesOf(x.dtype));
        visit(to, from, sizeOf(x.shape.slice(0, axis)));
      }),

    // Totals of float32 are kept in float64 and rounded once.
    scatterAdd: ([x, indices], { axis }, type) =>
      fromRowMajor(machine, [x, indices], type, ([from, list], to) => {
        const [count, width] = [sizeOf(indices.shape), bytesOf(totalOf(type.dtype))];
        const visit = visitor("scatterAdd", type, axis, list, count, width);
        const outer = sizeOf(type.shape.slice(0, axis));
        if (type.dtype !== "float32") {
          memory.views.bool.fill(0, to, to + width * sizeOf(type.shape));
          visit(from, to, outer);
          return;
        }
        const inner = sizeOf(type.shape.slice(axis + 1));
        const [taken, block] = [count * inner, type.shape[axis] * inner];
        if (block === 0) return;
        const most = Math.min(outer, Math.max(1, Math.floor(mostTotals / (width * block))));
        const totals = memory.allocate(width * most * block);
        const { pointer } = totals;
        const round = machine.kernel("scatterAdd rounded", roundKernel);
        for (let first = 0; first < outer; first += most) {
          const blocks = Math.min(most, outer - first);
          memory.views.bool.fill(0, pointer, pointer + width * blocks * block);
          visit(from + 4 * first * taken, pointer, blocks);
          const start = to + 4 * first * block;
          round(start, start + 4 * blocks * block, pointer);
        }
        memory.release(totals);
      }),
  };
}

/** Every index is within the axis. */
function checkIndices(op: string, list: Int32Array, axis: number, size: number): void {
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
