/**
 * @file Kernels of many functions of single elements at once: every operand is read once, and every result
 * stored once, in loops over the axes that their layouts leave.
 */
import { type DType, type Shape, sizeOf } from "@tapeloop/autograd/backend";
import { bytesOf } from "../array.ts";
import type { Body } from "../emitter.ts";
import { type LaneCount, loadLanes, storeLanes } from "../elementwise.ts";
import { bits, type Expression, op, Writer } from "../expression.ts";
import type { FunctionSource } from "../module.ts";
import { Structure } from "./leaves.ts";
import type { Phases, RowFunctions } from "./phases.ts";
import { type Lanes, RowWriter } from "./row-writer.ts";

/** An operand or a result: its element type, and elements between neighbours along each axis. */
export interface Stream {
  /** The type of its elements. */
  readonly dtype: DType;
  /** Elements between neighbours along each axis. */
  readonly strides: readonly number[];
}

/** What is stored. */
export interface Result extends Stream {
  /** What it is, of the operands by their numbers. */
  readonly value: Expression;
}

/** Functions of elements at the same place. */
export interface FusedForm {
  /** How many elements there are along each axis; none is 0. */
  readonly shape: Shape;
  /** How many elements go together. */
  readonly lanes: LaneCount;
  /** What is read. */
  readonly operands: readonly Stream[];
  /** What is stored. */
  readonly results: readonly Result[];
  /** What is reduced meanwhile. */
  readonly rows: RowForm | null;
}

/** Reductions of rows. */
export interface RowForm {
  /** Rows are all of the axes from this one on. */
  readonly axis: number;
  /** What is reduced; in expressions, they are the operands behind those that are read. */
  readonly reductions: RowFunctions["reductions"];
  /** What is done one thing after the other. */
  readonly phases: Phases;
}

/** Axes that are one for all streams, joined: sizes, and strides of every stream. */
interface Loops {
  readonly sizes: readonly number[];
  readonly strides: readonly (readonly number[])[];
}

function loopsOf(shape: Shape, streams: readonly Stream[]): Loops {
  const sizes: number[] = [];
  const strides: number[][] = streams.map(() => []);
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const last = sizes.length - 1;
    const joins = streams.every((x, i) => strides[i][last] === x.strides[axis] * size);
    if (last >= 0 && joins) {
      sizes[last] *= size;
      streams.forEach((x, i) => (strides[i][last] = x.strides[axis]));
    } else {
      sizes.push(size);
      streams.forEach((x, i) => strides[i].push(x.strides[axis]));
    }
  });
  if (sizes.length === 0) return { sizes: [1], strides: streams.map(() => [1]) };
  return { sizes, strides };
}

/** The loops of a form: with the rows, where there are some, as the last one. */
function loopsOfForm({ shape, rows }: FusedForm, streams: readonly Stream[]): Loops {
  if (rows === null) return loopsOf(shape, streams);
  const part = (from: number, to?: number): Loops =>
    loopsOf(
      shape.slice(from, to),
      streams.map((x) => ({ ...x, strides: x.strides.slice(from, to) })),
    );
  const inner = part(rows.axis);
  if (sizeOf(shape.slice(0, rows.axis)) === 1) return inner;
  const outer = part(0, rows.axis);
  return {
    sizes: [...outer.sizes, ...inner.sizes],
    strides: outer.strides.map((strides, i) => strides.concat(inner.strides[i])),
  };
}

/** What is read and written: the results, the operands, and what is kept for a row. */
function streamsOf({ shape, results, operands, rows }: FusedForm): readonly Stream[] {
  const strides = shape.map((_, i) =>
    rows === null || i < rows.axis ? 0 : sizeOf(shape.slice(i + 1)),
  );
  const kept = Array.from({ length: rows?.phases.kept ?? 0 }, () => ({
    dtype: "float32" as const,
    strides,
  }));
  return [...results, ...operands, ...kept];
}

