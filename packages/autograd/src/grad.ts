/** @file Derivatives of functions: grad and valueAndGrad, over trees, nestable to any order. */
import { describe, GradientError } from "./errors.ts";
import { runIn, Scope } from "./memory.ts";
import { fullLike, zerosLike } from "./ops/create.ts";
import { detach, record } from "./recording.ts";
import { checkNumber, pull } from "./tape.ts";
import { Tensor } from "./tensor.ts";
import { mapTree, type Tree } from "./tree.ts";

/** What a differentiated function returns: the loss alone, or the loss and something beside it. */
export type Loss<Aux> = Tensor | readonly [loss: Tensor, aux: Aux];

/** A function's value as it was returned, with the gradient by its first argument. */
export interface ValueAndGrad<P, Aux> {
  /** The loss. */
  readonly value: Tensor;
  /** The derivative of the loss by each leaf of the first argument, in the same structure. */
  readonly grads: P;
  /** What the function returned beside the loss. */
  readonly aux: Aux;
}

/**
 * The value of `f` and its derivative by every tensor in the first argument, a tensor or a tree.
 * Nest it for higher orders. Everything made on the way is given back; the results stay.
 *
 * @param f - Returns a floating-point number (rank 0), or `[number, aux]`; `aux` is handed through.
 * @throws GradientError if `f` does not return one floating-point number.
 * @throws TreeError if the first argument holds anything but floating-point tensors.
 *
 * @example
 * ```ts
 * import { tensor, valueAndGrad, type Tensor } from "tapeloop";
 *
 * const f = valueAndGrad(({ w, b }: { w: Tensor; b: Tensor }, x: Tensor) =>
 *   w.mul(x).add(b).square().sum(),
 * );
 * const { value, grads } = f({ w: tensor(2), b: tensor(1) }, tensor([1, 2]));
 * console.log(value.item(), grads.w.item(), grads.b.item()); // 34 26 16
 * ```
 */
export function valueAndGrad<P extends Tree, A extends readonly unknown[], Aux = undefined>(
  f: (parameters: P, ...rest: A) => Loss<Aux>,
): (parameters: P, ...rest: A) => ValueAndGrad<P, Aux> {
  return (parameters, ...rest) =>
    runIn(new Scope("grad"), () => {
      const { result, marks, since, level } = record(
        "grad",
        (watched: P) => parts<Aux>(f(watched, ...rest)),
        parameters,
      );
      const { value, aux } = result;
      const cotangents = pull([[value.node, fullLike(value, 1)]], marks, since);
      let i = 0;
      const grads = mapTree((x) => cotangents[i++] ?? zerosLike(x), parameters);
      return { value: detach(value, level), grads, aux: detach(aux, level) };
    });
}

/**
 * The derivative of `f` by every tensor in its first argument; see {@link valueAndGrad}.
 *
 * @example
 * ```ts
 * import { grad, tensor, type Tensor } from "tapeloop";
 *
 * const cube = (x: Tensor) => x.mul(x).mul(x);
 * console.log(grad(cube)(tensor(2)).item()); // 12
 * console.log(grad((x: Tensor) => grad(cube)(x))(tensor(2)).item()); // 12
 * ```
 */
export function grad<P extends Tree, A extends readonly unknown[]>(
  f: (parameters: P, ...rest: A) => Loss<unknown>,
): (parameters: P, ...rest: A) => P {
  const both = valueAndGrad<P, A, unknown>(f);
  return (parameters, ...rest) => runIn(new Scope("grad"), () => both(parameters, ...rest).grads);
}

/** Splits a function's result in the loss and what is beside it. */
function parts<Aux>(result: Loss<Aux>): { value: Tensor; aux: Aux } {
  const [value, aux] = Array.isArray(result) ? result : [result, undefined];
  if (!(value instanceof Tensor)) {
    throw new GradientError(
      "grad",
      "the function must return one number, or [number, aux]",
      describe(value),
    );
  }
  checkNumber("grad", value);
  return { value, aux: aux as Aux };
}
