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
  | "unavailable"
  | "lost"
  | "tracing"
  | "numeric"
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

  /** Adds where it happened: called from the inside out, by every place that it passes through. */
  locate(place: string): void {
    const outer = /\(in ([^()]*)\)$/.exec(this.message);
    if (outer === null) this.message += ` (in ${place})`;
    else this.message = this.message.slice(0, outer.index) + `(in ${place}, ${outer[1]})`;
  }
}

/**
 * Shapes that do not fit together.
 *
 * When: two operands, or data and the shape it should fill, disagree in size. The message names the axes.
 *
 * @example
 * ```ts
 * import { matmul, zeros, type Tensor } from "tapeloop";
 *
 * // Wrong: 16 is not 32. (With zeros([32, 4]) in its place the compiler says so.)
 * const W: Tensor = zeros([32, 4]);
 * matmul(zeros([8, 16]), W); // throws ShapeError: matmul: inner axes must agree, …
 * // Right:
 * matmul(zeros([8, 16]), zeros([16, 4])).shape; // => [ 8, 4 ]
 * ```
 */
export class ShapeError extends TapeloopError {
  readonly code = "shape";
}

/**
 * An element type that the operation does not take.
 *
 * When: indices that are not int32, arithmetic on masks, numbers that their type cannot hold. Types are never
 * rounded behind your back; `cast` says that it is meant.
 *
 * @example
 * ```ts
 * import { cast, oneHot, tensor } from "tapeloop";
 *
 * const classes = tensor([0, 2]); // float32, as plain numbers are
 * // Wrong:
 * oneHot(classes, 3); // throws DTypeError: oneHot: indices must be int32, got float32. …
 * // Right:
 * oneHot(cast(classes, "int32"), 3).toArray(); // => [ [ 1, 0, 0 ], [ 0, 0, 1 ] ]
 * ```
 */
export class DTypeError extends TapeloopError {
  readonly code = "dtype";
}

/**
 * An axis outside of `[-rank, rank)`, or the same axis twice.
 *
 * When: an axis is counted from 1, or the tensor has fewer axes than you think.
 *
 * @example
 * ```ts
 * import { ones, type Tensor } from "tapeloop";
 *
 * // Wrong: the axes of a matrix are 0 and 1.
 * const x: Tensor = ones([2, 3]);
 * x.sum({ axes: 2 }); // throws AxisError: sum: axis must be in [-2, 2), got 2 for float32[2,3].
 * // Right:
 * ones([2, 3]).sum({ axes: -1 }).toArray(); // => [ 3, 3 ]
 * ```
 */
export class AxisError extends TapeloopError {
  readonly code = "axis";
}

/**
 * An index outside of the axis it counts along.
 *
 * When: a symbol is not in the vocabulary, or counting began at 1.
 *
 * @example
 * ```ts
 * import { gather, tensor } from "tapeloop";
 *
 * const rows = tensor([10, 20, 30]);
 * // Wrong: the last row is 2.
 * gather(rows, tensor([3], { dtype: "int32" })); // throws IndexError: gather: …
 * // Right:
 * gather(rows, tensor([2], { dtype: "int32" })).toArray(); // => [ 30 ]
 * ```
 */
export class IndexError extends TapeloopError {
  readonly code = "index";
}

/**
 * An argument or an option that the operation does not take.
 *
 * When: an option is misspelt, a number is out of its range, or a promise came where a value should.
 *
 * @example
 * ```ts
 * import { adam } from "tapeloop";
 *
 * // Wrong:
 * adam({ learningRate: -1 }); // throws ArgumentError: adam: learningRate is a finite number from 0, got -1.
 * // Right:
 * Object.keys(adam({ learningRate: 0.001 })); // => [ 'init', 'update' ]
 * ```
 */
export class ArgumentError extends TapeloopError {
  readonly code = "argument";
}

/**
 * A derivative was asked for where there is none, or of something that is not one number.
 *
 * When: a loss was not reduced, `backward` finds no parameter, or `checkGradients` finds a wrong rule.
 *
 * @example
 * ```ts
 * import { grad, tensor, type Tensor } from "tapeloop";
 *
 * const x = tensor([1, 2]);
 * // Wrong: two numbers have no gradient; they have a Jacobian.
 * grad((x: Tensor) => x.square())(x); // throws GradientError: grad: the result must be one …
 * // Right:
 * grad((x: Tensor) => x.square().sum())(x).toArray(); // => [ 2, 4 ]
 * ```
 */
export class GradientError extends TapeloopError {
  readonly code = "gradient";
}

/**
 * Nested objects and arrays of tensors that do not have the same structure, or hold something else.
 *
 * When: a plain number or a class instance stands among parameters, or gradients are of another model. The
 * message names the path.
 *
 * @example
 * ```ts
 * import { leaves, tensor } from "tapeloop";
 *
 * // Wrong: 3 is no tensor.
 * leaves({ W: tensor([1, 2]), layers: [{ b: 3 }] }); // throws TreeError: tree: leaves must be tensors, got number 3 at "layers[0].b".
 * // Right:
 * leaves({ W: tensor([1, 2]), layers: [{ b: tensor(3) }] }).length; // => 2
 * ```
 */
export class TreeError extends TapeloopError {
  readonly code = "tree";
}

/**
 * No backend, two backends in one operation, or an operation that a backend lacks.
 *
 * When: `tapeloop` was not imported and nobody called `setDefaultBackend`, or tensors from two places meet.
 *
 * @example
 * ```ts
 * import { add, ndarrayBackend, tensor, to } from "tapeloop";
 *
 * const here = tensor(1); // on the default backend
 * const elsewhere = tensor(1, { backend: { ...ndarrayBackend, name: "elsewhere" } });
 * // Wrong:
 * add(here, elsewhere); // throws BackendError: add: all inputs must live on one backend, …
 * // Right:
 * add(here, to(elsewhere, here.backend)).item(); // => 2
 * ```
 */