/** A kernel and its name; parameters are the addresses of the results, the operands, and what is kept. */
export function fusedKernel(form: FusedForm): { name: string; source: FunctionSource } {
  const streams = streamsOf(form);
  const loops = loopsOfForm(form, streams);
  const structure = new Structure();
  const reduced = (form.rows?.reductions ?? []).map(
    ({ name, of }) => `${name} ${structure.of(of)}`,
  );
  const values = [...reduced, ...form.results.map(({ value }) => structure.of(value))];
  const types = streams.map(({ dtype }, i) => `${dtype} ${loops.strides[i].join()}`);
  const name = [
    "fused",
    form.lanes,
    loops.sizes.join(),
    ...types,
    ...structure.lines,
    ...values,
  ].join("; ");
  const source: FunctionSource = {
    parameters: streams.map(() => "i32"),
    write: (body) => new FusedWriter(body, form, loops, streams).write(),
  };
  return { name, source };
}

class FusedWriter {
  readonly #body: Body;
  readonly #form: FusedForm;
  readonly #streams: readonly Stream[];
  readonly #loops: Loops;
  readonly #writer: Writer;
  readonly #stored: readonly Expression[];
  readonly #operands: readonly number[];
  readonly #rows: RowWriter | null;

  constructor(body: Body, form: FusedForm, loops: Loops, streams: readonly Stream[]) {
    this.#body = body;
    this.#form = form;
    this.#streams = streams;
    this.#loops = loops;
    this.#writer = new Writer(body);
    this.#stored = form.results.map(({ value }, i) => this.#storedOf(i, value));
    const { operands, rows } = form;
    const count = rows === null ? operands.length : rows.phases.operands;
    this.#operands = Array.from({ length: count }, () => body.local("v128"));
    this.#rows = rows === null ? null : this.#rowWriter(rows);
  }

  #rowWriter({ reductions, phases }: RowForm): RowWriter {
    const { results, operands } = this.#form;
    const at: Lanes = {
      length: this.#loops.sizes[this.#loops.sizes.length - 1],
      results: results.length,
      operands: operands.length,
      load: (stream, local, count) => this.#load(stream, local, count),
      store: (result, value, count) => this.#store(result, value, count),
      stored: (result, value) => this.#storedOf(result, value),
      advance: (stream, elements) => {
        const strides = this.#loops.strides[stream];
        const width = bytesOf(this.#streams[stream].dtype);
        this.#body.advance(stream, elements * strides[strides.length - 1] * width);
      },
    };
    const names = reductions.map(({ name }) => name);
    return new RowWriter(this.#body, this.#writer, at, phases, names, this.#operands);
  }

  /** Of masks, the lowest bit is stored. */
  #storedOf(result: number, value: Expression): Expression {
    const { dtype } = this.#form.results[result];
    return dtype === "bool" ? op("v128.and", value, bits(1)) : value;
  }

  write(): void {
    for (const value of this.#stored) this.#writer.prepare(value);
    for (const { of } of this.#form.rows?.reductions ?? []) this.#writer.prepare(of);
    // What is one number for all elements is read once.
    this.#form.operands.forEach((_, i) => {
      if (this.#stridesOf(i).every((stride) => stride === 0)) this.#loadOne(i);
    });
    this.#writeAxis(0);
  }

  #stridesOf(operand: number): readonly number[] {
    return this.#loops.strides[this.#form.results.length + operand];
  }

