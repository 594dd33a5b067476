/** @file Functions of single elements that wait until somebody needs their results in memory. */
import type { Variable } from "@tapeloop/autograd/backend";
import type { Expression } from "../expression.ts";
import type { Leaves } from "./leaves.ts";
import type { Lazy, Rows } from "./place.ts";
import { areSame } from "./rows.ts";

/** More operands than this, or more instructions, are more than one kernel keeps at hand. */
const mostOperands = 20;
const mostParts = 1200;

/** Those that wait for one kernel: all of one shape, or one number for each of its rows. */
interface Group {
  readonly members: Map<Variable, Lazy>;
  /** What they read reductions of. */
  rows: Rows | null;
  readonly operands: Set<Expression>;
  readonly parts: Set<Expression>;
}

/** The shape of the kernel that a function waits for. */
export function kernelShape({ shape, rows }: Pick<Lazy, "shape" | "rows">): readonly number[] {
  return rows?.shape ?? shape;
}

/** Functions that wait, by the shapes of their kernels. */
export class Waiting {
  readonly #leaves: Leaves;
  readonly #groups = new Map<string, Group>();

  /** @param leaves - What they read. */
  constructor(leaves: Leaves) {
    this.#leaves = leaves;
  }

  /** One more that waits. */
  join(variable: Variable, lazy: Lazy): void {
    const key = kernelShape(lazy).join();
    const group: Group = this.#groups.get(key) ?? {
      members: new Map<Variable, Lazy>(),
      rows: null,
      operands: new Set<Expression>(),
      parts: new Set<Expression>(),
    };
    this.#groups.set(key, group);
    const note = (part: Expression): void => {
      if (part.kind === "operand") group.operands.add(part);
    };
    this.#leaves.visit(lazy.expression, note, group.parts);
    group.members.set(variable, lazy);
    group.rows ??= lazy.rows;
  }

  /** Whether those of a shape read reductions of other rows than these. */
  hasOther(rows: Rows): boolean {
    const group = this.#groups.get(rows.shape.join());
    return group !== undefined && group.rows !== null && !areSame(group.rows, rows);
  }

  /** Whether those of a shape are enough for one kernel. */
  isFull(shape: readonly number[]): boolean {
    const group = this.#groups.get(shape.join());
    if (group === undefined) return false;
    return group.operands.size > mostOperands || group.parts.size > mostParts;
  }

  /** Those of a shape, which do not wait any longer. */
  take(shape: readonly number[]): Pick<Group, "members" | "rows"> {
    const key = shape.join();
    const group = this.#groups.get(key);
    this.#groups.delete(key);
    return group ?? { members: new Map<Variable, Lazy>(), rows: null };
  }
}
