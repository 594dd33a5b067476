/**
 * @file Every error class, and the one place where message text is put together:
 * `<op>: <rule that was broken>, got <what came>. <remedy>`.
 */

/** The stable names by which programs tell errors apart. */
export type ErrorCode =
  | "shape"
  | "dtype"
  | "axis"
  | "index"
  | "argument"
  | "gradient"
  | "tree"
  | "backend"
  | "tracing"
  | "disposed"
  | "internal";

/** What every error of Tapeloop has: the operation that refused, and a code that never changes. */
export abstract class TapeloopError extends Error {
  /** Which kind of rule was broken. */
  abstract readonly code: ErrorCode;
  /** The operation that refused, by its public name. */
  readonly op: string;

  /**
   * @param op - The operation that refused, by its public name.
   * @param rule - What must hold, as a clause.
   * @param got - What came instead.
   * @param remedy - What to do about it, as a sentence.
   */
  constructor(op: string, rule: string, got: string, remedy = "") {
    super(`${op}: ${rule}${got ? `, got ${got}` : ""}.${remedy ? ` ${remedy}` : ""}`);
    this.op = op;
    this.name = new.target.name;
  }
}

/**
 * Shapes that do not fit together.
 *
 * @example
 * ```ts
 * import { matmul, ShapeError, zeros } from "tapeloop";
 *
 * try {
 *   matmul(zeros([8, 16]), zeros([32, 4])); // wrong: 16 is not 32
 * } catch (error) {
 *   console.log(error instanceof ShapeError); // true
 * }
 * console.log(matmul(zeros([8, 16]), zeros([16, 4])).shape); // [ 8, 4 ]
 * ```
 */
export class ShapeError extends TapeloopError {
  readonly code = "shape";
}

/** An element type that the operation does not take. Remedy: `cast(x, dtype)`. */
export class DTypeError extends TapeloopError {
  readonly code = "dtype";
}

/** An axis outside of `[-rank, rank)`, or the same axis twice. */
export class AxisError extends TapeloopError {
  readonly code = "axis";
}

/** An index outside of the axis it counts along. */
export class IndexError extends TapeloopError {
  readonly code = "index";
}

/** An argument or an option that the operation does not take. */
export class ArgumentError extends TapeloopError {
  readonly code = "argument";
}

/** A derivative was asked for where there is none, or of something that is not one number. */
export class GradientError extends TapeloopError {
  readonly code = "gradient";
}

/** Nested objects and arrays of tensors that do not have the same structure, or hold something else. */
export class TreeError extends TapeloopError {
  readonly code = "tree";
}

/** No backend, two backends in one operation, or an operation that a backend lacks. */
export class BackendError extends TapeloopError {
  readonly code = "backend";
}

/** A value was asked for where there is none yet, or not one: inside of `vmap`. */
export class TracingError extends TapeloopError {
  readonly code = "tracing";
}

/** A tensor was used after its scope had given it back. */
export class DisposedError extends TapeloopError {
  readonly code = "disposed";
}

/** A mistake of Tapeloop's own. Please report it. */
export class InternalError extends TapeloopError {
  readonly code = "internal";

  /** @param message - What was found that cannot be. */
  constructor(message: string) {
    super("internal", message, "", "Please report this.");
  }
}

/** Something unexpected, in the words of a message. */
export function describe(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (value instanceof Promise) return "a promise";
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return `${typeof value} ${String(value)}`;
  const keys = Object.keys(value);
  return `an object with ${keys.length === 0 ? "no keys" : `the keys ${keys.join(", ")}`}`;
}

/** Refuses options that the operation does not have, so that a misspelt one is never ignored. */
export function checkOptions(op: string, options: object, known: readonly string[]): void {
  for (const name in options) {
    if (!known.includes(name)) {
      throw new ArgumentError(
        op,
        `options are ${known.join(", ")}`,
        `"${name}"`,
        "Remove or correct it.",
      );
    }
  }
}
