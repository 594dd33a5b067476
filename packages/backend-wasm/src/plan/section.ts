/** @file Turning a program, or the body of a loop, into instructions, op by op. */
import {
  type DotAxes,
  type FillParams,
  type PadParams,
  type PrimitiveName,
  type Program,
  type ProgramNode,
  type ReduceParams,
  rowMajorStrides,
  type ScanParams,
  type Shape,
  sizeOf,
  type SplitParams,
  type Variable,
} from "@tapeloop/autograd/backend";
import { isRowMajor } from "../array.ts";
import { freeAxes } from "../matrices.ts";
import { blocks, type Reduction } from "../reductions.ts";
import { type View, views } from "../views.ts";
import {
  copyInstruction,
  type Instruction,
  kernelInstruction,
  productInstructions,
  productRoom,
  productShape,
  reductionInstruction,
} from "./instructions.ts";
import { type Located, stepOf, viewOf } from "./located.ts";
import { type Plan, type Value, Values } from "./values.ts";

/** One program being turned into instructions. */
export class Section {
  readonly #plan: Plan;
  readonly #program: Program;
  readonly #depth: number;
  readonly #values: Values;
  /** What is done in every run, or in every step. */
  readonly instructions: Instruction[] = [];
  /** What is done once before the loop that this is the body of. */
  readonly before: Instruction[] = [];
  /** Variables that do not change from step to step. */
  readonly #fixed: ReadonlySet<Variable>;

  /**
   * @param depth - How many loops are around.
   * @param given - The values of the program's inputs and constants.
   * @param fixed - How many of the inputs are the same in all steps.
   * @param targets - Where outputs are wanted.
   */
  constructor(
    plan: Plan,
    program: Program,
    depth: number,
    given: readonly Value[],
    fixed: number,
    targets: ReadonlyMap<Variable, Located>,
  ) {
    this.#plan = plan;
    this.#program = program;
    this.#depth = depth;
    this.#values = new Values(plan, program, given, targets, this.instructions);
    this.#fixed = new Set(program.inputs.slice(0, fixed));
  }

  /** Writes the instructions; the result is where the outputs are. */
  build(): Located[] {
    for (const node of this.#program.nodes) {
      const name = node.primitive.name as PrimitiveName;
      const special = this.#special[name];
      if (special !== undefined) special(node);
      else if (!this.#values.wait(name, node)) this.#run(name, node);
      this.#values.done(node);
    }
    this.#values.flush();
    return this.#program.outputs.map((variable) => this.#values.at(variable));
  }

  /** What is not a function of single elements, nor run by a kernel of the table. */
  readonly #special: { readonly [N in PrimitiveName]?: (node: ProgramNode) => void } = {
    fill: ({ outputs: [y], params }) => {
      this.#values.setNumber(y, (params as FillParams).value);
    },
    alias: (node) => this.#view(node, views.alias),
    permute: (node) => this.#view(node, views.permute),
    broadcastTo: (node) => this.#view(node, views.broadcastTo),
    slice: (node) => this.#view(node, views.slice),
    reshape: (node) => this.#reshape(node),
    split: (node) => this.#split(node),
    concat: (node) => this.#concat(node),
    pad: (node) => this.#pad(node),
    dotGeneral: (node) => this.#product(node),
    sum: (node) => this.#reduce("sum", node),
    max: (node) => this.#reduce("max", node),
    scan: (node) => this.#loop(node),
  };

  // ----- Movements -----

