/**
 * @file From the ops of a program to the steps of a plan.
 *
 * Movements are views and cost nothing. Functions of single elements wait until somebody needs their
 * results in memory; then all that wait for the same shape are computed by one kernel.
 */
import {
  type ConcatParams,
  type DotAxes,
  type FillParams,
  type PadParams,
  type PermuteParams,
  type PrimitiveName,
  type Program,
  type ProgramNode,
  type ScanParams,
  type ShapeParams,
  type SliceParams,
  sizeOf,
  type SplitParams,
  type TensorType,
  type Variable,
} from "@tapeloop/autograd/backend";
import { type Expression, operand } from "../expression.ts";
import { pointwiseOf } from "../pointwise.ts";
import { axisGroups, type Matrices, matricesOf } from "../products/matrices.ts";
import { productForm } from "../products/contraction.ts";
import type { ProductForm } from "../products/product.ts";
import type { FloatType } from "../products/block.ts";
import { copyStep, fillStep, kernelStep } from "./elsewhere.ts";
import { fusedKernel } from "./fused.ts";
import type { Host } from "./host.ts";
import { constantOf, Leaves, replaced, visitParts } from "./leaves.ts";
import { lowerScan } from "./loop.ts";
import {
  Buffer,
  bytesFor,
  type Lazy,
  type Movement,
  permuted,
  type Place,
  placeOf,
  ranged,
  repeated,
  reshaped,
  sliced,
  type Value,
  type View,
} from "./place.ts";
import { locate, type Step } from "./step.ts";

/** Functions of elements that wait for one kernel. */
interface Group {
  readonly members: Map<Variable, Lazy>;
  readonly operands: Set<Expression>;
  readonly parts: Set<Expression>;
}

/** More operands than this, or more instructions, make a kernel that no registers suffice for. */
const mostOperands = 20;
const mostParts = 1200;
/** What is no longer than this may be computed again rather than kept. */
const fewParts = 12;

/** Makes the steps of one program: the whole, or the body of a loop. */
export class Lowering {
  readonly host: Host;
  readonly steps: Step[] = [];
  readonly outer: Lowering | null;
  readonly #program: Program;
  readonly #values = new Map<Variable, Value>();
  readonly #readers = new Map<Variable, ProgramNode[]>();
  /** How often a variable is read by somebody who wants it in memory. */
  readonly #uses = new Map<Variable, number>();
  readonly #targets = new Map<Variable, Place>();
  readonly #groups = new Map<string, Group>();
  readonly #leaves = new Leaves();
  readonly #packed = new Map<Buffer, Map<string, Buffer>>();
  readonly #done = new Set<ProgramNode>();

  /**
   * @param outer - Whose body this is; null for the whole.
   */
  constructor(host: Host, program: Program, outer: Lowering | null = null) {
    this.host = host;
    this.outer = outer;
    this.#program = program;
    for (const node of program.nodes) {
      for (const v of node.inputs) {
        this.#readers.set(v, [...(this.#readers.get(v) ?? []), node]);
        this.#uses.set(v, (this.#uses.get(v) ?? 0) + 1);
      }
    }
    for (const v of program.outputs) this.#uses.set(v, (this.#uses.get(v) ?? 0) + 1);
  }

  /** What a variable stands for. */
  value(v: Variable): Value {
    return this.#values.get(v) as Value;
  }

  /** Says what a variable stands for. */
  set(v: Variable, value: Value): void {
    this.#values.set(v, value);
  }

