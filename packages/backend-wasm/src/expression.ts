/**
 * @file What a kernel computes of single elements, a vector of them at a time: expressions over vectors. Parts
 * that are used twice are computed once.
 *
 * Vectors have four lanes of 32 bits, or two of 64. Masks and whole numbers have lanes of 32 bits also beside
 * float64; then there are two of them, in the lower half.
 */
import type { Body } from "./emitter.ts";
import type { HostName } from "./host-functions.ts";
import type { PlainOp } from "./instructions.ts";

/** A function of the host, for lanes of 64 bits: of a mask, what counts where it has zeros, and operands. */
type HostOp = `host.${HostName}`;

/** x·y + z of three operands, rounded once where the machine may. */
type SumOfProduct = "f32x4.muladd";

/** The same value: see {@link later}. */
type Later = "later";

/** What is computed of others. */
type OpName = PlainOp | HostOp | SumOfProduct | Later;

/** A value of all lanes: an operand, a constant, or an instruction on others. */
export type Expression =
  | { readonly kind: "operand"; readonly index: number }
  | { readonly kind: "float" | "double" | "bits"; readonly value: number }
  | {
      readonly kind: "op";
      readonly name: OpName;
      readonly inputs: readonly Expression[];
    };

/** The kernel's operand of this number. */
export function operand(index: number): Expression {
  return { kind: "operand", index };
}

/** An instruction. */
export function op(name: OpName, ...inputs: readonly Expression[]): Expression {
  return { kind: "op", name, inputs };
}

/**
 * The same value, where it is worth looking at the elements once more before going on with it: a processor works
 * on as many elements at a time as the instructions in its window are of, and waits for the longest chain of them.
 */
export function later(x: Expression): Expression {
  return op("later", x);
}

/** A float32 in every lane. */
export function float(value: number): Expression {
  return { kind: "float", value };
}

/** A float64 in every lane. */
export function double(value: number): Expression {
  return { kind: "double", value };
}

/** 32 bits in every lane. */
export function bits(value: number): Expression {
  return { kind: "bits", value };
}

/** Lane by lane: `x` where the mask has ones, else `y`. */
export function select(mask: Expression, x: Expression, y: Expression): Expression {
  return op("v128.bitselect", x, y, mask);
}

const shiftNames = [
  "i32x4.shl",
  "i32x4.shr_s",
  "i32x4.shr_u",
  "i64x2.shl",
  "i64x2.shr_s",
  "i64x2.shr_u",
] as const;

/** The lanes shifted by a number of bits. */
export function shift(name: (typeof shiftNames)[number], x: Expression, by: number): Expression {
  return op(name, x, bits(by));
}

const shifts: ReadonlySet<string> = new Set(shiftNames);

/** A constant's value as a part of names. */
export function constantName({ kind, value }: { kind: string; value: number }): string {
  return `${kind} ${Object.is(value, -0) ? "-0" : value}`;
}

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
    const key = constantName(expression);
    if (this.#constants.has(key)) return;
    const local = this.#body.local("v128");
    this.#constants.set(key, local);
    const { kind, value } = expression;
    if (kind === "float") this.#body.f32(value).op("f32x4.splat");
    else if (kind === "double") this.#body.f64(value).op("f64x2.splat");
    else this.#body.i32(value).op("i32x4.splat");
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
      case "double":
      case "bits":
        body.get(this.#constants.get(constantName(expression)) as number);
        return;
      case "op": {
        const known = this.#known.get(expression);
        if (known !== undefined) {
          body.get(known);
          return;
        }
        const { name, inputs } = expression;
        if (name === "later") {
          this.write(inputs[0]);
          return;
        }
        const local = body.local("v128");
        if (name.startsWith("host.")) this.#writeHost(name as HostOp, inputs, local);
        else if (name === "f32x4.muladd") {
          this.#writeSum(inputs);
          body.set(local);
        } else {
          if (shifts.has(name)) {
            this.write(inputs[0]);
            body.i32((inputs[1] as { value: number }).value);
          } else for (const input of inputs) this.write(input);
          body.op(name as PlainOp).set(local);
        }
        this.#known.set(expression, local);
        body.get(local);
        return;
      }
      default:
        expression satisfies never;
    }
  }

  /** Puts x·y + z on the stack: rounded once if that may be. */
  #writeSum([x, y, z]: readonly Expression[]): void {
    const body = this.#body;
    this.write(x);
    this.write(y);
    if (!body.canFuse) body.op("f32x4.mul");
    this.write(z);
    body.op(body.canFuse ? "f32x4.relaxed_madd" : "f32x4.add");
  }

  /** Computes in a local what the host says where the mask has ones. */
  #writeHost(name: HostOp, inputs: readonly Expression[], local: number): void {
    const body = this.#body;
    const [mask, usual, ...rest] = inputs.map((input) => {
      this.write(input);
      const at = body.local("v128");
      body.set(at);
      return at;
    });
    body.get(usual).set(local);
    body
      .get(mask)
      .op("v128.any_true")
      .when(() => {
        for (const lane of [0, 1]) {
          if (lane === 1) body.get(local);
          for (const at of rest) body.get(at).lane("f64x2.extract_lane", lane);
          body.call(name.slice("host.".length) as HostName);
          if (lane === 0) body.op("f64x2.splat").set(local);
          else body.lane("f64x2.replace_lane", 1).set(local);
        }
        body.get(local).get(usual).get(mask).op("v128.bitselect").set(local);
      });
  }
}
