/** @file Derivatives of functions: grad and valueAndGrad, over trees, nestable to any order. */
import { isFloat } from "./dtype.ts";
import { describe, GradientError, TreeError } from "./errors.ts";
import { atLevel, recordingLevel } from "./interpreters/record.ts";
import { runIn, Scope, whileRecording } from "./memory.ts";
import { fullLike, zerosLike } from "./ops/create.ts";
import { alias } from "./primitives/structure.ts";
import { formatType } from "./shape.ts";
import { checkNumber, Node, pullBack } from "./tape.ts";
import { Tensor } from "./tensor.ts";
import { mapTree, namedLeaves, tensorsIn, type Tree } from "./tree.ts";

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
  return (parameters, ...rest) => {
    for (const { path, tensor } of namedLeaves(parameters)) checkLeaf(path, tensor);
    const inner = recordingLevel() < 0 ? 1 : recordingLevel() + 1;
    return runIn(new Scope("grad"), () => {
      const marks: Node[] = [];
      const watched = mapTree((x) => watch(x, inner, marks), parameters);
      const { value, aux } = whileRecording(() =>
        atLevel(inner, () => parts<Aux>(f(watched, ...rest))),
      );
      const targets = new Set(marks);
      if (value.node !== null) {
        const first = marks[0]?.index ?? Infinity;
        pullBack(value.node, fullLike(value, 1), first, (node) => targets.has(node));
      }
      let i = 0;
      const grads = mapTree((x) => takeCotangent(marks[i++], x), parameters);
      return { value: detach(value, inner), grads, aux: detachAll(aux, inner) };
    });
  };
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

/** Only floating-point tensors have derivatives. */
function checkLeaf(path: string, x: Tensor): void {
  if (!isFloat(x.dtype)) {
    throw new TreeError(
      "grad",
      "the first argument must hold floating-point tensors",
      `${formatType(x)}${path ? ` at "${path}"` : ""}`,
      "Pass whole numbers as further arguments.",
    );
  }
}

/** A stand-in for a leaf, by which this derivative is taken; an outer one sees it as its old self. */
function watch(x: Tensor, level: number, marks: Node[]): Tensor {
  const y = atLevel(level, () => alias(x));
  y.node ??= new Node("leaf", [], null, null, y, level);
  marks.push(y.node);
  return y;
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

/** The gradient that has arrived at a mark, as a tensor of its own; zeros if none has. */
function takeCotangent(mark: Node, x: Tensor): Tensor {
  const { cotangent } = mark;
  mark.cotangent = null;
  return cotangent === null ? zerosLike(x) : alias(cotangent);
}

/** Takes a result off this level's tape: from here on it is a constant to all but outer derivatives. */
function detach(x: Tensor, level: number): Tensor {
  if (x.node !== null && x.node.level >= level) x.node = null;
  return x;
}

/** {@link detach} for every tensor in a value. */
function detachAll<R>(value: R, level: number): R {
  for (const x of tensorsIn(value)) detach(x, level);
  return value;
}
