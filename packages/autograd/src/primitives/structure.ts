/** @file Primitives that shape the tape and compute nothing. */
import { apply } from "../apply.ts";
import { noGrad } from "../interpreters/record.ts";
import { toTensor } from "../operands.ts";
import { type NoParams, noParams, type OnePrimitive, only, savesNothing } from "../primitive.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import { elementwise } from "./batching.ts";

/** The same tensor under a new name, so that a derivative by it is not confused with one by the old. */
export const Alias: OnePrimitive<"alias", NoParams, null> = {
  name: "alias",
  work: "layout",
  isView: true,
  results: "one",
  type: ([x]) => x,
  saves: savesNothing,
  vjp: (g) => g,
  jvp: only,
  batch: elementwise,
};

/** The same tensor under a new name. */
export function alias(x: Tensor): Tensor {
  return apply(Alias, [x], noParams);
}

/**
 * The same values as a constant: no derivative flows through.
 *
 * @example
 * ```ts
 * import { grad, stopGradient, tensor, type Tensor } from "tapeloop";
 *
 * const f = (x: Tensor) => x.mul(stopGradient(x));
 * console.log(grad(f)(tensor(3)).item()); // 3
 * ```
 */
export function stopGradient(x: TensorLike): Tensor {
  return noGrad(() => alias(toTensor(x)));
}