  /** Wants the result of an op at a place; the first wish counts. */
  target(v: Variable, place: Place): void {
    if (!this.#targets.has(v)) this.#targets.set(v, place);
  }

  /** A buffer for a result of this type. */
  buffer(type: TensorType): Buffer {
    return new Buffer(bytesFor(type), this);
  }

  /** Makes the steps of all ops. */
  run(): void {
    for (const node of this.#program.nodes) if (!this.#done.has(node)) this.#lower(node);
  }

  /** A variable's elements in memory: what computes them becomes a step. */
  place(v: Variable): Place {
    const value = this.value(v);
    if (value.kind === "place") return value;
    if (value.kind === "lazy") {
      this.#flush(value.shape);
    } else {
      const place = this.#targets.get(v) ?? placeOf(v.type, this.buffer(v.type));
      this.fill(place, value.value);
      this.set(v, place);
    }
    return this.value(v) as Place;
  }

  /** A step that fills a place. */
  fill(place: Place, value: number): void {
    if (place.dtype === "float64") {
      this.steps.push(fillStep(this.host, place, value));
      return;
    }
    this.#emit(place.shape, [{ to: place, value: constantOf(place.dtype, value) }]);
  }

  /** A step that copies elements; both have the same shape. */
  copy(to: Place, from: Place): void {
    if (to.dtype === "float64" || isScatteredMask(from)) this.steps.push(copyStep(this.host, to, from));
    else this.#emit(to.shape, [{ to, value: this.#leaves.of(from) }]);
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

  #lower(node: ProgramNode): void {
    const { primitive, inputs, params, outputs } = node;
    const name = primitive.name as PrimitiveName;
    const [y] = outputs;
    if ([...inputs, ...outputs].some(({ type }) => sizeOf(type.shape) === 0)) {
      this.#elsewhere(node);
      return;
    }
    switch (name) {
      case "fill":
        this.set(y, { kind: "filled", ...y.type, value: (params as FillParams).value });
        return;
      case "alias":
        this.#view(node, (view) => view);
        return;
      case "reshape":
        this.#view(node, reshaped((params as ShapeParams).shape));
        return;
      case "permute":
        this.#view(node, permuted((params as PermuteParams).axes));
        return;
      case "broadcastTo":
        this.#view(node, repeated((params as ShapeParams).shape));
        return;
      case "slice": {
        const { starts, sizes, steps } = params as SliceParams;
        this.#view(node, sliced(starts, sizes, steps));
        return;
      }
      case "split": {
        const { axis, sizes } = params as SplitParams;
        let start = 0;
        sizes.forEach((size, i) => {
          this.#viewAs(inputs[0], outputs[i], ranged(axis, start, size), true);
          start += size;
        });
        this.used(inputs[0]);
        return;
      }
      case "concat":
        this.#concat(node, params as ConcatParams);
        return;
      case "pad":
        this.#pad(node, params as PadParams);
        return;
      case "dotGeneral":
        if (y.type.dtype === "float32" || y.type.dtype === "float64") {
          this.#contract(node, params as DotAxes);
        } else this.#elsewhere(node);
        return;
      case "scan":
        if ((params as ScanParams).steps === 0) this.#elsewhere(node);
        else lowerScan(this, node, params as ScanParams);
        return;
      default:
        if (primitive.work !== "pointwise" || !this.#pointwise(node, name)) this.#elsewhere(node);
    }
  }

  // Movements

  #view(node: ProgramNode, movement: Movement): void {
    this.#viewAs(node.inputs[0], node.outputs[0], movement, false);
    this.used(node.inputs[0]);
  }

  /** Another layout of x; it is copied if there is none, and computed if it waits and would be computed twice. */
  #viewAs(x: Variable, y: Variable, movement: Movement, isDisjoint: boolean): void {
    const value = this.value(x);
    if (value.kind === "filled") {
      this.set(y, { ...value, ...y.type });
      return;
    }
    if (value.kind === "lazy" && sizeOf(y.type.shape) <= sizeOf(x.type.shape)) {
      const isOnly = this.#readers.get(x)?.length === 1;
      if (isShort(value.expression) || (isOnly && (isDisjoint || keepsSize(x, y)))) {
        const moved = this.#leaves.moved(value, movement);
        if (moved !== null) {
          this.#join(y, moved);
          return;
        }
      }
    }
    const place = this.place(x);
    const from = movement(place) === null ? this.dense(place) : place;
    this.set(y, { ...from, ...(movement(from) as View) });
  }

  #concat({ inputs, outputs: [y] }: ProgramNode, { axis }: ConcatParams): void {
    const to = this.#targets.get(y) ?? placeOf(y.type, this.buffer(y.type));
    let start = 0;
    const pieces = inputs.map((x) => {
      const size = x.type.shape[axis];
      const piece: Place = { ...to, ...(ranged(axis, start, size)(to) as View) };
      start += size;
      const isOnly = this.#readers.get(x)?.length === 1 && !this.#targets.has(x);
      if (this.value(x).kind === "lazy" && isOnly && this.#uses.get(x) === 1) {
        this.#targets.set(x, piece);
      }
      return piece;
    });
    inputs.forEach((x, i) => {
      this.bring(x, pieces[i]);
      this.used(x);
    });
    this.set(y, to);
  }

