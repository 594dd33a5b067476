/**
 * @file What the variables of a program stand for while its plan is made, and the steps so far.
 *
 * Movements are views and cost nothing. Functions of single elements wait until somebody needs their
 * results in memory; then all that wait for the same shape are computed by one kernel.
 */
import type {
  PrimitiveName,
  Program,
  ProgramNode,
  TensorType,
  Variable,
} from "@tapeloop/autograd/backend";
import { bytesOf } from "../array.ts";
import { lanesFor, mostLanes } from "../elementwise.ts";
import type { Expression } from "../expression.ts";
import type { ProductForm } from "../products/product.ts";
import { copyStep } from "./kernel-steps.ts";
import { type Computed, fusedStep } from "./fused-step.ts";
import type { Host } from "./host.ts";
import { constantOf, Leaves } from "./leaves.ts";
import {
  Buffer,
  bytesFor,
  isScatteredMask,
  type Lazy,
  type Place,
  placeOf,
  type Rows,
  type Value,
} from "./place.ts";
import { packStep } from "./product-step.ts";
import type { Step } from "./step.ts";
import { areSame, joins } from "./rows.ts";
import { kernelShape, Waiting } from "./waiting.ts";

/** A program while its steps are made: the whole, or the body of a loop. */
export class Lowering {
  /** What the plan runs on. */
  readonly host: Host;
  /** The steps so far. */
  readonly steps: Step[] = [];
  /** Where the loop stands that this is the body of; null for the whole. */
  readonly outer: Lowering | null;
  /** The places that expressions read. */
  readonly leaves: Leaves = new Leaves();
  readonly #values = new Map<Variable, Value>();
  readonly #readers = new Map<Variable, ProgramNode[]>();
  /** How often a variable will still be read by somebody who wants it in memory. */
  readonly #uses = new Map<Variable, number>();
  readonly #targets = new Map<Variable, Place>();
  readonly #waiting = new Waiting(this.leaves);
  readonly #packed = new Map<Buffer, Map<string, Place>>();

  /** @param outer - Where the loop stands that this is the body of. */
  constructor(host: Host, { nodes, outputs }: Program, outer: Lowering | null = null) {
    this.host = host;
    this.outer = outer;
    const use = (v: Variable): void => void this.#uses.set(v, (this.#uses.get(v) ?? 0) + 1);
    for (const node of nodes) {
      for (const v of node.inputs) {
        const readers = this.#readers.get(v);
        if (readers === undefined) this.#readers.set(v, [node]);
        else readers.push(node);
        use(v);
      }
    }
    for (const v of outputs) use(v);
  }

  // What variables stand for

  /** What a variable stands for. */
  value(v: Variable): Value {
    return this.#values.get(v) as Value;
  }

  /** Says what a variable stands for. */
  set(v: Variable, value: Value): void {
    this.#values.set(v, value);
    if (value.kind === "lazy") this.#waiting.join(v, value);
  }

  /** Where a variable is, if it is in memory already. */
  known(v: Variable): Place | null {
    const value = this.#values.get(v);
    return value?.kind === "place" ? value : null;
  }

  /** A variable's elements in memory: what computes them becomes a step. */
  place(v: Variable): Place {
    const value = this.value(v);
    if (value.kind === "place") return value;
    if (value.kind === "lazy") this.compute(kernelShape(value));
    else {
      const place = this.room(v);
      this.fill(place, value.value);
      this.set(v, place);
    }
    return this.value(v) as Place;
  }

  /** A variable as a part of expressions. */
  operand(v: Variable): Expression {
    const value = this.value(v);
    if (value.kind === "lazy") return value.expression;
    if (value.kind === "filled") return constantOf(value.dtype, value.value);
    return this.leaves.of(isScatteredMask(value) ? this.dense(value) : value);
  }

  /** Whether a variable waits to be computed in lanes of 64 bits. */
  isWide(v: Variable): boolean {
    const value = this.value(v);
    return value.kind === "lazy" && value.lanes === 2;
  }

  // Who reads them

  /** One use fewer that would need the variable in memory. */
  used(v: Variable): void {
    this.#uses.set(v, (this.#uses.get(v) ?? 0) - 1);
  }

  /** Whether only one op will read a variable, and nobody else. */
  isReadOnce(v: Variable): boolean {
    return this.#readers.get(v)?.length === 1 && this.#uses.get(v) === 1;
  }

  /** The only op that reads a variable, if it is of this kind. */
  onlyReader(v: Variable, name: PrimitiveName): ProgramNode | null {
    const reader = this.#readers.get(v)?.[0];
    return this.isReadOnce(v) && reader?.primitive.name === name ? reader : null;
  }

  // Where they go