  /** Another layout of the same memory; one number everywhere stays one. */
  #view(
    { inputs: [x], outputs: [y], params }: ProgramNode,
    view: (x: Located, params: never, shape: Shape) => View,
  ): void {
    const value = this.#values.numberOf(x);
    if (value === undefined) {
      const at = this.#values.at(x);
      const { strides, offset } = view(at, params as never, y.type.shape);
      this.#values.set(y, viewOf(at, y.type, strides, offset));
    } else this.#values.setNumber(y, value);
  }

  #reshape(node: ProgramNode): void {
    const {
      inputs: [x],
      outputs: [y],
    } = node;
    const strides = rowMajorStrides(y.type.shape);
    if (this.#values.numberOf(x) !== undefined || isRowMajor(this.#values.at(x))) {
      this.#view(node, () => ({ strides, offset: 0 }));
      return;
    }
    const copy = this.#values.copied(this.#values.at(x));
    this.#values.set(y, viewOf(copy, y.type, strides));
    this.#plan.pool.drop(copy);
  }

  #split({ inputs: [x], outputs, params }: ProgramNode): void {
    const { axis } = params as SplitParams;
    const value = this.#values.numberOf(x);
    let offset = 0;
    for (const piece of outputs) {
      if (value !== undefined) this.#values.setNumber(piece, value);
      else {
        const at = this.#values.at(x);
        this.#values.set(piece, viewOf(at, piece.type, at.strides, offset));
        offset += piece.type.shape[axis] * at.strides[axis];
      }
    }
  }

  #concat({ inputs, outputs: [y], params }: ProgramNode): void {
    const { machine, clock } = this.#plan;
    const { axis } = params as { axis: number };
    const parts = inputs.map((x) => this.#values.at(x));
    const out = this.#values.room(y);
    let offset = 0;
    parts.forEach((part, i) => {
      const to = viewOf(out, inputs[i].type, out.strides, offset);
      this.instructions.push(copyInstruction(machine, clock, to, part));
      offset += inputs[i].type.shape[axis] * out.strides[axis];
    });
    this.#values.set(y, out);
  }

  #pad({ inputs: [x], outputs: [y], params }: ProgramNode): void {
    const { machine, clock } = this.#plan;
    const { spans, value } = params as PadParams;
    const part = this.#values.at(x);
    const border = this.#values.filled(value, { shape: [], dtype: y.type.dtype });
    const out = this.#values.room(y);
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
    this.#values.set(y, out);
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
    const operands = [this.#values.at(x), this.#values.at(y)].map((at, i) => {
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
      const copy = this.#values.copied(moved);
      copies.push(copy);
      const back = at.shape.map((_, axis) => copy.strides[order.indexOf(axis)]);
      return viewOf(copy, at, back);
    });
    const shape = productShape(operands[0], operands[1], axes);
    if (shape === null) throw new Error("internal: copied operands do not join");
    const room = this.#values.room(out);
    const to = isRowMajor(room) ? room : pool.array(out.type);
    const sizes = productRoom(shape);
    // What does not change in the loop is packed before it, and stays packed.
    const isFixed = this.#fixed.has(y) && copies.length === 0;
    const panels = isFixed ? pool.lasting(sizes.panels) : pool.room(sizes.panels);
    const edge = pool.room(sizes.edge);
    const { pack, multiply } = productInstructions(machine, clock, shape, to, panels, edge);
    (isFixed ? this.before : this.instructions).push(pack);
    this.instructions.push(multiply);
    this.#values.set(out, to);
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
    const at = this.#values.at(x);
    const read = isRowMajor(at) ? at : this.#values.copied(at);
    // Whole vectors are written: not to where something else may stand behind.
    const to = pool.array(y.type);
    this.instructions.push(reductionInstruction(machine, clock, name, read, to, sizes));
    this.#values.set(y, to);
    if (read !== at) pool.drop(read);
  }

  /** A kernel of the table. */
  #run(name: PrimitiveName, { inputs, outputs, params, primitive }: ProgramNode): void {
    const { machine, clock, kernels, pool } = this.#plan;
    const read = inputs.map((variable) => this.#values.at(variable));
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
    outputs.forEach((variable, i) => this.#values.set(variable, made[i]));
  }

  // ----- Loops -----

  /** A value for the body of a loop: a number stays one. */
  #handed(variable: Variable, view: (at: Located) => Located): Value {
    const value = this.#values.numberOf(variable);
    if (value !== undefined) return { kind: "number", value };
    return { kind: "located", at: view(this.#values.at(variable)) };
  }

  #loop({ inputs, outputs, params }: ProgramNode): void {
    const { machine, clock, pool } = this.#plan;
    const { body, steps, reverse, consts, carries } = params as ScanParams;
    const depth = this.#depth;
    const fixed = inputs.slice(0, consts).map((variable) => this.#handed(variable, (at) => at));
    const rows = inputs
      .slice(consts + carries)
      .map((variable) => this.#handed(variable, (at) => stepOf(at, depth)));
    const first = inputs
      .slice(consts, consts + carries)
      .map((variable) => this.#values.at(variable));
    const states = outputs.slice(0, carries).map((variable, i) => {
      const state = pool.array(variable.type);
      this.#values.set(variable, state);
      this.instructions.push(copyInstruction(machine, clock, state, first[i]));
      return state;
    });
    const targets = new Map<Variable, Located>();
    const stacks = outputs.slice(carries).map((variable, i) => {
      const wanted = this.#values.targetOf(variable);
      const stack = wanted !== undefined && isRowMajor(wanted) ? wanted : pool.array(variable.type);
      this.#values.set(variable, stack);
      const slot = stepOf(stack, depth);
      const made = body.outputs[carries + i];
      if (!body.inputs.includes(made) && !targets.has(made)) targets.set(made, slot);
      return slot;
    });
    const values = [...fixed, ...states.map((at): Value => ({ kind: "located", at })), ...rows];
    const section = new Section(this.#plan, body, depth + 1, values, consts, targets);
    const made = section.build();
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
