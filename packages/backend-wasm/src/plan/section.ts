/**
 * @file Turning a program, or the body of a loop, into instructions. Functions of single elements are not
 * run where they stand: they wait until somebody needs their values in memory, and then all that wait run
 * as one kernel.
 */
import {
  type DotAxes,
  type FillParams,
  type KernelTable,
  type PadParams,
  type PermuteParams,
  type PrimitiveName,
  type Program,
  type ProgramNode,
  type ReduceParams,
  rowMajorStrides,
  type ScanParams,
  sameShape,
  sizeOf,
  type SliceParams,
  type SplitParams,
  type TensorType,
  type Variable,
} from "@tapeloop/autograd/backend";
import { bytesOf, isRowMajor, type WasmArray } from "../array.ts";
import { bits, type Expression, float, operand } from "../expression.ts";
import type { Machine } from "../machine.ts";
import { freeAxes } from "../matrices.ts";
import { pointwiseOf, substituted } from "../pointwise.ts";
import { blocks, type Reduction } from "../reductions.ts";
import { rowsOf } from "../rows.ts";
import { fusedInstruction } from "./fused.ts";
import {
  copyInstruction,
  type Instruction,
  kernelInstruction,
  productInstructions,
  productRoom,
  productShape,
  reductionInstruction,
} from "./instructions.ts";
import { type Clock, type Located, rowMajorIn, stepOf, viewOf } from "./located.ts";
import type { Pool } from "./pool.ts";

/** What all sections of a plan share. */
export interface Plan {
  readonly machine: Machine;
  readonly kernels: KernelTable<WasmArray>;
  readonly clock: Clock;
  readonly pool: Pool;
}

/** A value while the plan is made: in memory, one number everywhere, or waiting to be computed. */
export type Value =
  | { readonly kind: "located"; readonly at: Located }
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "waiting"; readonly expression: Expression };

/** Functions of single elements that wait: all of one shape. */
interface Waiting {
  readonly shape: readonly number[];
  readonly operands: Located[];
  readonly values: { readonly variable: Variable; readonly expression: Expression }[];
}

/** Rows shorter than this are not worth a call each. */
const shortRow = 8;
/** So many operands and results a kernel has at most. */
const mostArrays = 24;

/** One program being turned into instructions. */
export class Section {
  readonly #plan: Plan;
  readonly #program: Program;
  readonly #depth: number;
  /** What is done in every run, or in every step. */
  readonly instructions: Instruction[] = [];
  /** What is done once before the loop that this is the body of. */
  readonly before: Instruction[] = [];
  readonly #values = new Map<Variable, Value>();
  /** How often each variable will still be read. */
  readonly #reads = new Map<Variable, number>();
  /** Where results are to be put. */
  readonly #targets: ReadonlyMap<Variable, Located>;
  /** Values that do not change from step to step. */
  readonly #fixed = new Set<Variable>();
  #waiting: Waiting = { shape: [], operands: [], values: [] };

  /**
   * @param depth - How many loops are around.
   * @param inputs - The values of the program's inputs and constants.
   * @param fixed - How many of the inputs are the same in all steps.
   * @param targets - Where outputs are wanted.
   */
  constructor(
    plan: Plan,
    program: Program,
    depth: number,
    inputs: readonly Value[],
    fixed: number,
    targets: ReadonlyMap<Variable, Located>,
  ) {
    this.#plan = plan;
    this.#program = program;
    this.#depth = depth;
    this.#targets = targets;
    const given = [...program.inputs, ...program.constants.map(({ variable }) => variable)];
    given.forEach((variable, i) => {
      this.#values.set(variable, inputs[i]);
      if (i < fixed) this.#fixed.add(variable);
    });
    const read = [...program.nodes.flatMap((node) => node.inputs), ...program.outputs];
    for (const variable of read) {
      this.#reads.set(variable, (this.#reads.get(variable) ?? 0) + 1);
    }
  }

