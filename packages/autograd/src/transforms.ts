/**
 * @file Derivatives of functions between tensors and trees, in both directions. All of them read the
 * same tape; all of them nest in any order.
 */
import { allocate } from "./dtype.ts";
import { ArgumentError, checkOptions, ShapeError } from "./errors.ts";
import { pushForward } from "./forward.ts";
import { grad, type Loss } from "./grad.ts";
import { runIn, Scope } from "./memory.ts";
import { tensor, zerosOfType } from "./ops/create.ts";
import { cast } from "./primitives/choice.ts";
import { reshape } from "./primitives/movement.ts";
import { stack } from "./primitives/joining.ts";
import { detach, record, type Recording } from "./recording.ts";
import { formatTypes, sameType, sizeOf } from "./shape.ts";
import { pull } from "./tape.ts";
import type { Tensor } from "./tensor.ts";
import { leaves, mapTree, type Tree } from "./tree.ts";

/** Refuses tangents and cotangents that do not have the types of what they belong to. */
function checkTypes(op: string, what: string, of: Tree, given: Tree): void {
  mapTree(
    (x, t) => {
      if (!sameType(x, t)) {
        throw new ShapeError(
          op,
          `each ${what} must have the type of its value`,
          formatTypes([x, t]),
        );
      }
      return x;
    },
    of,
    given,
  );
}

/** A value, and the linear map from its cotangents to those of the arguments. */
export interface Pullback<P, R> {
  /** What the function returned. */
  readonly value: R;
  /** The transpose of the derivative: cotangents of the value to cotangents of the argument. */
  readonly pullback: (cotangents: R) => P;
}

/**
 * The value of `f` at a point, and its pullback, which may be called several times. The tape between
 * them lives as long as the scope around.
 *
 * @param f - A function of a tensor or tree, to a tensor or tree.
 *
 * @example
 * ```ts
 * import { tensor, vjp, type Tensor } from "tapeloop";
 *
 * const { value, pullback } = vjp((x: Tensor) => x.square(), tensor([1, 2, 3]));
 * console.log(value.toArray(), pullback(tensor([1, 0, 10])).toArray()); // [ 1, 4, 9 ] [ 2, 0, 60 ]
 * ```
 */
export function vjp<P extends Tree, R extends Tree>(f: (at: P) => R, at: P): Pullback<P, R> {
  const recording = record("vjp", f, at);
  const nodes = leaves(recording.result).map((y) => y.node);
  const value = detach(recording.result, recording.level);
  return {
    value,
    pullback: (cotangents) => {
      checkTypes("vjp", "cotangent", value, cotangents);
      const given = leaves(cotangents);
      const results = nodes.map((node, i) => [node, given[i]] as const);
      const found = pull(results, recording.marks, recording.since);
      return mapInOrder(at, (x, i) => found[i] ?? zerosOfType(x, x));
    },
  };
}

/** A tree of the same structure from its leaves and their places. */
function mapInOrder<T extends Tree>(tree: T, f: (leaf: Tensor, i: number) => Tensor): T {
  let i = 0;
  return mapTree((leaf) => f(leaf, i++), tree);
}

/** A value, and the derivative as a linear map. */
export interface Linearized<P, R> {
  /** What the function returned. */
  readonly value: R;
  /** The derivative: tangents of the argument to tangents of the value. */
  readonly tangentOf: (tangents: P) => R;
}

/**
 * The value of `f` at a point, and its derivative there as a linear map that may be called several
 * times without running `f` again. The tape lives as long as the scope around.
 */
export function linearize<P extends Tree, R extends Tree>(
  f: (at: P) => R,
  at: P,
): Linearized<P, R> {
  const recording = record("linearize", f, at);
  const nodes = leaves(recording.result).map((y) => y.node);
  const value = detach(recording.result, recording.level);
  return {
    value,
    tangentOf: (tangents) => {
      checkTypes("linearize", "tangent", at, tangents);
      return tangentsOf(recording, nodes, value, leaves(tangents));
    },
  };
}

/** Carries tangents over a recording. */
function tangentsOf<R extends Tree>(
  { since, marks }: Recording<R>,
  nodes: readonly Tensor["node"][],
  value: R,
  tangents: readonly Tensor[],
): R {
  const known = new Map(marks.map((mark, i) => [mark, tangents[i]] as const));
  const found = pushForward(nodes, known, since);
  return mapInOrder(value, (y, i) => found[i] ?? zerosOfType(y, y));
}

