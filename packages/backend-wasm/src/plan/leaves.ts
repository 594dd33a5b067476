/** @file Functions of elements while a plan is made: the places that they read, and moving them. */
import type { DType, Movement } from "@tapeloop/autograd/backend";
import { bits, constantName, double, type Expression, float, operand } from "../expression.ts";
import type { Lazy, Place } from "./place.ts";

/** The places that expressions read, each by one number. */
export class Leaves {
  readonly #places: Place[] = [];
  readonly #known = new Map<Place["buffer"], Map<string, Expression>>();

  /** The operand that reads a place. */
  of(place: Place): Expression {
    const { buffer, shape, strides, offset } = place;
    const ofBuffer = this.#known.get(buffer) ?? new Map<string, Expression>();
    this.#known.set(buffer, ofBuffer);
    const key = `${offset} ${shape.join()} ${strides.join()}`;
    const known = ofBuffer.get(key);
    if (known !== undefined) return known;
    const made = operand(this.#places.push(place) - 1);
    ofBuffer.set(key, made);
    return made;
  }

  /** The place that an operand reads. */
  placeOf(index: number): Place {
    return this.#places[index];
  }

  /** The same function of the elements that a movement takes; null if that is no view of some place. */
  moved({ expression, dtype, lanes, shape }: Lazy, movement: Movement): Lazy | null {
    const to = movement({ shape, strides: shape.map(() => 0), offset: 0 });
    if (to === null) return null;
    let isThere = true;
    const moved = replaced(expression, (index) => {
      const place = this.#places[index];
      const view = movement(place);
      if (view === null) isThere = false;
      return view === null ? operand(index) : this.of({ ...place, ...view });
    });
    return isThere ? { kind: "lazy", shape: to.shape, dtype, lanes, expression: moved } : null;
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
