/** @file Sums and greatest elements: over the rows of a matrix, or over its columns. */
import { type DType, permuted, sizeOf, type TensorType } from "@tapeloop/autograd/backend";
import { addressOf, bytesOf, fresh, type WasmArray } from "./array.ts";
import type { Body } from "./emitter.ts";
import type { PlainOp, ValueType } from "./instructions.ts";
import { asRowMajor, rowMajor } from "./layout.ts";
import type { Machine } from "./machine.ts";
import type { FunctionSource } from "./module.ts";

/** What many elements become. */
export type Reduction = "sum" | "max";

/** How elements of a type are folded, a vector of 16 bytes at a time. */
interface Fold {
  /** Accumulators that a vector goes into, and what they begin with. */
  readonly vectors: number;
  readonly start: (body: Body) => Body;
  /** Folds the vector on the stack into the accumulators. */
  readonly take: (body: Body, into: readonly number[]) => void;
  /** Puts all lanes of the accumulators, folded, on the stack. */
  readonly end: (body: Body, from: readonly number[]) => void;
  /** The type of such a total; folds one more element, at an address, into it; stores it, as an element. */
  readonly total: ValueType;
  readonly takeOne: (body: Body, total: number, at: number) => void;
  readonly store: (body: Body, total: number, out: number) => void;
  /** Stores accumulators as neighbours: the totals of columns. */
  readonly storeAll: (body: Body, from: readonly number[], out: number) => void;
}

/** Accumulators that hold elements of the type itself; `op` folds two vectors, `lanes` are folded by `one`. */
function plainFold(
  total: "f32" | "f64" | "i32",
  [vector, count]: readonly ["f32x4" | "f64x2" | "i32x4", number],
  name: "add" | "max" | "max_s",
  start: (body: Body) => Body,
): Fold {
  const foldVectors = `${vector}.${name}` as PlainOp;
  const foldOne = (body: Body): void => {
    if (name !== "max_s") body.op(`${total}.${name}` as PlainOp);
    else {
      const [x, y] = [body.local("i32"), body.local("i32")];
      body.set(y).set(x);
      body.get(x).get(y).get(x).get(y).op("i32.gt_s", "select");
    }
  };
  return {
    vectors: 1,
    start,
    take: (body, [into]) => void body.get(into).op(foldVectors).set(into),
    end: (body, [from]) => {
      for (let lane = 0; lane < count; lane++) {
        body.get(from).lane(`${vector}.extract_lane`, lane);
        if (lane > 0) foldOne(body);
      }
    },
    total,
    takeOne: (body, sum, at) => {
      body.get(sum).get(at).at(`${total}.load`);
      foldOne(body);
      body.set(sum);
    },
    store: (body, sum, out) => void body.get(out).get(sum).at(`${total}.store`),
    storeAll: (body, [from], out) => void body.get(out).get(from).at("v128.store"),
  };
}

/** Sums of float32 are kept in float64, and rounded once. */
const singleSum: Fold = {
  vectors: 2,
  start: (body) => body.f64(0).op("f64x2.splat"),
  take: (body, [low, high]) => {
    const x = body.local("v128");
    body.set(x);
    body.get(low).get(x).op("f64x2.promote_low_f32x4", "f64x2.add").set(low);
    body.get(high).get(x).get(x);
    body.op("halves.swap", "f64x2.promote_low_f32x4", "f64x2.add").set(high);
  },
  end: (body, [low, high]) => {
    body.get(low).get(high).op("f64x2.add").set(low);
    body.get(low).lane("f64x2.extract_lane", 0);
    body.get(low).lane("f64x2.extract_lane", 1).op("f64.add");
  },
  total: "f64",
  takeOne: (body, total, at) =>
    void body.get(total).get(at).at("f32.load").op("f64.promote_f32", "f64.add").set(total),
  store: (body, total, out) => void body.get(out).get(total).op("f32.demote_f64").at("f32.store"),
  storeAll: (body, from, out) =>
    from.forEach((sum, half) => {
      for (const lane of [0, 1]) {
        body.get(out).get(sum).lane("f64x2.extract_lane", lane).op("f32.demote_f64");
        body.at("f32.store", 8 * half + 4 * lane);
      }
    }),
};

