/**
 * @file Kernels of many functions of single elements at once: every operand is read once, and every result
 * stored once, in loops over the axes that their layouts leave.
 */
import type { Shape } from "@tapeloop/autograd/backend";
import { bytesOf } from "../array.ts";
import type { Body } from "../emitter.ts";
import { type LaneCount, loadLanes, storeLanes } from "../elementwise.ts";
import { bits, type Expression, op, Writer } from "../expression.ts";
import type { FunctionSource } from "../module.ts";
import { Structure } from "./leaves.ts";
import { loopsOf, type Stream } from "./loops.ts";
import type { Phases, RowFunctions } from "./phases.ts";
import { type Lanes, RowWriter } from "./row-writer.ts";

/** What is stored. */
export interface Result {
  /** Where. */
  readonly stream: Stream;
  /** What it is, of the operands by their numbers. */
  readonly value: Expression;
}

/** Functions of elements at the same place. */
export interface FusedForm {
  /** How many elements there are along each axis; none is 0. */
  readonly shape: Shape;
  /** How many elements go together, and how many vectors of them side by side. */
  readonly lanes: LaneCount;
  readonly together: number;
  /** How many pointers walk along operands and results. */
  readonly pointers: number;
  /** What is read. */
  readonly operands: readonly Stream[];
  /** What is stored. */
  readonly results: readonly Result[];
  /** What is done with them. */
  readonly rows: RowForm;
}

/** What is done with the elements of each row. */
export interface RowForm {
  /** Rows are all of the axes from this one on; null where any elements may be visited together. */
  readonly axis: number | null;
  /** What is reduced; in expressions, they are the operands behind those that are read. */
  readonly reductions: RowFunctions["reductions"];
  /** What is done one thing after the other. */
  readonly phases: Phases;
  /** Bytes of a value that is kept of a row, and of one that is kept of a strip. */
  readonly keptBytes: { readonly row: number; readonly strip: number };
}

/** Bytes of all that is kept of a row, and of a strip. */
export function keptBytesOf({
  phases: { kept },
  keptBytes,
}: RowForm): [row: number, strip: number] {
  return [kept.row * keptBytes.row, kept.strip * keptBytes.strip];
}

/** What is read and written: the results, the operands, and what is kept; strides are along the loops. */
function streamsOf(form: FusedForm): { sizes: readonly number[]; streams: readonly Stream[] } {
  const { results, operands, pointers, rows } = form;
  const inMemory = [...results.map(({ stream }) => stream), ...operands];
  const { sizes, strides } = loopsOf(form.shape, rows.axis, inMemory);
  const keptOf = (from: "row" | "strip", pointer: number): Stream[] =>
    Array.from({ length: rows.phases.kept[from] }, (_, number) => ({
      dtype: "float32",
      strides: sizes.map((__, i) => (i === sizes.length - 1 ? 1 : 0)),
      pointer,
      offset: number * rows.keptBytes[from],
    }));
  const walked = inMemory.map(({ dtype, pointer, offset }, i): Stream => ({
    dtype,
    strides: strides[i],
    pointer,
    offset,
  }));
  const kept = [...keptOf("row", pointers), ...keptOf("strip", pointers + 1)];
  return { sizes, streams: [...walked, ...kept] };
}

/** A kernel and its name; parameters are the pointers, and where to keep what is kept of rows and of strips. */
export function fusedKernel(form: FusedForm): { name: string; source: FunctionSource } {
  const { sizes, streams } = streamsOf(form);
  const structure = new Structure();
  const reduced = form.rows.reductions.map(({ name, of }) => `${name} ${structure.of(of)}`);
  const values = [...reduced, ...form.results.map(({ value }) => structure.of(value))];
  const name = [
    "fused",
    form.lanes,
    form.together,
    sizes.join(),
    ...streams.map((x) => `${x.dtype} ${x.strides.join()} ${x.pointer}+${x.offset}`),
    ...structure.lines,
    ...values,
  ].join("; ");
  const source: FunctionSource = {
    parameters: Array.from({ length: form.pointers + 2 }, () => "i32"),
    write: (body) => new FusedWriter(body, form, sizes, streams).write(),
  };
  return { name, source };
}

class FusedWriter {
  readonly #body: Body;
  readonly #form: FusedForm;
  readonly #sizes: readonly number[];
  readonly #streams: readonly Stream[];
  /** For each pointer, one of the streams that it walks along. */
  readonly #pointers = new Map<number, Stream>();
  readonly #writer: Writer;
  readonly #operands: readonly number[];
  readonly #rows: RowWriter;

  constructor(body: Body, form: FusedForm, sizes: readonly number[], streams: readonly Stream[]) {
    this.#body = body;
    this.#form = form;
    this.#sizes = sizes;
    this.#streams = streams;
    for (const stream of streams) this.#pointers.set(stream.pointer, stream);
    this.#writer = new Writer(body);
    const { phases } = form.rows;
    this.#operands = Array.from({ length: phases.operands }, () => body.local("v128"));
    this.#rows = this.#rowWriter(form.rows);
  }

