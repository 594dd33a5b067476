/** @file Sums and greatest elements: over the rows of a matrix, or over its columns. */
import { type DType, permuted, sizeOf, type TensorType } from "@tapeloop/autograd/backend";
import { addressOf, bytesOf, fresh, type WasmArray } from "./array.ts";
import { Accumulator, keptBytes, type Reduction } from "./folds.ts";
import { asRowMajor, rowMajor } from "./layout.ts";
import type { Job } from "./crew.ts";
import type { Machine } from "./machine.ts";
import { type FunctionSource, namedParameters } from "./module.ts";

/**
 * One number for each row: parameters are the first row, the end of the last one, bytes of a row and of its
 * whole vectors, and the results.
 */
function rowKernel(reduction: Reduction, dtype: DType): FunctionSource {
  return {
    parameters: ["i32", "i32", "i32", "i32", "i32"],
    write(body) {
      const [at, allEnd, row, vectors, out] = [0, 1, 2, 3, 4];
      const [vectorsEnd, end] = [body.local("i32"), body.local("i32")];
      const accumulator = new Accumulator(body, reduction, dtype);
      body.loopUntil(at, allEnd, () => {
        body.get(at).get(vectors).op("i32.add").set(vectorsEnd);
        body.get(at).get(row).op("i32.add").set(end);
        accumulator.begin();
        body.get(at).get(vectorsEnd).op("i32.lt_u");
        body.when(() =>
          body.loopUntil(at, vectorsEnd, () => {
            accumulator.takeAt(at);
            body.advance(at, 16);
          }),
        );
        accumulator.join();
        body.get(at).get(end).op("i32.lt_u");
        body.when(() =>
          body.loopUntil(at, end, () => {
            accumulator.takeOneAt(at);
            body.advance(at, bytesOf(dtype));
          }),
        );
        accumulator.store(out);
        body.advance(out, bytesOf(dtype));
      });
    },
  };
}

/**
 * Rows that are visited together: every column goes on from what the rows above came to. So memory is read as it
 * lies, in as many streams; a whole column after the other takes three to five times as long where rows are
 * 4 KiB apart.
 */
const rowsTogether = 8;

/** The arguments of kernels that reduce columns; all are addresses, bytes or counts. */
const { parameters, place } = namedParameters([
  /** The first element; bytes of all rows, of those that are visited together, and of one. */
  "first",
  "rows",
  "block",
  "row",
  /** The result. */
  "out",
  /** Where accumulators are between blocks of rows. */
  "kept",
  /** How many times so many vectors there are. */
  "times",
]);

/** So many vectors of columns at a time, in blocks of rows. */
function columnKernel(reduction: Reduction, dtype: DType, vectors: number): FunctionSource {
  return {
    parameters,
    write(body) {
      const [end, blockEnd, size, isLater, left, column, at, stop, kept, out] = Array.from(
        { length: 10 },
        () => body.local("i32"),
      );
      const accumulators = Array.from(
        { length: vectors },
        () => new Accumulator(body, reduction, dtype),
      );
      body.get(place.first).get(place.rows).op("i32.add").set(end);
      body.loopUntil(place.first, end, () => {
        body.get(place.first).get(place.block).op("i32.add").set(blockEnd);
        body.atMost(blockEnd, end);
        body.get(blockEnd).get(place.first).op("i32.sub").set(size);
        body.get(place.first).set(column).get(place.times).set(left);
        body.get(place.kept).set(kept).get(place.out).set(out);
        body.repeat(left, () => {
          for (const accumulator of accumulators) accumulator.begin();
          body.get(isLater).when(() => {
            accumulators.forEach((accumulator, i) => accumulator.goOn(kept, i));
          });
          body.get(column).set(at).get(column).get(size).op("i32.add").set(stop);
          body.loopUntil(at, stop, () => {
            accumulators.forEach((accumulator, i) => accumulator.takeAt(at, 16 * i));
            body.add(at, place.row);
          });
          body
            .get(blockEnd)
            .get(end)
            .op("i32.ne")
            .when(() => accumulators.forEach((accumulator, i) => accumulator.pause(kept, i)));
          body
            .get(blockEnd)
            .get(end)
            .op("i32.eq")
            .when(() => {
              for (const accumulator of accumulators) {
                accumulator.storeAll(out);
                body.advance(out, 16);
              }
            });
          body.advance(column, 16 * vectors);
          body.advance(kept, vectors * keptBytes(reduction, dtype));
        });
        body.i32(1).set(isLater).get(blockEnd).set(place.first);
      });
    },
  };
}

