/** @file The tensor: a handle on a backend's array, with a closed face of methods for daily use. */
import type { Backend } from "./backend.ts";
import type { DType, TypedArray } from "./dtype.ts";
import { DisposedError, ShapeError, TracingError } from "./errors.ts";
import type { Examples } from "./interpreters/batch.ts";
import type { Traced } from "./interpreters/trace.ts";
import { disown, type Storage } from "./memory.ts";
import { nested, type NestedArray } from "./ops/create.ts";
import { formatTensor } from "./ops/format.ts";
import { Fluent } from "./fluent.ts";
import type { AnyShape, ShapeOf, Sizes } from "./shape-types.ts";
import { formatType, type Shape, type TensorType } from "./shape.ts";
import { backward, type TapeNode } from "./tape.ts";

/** What ops take: a tensor, a {@link Parameter}, or a number, which takes its partner's element type. */
export type TensorLike = Tensor | HasValue | number;

/** What ops take the value of, such as a {@link Parameter}. */
export interface HasValue {
  /** The value now. */
  readonly value: Tensor;
}

export { Fluent };

/** How a tensor ends that is donated to a compiled function. */
export const donation: unique symbol = Symbol("donation");

/**
 * An immutable array of numbers with a shape and an element type, living on a backend.
 *
 * Make one with {@link tensor}; every op returns a new one.
 *
 * @typeParam S - The shape, as far as the compiler knows it; see {@link Dim}.
 *
 * @example
 * ```ts
 * import { tensor } from "tapeloop";
 *
 * const x = tensor([[1, 2], [3, 4]]);
 * console.log(x.mul(x).sum().item(), x.shape, x.dtype); // 30 [ 2, 2 ] float32
 * ```
 */
export class Tensor<S extends Shape = AnyShape> extends Fluent<S> implements TensorType {
  /** Sizes along each axis, outermost first. */
  readonly shape: ShapeOf<S>;
  /** Never set: makes the compiler compare sizes in both directions. */
  declare private readonly sizes?: (sizes: Sizes<S>) => Sizes<S>;
  /** The type of the elements. */
  readonly dtype: DType;
  /** The record of the op that made it, where a derivative may ask for it. */
  node: TapeNode | null = null;
  /** @internal The allocation behind it; null once it has been given back. */
  storage: Storage | null;
  /** @internal Whether the garbage collector is the owner. */
  collected = false;
  /** @internal Under `vmap`: all the examples that it stands for. */
  readonly examples: Examples | null;
  /** @internal In a program that is being written: the variable that it stands for. */
  readonly traced: Traced | null;
  #array: unknown;
  #disposedBy: string | typeof donation = "";

  /** @internal Use {@link tensor}. */
  constructor(
    type: TensorType,
    array: unknown,
    storage: Storage | null,
    examples: Examples | null = null,
    traced: Traced | null = null,
  ) {
    super();
    this.examples = examples;
    this.traced = traced;
    this.shape = type.shape as ShapeOf<S>;
    this.dtype = type.dtype;
    this.#array = array;
    this.storage = storage;
  }

  /** @internal The backend's array. */
  get array(): unknown {
    if (this.storage === null) throw this.#unreadable();
    return this.#array;
  }

  /** The number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** The number of elements. */
  get size(): number {
    return this.shape.reduce((a, b) => a * b, 1);
  }

  /** Where it lives. */
  get backend(): Backend {
    if (this.examples !== null) return this.examples.full.backend;
    if (this.traced !== null) return this.traced.tracer.backend;
    if (this.storage === null) throw this.#unreadable();
    return this.storage.backend;
  }

  /** Whether its memory has been given back. */
  get isDisposed(): boolean {
    if (this.traced !== null) return false;
    return this.examples === null ? this.storage === null : this.examples.full.isDisposed;
  }

  /** Gives its memory back now. Scopes do this for you. */
  dispose(): void {
    this.release("dispose()");
  }

  /** The same as {@link Tensor.dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.release("using");
  }

  /** @internal Gives its memory back in the name of a scope, or as a donation. */
  release(by: string | typeof donation): void {
    const { storage } = this;
    this.#letGo(by);
    storage?.release();
  }

  /** @internal Lets the caller, whom it was donated to, have the memory, which no other tensor may look at. */
  surrender(): Storage | null {
    const { storage } = this;
    this.#letGo(donation);
    storage?.surrender();
    return storage;
  }

  #letGo(by: string | typeof donation): void {
    if (this.storage === null) return;
    if (this.collected) disown(this);
    this.storage = null;
    this.#array = null;
    this.node = null;
    this.#disposedBy = by;
  }

  #unreadable(): TracingError | DisposedError {
    if (this.examples !== null) {
      return new TracingError(
        "vmap",
        "a value that differs between examples cannot be read",
        formatType(this),
        "Use where() or cond() in place of if, or read it outside of vmap().",
      );
    }
    if (this.traced !== null) {
      return new TracingError(
        "trace",
        "a value is not known while a program is being written",
        formatType(this),
        "Use where() or cond() in place of if, or return it and read it outside of compile().",
      );
    }
    if (this.#disposedBy === donation) {
      return new DisposedError(
        "tensor",
        "a tensor that was donated may not be used after the call",
        `${formatType(this)}, given away to a function made by compile(…, { donate })`,
        "Use what the function returned, or leave this argument out of donate.",
      );
    }
    return new DisposedError(
      "tensor",
      "a tensor may be used until its scope ends",
      `${formatType(this)}, given back by ${this.#disposedBy}`,
      "Return it from the function given to the scope to keep it.",
    );
  }

  /** The elements in row-major order, as a copy. */
  data(): Promise<TypedArray> {
    return this.backend.read(this.array, this);
  }

  /** The elements in row-major order, as a copy, at once. Backends that cannot wait throw. */
  dataSync(): TypedArray {
    return this.backend.readSync(this.array, this);
  }

  /**
   * The one element as a number.
   *
   * @throws ShapeError if there is not exactly one.
   */
  item(): number {
    if (this.size !== 1) {
      throw new ShapeError("item", "needs exactly one element", formatType(this), "Use toArray().");
    }
    return this.dataSync()[0];
  }

  /** The elements as nested arrays of numbers; a plain number for rank 0. */
  toArray(): NestedArray {
    return nested(this.dataSync(), this.shape);
  }

  /** Type and values, abbreviated when there are many. */
  override toString(): string {
    if (this.isDisposed) return `${formatType(this)} (given back)`;
    if (this.traced !== null) return `${formatType(this)} (not known yet)`;
    return this.examples === null ? formatTensor(this) : `${formatType(this)} (one of many)`;
  }

  static {
    // What `console.log` shows in Node.
    Object.defineProperty(this.prototype, Symbol.for("nodejs.util.inspect.custom"), {
      value(this: Tensor): string {
        return this.toString();
      },
    });
  }

  /**
   * Adds the derivative of this number to `.grad` of every {@link Parameter} it depends on.
   *
   * The tape stays as long as this tensor does, so a second `backward()` adds the same once more (PyTorch
   * calls this `retain_graph`); in a scope it goes back with everything else at the scope's end.
   *
   * @throws GradientError if it is not one floating-point number, or depends on no parameter.
   */
  backward(): void {
    backward(this);
  }
}
