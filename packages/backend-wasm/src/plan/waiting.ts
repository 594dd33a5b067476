/** @file Functions of single elements that wait until somebody needs their results in memory. */
import type { Variable } from "@tapeloop/autograd/backend";
import type { Expression } from "../expression.ts";
import { visitParts } from "./leaves.ts";
import type { Lazy } from "./place.ts";

/** More operands than this, or more instructions, are more than one kernel keeps at hand. */
const mostOperands = 20;
const mostParts = 1200;

/** Those that wait for one kernel: all of one shape. */
interface Group {
  readonly members: Map<Variable, Lazy>;
  readonly operands: Set<Expression>;
  readonly parts: Set<Expression>;
}

/** Functions that wait, by their shapes. */
export class Waiting {
  readonly #groups = new Map<string, Group>();

  /** One more that waits. */
  join(variable: Variable, lazy: Lazy): void {
    const key = lazy.shape.join();
    const group = this.#groups.get(key) ?? {
      members: new Map<Variable, Lazy>(),
      operands: new Set<Expression>(),
      parts: new Set<Expression>(),
    };
    this.#groups.set(key, group);
    const note = (part: Expression): void => {
      if (part.kind === "operand") group.operands.add(part);
    };
    visitParts(lazy.expression, note, group.parts);
    group.members.set(variable, lazy);
  }

  /** Whether those of a shape are enough for one kernel. */
  isFull(shape: readonly number[]): boolean {
    const group = this.#groups.get(shape.join());
    if (group === undefined) return false;
    return group.operands.size > mostOperands || group.parts.size > mostParts;
  }

  /** Those of a shape, which do not wait any longer. */
  take(shape: readonly number[]): ReadonlyMap<Variable, Lazy> {
    const key = shape.join();
    const group = this.#groups.get(key);
    this.#groups.delete(key);
    return group?.members ?? new Map<Variable, Lazy>();
  }
}