export class BackendError extends TapeloopError {
  readonly code = "backend";
}

/**
 * A backend that cannot run here: the device or the package that it needs is not there.
 *
 * When: a browser without WebGL, Node, or a page that forbids it. The message has the reason.
 *
 * @example
 * ```ts
 * import { gpuBackend } from "@tapeloop/backend-gpu";
 * import { ndarrayBackend } from "tapeloop";
 *
 * // Wrong: Node has no WebGL.
 * await gpuBackend({ mode: "webgl2", elsewhere: ndarrayBackend }); // throws BackendUnavailableError: …
 * // Right: with mode "auto" the other backend runs where there is no device; "cpu" runs everywhere.
 * (await gpuBackend({ mode: "cpu", elsewhere: ndarrayBackend })).name; // => gpu
 * ```
 */
export class BackendUnavailableError extends TapeloopError {
  readonly code = "unavailable";
}

/**
 * A device went away, and with it every tensor that was there.
 *
 * When: the driver was reset, a laptop slept, or a browser took the context for another page. Values are
 * never read as zeros in its place. Parameters come back from the last checkpoint, on a new backend.
 *
 * @example
 * ```ts no-run
 * import { gpuBackend } from "@tapeloop/backend-gpu";
 * import { DeviceLostError, ndarrayBackend, type Tensor } from "tapeloop";
 *
 * // Wrong: to carry on with tensors of a device that has gone.
 * // Right: a new backend, and the parameters of the last checkpoint on it.
 * async function train(run: () => Promise<Tensor>): Promise<void> {
 *   try {
 *     await run();
 *   } catch (error) {
 *     if (!(error instanceof DeviceLostError)) throw error;
 *     await gpuBackend({ elsewhere: ndarrayBackend });
 *   }
 * }
 * ```
 */
export class DeviceLostError extends TapeloopError {
  readonly code = "lost";
}

/**
 * A value that is not finite was made while {@link detectAnomaly} was watching.
 *
 * When: a number overflowed, or a function was asked outside of its domain, forward or in a derivative.
 * The message says whether it happens in float64 too: then it is the formula.
 *
 * @example
 * ```ts
 * import { detectAnomaly, tensor, type Tensor } from "tapeloop";
 *
 * const f = detectAnomaly((x: Tensor) => x.log().sum());
 * // Wrong: −1 has no logarithm.
 * f(tensor([1, -1])); // throws NumericError: log: the result must be finite, got NaN from float32[2] …
 * // Right:
 * f(tensor([1, 1])).item(); // => 0
 * ```
 */
export class NumericError extends TapeloopError {
  readonly code = "numeric";

  /** Adds what is known of the cause. */
  explain(cause: string): void {
    this.message += ` ${cause}`;
  }
}

/**
 * A value was asked for where there is none yet, or not one: inside of `vmap`.
 *
 * When: `item`, `data` or an `if` on a value that differs from example to example.
 *
 * @example
 * ```ts
 * import { abs, tensor, type Tensor, vmap } from "tapeloop";
 *
 * const xs = tensor([-1, 2]);
 * // Wrong: which of the examples decides?
 * vmap((x: Tensor) => (x.item() < 0 ? x.neg() : x))(xs); // throws TracingError: …
 * // Right: an op decides for each of them; abs, or where().
 * vmap((x: Tensor) => abs(x))(xs).toArray(); // => [ 1, 2 ]
 * ```
 */
export class TracingError extends TapeloopError {
  readonly code = "tracing";
}

/**
 * A tensor was used after its scope had given it back.
 *
 * When: a tensor left a scope by another way than the return value, or an old state was used after
 * `step`: the message names the scope. Or it was donated to a function made by `compile`.
 *
 * @example
 * ```ts
 * import { scope, tensor, type Tensor } from "tapeloop";
 *
 * let leaked!: Tensor;
 * // Wrong:
 * scope(() => void (leaked = tensor(1)));
 * leaked.item(); // throws DisposedError: tensor: a tensor may be used until its scope ends, …
 * // Right:
 * const kept = scope(() => tensor(1));
 * kept.item(); // => 1
 * ```
 */
export class DisposedError extends TapeloopError {
  readonly code = "disposed";
}

/**
 * A mistake of Tapeloop's own.
 *
 * When: the engine finds that one of its rules broke a promise, such as a cotangent of another type than its
 * value's. Please report it, with the program that led to it.
 */
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

/** Refuses what is no array, where plain JavaScript hands in something else. */
export function checkArray(op: string, rule: string, value: unknown): void {
  if (!Array.isArray(value)) throw new ArgumentError(op, rule, describe(value));
}

/** Refuses what are not finite numbers, or below the least that they may be. */
export function checkFiniteNumbers(
  op: string,
  numbers: Readonly<Record<string, unknown>>,
  least: number = -Infinity,
): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (Number.isFinite(value) && (value as number) >= least) continue;
    const rule = `${name} is a finite number${least === -Infinity ? "" : ` from ${least}`}`;
    throw new ArgumentError(op, rule, String(value));
  }
}

/** Refuses options that the operation does not have, so that a misspelt one is never ignored. */
export function checkOptions(op: string, options: object, known: readonly string[]): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new ArgumentError(
      op,
      `options are an object with ${known.join(", ")}`,
      describe(options),
      `Write { ${known[0]}: … }.`,
    );
  }
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
