/**
 * @file Checking derivatives against differences, in float64: one random direction in, one out, so a
 * whole Jacobian is checked by one number; and again on the gradient function, for second order.
 */
import { ArgumentError, checkOptions, GradientError } from "./errors.ts";
import { grad } from "./grad.ts";
import { key, normal, splitKey } from "./random.ts";
import { add, mul } from "./primitives/binary.ts";
import { sum } from "./primitives/reduce.ts";
import { leaves, mapTree, type Tree } from "./tree.ts";
import { scope } from "./memory.ts";
import type { Tensor } from "./tensor.ts";

/** How {@link checkGradients} checks. */
export interface CheckOptions {
  /** 1 checks the gradient, 2 also the gradient of the gradient. Default: 2. */
  readonly order?: 1 | 2;
  /** Greatest relative error allowed, for order 1 and 2. Default: 1e-8 and 1e-6. */
  readonly tolerance?: readonly [number, number];
  /** The step of the differences. Default: 1e-3. */
  readonly step?: number;
  /** Random directions tried at each order. Default: 3. */
  readonly directions?: number;
}

/** The greatest relative errors that were found. */
export interface CheckReport {
  /** Of the gradient. */
  readonly first: number;
  /** Of the gradient of the gradient; 0 if it was not checked. */
  readonly second: number;
}

/**
 * Checks the derivatives of `f` against central differences of fourth order,
 * f′(x)·u ≈ (f(x−2hu) − 8f(x−hu) + 8f(x+hu) − f(x+2hu)) / 12h, along random directions u.
 * `f` may return tensors of any shape; they are weighted at random and summed.
 *
 * @param f - A function of one tensor or tree; smooth around the point.
 * @param at - Where to check; float64.
 * @returns The greatest errors, relative to max(1, |derivative|).
 * @throws GradientError naming order and error if one is above the tolerance.
 *
 * @example
 * ```ts
 * import { checkGradients, tensor, type Tensor } from "tapeloop";
 *
 * const x = tensor([0.5, -1.5], { dtype: "float64" });
 * console.log(checkGradients((x: Tensor) => x.tanh().mul(x), x).second < 1e-6); // true
 * ```
 */
export function checkGradients<P extends Tree>(
  f: (at: P) => Tensor,
  at: P,
  options: CheckOptions = {},
): CheckReport {
  checkOptions("checkGradients", options, ["order", "tolerance", "step", "directions"]);
  const { order = 2, tolerance = [1e-8, 1e-6], step = 1e-3, directions = 3 } = options;
  if (leaves(at).some((x) => x.dtype !== "float64")) {
    throw new ArgumentError("checkGradients", "differences need float64", "another element type");
  }
  const errors: [number, number] = [0, 0];
  for (let i = 0; i < directions; i++) {
    const [k1, k2, k3] = splitKey(key(i), 3) as [Tensor, Tensor, Tensor];
    const total = (x: P): Tensor => weighted(f(x), k1);
    const u = randomTree(at, k2);
    errors[0] = Math.max(errors[0], relativeError(total, at, u, step));
    if (order === 2) {
      const w = randomTree(at, k3);
      const slope = (x: P): Tensor => inner(grad(total)(x), w);
      errors[1] = Math.max(errors[1], relativeError(slope, at, u, step));
    }
  }
  errors.forEach((error, i) => {
    if (!(error <= tolerance[i])) {
      throw new GradientError(
        "checkGradients",
        `the derivative of order ${i + 1} must agree with differences to ${tolerance[i]}`,
        `a relative error of ${error.toExponential(2)}`,
        "Check the rule, or move the point away from kinks.",
      );
    }
  });
  return { first: errors[0], second: errors[1] };
}

/** The relative difference of ⟨∇f, u⟩ and the difference quotient of f along u. */
function relativeError<P extends Tree>(f: (x: P) => Tensor, at: P, u: P, h: number): number {
  const value = (t: number): number =>
    scope(() => f(mapTree((x, d) => add(x, mul(d, t)), at, u)).item());
  const difference = (value(-2 * h) - 8 * value(-h) + 8 * value(h) - value(2 * h)) / (12 * h);
  const exact = scope(() => inner(grad(f)(at), u).item());
  return Math.abs(exact - difference) / Math.max(1, Math.abs(exact));
}

/** Σ over all leaves of the products. */
function inner<P extends Tree>(a: P, b: P): Tensor {
  return leaves(mapTree((x, y) => sum(mul(x, y)), a, b)).reduce((x, y) => add(x, y));
}

/** All elements of a result, weighted at random and summed. */
function weighted(y: Tensor, from: Tensor): Tensor {
  return sum(mul(y, normal(y.shape, { key: from, dtype: "float64" })));
}

/** Normal random numbers in the structure of a tree. */
function randomTree<P extends Tree>(like: P, from: Tensor): P {
  const keys = splitKey(from, leaves(like).length + 1);
  let i = 0;
  return mapTree((x) => normal(x.shape, { key: keys[i++], dtype: "float64" }), like);
}