  #rowWriter({ reductions, phases }: RowForm): RowWriter {
    const { results, operands, lanes, together } = this.#form;
    const at: Lanes = {
      length: this.#sizes[this.#sizes.length - 1],
      lanes,
      together,
      results: results.length,
      operands: operands.length,
      load: (stream, local, count, vector) => this.#load(stream, local, count, vector),
      store: (stream, local, count, vector) => this.#store(stream, local, count, vector),
      stored: (result, value) => this.#storedOf(result, value),
      advance: (streams, elements, times) => this.#advance(streams, elements, times),
    };
    const names = reductions.map(({ name }) => name);
    return new RowWriter(this.#body, this.#writer, at, phases, names, this.#operands);
  }

  /** Moves the pointers of some streams along the last axis: so many elements, or as often as a local says. */
  #advance(streams: readonly number[], elements: number, times?: number): void {
    const body = this.#body;
    for (const pointer of new Set(streams.map((stream) => this.#streams[stream].pointer))) {
      const { dtype, strides } = this.#pointers.get(pointer) as Stream;
      const by = elements * strides[strides.length - 1] * bytesOf(dtype);
      if (by === 0) continue;
      if (times === undefined) body.advance(pointer, by);
      else body.get(pointer).get(times).i32(by).op("i32.mul", "i32.add").set(pointer);
    }
  }

  /** Of masks, the lowest bit is stored. */
  #storedOf(result: number, value: Expression): Expression {
    const { dtype } = this.#form.results[result].stream;
    return dtype === "bool" ? op("v128.and", value, bits(1)) : value;
  }

  write(): void {
    const { operands, results, rows } = this.#form;
    results.forEach(({ value }, i) => this.#writer.prepare(this.#storedOf(i, value)));
    for (const { of } of rows.reductions) this.#writer.prepare(of);
    // What is one number for all elements is read once.
    operands.forEach((_, i) => {
      if (this.#stridesOf(i).every((stride) => stride === 0)) this.#loadOne(i);
    });
    this.#writeAxis(0);
  }

  #stridesOf(operand: number): readonly number[] {
    return this.#streams[this.#form.results.length + operand].strides;
  }

  /** Visits one axis; afterwards pointers have moved by its whole length, unless it is the last one. */
  #writeAxis(axis: number): void {
    const sizes = this.#sizes;
    const last = sizes.length - 1;
    if (axis === last) {
      this.#form.operands.forEach((_, i) => {
        const strides = this.#stridesOf(i);
        if (strides[last] === 0 && strides.some((stride) => stride !== 0)) this.#loadOne(i);
      });
      this.#rows.write();
      return;
    }
    const count = this.#body.local("i32");
    this.#body.i32(sizes[axis]).set(count);
    this.#body.repeat(count, () => {
      this.#writeAxis(axis + 1);
      for (const [pointer, { dtype, strides }] of this.#pointers) {
        const steps = axis + 1 === last ? 0 : sizes[axis + 1];
        const by = (strides[axis] - steps * strides[axis + 1]) * bytesOf(dtype);
        if (by !== 0) this.#body.advance(pointer, by);
      }
    });
  }

  /** Reads the element that serves a whole row. */
  #loadOne(operand: number): void {
    const { dtype, pointer, offset } = this.#streams[this.#form.results.length + operand];
    loadLanes(this.#body, dtype, pointer, true, this.#form.lanes, offset);
    this.#body.set(this.#operands[operand]);
  }

  /** Reads so many elements of a stream into a local: those of the vector of this number. */
  #load(stream: number, local: number, count: number, vector: number): void {
    const body = this.#body;
    const { dtype, pointer, offset, apart } = this.#at(stream, vector);
    if (apart === bytesOf(dtype)) {
      loadLanes(body, dtype, pointer, false, this.#form.lanes, offset);
      body.set(local);
      return;
    }
    const isWide = dtype === "float64";
    body
      .get(pointer)
      .at(isWide ? "v128.load64_splat" : "v128.load32_splat", offset)
      .set(local);
    for (let lane = 1; lane < count; lane++) {
      body
        .get(pointer)
        .i32(offset + lane * apart)
        .op("i32.add");
      body
        .get(local)
        .loadLane(isWide ? 64 : 32, lane)
        .set(local);
    }
  }

  /** Where a vector of a stream is: bytes behind a pointer, and bytes between its elements. */
  #at(stream: number, vector: number): Omit<Stream, "strides"> & { readonly apart: number } {
    const { dtype, strides, pointer, offset } = this.#streams[stream];
    const apart = strides[strides.length - 1] * bytesOf(dtype);
    return { dtype, pointer, offset: offset + vector * this.#form.lanes * apart, apart };
  }

  /** Stores so many elements of a local. */
  #store(stream: number, local: number, count: number, vector: number): void {
    const body = this.#body;
    const { dtype, pointer, offset, apart } = this.#at(stream, vector);
    if (apart === bytesOf(dtype)) {
      storeLanes(body, dtype, pointer, local, count, offset);
      return;
    }
    const one = body.local("i32");
    for (let lane = 0; lane < count; lane++) {
      // The lane of this number, as if it were the first of a vector of its own.
      body
        .get(pointer)
        .i32(offset + lane * apart)
        .op("i32.add")
        .set(one);
      body.get(one).get(local);
      if (dtype === "bool") body.storeLane("v128.store8_lane", 0, 4 * lane);
      else body.storeLane(dtype === "float64" ? "v128.store64_lane" : "v128.store32_lane", 0, lane);
    }
  }
}
