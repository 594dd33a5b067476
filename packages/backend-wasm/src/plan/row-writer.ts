/** @file Writes what a kernel does with each row, or with a few elements after the other. */
import type { Body } from "../emitter.ts";
import { mostLanes as lanes } from "../elementwise.ts";
import type { Expression, Writer } from "../expression.ts";
import { Accumulator, type Reduction } from "../folds.ts";
import type { Phase, Phases, Whereabouts } from "./phases.ts";

/** Elements of streams: the results, the operands in memory, and what is kept. */
export interface Lanes {
  /** Elements of a row. */
  readonly length: number;
  /** How many results there are, and operands in memory. */
  readonly results: number;
  readonly operands: number;
  /** Reads so many elements of a stream into a local. */
  load(stream: number, local: number, count: number): void;
  /** Stores so many elements of a local. */
  store(stream: number, local: number, count: number): void;
  /** What of a value a result stores. */
  stored(result: number, value: Expression): Expression;
  /** Moves along streams: so many elements, or these as often as a local says. */
  advance(streams: readonly number[], elements: number, times?: number): void;
}

/** Elements that are visited several times before the next ones are: what is kept of them stays in the cache. */
export const stripLength = 128;

/** Writes the phases of one row; streams are at its beginning, and will be there again. */
export class RowWriter {
  readonly #body: Body;
  readonly #writer: Writer;
  readonly #lanes: Lanes;
  readonly #phases: Phases;
  readonly #locals: readonly number[];
  readonly #accumulators: readonly Accumulator[];

  /**
   * @param reductions - The reductions of the phases.
   * @param locals - Where operands are; those of one number for a row are read.
   */
  constructor(
    body: Body,
    writer: Writer,
    lanesOf: Lanes,
    phases: Phases,
    reductions: readonly Reduction[],
    locals: readonly number[],
  ) {
    this.#body = body;
    this.#writer = writer;
    this.#lanes = lanesOf;
    this.#phases = phases;
    this.#locals = locals;
    this.#accumulators = reductions.map((name) => new Accumulator(body, name, "float32"));
  }

  /** Writes it. */
  write(): void {
    const { groups, last } = this.#phases;
    for (const group of groups) this.#writeGroup(group);
    this.#writer.begin(this.#locals);
    for (const { index, value } of last) this.#storeResult(index, value, 1);
  }

  /** All phases up to a reduction, strip by strip. */
  #writeGroup(group: readonly Phase[]): void {
    const body = this.#body;
    const [whole, rest] = [Math.floor(this.#lanes.length / lanes), this.#lanes.length % lanes];
    // What is kept of a strip lies where that of the strip before did.
    const moving = group
      .flatMap((phase) => this.#streamsOf(phase))
      .filter((x) => !this.#isOfStrip(x));
    for (const phase of group) this.#writeAhead(phase);
    for (const { index } of group.flatMap((phase) => phase.reductions))
      this.#accumulators[index].begin();
    if (whole > 0) {
      const [left, strip] = [body.local("i32"), body.local("i32")];
      body.i32(whole).set(left);
      body.repeat(left, () => {
        body.i32(stripLength / lanes).set(strip);
        body
          .get(left)
          .get(strip)
          .op("i32.lt_u")
          .when(() => body.get(left).set(strip));
        for (const phase of group) this.#writeVectors(phase, strip);
        this.#lanes.advance(moving, lanes, strip);
        // The loop itself takes one.
        body.get(left).get(strip).op("i32.sub").i32(1).op("i32.add").set(left);
      });
    }
    for (const phase of group) this.#writeEnd(phase, rest);
    this.#lanes.advance(moving, -lanes * whole);
  }

  /** Computes what a phase needs of numbers that are the same for all of its elements. */
  #writeAhead(phase: Phase): void {
    this.#writer.begin(this.#locals);
    for (const { index, value } of phase.ahead) {
      this.#writer.write(value);
      this.#body.set(this.#locals[index]);
    }
  }

  /** So many vectors of elements, as a local says. */
  #writeVectors(phase: Phase, vectors: number): void {
    const streams = this.#streamsOf(phase);
    const count = this.#body.local("i32");
    this.#body.get(vectors).set(count);
    this.#body.repeat(count, () => {
      const values = this.#writeVector(phase, lanes);
      phase.reductions.forEach(({ index }, i) => {
        this.#body.get(values[i]);
        this.#accumulators[index].take();
      });
      this.#lanes.advance(streams, lanes);
    });
    this.#lanes.advance(streams, -lanes, vectors);
  }

  /** The last elements of a row, and what it was reduced to. */
  #writeEnd(phase: Phase, rest: number): void {
    const body = this.#body;
    for (const { index } of phase.reductions) this.#accumulators[index].join();
    if (rest > 0) {
      const values = this.#writeVector(phase, rest);
      phase.reductions.forEach(({ index }, i) => {
        for (let lane = 0; lane < rest; lane++) {
          const put = (): void => void body.get(values[i]).lane("f32x4.extract_lane", lane);
          this.#accumulators[index].takeOne(put);
        }
      });
    }
    for (const { index } of phase.reductions) {
      this.#accumulators[index].result();
      body.op("f32x4.splat").set(this.#locals[this.#lanes.operands + index]);
    }
  }

  /** Reads, computes and stores so many elements; where the values are that are reduced. */
  #writeVector(phase: Phase, count: number): number[] {
    const body = this.#body;
    const { results } = this.#lanes;
    for (const index of phase.reads) this.#lanes.load(results + index, this.#locals[index], count);
    for (const again of phase.again) {
      this.#lanes.load(this.#streamOf(again), this.#locals[again.index], count);
    }
    this.#writer.begin(this.#locals);
    const values = phase.reductions.map(({ value }) => {
      const local = body.local("v128");
      this.#writer.write(value);
      body.set(local);
      return local;
    });
    for (const keep of phase.keeps) {
      // Vectors are kept whole: there is room.
      const local = body.local("v128");
      this.#writer.write(keep.value);
      body.set(local);
      this.#lanes.store(this.#streamOf(keep), local, lanes);
    }
    for (const { index, value } of phase.results) this.#storeResult(index, value, count);
    return values;
  }

  #storeResult(index: number, value: Expression, count: number): void {
    const local = this.#body.local("v128");
    this.#writer.write(this.#lanes.stored(index, value));
    this.#body.set(local);
    this.#lanes.store(index, local, count);
  }

  /** Streams are the results, the operands, and what is kept of a row and of a strip. */
  #streamOf({ from, number }: Whereabouts): number {
    if (from === "result") return number;
    const { results, operands } = this.#lanes;
    return results + operands + (from === "row" ? 0 : this.#phases.kept.row) + number;
  }

  #isOfStrip(stream: number): boolean {
    return stream >= this.#lanes.results + this.#lanes.operands + this.#phases.kept.row;
  }

  /** Those that a phase reads or writes. */
  #streamsOf({ reads, again, keeps, results }: Phase): readonly number[] {
    return [
      ...reads.map((index) => this.#lanes.results + index),
      ...again.map((each) => this.#streamOf(each)),
      ...keeps.map((each) => this.#streamOf(each)),
      ...results.map(({ index }) => index),
    ];
  }
}