/** A value and its derivative along a direction. */
export interface Tangent<R> {
  /** What the function returned. */
  readonly value: R;
  /** The derivative along the given direction, in the structure of the value. */
  readonly tangent: R;
}

/**
 * The derivative of `f` at a point along a direction: forward mode. One pass, whatever the number of
 * results.
 *
 * @example
 * ```ts
 * import { jvp, tensor, type Tensor } from "tapeloop";
 *
 * const { value, tangent } = jvp((x: Tensor) => x.mul(x), tensor(3), tensor(1));
 * console.log(value.item(), tangent.item()); // 9 6
 * ```
 */
export function jvp<P extends Tree, R extends Tree>(
  f: (at: P) => R,
  at: P,
  direction: NoInfer<P>,
): Tangent<R> {
  return runIn(new Scope("jvp"), () => {
    const { value, tangentOf } = linearize(f, at);
    return { value, tangent: tangentOf(direction) };
  });
}

/** How {@link jacobian} works. */
export interface JacobianOptions {
  /** "reverse" takes a pass per result, "forward" one per argument. Default: what takes fewer. */
  readonly mode?: "forward" | "reverse";
}

/**
 * All derivatives of a tensor by a tensor: J[i…, j…] = ∂f(x)[i…] / ∂x[j…].
 *
 * Shapes: f: [...n] → [...m]; J [...m, ...n].
 *
 * @example
 * ```ts
 * import { jacobian, tensor, type Tensor } from "tapeloop";
 *
 * const J = jacobian((x: Tensor) => x.square())(tensor([1, 2]));
 * console.log(J.toArray()); // [ [ 2, 0 ], [ 0, 4 ] ]
 * ```
 */
export function jacobian(
  f: (x: Tensor) => Tensor,
  options: JacobianOptions = {},
): (x: Tensor) => Tensor {
  checkOptions("jacobian", options, ["mode"]);
  if (![undefined, "forward", "reverse"].includes(options.mode)) {
    throw new ArgumentError("jacobian", 'mode is "forward" or "reverse"', String(options.mode));
  }
  return (x) =>
    runIn(new Scope("jacobian"), () => {
      const recording = record("jacobian", f, x);
      const { node } = recording.result;
      const y = detach(recording.result, recording.level);
      const [m, n] = [sizeOf(y.shape), sizeOf(x.shape)];
      const mode = options.mode ?? (n < m ? "forward" : "reverse");
      const shape = [...y.shape, ...x.shape];
      if (m === 0 || n === 0) return zerosOfType({ shape, dtype: y.dtype }, y);
      if (mode === "reverse") {
        const rows = units(y).map((unit) => {
          const [found] = pull([[node, unit]], recording.marks, recording.since);
          // In the type of the result, as in forward mode.
          return cast(found ?? zerosOfType(x, x), y.dtype);
        });
        return reshape(stack(rows, { axis: 0 }), shape);
      }
      const columns = units(x).map((unit) => tangentsOf(recording, [node], y, [unit]));
      return reshape(stack(columns), shape);
    });
}

/** Every tensor of a type that is 1 at one place and 0 elsewhere. */
function units({ shape, dtype, backend }: Tensor): Tensor[] {
  const size = sizeOf(shape);
  return Array.from({ length: size }, (_, i) =>
    tensor(allocate(dtype, size).fill(1, i, i + 1), { shape, dtype, backend }),
  );
}

/**
 * All second derivatives of a number by a tensor.
 *
 * Shapes: f: [...n] → []; H [...n, ...n].
 */
export function hessian(f: (x: Tensor) => Tensor): (x: Tensor) => Tensor {
  return jacobian((x) => grad(f)(x));
}

/**
 * The product of the Hessian of `f` with a direction, without the Hessian: forward over reverse, at
 * about twice the cost of a gradient.
 *
 * @example
 * ```ts
 * import { hvp, tensor, type Tensor } from "tapeloop";
 *
 * const f = (x: Tensor) => x.mul(x).mul(x).sum();
 * console.log(hvp(f, tensor([1, 2]), tensor([1, 1])).toArray()); // [ 6, 12 ]
 * ```
 */
export function hvp<P extends Tree>(f: (at: P) => Loss<unknown>, at: P, direction: NoInfer<P>): P {
  return runIn(new Scope("hvp"), () => jvp(grad(f), at, direction).tangent);
}
