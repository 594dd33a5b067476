/** @file Functions of elements while a plan is made: the places that they read, and moving them. */
import type { DType, Movement } from "@tapeloop/autograd/backend";
import { bits, constantName, double, type Expression, float, operand } from "../expression.ts";
import { isScatteredMask, type Lazy, type Place, type Reduced } from "./place.ts";
import { joins, movedRows } from "./rows.ts";

/** The places and reductions that expressions read, each by one number. */
export class Leaves {
  readonly #leaves: (Place | Reduced)[] = [];
  readonly #known = new Map<Place["buffer"], Map<string, Expression>>();

  /** The operand that reads a place. */
  of(place: Place): Expression {
    const { buffer, shape, strides, offset } = place;
    const ofBuffer = this.#known.get(buffer) ?? new Map<string, Expression>();
    this.#known.set(buffer, ofBuffer);
    const key = `${offset} ${shape.join()} ${strides.join()}`;
    const known = ofBuffer.get(key);
    if (known !== undefined) return known;
    const made = operand(this.#leaves.push(place) - 1);
    ofBuffer.set(key, made);
    return made;
  }

  /** The operand that reads a reduction. */
  reduced(reduced: Reduced): Expression {
    return operand(this.#leaves.push(reduced) - 1);
  }

  /** What an operand reads. */
  leafOf(index: number): Place | Reduced {
    return this.#leaves[index];
  }

  /**
   * The same function of the elements that a movement takes; null if that is no view of some place, or one of a
   * mask that lanes cannot read, or makes other rows.
   */
  moved(lazy: Lazy, movement: Movement): Lazy | null {
    const { expression, dtype, lanes, shape, rows } = lazy;
    const to =
      rows === null
        ? movement({ shape, strides: shape.map(() => 0), offset: 0 })
        : movedRows(shape, rows, movement);
    if (to === null) return null;
    let isThere = true;
    const moved = replaced(expression, (index) => {
      const leaf = this.#leaves[index];
      if (leaf.kind === "reduced") return operand(index);
      const view = movement(leaf);
      const target = view === null ? null : { ...leaf, ...view };
      if (target === null || isScatteredMask(target)) {
        isThere = false;
        return operand(index);
      }
      return this.of(target);
    });
    return isThere
      ? { kind: "lazy", shape: to.shape, dtype, lanes, expression: moved, rows }
      : null;
  }

  /** Visits every part of an expression once, and of the reductions that it reads: inner parts first. */
  visit(
    expression: Expression,
    visit: (part: Expression) => void,
    seen: Set<Expression> = new Set(),
  ): void {
    const each = (part: Expression): void => {
      const leaf = part.kind === "operand" ? this.#leaves[part.index] : null;
      if (leaf?.kind === "reduced") visitParts(leaf.of, each, seen);
      visit(part);
    };
    visitParts(expression, each, seen);
  }

  /** Whether the places that an expression reads lie so that loops can walk along these rows. */
  joins(expression: Expression, axis: number): boolean {
    let isSo = true;
    visitParts(expression, (part) => {
      const leaf = part.kind === "operand" ? this.#leaves[part.index] : null;
      if (leaf?.kind === "place" && !joins(leaf, axis)) isSo = false;
    });
    return isSo;
  }
}

/** The expression with others in the place of its operands. Parts that are shared stay shared. */
export function replaced(
  expression: Expression,
  by: (index: number) => Expression,
  known: Map<Expression, Expression> = new Map(),
): Expression {
  const done = known.get(expression);
  if (done !== undefined) return done;
  let made = expression;
  if (expression.kind === "operand") made = by(expression.index);
  else if (expression.kind === "op") {
    made = { ...expression, inputs: expression.inputs.map((x) => replaced(x, by, known)) };
  }
  known.set(expression, made);
  return made;
}

/** The expression with parts of the same structure as one, also with those that were unified before. */
export function unified(
  expression: Expression,
  shared: Map<string, Expression>,
  known: Map<Expression, Expression> = new Map(),
): Expression {
  const numbers = new Map<Expression, number>([...shared.values()].map((x, i) => [x, i]));
  const walk = (value: Expression): Expression => {
    const done = known.get(value);
    if (done !== undefined) return done;
    const inputs = value.kind === "op" ? value.inputs.map(walk) : [];
    let key: string;
    if (value.kind === "op") key = `${value.name} ${inputs.map((x) => numbers.get(x)).join(" ")}`;
    else if (value.kind === "operand") key = `x${value.index}`;
    else key = `${value.kind} ${Object.is(value.value, -0) ? "-0" : value.value}`;
    let one = shared.get(key);
    if (one === undefined) {
      one = value.kind === "op" ? { ...value, inputs } : value;
      shared.set(key, one);
      numbers.set(one, numbers.size);
    }
    known.set(value, one);
    return one;
  };
  return walk(expression);
}

/** Visits every part of an expression once. */
export function visitParts(
  expression: Expression,
  visit: (part: Expression) => void,
  seen: Set<Expression> = new Set(),
): void {
  if (seen.has(expression)) return;
  seen.add(expression);
  if (expression.kind === "op") for (const x of expression.inputs) visitParts(x, visit, seen);
  visit(expression);
}

/** What is no longer than this may be computed again rather than kept. */
const fewParts = 12;

/** Whether it is less work to compute an expression again than to keep it in memory. */
export function isShort(expression: Expression): boolean {
  let parts = 0;
  visitParts(expression, () => parts++);
  return parts <= fewParts;
}

/** A number in every lane, as kernels hold elements of this type. */
export function constantOf(dtype: DType, value: number): Expression {
  if (dtype === "float32") return float(value);
  if (dtype === "float64") return double(value);
  return bits(dtype === "bool" ? (value === 0 ? 0 : -1) : value);
}

/** Names expressions by their structure. */
export class Structure {
  readonly #numbers = new Map<Expression, number>();
  /** One line for each part. */
  readonly lines: string[] = [];

  /** The number of an expression's line. */
  of(expression: Expression): number {
    const known = this.#numbers.get(expression);
    if (known !== undefined) return known;
    let line: string;
    if (expression.kind === "op") {
      line = `${expression.name} ${expression.inputs.map((x) => this.of(x)).join(" ")}`;
    } else if (expression.kind === "operand") line = `x${expression.index}`;
    else line = constantName(expression);
    const number = this.lines.push(line) - 1;
    this.#numbers.set(expression, number);
    return number;
  }
}
