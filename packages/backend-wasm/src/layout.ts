/** @file Laying elements out in row-major order. */
import { type DType, sizeOf, type TensorType, type TypedArray } from "@tapeloop/autograd/backend";
import { addressOf, bytesOf, fresh, isRowMajor, type WasmArray } from "./array.ts";
import { elementOf } from "./elements.ts";
import type { Body } from "./emitter.ts";
import type { Machine } from "./machine.ts";
import type { MemoryOp } from "./instructions.ts";
import type { FunctionSource } from "./module.ts";
import { eachRow, lastOuter, type Rows, rowsOf } from "./rows.ts";

/** A copy in row-major order. */
export function rowMajor(machine: Machine, x: WasmArray): WasmArray {
  const out = fresh(x, machine.memory);
  copyTo(machine, out, x);
  return out;
}

/** The array itself if it is in row-major order, else a copy. */
export function asRowMajor(machine: Machine, x: WasmArray): WasmArray {
  return isRowMajor(x) ? x : rowMajor(machine, x);
}

/**
 * Copies elements of two axes, one by one: parameters are the first element, and bytes to the next one down and
 * across, where they go and where they come from; and how many there are down and across.
 */
function copyKernel(dtype: DType): FunctionSource {
  const { load, store } = elementOf(dtype);
  return {
    parameters: Array.from({ length: 8 }, () => "i32"),
    write(body) {
      const [to, toDown, toAcross, from, fromDown, fromAcross, rows, columns] = [
        0, 1, 2, 3, 4, 5, 6, 7,
      ];
      const [target, source, count] = [0, 1, 2].map(() => body.local("i32"));
      body.repeat(rows, () => {
        body.get(to).set(target).get(from).set(source).get(columns).set(count);
        body.repeat(count, () => {
          body.get(target).get(source).at(load).at(store);
          body.add(target, toAcross).add(source, fromAcross);
        });
        body.add(to, toDown).add(from, fromDown);
      });
    },
  };
}

/** Copies neighbours, and moves both pointers behind them: whole vectors, and elements after these, as locals say. */
export function copyNeighbours(
  body: Body,
  dtype: DType,
  [target, source]: readonly [number, number],
  vectors: number,
  rest: number,
): void {
  const { load, store } = elementOf(dtype);
  const copyOne = (read: MemoryOp, write: MemoryOp, size: number): void => {
    body.get(target).get(source).at(read).at(write);
    body.advance(target, size).advance(source, size);
  };
  body.times(vectors, () => copyOne("v128.load", "v128.store", 16));
  body.times(rest, () => copyOne(load, store, bytesOf(dtype)));
}

/**
 * Copies rows whose elements are neighbours: parameters are where they go and where they come from, each with bytes
 * to the next row; how many rows there are, whole vectors of a row, and elements behind these.
 */
function rowKernel(dtype: DType): FunctionSource {
  return {
    parameters: Array.from({ length: 7 }, () => "i32"),
    write(body) {
      const [to, toDown, from, fromDown, rows, vectors, rest] = [0, 1, 2, 3, 4, 5, 6];
      const [target, source] = [body.local("i32"), body.local("i32")];
      body.repeat(rows, () => {
        body.get(to).set(target).get(from).set(source);
        copyNeighbours(body, dtype, [target, source], vectors, rest);
        body.add(to, toDown).add(from, fromDown);
      });
    },
  };
}

/** Bytes of a row that are worth a call of the engine's. */
const longRow = 2048;
/** Elements of a row that are copied together, while the lines of the cache that they come from are there. */
const stripe = 16;

/** Copies elements to an array of the same type whose rows lie in any way. */
export function copyTo(machine: Machine, out: WasmArray, x: WasmArray): void {
  if (sizeOf(x.shape) === 0) return;
  const width = bytesOf(x.dtype);
  const [from, to] = [addressOf(x), addressOf(out)];
  const rows = rowsOf(x.shape, [x, out]);
  const [step, stride] = rows.inner.map((elements) => elements * width);
  const { length } = rows;
  if (step === width && stride === width) {
    copyRows(machine, x.dtype, rows, from, to);
    return;
  }
  // The kernel takes the two longest axes, whichever they are: the others are few steps, which are made here.
  const axes = [...rows.sizes, length].map((size, i) => {
    const [source, target] = rows.strides.map((list, k) => (list[i] ?? rows.inner[k]) * width);
    return { size, source, target };
  });
  const order = axes.toSorted((a, b) => b.size - a.size);
  const outer = order.slice(2);
  const none = { size: 1, source: 0, target: 0 };
  const [across, down] = [order[0], order[1] ?? none].toSorted(
    (a, b) => Math.abs(a.target) - Math.abs(b.target) || b.size - a.size,
  );
  const run = machine.kernel(`copy ${x.dtype}`, copyKernel(x.dtype));
  const steps = {
    sizes: outer.map(({ size }) => size),
    strides: [outer.map(({ source }) => source), outer.map(({ target }) => target)],
  };
  eachRow(steps, ([a, b]) => {
    for (let i = 0; i < across.size; i += stripe) {
      const [source, target] = [from + a + i * across.source, to + b + i * across.target];
      const count = Math.min(stripe, across.size - i);
      run(target, down.target, across.target, source, down.source, across.source, down.size, count);
    }
  });
}

/** Copies rows whose elements are neighbours on both sides. */
function copyRows(machine: Machine, dtype: DType, rows: Rows, from: number, to: number): void {
  const width = bytesOf(dtype);
  const size = rows.length * width;
  if (size >= longRow) {
    const { bool: bytes } = machine.memory.views;
    eachRow(rows, ([a, b]) => {
      const source = from + a * width;
      bytes.copyWithin(to + b * width, source, source + size);
    });
    return;
  }
  const run = machine.kernel(`copy rows ${dtype}`, rowKernel(dtype));
  const { count, down, outer } = lastOuter(rows);
  const [vectors, rest] = [Math.floor(size / 16), (size % 16) / width];
  eachRow(outer, ([a, b]) => {
    const [source, target] = [from + a * width, to + b * width];
    run(target, down[1] * width, source, down[0] * width, count, vectors, rest);
  });
}

/** Makes an array from others in row-major order, by their addresses. Nothing is kept if `fill` fails. */
export function fromRowMajor(
  machine: Machine,
  inputs: readonly WasmArray[],
  type: TensorType,
  fill: (from: readonly number[], to: number) => void,
): WasmArray {
  const { memory } = machine;
  const read = inputs.map((x) => asRowMajor(machine, x));
  const out = fresh(type, memory);
  try {
    fill(read.map(addressOf), out.part.pointer);
    return out;
  } catch (error) {
    memory.release(out.part);
    throw error;
  } finally {
    read.forEach((x, i) => {
      if (x !== inputs[i]) memory.release(x.part);
    });
  }
}

/** Makes an array from others in row-major order, by their elements. Nothing is kept if `fill` fails. */
export function fromElements(
  machine: Machine,
  inputs: readonly WasmArray[],
  type: TensorType,
  fill: (from: readonly TypedArray[], to: TypedArray) => void,
): WasmArray {
  const { memory } = machine;
  return fromRowMajor(machine, inputs, type, (from, to) => {
    // Views last until the next allocation.
    const views = inputs.map(({ dtype, shape }, i) => memory.view(dtype, from[i], sizeOf(shape)));
    fill(views, memory.view(type.dtype, to, sizeOf(type.shape)));
  });
}