  /** Writes the instructions; the result is where the outputs are. */
  build(): Value[] {
    for (const node of this.#program.nodes) this.#add(node);
    this.#flush();
    return this.#program.outputs.map((variable) => this.#values.get(variable) as Value);
  }

  /** A value in memory. */
  locate(value: Value, type: TensorType): Located {
    if (value.kind === "located") return value.at;
    if (value.kind === "waiting") throw new Error("internal: a value waits behind the end");
    // Written now, and read in every run.
    const { machine, pool } = this.#plan;
    const size = sizeOf(type.shape);
    const at = rowMajorIn(pool.lasting(size * bytesOf(type.dtype)), type);
    pool.hold(at);
    machine.memory.view(type.dtype, at.buffer.pointer, size).fill(value.value);
    return at;
  }

  /** What is not a function of single elements, nor run by a kernel of the table. */
  readonly #special: { readonly [N in PrimitiveName]?: (node: ProgramNode) => void } = {
    fill: ({ outputs: [y], params }) => {
      this.#values.set(y, { kind: "number", value: (params as FillParams).value });
    },
    alias: (node) => this.#view(node, (x, y) => viewOf(x, y, x.strides)),
    reshape: (node) => this.#reshape(node),
    permute: (node) => {
      const { axes } = node.params as PermuteParams;
      this.#view(node, (x, y) =>
        viewOf(
          x,
          y,
          axes.map((axis) => x.strides[axis]),
        ),
      );
    },
    broadcastTo: (node) =>
      this.#view(node, (x, y) => {
        const missing = y.shape.length - x.shape.length;
        const strides = y.shape.map((size, i) =>
          i < missing || x.shape[i - missing] !== size ? 0 : x.strides[i - missing],
        );
        return viewOf(x, y, strides);
      }),
    slice: (node) => {
      const { starts, steps } = node.params as SliceParams;
      this.#view(node, (x, y) => {
        const offset = starts.reduce((sum, start, i) => sum + start * x.strides[i], 0);
        return viewOf(
          x,
          y,
          x.strides.map((stride, i) => stride * steps[i]),
          offset,
        );
      });
    },
    split: (node) => this.#split(node),
    concat: (node) => this.#concat(node),
    pad: (node) => this.#pad(node),
    dotGeneral: (node) => this.#product(node),
    sum: (node) => this.#reduce("sum", node),
    max: (node) => this.#reduce("max", node),
    scan: (node) => this.#loop(node),
  };

  #add(node: ProgramNode): void {
    const name = node.primitive.name as PrimitiveName;
    const special = this.#special[name];
    if (special !== undefined) special(node);
    else if (!this.#wait(name, node)) this.#run(name, node);
    for (const variable of node.inputs) this.#read(variable);
    for (const variable of node.outputs) if (!this.#reads.has(variable)) this.#drop(variable);
  }

  /** A variable has been read once more. */
  #read(variable: Variable): void {
    const left = (this.#reads.get(variable) as number) - 1;
    this.#reads.set(variable, left);
    if (left === 0) this.#drop(variable);
  }

  #drop(variable: Variable): void {
    const value = this.#values.get(variable);
    const isMade = !this.#program.inputs.includes(variable);
    if (value?.kind === "located" && isMade) this.#plan.pool.drop(value.at);
  }

  #set(variable: Variable, at: Located): void {
    this.#plan.pool.hold(at);
    this.#values.set(variable, { kind: "located", at });
  }

  /** Where a variable is, computed if it waits. */
  #at(variable: Variable): Located {
    if (this.#values.get(variable)?.kind === "waiting") this.#flush();
    return this.locate(this.#values.get(variable) as Value, variable.type);
  }

  /** Room for a result: where it is wanted, or anywhere. */
  #room(variable: Variable): Located {
    return this.#targets.get(variable) ?? this.#plan.pool.array(variable.type);
  }

  /** A copy in row-major order, that the caller drops. */
  #copied(at: Located): Located {
    const { machine, clock, pool } = this.#plan;
    const copy = pool.array(at);
    pool.hold(copy);
    this.instructions.push(copyInstruction(machine, clock, copy, at));
    return copy;
  }

  // ----- Single elements -----

  /** Lets a function of single elements wait; false if it has no kernel. */
  #wait(name: PrimitiveName, { inputs, outputs: [output] }: ProgramNode): boolean {
    const { shape } = output.type;
    const kernel = pointwiseOf(
      name,
      inputs.map(({ type }) => type.dtype),
      output.type.dtype,
    );
    if (kernel === undefined || sizeOf(shape) === 0) return false;
    const isFull = this.#waiting.operands.length + this.#waiting.values.length >= mostArrays;
    if (!sameShape(shape, this.#waiting.shape) || isFull) this.#flush();
    if (this.#waiting.values.length === 0) {
      this.#waiting = { shape, operands: [], values: [] };
    }
    const expression = substituted(
      kernel.value,
      inputs.map((variable) => this.#operand(variable)),
    );
    this.#waiting.values.push({ variable: output, expression });
    this.#values.set(output, { kind: "waiting", expression });
    return true;
  }

  /** A variable as part of an expression. */
  #operand(variable: Variable): Expression {
    const value = this.#values.get(variable) as Value;
    if (value.kind === "waiting") return value.expression;
    if (value.kind === "number") {
      const { dtype } = variable.type;
      if (dtype === "float32") return float(Math.fround(value.value));
      return bits(dtype === "bool" ? -Number(value.value !== 0) : value.value);
    }
    const { operands } = this.#waiting;
    const known = operands.indexOf(value.at);
    if (known >= 0) return operand(known);
    this.#plan.pool.hold(value.at);
    return operand(operands.push(value.at) - 1);
  }

  /** Runs what waits as one kernel: what somebody will still read goes to memory. */
  #flush(): void {
    const { operands, values } = this.#waiting;
    this.#waiting = { shape: [], operands: [], values: [] };
    if (values.length === 0) return;
    const { machine, clock, pool } = this.#plan;
    const wanted = values.filter(({ variable }) => (this.#reads.get(variable) ?? 0) > 0);
    const results = wanted.map(({ variable }) => this.#room(variable));
    const read = this.#fitted(operands, results);
    if (results.length > 0) {
      this.instructions.push(
        fusedInstruction(machine, clock, {
          operands: read,
          results,
          values: wanted.map(({ expression }) => expression),
        }),
      );
    }
    wanted.forEach(({ variable }, i) => this.#set(variable, results[i]));
    for (const at of read) pool.drop(at);
  }

  /** Operands that can be walked along with the results row by row; others are copied. */
  #fitted(operands: readonly Located[], results: readonly Located[]): Located[] {
    if (results.length === 0) return [...operands];
    const rows = rowsOf(results[0].shape, [...results, ...operands]);
    const isShort = rows.length < shortRow && rows.sizes.length > 0;
    return operands.map((x, i) => {
      const stride = rows.inner[results.length + i];
      const fits = stride === 0 || stride === 1 || rows.length === 1;
      if (fits && !(isShort && !isRowMajor(x))) return x;
      const copy = this.#copied(x);
      this.#plan.pool.drop(x);
      return copy;
    });
  }

  // ----- Movements -----

  /** Another layout of the same memory; one number everywhere stays one. */
  #view(
    { inputs: [x], outputs: [y] }: ProgramNode,
    view: (at: Located, type: TensorType) => Located,
  ): void {
    const value = this.#values.get(x) as Value;
    if (value.kind === "number") this.#values.set(y, value);
    else this.#set(y, view(this.#at(x), y.type));
  }

  #reshape(node: ProgramNode): void {
    const {
      inputs: [x],
      outputs: [y],
    } = node;
    const strides = rowMajorStrides(y.type.shape);
    if (this.#values.get(x)?.kind === "number" || isRowMajor(this.#at(x))) {
      this.#view(node, (at, type) => viewOf(at, type, strides));
      return;
    }
    const copy = this.#copied(this.#at(x));
    this.#set(y, viewOf(copy, y.type, strides));
    this.#plan.pool.drop(copy);
  }

  #split({ inputs: [x], outputs, params }: ProgramNode): void {
    const { axis } = params as SplitParams;
    const value = this.#values.get(x) as Value;
    let offset = 0;
    for (const piece of outputs) {
      if (value.kind === "number") this.#values.set(piece, value);
      else {
        const at = this.#at(x);
        this.#set(piece, viewOf(at, piece.type, at.strides, offset));
        offset += piece.type.shape[axis] * at.strides[axis];
      }
    }
  }

  #concat({ inputs, outputs: [y], params }: ProgramNode): void {
    const { machine, clock } = this.#plan;
    const { axis } = params as { axis: number };
    const parts = inputs.map((x) => this.#at(x));
    const out = this.#room(y);
    let offset = 0;
    parts.forEach((part, i) => {
      const to = viewOf(out, inputs[i].type, out.strides, offset);
      this.instructions.push(copyInstruction(machine, clock, to, part));
      offset += inputs[i].type.shape[axis] * out.strides[axis];
    });
    this.#set(y, out);
  }

  #pad({ inputs: [x], outputs: [y], params }: ProgramNode): void {
    const { machine, clock } = this.#plan;
    const { spans, value } = params as PadParams;
    const part = this.#at(x);
    const border = this.locate({ kind: "number", value }, { shape: [], dtype: y.type.dtype });
    const out = this.#room(y);
    const everywhere = viewOf(
      border,
      y.type,
      y.type.shape.map(() => 0),
    );
    const strides = out.strides.map((stride, i) => stride * (spans[i].between + 1));
    const offset = spans.reduce((sum, { before }, i) => sum + before * out.strides[i], 0);
    this.instructions.push(
      copyInstruction(machine, clock, out, everywhere),
      copyInstruction(machine, clock, viewOf(out, x.type, strides, offset), part),
    );
    this.#set(y, out);
  }

  // ----- Products, reductions, others -----

  #product(node: ProgramNode): void {
    const {
      inputs: [x, y],
      outputs: [out],
      params,
    } = node;
    const axes = params as DotAxes;
    if (out.type.dtype !== "float32" || sizeOf(x.type.shape) * sizeOf(y.type.shape) === 0) {
      this.#run("dotGeneral", node);
      return;
    }
    const { machine, clock, pool } = this.#plan;
    const copies: Located[] = [];
    const operands = [this.#at(x), this.#at(y)].map((at, i) => {
      const [batch, contract] = [axes.batch[i], axes.contract[i]];
      if (productShape(at, at, { batch: [batch, batch], contract: [contract, contract] })) {
        return at;
      }
      // The axes in the order batch, free, contracted, which always join.
      const order = [...batch, ...freeAxes(at, batch, contract), ...contract];
      const shape = order.map((axis) => at.shape[axis]);
      const moved = viewOf(
        at,
        { shape, dtype: at.dtype },
        order.map((axis) => at.strides[axis]),
      );
      const copy = this.#copied(moved);
      copies.push(copy);
      const back = at.shape.map((_, axis) => copy.strides[order.indexOf(axis)]);
      return viewOf(copy, at, back);
    });
    const shape = productShape(operands[0], operands[1], axes);
    if (shape === null) throw new Error("internal: copied operands do not join");
    const room = this.#room(out);
    const to = isRowMajor(room) ? room : pool.array(out.type);
    const sizes = productRoom(shape);
    // What does not change in the loop is packed before it, and stays packed.
    const isFixed = this.#fixed.has(y) && copies.length === 0;
    const panels = isFixed ? pool.lasting(sizes.panels) : pool.room(sizes.panels);
    const edge = pool.room(sizes.edge);
    const { pack, multiply } = productInstructions(machine, clock, shape, to, panels, edge);
    (isFixed ? this.before : this.instructions).push(pack);
    this.instructions.push(multiply);
    this.#set(out, to);
    if (!isFixed) pool.free(panels);
    pool.free(edge);
    for (const copy of copies) pool.drop(copy);
  }

  #reduce(name: Reduction, node: ProgramNode): void {
    const {
      inputs: [x],
      outputs: [y],
      params,
    } = node;
    const sizes = blocks(x.type.shape, (params as ReduceParams).axes);
    if (x.type.dtype !== "float32" || sizes === null || sizeOf(x.type.shape) === 0) {
      this.#run(name, node);
      return;
    }
    const { machine, clock, pool } = this.#plan;
    const at = this.#at(x);
    const read = isRowMajor(at) ? at : this.#copied(at);
    // Whole vectors are written: not to where something else may stand behind.
    const to = pool.array(y.type);
    this.instructions.push(reductionInstruction(machine, clock, name, read, to, sizes));
    this.#set(y, to);
    if (read !== at) pool.drop(read);
  }

  /** A kernel of the table. */
  #run(name: PrimitiveName, { inputs, outputs, params, primitive }: ProgramNode): void {
    const { machine, clock, kernels, pool } = this.#plan;
    const read = inputs.map((variable) => this.#at(variable));
    const made = outputs.map(({ type }) => pool.array(type));
    const types = outputs.map(({ type }) => type);
    this.instructions.push(
      kernelInstruction(
        machine,
        clock,
        kernels,
        name,
        read,
        params,
        made,
        primitive.results === "one" ? types[0] : types,
      ),
    );
    outputs.forEach((variable, i) => this.#set(variable, made[i]));
  }

  // ----- Loops -----

  #loop({ inputs, outputs, params }: ProgramNode): void {
    const { machine, clock, pool } = this.#plan;
    const { body, steps, reverse, consts, carries } = params as ScanParams;
    const depth = this.#depth;
    const fixed = inputs.slice(0, consts).map((variable): Value => {
      const value = this.#values.get(variable) as Value;
      return value.kind === "number" ? value : { kind: "located", at: this.#at(variable) };
    });
    const rows = inputs.slice(consts + carries).map((variable): Value => {
      const value = this.#values.get(variable) as Value;
      if (value.kind === "number") return value;
      return { kind: "located", at: stepOf(this.#at(variable), depth) };
    });
    const first = inputs.slice(consts, consts + carries).map((variable) => this.#at(variable));
    const states = outputs.slice(0, carries).map((variable, i) => {
      const state = pool.array(variable.type);
      this.#set(variable, state);
      this.instructions.push(copyInstruction(machine, clock, state, first[i]));
      return state;
    });
    const targets = new Map<Variable, Located>();
    const stacks = outputs.slice(carries).map((variable, i) => {
      const wanted = this.#targets.get(variable);
      const stack = wanted !== undefined && isRowMajor(wanted) ? wanted : pool.array(variable.type);
      this.#set(variable, stack);
      const slot = stepOf(stack, depth);
      const made = body.outputs[carries + i];
      if (!body.inputs.includes(made) && !targets.has(made)) targets.set(made, slot);
      return slot;
    });
    const values = [...fixed, ...states.map((at): Value => ({ kind: "located", at })), ...rows];
    const section = new Section(this.#plan, body, depth + 1, values, consts, targets);
    const made = section.build().map((value, i) => section.locate(value, body.outputs[i].type));
    const { instructions } = section;
    stacks.forEach((slot, i) => {
      const y = made[carries + i];
      if (!isSame(y, slot)) instructions.push(copyInstruction(machine, clock, slot, y));
    });
    // A next state that lies in another state's place is taken out before that one is written.
    const next = made.slice(0, carries).map((at, i) => {
      const isElsewhere = states.some((state, k) => k !== i && state.buffer === at.buffer);
      if (!isElsewhere) return at;
      const copy = pool.array(at);
      pool.hold(copy);
      instructions.push(copyInstruction(machine, clock, copy, at));
      return copy;
    });
    next.forEach((at, i) => {
      if (!isSame(at, states[i])) {
        instructions.push(copyInstruction(machine, clock, states[i], at));
      }
    });
    const { before } = section;
    const clockSteps = clock.steps;
    this.instructions.push(() => {
      if (steps > 0) for (const instruction of before) instruction();
      for (let i = 0; i < steps; i++) {
        clockSteps[depth] = reverse ? steps - 1 - i : i;
        for (const instruction of instructions) instruction();
      }
    });
  }
}

/** Whether two arrays are one: same place, same layout. */
function isSame(a: Located, b: Located): boolean {
  return (
    a.buffer === b.buffer &&
    a.start === b.start &&
    a.strides.join() === b.strides.join() &&
    a.moves.join() === b.moves.join()
  );
}