/** The greatest of masks, which are bytes here: whether one is 1. */
const anyOf: Fold = {
  vectors: 1,
  start: (body) => body.i32(0).op("i32x4.splat"),
  take: (body, [into]) => void body.get(into).op("v128.or").set(into),
  end: (body, [from]) => void body.get(from).op("v128.any_true"),
  total: "i32",
  takeOne: (body, total, at) =>
    void body.get(total).get(at).at("i32.load8_u").op("i32.or").set(total),
  store: (body, total, out) => void body.get(out).get(total).at("i32.store8"),
  storeAll: (body, [from], out) => void body.get(out).get(from).at("v128.store"),
};

const wholes = ["i32x4", 4] as const;

const folds: Readonly<Record<Reduction, Readonly<Record<DType, Fold>>>> = {
  sum: {
    float32: singleSum,
    float64: plainFold("f64", ["f64x2", 2], "add", (body) => body.f64(0).op("f64x2.splat")),
    int32: plainFold("i32", wholes, "add", (body) => body.i32(0).op("i32x4.splat")),
    // Ops cast masks before they count them; of masks themselves, 1 + 1 is 1.
    bool: anyOf,
  },
  max: {
    float32: plainFold("f32", ["f32x4", 4], "max", (body) => body.f32(-Infinity).op("f32x4.splat")),
    float64: plainFold("f64", ["f64x2", 2], "max", (body) => body.f64(-Infinity).op("f64x2.splat")),
    int32: plainFold("i32", wholes, "max_s", (body) => body.i32(-(2 ** 31)).op("i32x4.splat")),
    bool: anyOf,
  },
};

/** Accumulators that nothing is in yet. */
function begun(body: Body, { vectors, start }: Fold): number[] {
  return Array.from({ length: vectors }, () => {
    const local = body.local("v128");
    start(body).set(local);
    return local;
  });
}

/**
 * One number for each row: parameters are the first row, the end of the last one, bytes of a row and of its
 * whole vectors, and the results.
 */
function rowKernel(fold: Fold, width: number): FunctionSource {
  return {
    parameters: ["i32", "i32", "i32", "i32", "i32"],
    write(body) {
      const [at, allEnd, row, vectors, out] = [0, 1, 2, 3, 4];
      const [vectorsEnd, end] = [body.local("i32"), body.local("i32")];
      const total = body.local(fold.total);
      body.loopUntil(at, allEnd, () => {
        body.get(at).get(vectors).op("i32.add").set(vectorsEnd);
        body.get(at).get(row).op("i32.add").set(end);
        const sums = begun(body, fold);
        body.get(at).get(vectorsEnd).op("i32.lt_u");
        body.when(() =>
          body.loopUntil(at, vectorsEnd, () => {
            fold.take(body.get(at).at("v128.load"), sums);
            body.advance(at, 16);
          }),
        );
        fold.end(body, sums);
        body.set(total);
        body.get(at).get(end).op("i32.lt_u");
        body.when(() =>
          body.loopUntil(at, end, () => {
            fold.takeOne(body, total, at);
            body.advance(at, width);
          }),
        );
        fold.store(body, total, out);
        body.advance(out, width);
      });
    },
  };
}

/**
 * A vector of columns at a time: parameters are the first element, the end of its column, bytes of a row, and
 * the result.
 */
function columnKernel(fold: Fold): FunctionSource {
  return {
    parameters: ["i32", "i32", "i32", "i32"],
    write(body) {
      const [at, end, row, out] = [0, 1, 2, 3];
      const sums = begun(body, fold);
      body.loopUntil(at, end, () => {
        fold.take(body.get(at).at("v128.load"), sums);
        body.get(at).get(row).op("i32.add").set(at);
      });
      fold.storeAll(body, sums, out);
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
  reduceBlocks(machine, reduction, x.dtype, addressOf(read), out.part.pointer, sizes);
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

/** Reduces the middle axis of elements in row-major order. */
export function reduceBlocks(
  machine: Machine,
  reduction: Reduction,
  dtype: DType,
  from: number,
  to: number,
  [outer, middle, inner]: readonly [number, number, number],
): void {
  const width = bytesOf(dtype);
  const fold = folds[reduction][dtype];
  if (inner === 1) {
    const run = machine.kernel(`${reduction} ${dtype} rows`, rowKernel(fold, width));
    const row = width * middle;
    run(from, from + outer * row, row, row - (row % 16), to);
  } else {
    const run = machine.kernel(`${reduction} ${dtype} columns`, columnKernel(fold));
    const [row, block] = [width * inner, width * inner * middle];
    for (let o = 0; o < outer; o++) {
      // A vector that reaches beyond the last column writes where the next one, or nobody, will write.
      for (let i = 0; i < row; i += 16) {
        const start = from + o * block + i;
        run(start, start + block, row, to + o * row + i);
      }
    }
  }
}