  /** Visits one axis; afterwards pointers have moved by its whole length. */
  #writeAxis(axis: number): void {
    const { sizes } = this.#loops;
    if (axis === sizes.length - 1) {
      this.#writeRow();
      return;
    }
    const count = this.#body.local("i32");
    this.#body.i32(sizes[axis]).set(count);
    this.#body.repeat(count, () => {
      this.#writeAxis(axis + 1);
      this.#eachPointer((pointer, strides, width) => {
        // The row has moved it by whole vectors, or back to where it was; an inner axis by its length.
        const { lanes } = this.#form;
        const isRow = axis + 1 === sizes.length - 1;
        const whole = this.#rows === null ? sizes[axis + 1] - (sizes[axis + 1] % lanes) : 0;
        const steps = isRow ? whole : sizes[axis + 1];
        const by = (strides[axis] - steps * strides[axis + 1]) * width;
        if (by !== 0) this.#body.advance(pointer, by);
      });
    });
  }

  #eachPointer(visit: (pointer: number, strides: readonly number[], width: number) => void): void {
    this.#streams.forEach(({ dtype }, i) => visit(i, this.#loops.strides[i], bytesOf(dtype)));
  }

  #writeRow(): void {
    const body = this.#body;
    const { lanes } = this.#form;
    const length = this.#loops.sizes[this.#loops.sizes.length - 1];
    const [whole, rest] = [Math.floor(length / lanes), length % lanes];
    this.#form.operands.forEach((_, i) => {
      const strides = this.#stridesOf(i);
      const isInRow = strides[strides.length - 1] !== 0;
      if (!isInRow && strides.some((stride) => stride !== 0)) this.#loadOne(i);
    });
    if (this.#rows !== null) {
      this.#rows.write();
      return;
    }
    if (whole > 0) {
      const count = body.local("i32");
      body.i32(whole).set(count);
      body.repeat(count, () => {
        this.#writeVector(lanes);
        this.#eachPointer((pointer, strides, width) => {
          const by = lanes * strides[strides.length - 1] * width;
          if (by !== 0) body.advance(pointer, by);
        });
      });
    }
    if (rest > 0) this.#writeVector(rest);
  }

  /** Reads, computes and stores so many elements. */
  #writeVector(count: number): void {
    const body = this.#body;
    this.#form.operands.forEach((_, i) => {
      const isOne = this.#stridesOf(i).at(-1) === 0;
      if (!isOne) this.#load(this.#form.results.length + i, this.#operands[i], count);
    });
    this.#writer.begin(this.#operands);
    const made = this.#stored.map((value) => {
      this.#writer.write(value);
      const local = body.local("v128");
      body.set(local);
      return local;
    });
    made.forEach((local, i) => this.#store(i, local, count));
  }

  /** Reads the element that serves a whole row. */
  #loadOne(operand: number): void {
    const { dtype } = this.#form.operands[operand];
    loadLanes(this.#body, dtype, this.#form.results.length + operand, true, this.#form.lanes);
    this.#body.set(this.#operands[operand]);
  }

  /** Reads so many elements of a stream into a local. */
  #load(pointer: number, local: number, count: number): void {
    const body = this.#body;
    const { dtype } = this.#streams[pointer];
    const strides = this.#loops.strides[pointer];
    const stride = strides[strides.length - 1];
    if (stride === 1) {
      loadLanes(body, dtype, pointer, false, this.#form.lanes);
      body.set(local);
      return;
    }
    const isWide = dtype === "float64";
    body
      .get(pointer)
      .at(isWide ? "v128.load64_splat" : "v128.load32_splat")
      .set(local);
    for (let lane = 1; lane < count; lane++) {
      body
        .get(pointer)
        .i32(lane * stride * bytesOf(dtype))
        .op("i32.add");
      body
        .get(local)
        .loadLane(isWide ? 64 : 32, lane)
        .set(local);
    }
  }

  #store(result: number, local: number, count: number): void {
    const body = this.#body;
    const { dtype } = this.#form.results[result];
    const strides = this.#loops.strides[result];
    const stride = strides[strides.length - 1];
    if (stride === 1) {
      storeLanes(body, dtype, result, local, count);
      return;
    }
    const one = body.local("i32");
    for (let lane = 0; lane < count; lane++) {
      // The lane of this number, as if it were the first of a vector of its own.
      body
        .get(result)
        .i32(lane * stride * bytesOf(dtype))
        .op("i32.add")
        .set(one);
      body.get(one).get(local);
      if (dtype === "bool") body.storeLane("v128.store8_lane", 0, 4 * lane);
      else body.storeLane(dtype === "float64" ? "v128.store64_lane" : "v128.store32_lane", 0, lane);
    }
  }
}