  #pad({ inputs: [x], outputs: [y] }: ProgramNode, { spans, value }: PadParams): void {
    const to = this.#targets.get(y) ?? placeOf(y.type, this.buffer(y.type));
    this.fill(to, value);
    const inside = sliced(
      spans.map(({ before }) => before),
      x.type.shape,
      spans.map(({ between }) => between + 1),
    );
    this.bring(x, { ...to, ...(inside(to) as View) });
    this.used(x);
    this.set(y, to);
  }

  // Functions of single elements

  #pointwise(node: ProgramNode, name: PrimitiveName): boolean {
    const { inputs, outputs } = node;
    const [y] = outputs;
    const kernel = pointwiseOf(
      name,
      inputs.map(({ type }) => type.dtype),
      y.type.dtype,
    );
    if (kernel === undefined) return false;
    this.#makeRoom(y.type.shape);
    const operands = inputs.map((x) => this.#operand(x));
    const expression = replaced(kernel.value, (i) => operands[i]);
    for (const x of inputs) this.used(x);
    this.#join(y, { kind: "lazy", ...y.type, expression });
    return true;
  }

  /** A variable as a part of expressions. */
  #operand(x: Variable): Expression {
    const value = this.value(x);
    if (value.kind === "lazy") return value.expression;
    const { dtype } = value;
    if (dtype === "float64") throw new RangeError("lanes hold 32 bits");
    if (value.kind === "filled") return constantOf(dtype, value.value);
    return this.#leaves.of(isScatteredMask(value) ? this.dense(value) : value);
  }

  /** Computes what waits for kernels of a shape, where one more function would be too much. */
  #makeRoom(shape: readonly number[]): void {
    const group = this.#groups.get(shape.join());
    if (group === undefined) return;
    if (group.operands.size > mostOperands || group.parts.size > mostParts) this.#flush(shape);
  }

  /** One more function that waits for a kernel of its shape. */
  #join(y: Variable, lazy: Lazy): void {
    const key = lazy.shape.join();
    const group = this.#groups.get(key) ?? {
      members: new Map<Variable, Lazy>(),
      operands: new Set<Expression>(),
      parts: new Set<Expression>(),
    };
    this.#groups.set(key, group);
    visitParts(
      lazy.expression,
      (part) => {
        if (part.kind === "operand") group.operands.add(part);
      },
      group.parts,
    );
    group.members.set(y, lazy);
    this.set(y, lazy);
  }

  /** One use fewer that would need the variable in memory. */
  used(v: Variable): void {
    this.#uses.set(v, (this.#uses.get(v) ?? 0) - 1);
  }

  /** Computes what waits for kernels of this shape, as far as it is still to be read. */
  #flush(shape: readonly number[]): void {
    const key = shape.join();
    const group = this.#groups.get(key);
    if (group === undefined) return;
    this.#groups.delete(key);
    const results: { to: Place; value: Expression }[] = [];
    for (const [v, lazy] of group.members) {
      if ((this.#uses.get(v) ?? 0) <= 0) continue;
      const to = this.#targets.get(v) ?? placeOf(v.type, this.buffer(v.type));
      results.push({ to, value: lazy.expression });
      this.set(v, to);
    }
    this.#emit(shape, results);
  }

  /** A step that computes functions of elements. */
  #emit(
    shape: readonly number[],
    results: readonly { readonly to: Place; readonly value: Expression }[],
  ): void {
    if (results.length === 0 || sizeOf(shape) === 0) return;
    const numbers = new Map<number, number>();
    const places: Place[] = [];
    const known = new Map<Expression, Expression>();
    const values = results.map(({ value }) =>
      replaced(
        value,
        (index) => {
          const number = numbers.get(index) ?? places.push(this.#leaves.placeOf(index)) - 1;
          numbers.set(index, number);
          return operand(number);
        },
        known,
      ),
    );
    const { name, source } = fusedKernel({
      shape,
      operands: places.map(({ dtype, strides }) => ({ dtype: dtype as "float32", strides })),
      results: results.map(({ to: { dtype, strides } }, i) => ({
        dtype: dtype as "float32",
        strides,
        value: values[i],
      })),
    });
    const { machine, slots } = this.host;
    const all = [...results.map(({ to }) => to), ...places];
    this.steps.push({ what: "fused " + shape.join() + " in " + places.length + " out " + results.length + " parts "+ source.toString().length + " " + places.map(p=>p.strides.join("/")).join(" "),
      reads: places.map(({ buffer }) => buffer),
      writes: results.map(({ to }) => to.buffer),
      build: () => {
        const kernel = machine.kernel(name, source);
        const addresses = all.map(locate);
        const args = addresses.map(() => 0);
        return () => {
          for (let i = 0; i < args.length; i++) {
            const address = addresses[i];
            args[i] = slots[address[0]] + address[1];
          }
          kernel(...args);
        };
      },
    });
  }

  // Products

  #contract(node: ProgramNode, axes: DotAxes): void {
    const { inputs, outputs } = node;
    let [x, y] = inputs;
    let [xAxes, yAxes] = [0, 1].map((i) => ({ batch: axes.batch[i], contract: axes.contract[i] }));
    let result = outputs[0];
    const turned = this.#turnedBy(node, axes);
    if (turned !== null) {
      // (A·B)ᵀ is Bᵀ·Aᵀ, written in that order from the start.
      [x, y, xAxes, yAxes] = [y, x, yAxes, xAxes];
      [result] = turned.outputs;
      this.#done.add(turned);
    }
    const dtype = result.type.dtype as FloatType;
    const left = this.#matrices(x, xAxes);
    const right = this.#matrices(y, yAxes);
    for (const v of inputs) this.used(v);
    const [a, b] = [left.matrices, right.matrices];

    const sum = turned === null ? this.#addendOf(node, a, b) : null;
    if (sum !== null) {
      this.#done.add(sum.node);
      [result] = sum.node.outputs;
    }
    const to = this.#targets.get(result) ?? placeOf(result.type, this.buffer(result.type));
    const base = productForm(dtype, a, b);
    const isRightFixed = right.place.buffer.home !== this && this.outer !== null && a.sizes[0] === 1;
    const form = {
      ...base,
      isRightKept: isRightFixed,
      addendDown: sum === null ? null : sum.down,
    };
    const product = this.host.products.of(form);
    const packed = isRightFixed ? (this.outer as Lowering).packRight(right.place, form) : null;
    const scratch = new Buffer(product.scratch, this);
    const { slots } = this.host;
    const [count, m] = [a.sizes[0], a.sizes[1]];
    const width = bytesFor({ shape: [], dtype });
    const [aBatch, bBatch] = [width * a.strides[0], width * b.strides[0]];
    const cBatch = width * m * b.sizes[1];
    this.steps.push({ what: "product "+form.sizes.join()+" "+JSON.stringify(form),
      reads: [left.place.buffer, packed ?? right.place.buffer, ...(sum === null ? [] : [sum.place.buffer])],
      writes: [to.buffer, scratch],
      build: () => {
        const { run } = product;
        const [c, cStart] = locate(to);
        const [l, lStart] = locate(left.place);
        const [r, rStart] = packed === null ? locate(right.place) : [packed.slot, packed.start];
        const [s, sStart] = [scratch.slot, scratch.start];
        if (sum !== null) {
          const [d, dStart] = locate(sum.place);
          return () =>
            run(slots[c] + cStart, slots[l] + lStart, slots[r] + rStart, slots[d] + dStart, slots[s] + sStart);
        }
        if (count === 1) {
          return () => run(slots[c] + cStart, slots[l] + lStart, slots[r] + rStart, 0, slots[s] + sStart);
        }
        return () => {
          let [ci, li, ri] = [slots[c] + cStart, slots[l] + lStart, slots[r] + rStart];
          for (let i = 0; i < count; i++) {
            run(ci, li, ri, 0, slots[s] + sStart);
            ci += cBatch;
            li += aBatch;
            ri += bBatch;
          }
        };
      },
    });
    this.set(result, to);
  }

  /** The only reader of a product, if it exchanges the free axes of the operands. */
  #turnedBy({ inputs, outputs: [y] }: ProgramNode, { batch, contract }: DotAxes): ProgramNode | null {
    const readers = this.#readers.get(y) ?? [];
    const [reader] = readers;
    if (readers.length !== 1 || this.#uses.get(y) !== 1 || reader.primitive.name !== "permute") {
      return null;
    }
    const [b, k] = [batch[0].length, contract[0].length];
    const m = inputs[0].type.shape.length - b - k;
    const { axes } = reader.params as PermuteParams;
    const rank = axes.length;
    const exchanged = axes.map((_, i) => (i < b ? i : i < rank - m ? i + m : i - (rank - m) + b));
    return axes.every((axis, i) => axis === exchanged[i]) ? reader : null;
  }

  /** The only reader of a product, if it adds something that is in memory and lies in rows. */
  #addendOf(
    { outputs: [y] }: ProgramNode,
    a: Matrices,
    b: Matrices,
  ): { node: ProgramNode; place: Place; down: number } | null {
    const readers = this.#readers.get(y) ?? [];
    const [node] = readers;
    const isOnly = readers.length === 1 && this.#uses.get(y) === 1;
    if (a.sizes[0] !== 1 || !isOnly || node.primitive.name !== "add") return null;
    const other = node.inputs[node.inputs[0] === y ? 1 : 0];
    const value = this.#values.get(other);
    const isMatrix = y.type.shape.join() === [a.sizes[1], b.sizes[1]].join();
    if (value?.kind !== "place" || other === y || !isMatrix) return null;
    const [down, across] = value.strides;
    if (across !== 1 && b.sizes[1] !== 1) return null;
    this.used(other);
    return { node, place: value, down: down * bytesFor({ shape: [], dtype: value.dtype }) };
  }

  /** An operand as matrices; it is copied if its axes do not join. */
  #matrices(
    x: Variable,
    axes: { readonly batch: readonly number[]; readonly contract: readonly number[] },
  ): { place: Place; matrices: Matrices } {
    const groups = axisGroups(x.type.shape.length, axes.batch, axes.contract);
    const place = this.place(x);
    const found = matricesOf(place, groups);
    if (found !== null) return { place, matrices: found };
    const order = groups.flat();
    const moved = { ...place, ...(permuted(order)(place) as View) };
    const dense = this.dense(moved);
    let next = 0;
    const places = groups.map((group) => group.map(() => next++));
    return { place: dense, matrices: matricesOf(dense, places) as Matrices };
  }

  /** The buffer that a right operand is packed into, before what follows here; once for all who ask. */
  packRight(place: Place, form: ProductForm): Buffer {
    if (place.buffer.home !== this && this.outer !== null) return this.outer.packRight(place, form);
    const { down, across } = form.right;
    const [, k, n] = form.sizes;
    const key = [place.offset, down, across, k, n, form.dtype].join();
    const ofBuffer = this.#packed.get(place.buffer) ?? new Map<string, Buffer>();
    this.#packed.set(place.buffer, ofBuffer);
    const known = ofBuffer.get(key);
    if (known !== undefined) return known;
    const product = this.host.products.of(form);
    const buffer = new Buffer(product.rightBytes, this);
    ofBuffer.set(key, buffer);
    const { slots } = this.host;
    this.steps.push({
      reads: [place.buffer],
      writes: [buffer],
      build: () => {
        const [from, start] = locate(place);
        return () => product.packRight(slots[buffer.slot] + buffer.start, slots[from] + start);
      },
    });
    return buffer;
  }

  // Everything else

  #elsewhere(node: ProgramNode): void {
    const places = node.inputs.map((x) => this.place(x));
    for (const x of node.inputs) this.used(x);
    const { step, results } = kernelStep(this.host, this, node, places);
    (step as any).what = "elsewhere "+node.primitive.name; this.steps.push(step);
    node.outputs.forEach((y, i) => this.set(y, results[i]));
  }
}

/** Whether a mask lies in a way that lanes cannot read it. */
function isScatteredMask({ dtype, shape, strides }: Place): boolean {
  if (dtype !== "bool") return false;
  const last = shape.findLastIndex((size) => size !== 1);
  return last >= 0 && strides[last] !== 0 && strides[last] !== 1;
}

/** Whether an expression is soon computed. */
function isShort(expression: Expression): boolean {
  let parts = 0;
  visitParts(expression, () => parts++);
  return parts <= fewParts;
}

function keepsSize(x: Variable, y: Variable): boolean {
  return sizeOf(x.type.shape) === sizeOf(y.type.shape);
}
