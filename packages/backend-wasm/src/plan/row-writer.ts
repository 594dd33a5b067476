/** @file Writes what a kernel does with each row. */
import type { Body } from "../emitter.ts";
import { mostLanes as lanes } from "../elementwise.ts";
import type { Expression, Writer } from "../expression.ts";
import { Accumulator, type Reduction } from "../folds.ts";
import type { Again, Phase, Phases } from "./phases.ts";

/** Elements of streams: the results, the operands in memory, and what is kept for a row. */
export interface Lanes {
  /** Elements of a row. */
  readonly length: number;
  /** How many results there are, and operands in memory. */
  readonly results: number;
  readonly operands: number;
  /** Reads so many elements of a stream into a local. */
  load(stream: number, local: number, count: number): void;
  /** Stores so many elements of a result. */
  store(result: number, value: number, count: number): void;
  /** What of a value a result stores. */
  stored(result: number, value: Expression): Expression;
  /** Moves to other elements of a row. */
  advance(stream: number, elements: number): void;
}

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
    const { list, last } = this.#phases;
    for (const phase of list) this.#writePhase(phase);
    this.#writer.begin(this.#locals);
    for (const { index, value } of last) this.#storeResult(index, value, 1);
  }

  #writePhase(phase: Phase): void {
    const body = this.#body;
    const { length, operands } = this.#lanes;
    const [whole, rest] = [Math.floor(length / lanes), length % lanes];
    this.#writer.begin(this.#locals);
    for (const { index, value } of phase.ahead) {
      this.#writer.write(value);
      body.set(this.#locals[index]);
    }
    for (const { index } of phase.reductions) this.#accumulators[index].begin();
    const streams = this.#streamsOf(phase);
    const count = body.local("i32");
    body.i32(whole).set(count);
    body.repeat(count, () => {
      const values = this.#writeVector(phase, lanes);
      phase.reductions.forEach(({ index }, i) => {
        body.get(values[i]);
        this.#accumulators[index].take();
      });
      for (const stream of streams) this.#lanes.advance(stream, lanes);
    });
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
      body.op("f32x4.splat").set(this.#locals[operands + index]);
    }
    for (const stream of streams) this.#lanes.advance(stream, -lanes * whole);
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
    for (const { index, value } of phase.keeps) {
      // Vectors are kept whole: there is room.
      body.get(this.#keptStream(index));
      this.#writer.write(value);
      body.at("v128.store");
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

  #keptStream(number: number): number {
    return this.#lanes.results + this.#lanes.operands + number;
  }

  #streamOf({ from, number }: Omit<Again, "index">): number {
    return from === "result" ? number : this.#keptStream(number);
  }

  /** Those that a phase reads or writes, each once. */
  #streamsOf({ reads, again, keeps, results }: Phase): ReadonlySet<number> {
    return new Set([
      ...reads.map((index) => this.#lanes.results + index),
      ...again.map((each) => this.#streamOf(each)),
      ...keeps.map(({ index }) => this.#keptStream(index)),
      ...results.map(({ index }) => index),
    ]);
  }
}