  /** Wants the result of an op at a place; the first wish counts. */
  want(v: Variable, place: Place): void {
    if (!this.#targets.has(v)) this.#targets.set(v, place);
  }

  /** Where the result of an op goes: where it is wanted, or anywhere. */
  room(v: Variable): Place {
    return this.#targets.get(v) ?? placeOf(v.type, this.buffer(v.type));
  }

  /** A buffer for elements of this type. */
  buffer(type: TensorType): Buffer {
    return new Buffer(bytesFor(type), this);
  }

  // Steps

  /** Computes what waits for a kernel of this shape, as far as it will still be read. */
  compute(shape: readonly number[]): void {
    const { members, rows } = this.#waiting.take(shape);
    const [joined, others]: [Computed[], Computed[]] = [[], []];
    for (const [v, { expression, lanes, rows: own }] of members) {
      if ((this.#uses.get(v) ?? 0) <= 0) continue;
      const wanted = this.room(v);
      // What cannot be walked along the rows of the others has a kernel of its own.
      const canJoin = lanes === mostLanes && this.leaves.joins(expression, rows?.axis ?? 0);
      const isJoined = rows !== null && (own !== null || canJoin);
      const isFit = !isJoined || joins(wanted, rows.axis);
      const to = isFit ? wanted : placeOf(v.type, this.buffer(v.type));
      (isJoined ? joined : others).push({ to, lanes, value: expression });
      this.set(v, to);
    }
    const push = (results: readonly Computed[], of: Rows | null): void => {
      if (results.length === 0) return;
      this.steps.push(fusedStep(this, this.leaves, { shape, rows: of }, results));
    };
    push(others, null);
    push(joined, rows);
  }

  /**
   * Lets functions of single elements be parts of one kernel: what is of different rows, or cannot be walked
   * along them, meets in memory.
   *
   * @param isWide - Whether they are computed in lanes of 64 bits, which rows are not.
   */
  meet(variables: readonly Variable[], isWide: boolean): void {
    const lazies = variables.map((v) => this.value(v)).filter(({ kind }) => kind === "lazy");
    const rows = lazies.flatMap((lazy) => (lazy as Lazy).rows ?? []);
    const isOne =
      rows.every((other) => areSame(other, rows[0])) &&
      rows.every(({ axis }) => variables.every((v) => this.#isAlong(v, axis)));
    if (isOne && !isWide) return;
    for (const v of variables) if (rowsOfValue(this.value(v)) !== null) this.place(v);
  }

  #isAlong(v: Variable, axis: number): boolean {
    const value = this.value(v);
    if (value.kind === "place") return joins(value, axis);
    return (
      value.kind === "filled" || value.rows !== null || this.leaves.joins(value.expression, axis)
    );
  }

  /** Which rows functions of these variables are of; null if they are of single elements alone. */
  rowsOf(variables: readonly Variable[]): Rows | null {
    return variables.map((v) => rowsOfValue(this.value(v))).find((rows) => rows !== null) ?? null;
  }

  /** Lets reductions of these rows wait with what waits for their shape, if need be by computing that before. */
  makeRows(rows: Rows): void {
    if (this.#waiting.hasOther(rows)) this.compute(rows.shape);
  }

  /** Lets one more function wait for a kernel of this shape, if need be by computing those before. */
  makeRoom(shape: readonly number[]): void {
    if (this.#waiting.isFull(shape)) this.compute(shape);
  }

  /** A step that fills a place. */
  fill(place: Place, value: number): void {
    const results = [
      { to: place, lanes: lanesFor([place.dtype]), value: constantOf(place.dtype, value) },
    ];
    this.steps.push(fusedStep(this, this.leaves, { shape: place.shape, rows: null }, results));
  }

  /** A step that copies elements; both have the same shape. */
  copy(to: Place, from: Place): void {
    if (isScatteredMask(from)) this.steps.push(copyStep(this.host, to, from));
    else {
      const results = [{ to, lanes: lanesFor([to.dtype]), value: this.leaves.of(from) }];
      this.steps.push(fusedStep(this, this.leaves, { shape: to.shape, rows: null }, results));
    }
  }

  /** The elements in row-major order: as they are, or copied. */
  dense(from: Place): Place {
    const to = placeOf(from, this.buffer(from));
    this.copy(to, from);
    return to;
  }

  /** Brings a variable's elements to a place, if they are not there. */
  bring(v: Variable, to: Place): void {
    const value = this.value(v);
    if (value.kind === "filled") this.fill(to, value.value);
    else {
      const from = this.place(v);
      const isThere =
        from.buffer === to.buffer &&
        from.offset === to.offset &&
        from.strides.join() === to.strides.join();
      if (!isThere) this.copy(to, from);
    }
  }

  /** Whether a place is the same for all steps of the loop that this is the body of. */
  isGiven({ buffer }: Place): boolean {
    return this.outer !== null && buffer.home !== this;
  }

  /** A right operand packed, once for all who ask, where it is made. */
  packed(place: Place, form: ProductForm): Place {
    if (this.outer !== null && this.isGiven(place)) return this.outer.packed(place, form);
    const { dtype, right, sizes } = form;
    const key = [place.offset, right.down, right.across, sizes[1], sizes[2], dtype].join();
    const ofBuffer = this.#packed.get(place.buffer) ?? new Map<string, Place>();
    this.#packed.set(place.buffer, ofBuffer);
    const known = ofBuffer.get(key);
    if (known !== undefined) return known;
    const { rightBytes } = this.host.products.of(form);
    const type = { shape: [rightBytes / bytesOf(dtype)], dtype };
    const packed = placeOf(type, this.buffer(type));
    ofBuffer.set(key, packed);
    this.steps.push(packStep(this, place, packed, form));
    return packed;
  }
}

/** What a value reads reductions of. */
function rowsOfValue(value: Value): Rows | null {
  return value.kind === "lazy" ? value.rows : null;
}
