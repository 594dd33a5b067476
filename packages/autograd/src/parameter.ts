/** @file Parameters: named places for values that training changes, with a `.grad` beside them. */
import { ShapeError } from "./errors.ts";
import { keep } from "./interpreters/eager.ts";
import { adopt, outsideScopes } from "./memory.ts";
import { noGrad } from "./interpreters/record.ts";
import { toTensor } from "./operands.ts";
import { add } from "./primitives/binary.ts";
import { formatTypes, sameType } from "./shape.ts";
import { TapeNode } from "./tape.ts";
import { Fluent, type Tensor } from "./tensor.ts";
import type { AnyShape, Operand } from "./shape-types.ts";
import type { Shape } from "./shape.ts";

/**
 * A place for a value that training changes. Ops take it like a tensor; `loss.backward()` adds to its
 * `grad`; {@link Parameter.assign} gives it the next value. Values are never changed in place, so a
 * derivative taken after an assignment is still that of the values that were used.
 *
 * The functional face, {@link grad} over trees of plain tensors, needs no parameters.
 */
export class Parameter<S extends Shape = AnyShape> extends Fluent<S> {
  #value: Tensor<S>;
  #grad: Tensor<S> | null = null;

  /** @internal Use {@link parameter}. */
  constructor(value: Tensor<S>) {
    super();
    this.#value = this.#leaf(value);
  }

  /** The value now. It stays valid until the next assignment. */
  get value(): Tensor<S> {
    return this.#value;
  }

  /** The sum of the derivatives of every `backward()` since the last {@link Parameter.zeroGrad}. */
  get grad(): Tensor<S> | null {
    return this.#grad;
  }

  /**
   * Gives it the next value; the last one goes back as soon as no derivative needs it.
   *
   * @throws ShapeError if the type is another.
   */
  assign(value: Tensor<S>): void {
    const old = this.#value;
    if (!sameType(value, old)) {
      throw new ShapeError("assign", "the type must stay the same", formatTypes([old, value]));
    }
    this.#value = this.#leaf(value);
    adopt(old);
  }

  /** Forgets the gradient. */
  zeroGrad(): void {
    this.#grad?.dispose();
    this.#grad = null;
  }

  /** @internal Adds to the gradient. */
  accumulate(gradient: Tensor): void {
    const old = this.#grad;
    if (old === null) this.#grad = keep(gradient);
    else {
      this.#grad = outsideScopes(() => noGrad(() => add(old, gradient)));
      old.dispose();
    }
  }

  /** A leaf for derivatives, on the same memory, that outlives every scope. */
  #leaf(value: Tensor<S>): Tensor<S> {
    const leaf = keep(value);
    leaf.node = new TapeNode("leaf", [], null, null, leaf, 0);
    leaf.node.parameter = this;
    return leaf;
  }
}

/**
 * A {@link Parameter} that starts with a value.
 *
 * @example
 * ```ts
 * import { parameter } from "tapeloop";
 *
 * const w = parameter(3);
 * w.mul(w).backward();
 * console.log(w.grad?.item()); // 6
 * w.assign(w.value.sub(w.grad!.mul(0.1)));
 * console.log(w.value.item().toFixed(1)); // 2.4
 * ```
 */
export function parameter<S extends Shape = AnyShape>(value: Operand<S> | number): Parameter<S> {
  return new Parameter(toTensor(value));
}
