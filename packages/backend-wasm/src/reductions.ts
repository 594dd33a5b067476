/** @file Sums and greatest elements of float32: over the rows of a matrix, or over its columns. */
import { sizeOf, type TensorType } from "@tapeloop/autograd/backend";
import { addressOf, fresh, type WasmArray } from "./array.ts";
import type { Body, FunctionSource } from "./emitter.ts";
import { asRowMajor } from "./layout.ts";
import type { Machine } from "./machine.ts";

/** What many elements become. */
export type Reduction = "sum" | "max";

/**
 * A reduction under way, in locals: every fourth element goes to the same lane. Sums are of float64. All
 * kernels that reduce rows do it by this, so that they find the same bits.
 */
export class Accumulator {
  readonly #body: Body;
  readonly #reduction: Reduction;
  /** Four lanes: of float32 in the first local, or of float64 in both. */
  readonly lanes: readonly [number, number];
  readonly #total: number;

  /** One more in this function. */
  constructor(body: Body, reduction: Reduction) {
    this.#body = body;
    this.#reduction = reduction;
    this.lanes = [body.local("v128"), body.local("v128")];
    this.#total = body.local(reduction === "sum" ? "f64" : "f32");
  }

  /** Begins with nothing. */
  begin(): void {
    if (this.#reduction === "sum") this.#body.zero(this.lanes);
    else this.#body.f32(-Infinity).op("f32x4.splat").set(this.lanes[0]);
  }

  /** Takes the four elements on the stack. */
  take(): void {
    const body = this.#body;
    const [low, high] = this.lanes;
    const x = body.local("v128");
    body.set(x).get(low).get(x);
    if (this.#reduction === "max") body.op("f32x4.max").set(low);
    else {
      body.op("f64x2.promote_low_f32x4", "f64x2.add").set(low);
      body.get(high).get(x).swapHalves().op("f64x2.promote_low_f32x4", "f64x2.add").set(high);
    }
  }

  /** Joins the lanes; what is left of a row is taken one by one. */
  join(): void {
    const body = this.#body;
    const [low, high] = this.lanes;
    if (this.#reduction === "sum") {
      body.get(low).get(high).op("f64x2.add").set(low);
      body.get(low).lane("f64x2.extract_lane", 0);
      body.get(low).lane("f64x2.extract_lane", 1).op("f64.add").set(this.#total);
    } else {
      body.get(low).lane("f32x4.extract_lane", 0).set(this.#total);
      for (const lane of [1, 2, 3]) {
        body.get(this.#total).get(low).lane("f32x4.extract_lane", lane);
        body.op("f32.max").set(this.#total);
      }
    }
  }

  /** Takes one element, which is put on the stack by a function, after the lanes are joined. */
  takeOne(put: () => void): void {
    const body = this.#body.get(this.#total);
    put();
    if (this.#reduction === "sum") body.op("f64.promote_f32", "f64.add");
    else body.op("f32.max");
    body.set(this.#total);
  }

  /** Puts the result on the stack, as a float32. */
  result(): void {
    this.#body.get(this.#total);
    if (this.#reduction === "sum") this.#body.op("f32.demote_f64");
  }
}

/**
 * One number for each row: parameters are the first row, the end of the last one, bytes of a row and of its
 * whole vectors, and the results.
 */
function rowKernel(reduction: Reduction): FunctionSource {
  return {
    parameters: ["i32", "i32", "i32", "i32", "i32"],
    write(body) {
      const [at, allEnd, row, vectors, out] = [0, 1, 2, 3, 4];
      const [vectorsEnd, end] = [body.local("i32"), body.local("i32")];
      const accumulator = new Accumulator(body, reduction);
      body.loopUntil(at, allEnd, () => {
        body.get(at).get(vectors).op("i32.add").set(vectorsEnd);
        body.get(at).get(row).op("i32.add").set(end);
        accumulator.begin();
        body.get(at).get(vectorsEnd).op("i32.lt_u");
        body.when(() =>
          body.loopUntil(at, vectorsEnd, () => {
            body.get(at).at("v128.load");
            accumulator.take();
            body.advance(at, 16);
          }),
        );
        accumulator.join();
        body.get(at).get(end).op("i32.lt_u");
        body.when(() =>
          body.loopUntil(at, end, () => {
            accumulator.takeOne(() => body.get(at).at("f32.load"));
            body.advance(at, 4);
          }),
        );
        body.get(out);
        accumulator.result();
        body.at("f32.store").advance(out, 4);
      });
    },
  };
}

/**
 * Four columns at a time: parameters are the first element, the end of its column, bytes of a row, and
 * the result.
 */
function columnKernel(reduction: Reduction): FunctionSource {
  return {
    parameters: ["i32", "i32", "i32", "i32"],
    write(body) {
      const [at, end, row, out] = [0, 1, 2, 3];
      const accumulator = new Accumulator(body, reduction);
      const { lanes } = accumulator;
      accumulator.begin();
      body.loopUntil(at, end, () => {
        body.get(at).at("v128.load");
        accumulator.take();
        body.get(at).get(row).op("i32.add").set(at);
      });
      if (reduction === "max") body.get(out).get(lanes[0]).at("v128.store");
      else {
        lanes.forEach((sum, half) => {
          for (const lane of [0, 1]) {
            body.get(out).get(sum).lane("f64x2.extract_lane", lane).op("f32.demote_f64");
            body.at("f32.store", 8 * half + 4 * lane);
          }
        });
      }
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

/** Reduces axes to size 1; null if this shape is for somebody else. */
export function reduce(
  machine: Machine,
  reduction: Reduction,
  x: WasmArray,
  axes: readonly number[],
  type: TensorType,
): WasmArray | null {
  const sizes = blocks(x.shape, axes);
  if (sizes === null || sizeOf(x.shape) === 0) return null;
  const read = asRowMajor(machine, x);
  const out = fresh(type, machine.memory);
  reduceBlocks(machine, reduction, addressOf(read), out.part.pointer, sizes);
  if (read !== x) machine.memory.release(read.part);
  return out;
}

/** Reduces the middle axis of numbers in row-major order. */
export function reduceBlocks(
  machine: Machine,
  reduction: Reduction,
  from: number,
  to: number,
  [outer, middle, inner]: readonly [number, number, number],
): void {
  if (inner === 1) {
    const run = machine.kernel(`${reduction} rows`, rowKernel(reduction));
    run(from, from + 4 * outer * middle, 4 * middle, 16 * Math.floor(middle / 4), to);
  } else {
    const run = machine.kernel(`${reduction} columns`, columnKernel(reduction));
    const [row, block] = [4 * inner, 4 * inner * middle];
    for (let o = 0; o < outer; o++) {
      // A vector that reaches beyond the last column writes where the next one, or nobody, will write.
      for (let i = 0; i < inner; i += 4) {
        const start = from + o * block + 4 * i;
        run(start, start + block, row, to + 4 * (o * inner + i));
      }
    }
  }
}
