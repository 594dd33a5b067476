/**
 * @file The values of a program while it becomes a plan: where they are, who will still read them, and
 * those that are not anywhere yet. Functions of single elements are not run where they stand: they wait
 * until somebody needs their values in memory, and then all that wait run as one kernel.
 */
import {
  type KernelTable,
  type PrimitiveName,
  type Program,
  type ProgramNode,
  sameShape,
  sizeOf,
  type TensorType,
  type Variable,
} from "@tapeloop/autograd/backend";
import { bytesOf, isRowMajor, type WasmArray } from "../array.ts";
import { bits, type Expression, float, operand } from "../expression.ts";
import type { Machine } from "../machine.ts";
import { pointwiseOf, substituted } from "../pointwise.ts";
import { rowsOf } from "../rows.ts";
import { fusedInstruction } from "./fused.ts";
import { copyInstruction, type Instruction } from "./instructions.ts";
import { type Clock, type Located, rowMajorIn } from "./located.ts";
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

/** The values of one program, or of the body of a loop. */
export class Values {
  readonly #plan: Plan;
  readonly #inputs: ReadonlySet<Variable>;
  readonly #values = new Map<Variable, Value>();
  /** How often each variable will still be read. */
  readonly #reads = new Map<Variable, number>();
  /** Where results are to be put. */
  readonly #targets: ReadonlyMap<Variable, Located>;
  readonly #instructions: Instruction[];
  #waiting: Waiting = { shape: [], operands: [], values: [] };

  /**
   * @param given - The values of the program's inputs and constants.
   * @param targets - Where outputs are wanted.
   * @param instructions - Where what has to be done is written.
   */
  constructor(
    plan: Plan,
    program: Program,
    given: readonly Value[],
    targets: ReadonlyMap<Variable, Located>,
    instructions: Instruction[],
  ) {
    this.#plan = plan;
    this.#targets = targets;
    this.#instructions = instructions;
    const known = [...program.inputs, ...program.constants.map(({ variable }) => variable)];
    this.#inputs = new Set(known);
    known.forEach((variable, i) => this.#values.set(variable, given[i]));
    const read = [...program.nodes.flatMap((node) => node.inputs), ...program.outputs];
    for (const variable of read) {
      this.#reads.set(variable, (this.#reads.get(variable) ?? 0) + 1);
    }
  }

  /** The number that a variable is everywhere, if it is one. */
  numberOf(variable: Variable): number | undefined {
    const value = this.#values.get(variable);
    return value?.kind === "number" ? value.value : undefined;
  }

  /** A variable is one number everywhere. */
  setNumber(variable: Variable, value: number): void {
    this.#values.set(variable, { kind: "number", value });
  }

  /** A variable is in memory. */
  set(variable: Variable, at: Located): void {
    this.#plan.pool.hold(at);
    this.#values.set(variable, { kind: "located", at });
  }

  /** Where a variable is: computed if it waits, written if it is a number. */
  at(variable: Variable): Located {
    if (this.#values.get(variable)?.kind === "waiting") this.flush();
    const value = this.#values.get(variable);
    if (value?.kind === "located") return value.at;
    return this.filled(this.numberOf(variable) as number, variable.type);
  }

  /** One number everywhere, in memory: written now, and read in every run. */
  filled(value: number, type: TensorType): Located {
    const { machine, pool } = this.#plan;
    const size = sizeOf(type.shape);
    const at = rowMajorIn(pool.lasting(size * bytesOf(type.dtype)), type);
    pool.hold(at);
    machine.memory.view(type.dtype, at.buffer.pointer, size).fill(value);
    return at;
  }

  /** Where a result is wanted, if anywhere. */
  targetOf(variable: Variable): Located | undefined {
    return this.#targets.get(variable);
  }

  /** Room for a result: where it is wanted, or anywhere. */
  room(variable: Variable): Located {
    return this.targetOf(variable) ?? this.#plan.pool.array(variable.type);
  }

  /** A copy in row-major order, that the caller drops. */
  copied(at: Located): Located {
    const { machine, clock, pool } = this.#plan;
    const copy = pool.array(at);
    pool.hold(copy);
    this.#instructions.push(copyInstruction(machine, clock, copy, at));
    return copy;
  }

  /** An op has been written down: what nobody reads any more is let go of. */
  done({ inputs, outputs }: ProgramNode): void {
    for (const variable of inputs) {
      const left = (this.#reads.get(variable) as number) - 1;
      this.#reads.set(variable, left);
      if (left === 0) this.#drop(variable);
    }
    for (const variable of outputs) if (!this.#reads.has(variable)) this.#drop(variable);
  }

  #drop(variable: Variable): void {
    const value = this.#values.get(variable);
    if (value?.kind === "located" && !this.#inputs.has(variable)) this.#plan.pool.drop(value.at);
  }

  /** Lets a function of single elements wait; false if it has no kernel. */
  wait(name: PrimitiveName, { inputs, outputs: [output] }: ProgramNode): boolean {
    const { shape } = output.type;
    const kernel = pointwiseOf(
      name,
      inputs.map(({ type }) => type.dtype),
      output.type.dtype,
    );
    if (kernel === undefined || sizeOf(shape) === 0) return false;
    const isFull = this.#waiting.operands.length + this.#waiting.values.length >= mostArrays;
    if (!sameShape(shape, this.#waiting.shape) || isFull) this.flush();
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
  flush(): void {
    const { operands, values } = this.#waiting;
    this.#waiting = { shape: [], operands: [], values: [] };
    if (values.length === 0) return;
    const { machine, clock, pool } = this.#plan;
    const wanted = values.filter(({ variable }) => (this.#reads.get(variable) ?? 0) > 0);
    const results = wanted.map(({ variable }) => this.room(variable));
    const read = this.#fitted(operands, results);
    if (results.length > 0) {
      this.#instructions.push(
        fusedInstruction(machine, clock, {
          operands: read,
          results,
          values: wanted.map(({ expression }) => expression),
        }),
      );
    }
    wanted.forEach(({ variable }, i) => this.set(variable, results[i]));
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
      const copy = this.copied(x);
      this.#plan.pool.drop(x);
      return copy;
    });
  }
}
