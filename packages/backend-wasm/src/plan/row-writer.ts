/** @file Writes what a kernel does with each row, or with a few elements after the other. */
import type { Body } from "../emitter.ts";
import type { LaneCount } from "../elementwise.ts";
import type { Expression, Writer } from "../expression.ts";
import { Accumulator, type Reduction } from "../folds.ts";
import type { Phase, Phases, Whereabouts } from "./phases.ts";

/** Elements of streams: the results, the operands in memory, and what is kept. */
export interface Lanes {
  /** Elements of a row. */
  readonly length: number;
  /** Elements of a vector, and vectors that are computed side by side. */
  readonly lanes: LaneCount;
  readonly together: number;
  /** How many results there are, and operands in memory. */
  readonly results: number;
  readonly operands: number;
  /** Reads so many elements of a stream into a local: those of a vector of this number, from where it is. */
  load(stream: number, local: number, count: number, vector: number): void;
  /** Stores so many elements of a local. */
  store(stream: number, local: number, count: number, vector: number): void;
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
  /** Where operands are, of each of the vectors that are computed side by side. */
  readonly #locals: readonly (readonly number[])[];
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
    const varying = new Set(
      phases.groups.flat().flatMap(({ reads, again }) => reads.concat(again.map((x) => x.index))),
    );
    const others = (): number[] =>
      locals.map((local, i) => (varying.has(i) ? body.local("v128") : local));
    this.#locals = Array.from({ length: lanesOf.together }, (_, i) =>
      i === 0 ? locals : others(),
    );
    this.#accumulators = reductions.map((name) => new Accumulator(body, name, "float32"));
  }

  /** Writes it. */
  write(): void {
    const { groups, last } = this.#phases;
    for (const group of groups) this.#writeGroup(group);
    this.#writer.begin(this.#locals[0]);
    for (const { index, value } of last) this.#lanes.store(index, this.#made(index, value), 1, 0);
  }

  /** All phases up to a reduction, strip by strip. */
  #writeGroup(group: readonly Phase[]): void {
    const body = this.#body;
    const { length, lanes, together } = this.#lanes;
    const unit = lanes * together;
    const [whole, rest] = [Math.floor(length / unit), length % unit];
    // What is kept of a strip lies where that of the strip before did.
    const moving = group
      .flatMap((phase) => this.#streamsOf(phase))
      .filter((stream) => !this.#isOfStrip(stream));
    for (const phase of group) {
      this.#writeAhead(phase);
      for (const { index } of phase.reductions) this.#accumulators[index].begin();
    }
    const strip = body.local("i32");
    const writeStrip = (): void => {
      for (const phase of group) this.#writeVectors(phase, strip);
      this.#lanes.advance(moving, unit, strip);
    };
    const most = group.length === 1 ? whole : Math.min(whole, stripLength / unit);
    if (whole > 0 && most === whole) {
      body.i32(whole).set(strip);
      writeStrip();
    } else if (whole > 0) {
      const left = body.local("i32");
      body.i32(whole).set(left).repeatBlocks(left, most, strip, writeStrip);
    }
    for (let done = 0; done + lanes <= rest; done += lanes) {
      for (const phase of group) this.#writeVector(phase, lanes, 1);
      this.#lanes.advance(moving, lanes);
    }
    for (const phase of group) this.#writeEnd(phase, rest % lanes);
    this.#lanes.advance(moving, (rest % lanes) - length);
  }

  /** Computes what a phase needs of numbers that are the same for all of its elements. */
  #writeAhead(phase: Phase): void {
    this.#writer.begin(this.#locals[0]);
    for (const { index, value } of phase.ahead) {
      this.#writer.write(value);
      this.#body.set(this.#locals[0][index]);
    }
  }

  /** Units of vectors side by side, as many as a local says. */
  #writeVectors(phase: Phase, units: number): void {
    const { lanes, together } = this.#lanes;
    const streams = this.#streamsOf(phase);
    const count = this.#body.local("i32");
    this.#body.get(units).set(count);
    this.#body.repeat(count, () => {
      if (together === 1) this.#writeVector(phase, lanes, 1);
      else {
        const read = [...phase.reads, ...phase.again.map(({ index }) => index)];
        const locals = this.#locals.flatMap((ofVector) => read.map((index) => ofVector[index]));
        this.#body.scoped(locals, () => this.#writeVector(phase, lanes, together));
      }
      this.#lanes.advance(streams, lanes * together);
    });
    this.#lanes.advance(streams, -lanes * together, units);
  }

  /** The last elements of a row, and what it was reduced to. */
  #writeEnd(phase: Phase, rest: number): void {
    const body = this.#body;
    for (const { index } of phase.reductions) this.#accumulators[index].join();
    if (rest > 0) this.#writeVector(phase, rest, 1);
    for (const { index } of phase.reductions) {
      this.#accumulators[index].result();
      body.op("f32x4.splat").set(this.#locals[0][this.#lanes.operands + index]);
    }
  }

  /**
   * Reads, computes, stores and reduces so many elements of each of some vectors: what is read of all, what is
   * computed, and what is stored stands together, as engines want it that make one of two.
   */
  #writeVector(phase: Phase, count: number, vectors: number): void {
    const body = this.#body;
    const { results, lanes } = this.#lanes;
    const each = Array.from({ length: vectors }, (_, vector) => vector);
    for (const [stream, index] of [
      ...phase.reads.map((read) => [results + read, read]),
      ...phase.again.map((again) => [this.#streamOf(again), again.index]),
    ]) {
      for (const v of each) this.#lanes.load(stream, this.#locals[v][index], count, v);
    }
    const made = each.map((v) => {
      this.#writer.begin(this.#locals[v]);
      return {
        reduced: phase.reductions.map(({ value }) => this.#computed(value)),
        kept: phase.keeps.map(({ value }) => this.#computed(value)),
        stored: phase.results.map(({ index, value }) => this.#made(index, value)),
      };
    });
    // Vectors are kept whole: there is room.
    phase.keeps.forEach((keep, i) => {
      for (const v of each) this.#lanes.store(this.#streamOf(keep), made[v].kept[i], lanes, v);
    });
    phase.results.forEach(({ index }, i) => {
      for (const v of each) this.#lanes.store(index, made[v].stored[i], count, v);
    });
    phase.reductions.forEach(({ index }, i) => {
      const accumulator = this.#accumulators[index];
      for (const { reduced } of made) {
        if (count === lanes) {
          body.get(reduced[i]);
          accumulator.take();
        } else {
          for (let lane = 0; lane < count; lane++) {
            accumulator.takeOne(() => body.get(reduced[i]).lane("f32x4.extract_lane", lane));
          }
        }
      }
    });
  }

  /** Computes a value in a new local. */
  #computed(value: Expression): number {
    const local = this.#body.local("v128");
    this.#writer.write(value);
    this.#body.set(local);
    return local;
  }

  /** Computes what a result stores. */
  #made(result: number, value: Expression): number {
    return this.#computed(this.#lanes.stored(result, value));
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