/** The axes as [outer, reduced, inner] sizes; null if the reduced ones do not stand together. */
export function blocks(
  shape: readonly number[],
  axes: readonly number[],
): [number, number, number] | null {
  const real = axes.filter((axis) => shape[axis] !== 1);
  if (real.length === 0) return [sizeOf(shape), 1, 1];
  const [first, last] = [real[0], real[real.length - 1]];
  const between = shape
    .slice(first, last + 1)
    .filter((size, i) => size !== 1 && !real.includes(first + i));
  if (between.length > 0) return null;
  return [
    sizeOf(shape.slice(0, first)),
    sizeOf(shape.slice(first, last + 1)),
    sizeOf(shape.slice(last + 1)),
  ];
}

/** Reduces axes to size 1. */
export function reduce(
  machine: Machine,
  reduction: Reduction,
  x: WasmArray,
  axes: readonly number[],
  type: TensorType,
): WasmArray {
  const out = fresh(type, machine.memory);
  if (sizeOf(type.shape) === 0) return out;
  if (sizeOf(x.shape) === 0) {
    machine.memory.view(type.dtype, out.part.pointer, sizeOf(type.shape)).fill(0);
    return out;
  }
  const [read, sizes] = standingTogether(machine, x, axes);
  const { run, scratch } = reducer(machine, reduction, x.dtype, sizes);
  const part = machine.memory.allocate(scratch);
  run(addressOf(read), out.part.pointer, part.pointer);
  machine.memory.release(part);
  if (read !== x) machine.memory.release(read.part);
  return out;
}

/** The array in row-major order with its reduced axes together: as it is, or as they come last. */
function standingTogether(
  machine: Machine,
  x: WasmArray,
  axes: readonly number[],
): readonly [WasmArray, readonly [number, number, number]] {
  const sizes = blocks(x.shape, axes);
  if (sizes !== null) return [asRowMajor(machine, x), sizes];
  const order = [...x.shape.keys()].filter((axis) => !axes.includes(axis));
  const moved = { ...x, ...permuted([...order, ...axes])(x) };
  const outer = sizeOf(order.map((axis) => x.shape[axis]));
  return [rowMajor(machine, moved), [outer, sizeOf(x.shape) / outer, 1]];
}

/** A reduction made ready. */
export interface Reducer {
  /** Bytes that it needs for itself. */
  readonly scratch: number;
  /** Reduces what lies at an address, to another. */
  readonly run: (from: number, to: number, scratch: number) => void;
}

/** What reduces the middle axis of elements in row-major order. */
export function reducer(
  machine: Machine,
  reduction: Reduction,
  dtype: DType,
  [outer, middle, inner]: readonly [number, number, number],
): Reducer {
  const width = bytesOf(dtype);
  if (inner === 1) {
    const run = machine.kernel(`${reduction} ${dtype} rows`, rowKernel(reduction, dtype));
    const row = width * middle;
    const vectors = row - (row % 16);
    return { scratch: 0, run: (from, to) => run(from, from + outer * row, row, vectors, to) };
  }
  const [row, all] = [width * inner, width * inner * middle];
  const block = Math.min(rowsTogether, middle) * row;
  // Whole lines of the cache as far as there are some.
  const lines = Math.floor(row / 64);
  const rest = Math.ceil((row % 64) / 16);
  const kept = block === all ? 0 : keptBytes(reduction, dtype);
  const [one, line] = [1, 4].map((vectors) =>
    machine.slot(
      `${reduction} ${dtype} columns ${vectors}`,
      columnKernel(reduction, dtype, vectors),
    ),
  );
  machine.write();
  const cuts = machine.cut(lines, inner * middle);
  const run: Reducer["run"] = (from, to, scratch) => {
    for (let o = 0; o < outer; o++) {
      const [start, target] = [from + o * all, to + o * row];
      const over = (slot: typeof one, skip: number, count: number): Job => {
        const values = [start + skip, all, block, row, target + skip];
        return { slot, values: [...values, scratch + (skip / 16) * kept, count] };
      };
      if (lines > 0) machine.runAll(cuts.map(([first, count]) => over(line, 64 * first, count)));
      // A vector that reaches beyond the last column writes where the next one, or nobody, will write.
      if (rest > 0) machine.runAll([over(one, 64 * lines, rest)]);
    }
  };
  return { scratch: (4 * lines + rest) * kept, run };
}
