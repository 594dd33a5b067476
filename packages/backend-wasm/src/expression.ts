/**
 * @file What a kernel computes of single elements, four at a time: expressions over vectors. Parts that
 * are used twice are computed once.
 */
import type { Body, PlainOp } from "./emitter.ts";

/** A value of four lanes: an operand, a constant, or an instruction on others. */
export type Expression =
  | { readonly kind: "operand"; readonly index: number }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "bits"; readonly value: number }
  | { readonly kind: "op"; readonly name: PlainOp; readonly inputs: readonly Expression[] };

/** The kernel's operand of this number. */
export function operand(index: number): Expression {
  return { kind: "operand", index };
}

/** An instruction; plain numbers are float32 constants. */
export function op(name: PlainOp, ...inputs: readonly (Expression | number)[]): Expression {
  return { kind: "op", name, inputs: inputs.map((x) => (typeof x === "number" ? float(x) : x)) };
}

/** A float32 in every lane. */
export function float(value: number): Expression {
  return { kind: "float", value };
}

/** 32 bits in every lane. */
export function bits(value: number): Expression {
  return { kind: "bits", value };
}

/** Lane by lane: `x` where the mask has ones, else `y`. */
export function select(
  mask: Expression,
  x: Expression | number,
  y: Expression | number,
): Expression {
  return op("v128.bitselect", x, y, mask);
}

/** The lanes shifted by a number of bits. */
export function shift(
  name: "i32x4.shl" | "i32x4.shr_s" | "i32x4.shr_u",
  x: Expression,
  by: number,
): Expression {
  return { kind: "op", name, inputs: [x, { kind: "bits", value: by }] };
}

/** The value of a polynomial, by Horner's rule; the coefficient of the highest power comes first. */
export function polynomial(x: Expression, coefficients: readonly number[]): Expression {
  const [first, ...rest] = coefficients;
  return rest.reduce<Expression>(
    (sum, c) => op("f32x4.add", op("f32x4.mul", sum, x), float(c)),
    float(first),
  );
}

const shifts: ReadonlySet<PlainOp> = new Set(["i32x4.shl", "i32x4.shr_s", "i32x4.shr_u"]);

/** Writes expressions: constants into locals before a loop, the rest inside of it. */
export class Writer {
  readonly #body: Body;
  readonly #constants = new Map<string, number>();
  readonly #prepared = new Set<Expression>();
  #known = new Map<Expression, number>();

  /** Writes to the given function. */
  constructor(body: Body) {
    this.#body = body;
  }

  /** Puts the constants of an expression into locals; called before the loop. */
  prepare(expression: Expression): void {
    if (this.#prepared.has(expression)) return;
    this.#prepared.add(expression);
    if (expression.kind === "op") {
      const isShift = shifts.has(expression.name);
      expression.inputs.forEach((input, i) => {
        if (!isShift || i === 0) this.prepare(input);
      });
      return;
    }
    if (expression.kind === "operand") return;
    const key = `${expression.kind} ${Object.is(expression.value, -0) ? "-0" : expression.value}`;
    if (this.#constants.has(key)) return;
    const local = this.#body.local("v128");
    this.#constants.set(key, local);
    if (expression.kind === "float") this.#body.f32(expression.value).op("f32x4.splat");
    else this.#body.i32(expression.value).op("i32x4.splat");
    this.#body.set(local);
  }

  /** Forgets what was computed: a new turn of the loop, with operands in the given locals. */
  begin(operands: readonly number[]): void {
    this.#known = new Map();
    this.#operands = operands;
  }

  #operands: readonly number[] = [];

  /** Puts the value of an expression on the stack. */
  write(expression: Expression): void {
    const body = this.#body;
    switch (expression.kind) {
      case "operand":
        body.get(this.#operands[expression.index]);
        return;
      case "float":
      case "bits": {
        const value = Object.is(expression.value, -0) ? "-0" : expression.value;
        body.get(this.#constants.get(`${expression.kind} ${value}`) as number);
        return;
      }
      case "op": {
        const known = this.#known.get(expression);
        if (known !== undefined) {
          body.get(known);
          return;
        }
        if (shifts.has(expression.name)) {
          const [x, by] = expression.inputs;
          this.write(x);
          body.i32((by as { value: number }).value);
        } else for (const input of expression.inputs) this.write(input);
        body.op(expression.name);
        const local = body.local("v128");
        this.#known.set(expression, local);
        body.set(local).get(local);
        return;
      }
      default:
        expression satisfies never;
    }
  }
}
