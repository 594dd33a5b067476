/** @file cond: one of two functions, chosen by a value. */
import { applyMany } from "./apply.ts";
import { ShapeError } from "./errors.ts";
import { checkPredicate, Cond, decided } from "./primitives/cond.ts";
import { where } from "./primitives/choice.ts";
import { givenAll, traceBody } from "./program/evaluate.ts";
import { simplify } from "./program/simplify.ts";
import { formatTypes, sameType } from "./shape.ts";
import type { Tensor } from "./tensor.ts";
import { leaves, mapTree, type Tree } from "./tree.ts";

/**
 * `ifTrue(...operands)` where the predicate is true, else `ifFalse(...operands)`: an `if` on a value that a
 * program may have. Only the branch that is chosen runs; derivatives are those of that branch, and run it once more.
 *
 * Run as it is, it is a plain `if`. In a compiled function it is one op with both branches for its bodies. Under
 * `vmap`, where the predicate differs between examples, both branches run and `where` chooses. A predicate
 * from around a compiled function is a constant of it, and is decided when the function is traced.
 *
 * Shapes: the predicate is bool[]; both branches return trees of one structure and the same types.
 *
 * @param predicate - Decides.
 * @param ifTrue - A pure function; it may use tensors from around.
 * @param ifFalse - The same.
 * @param operands - Trees, handed to the branch that runs.
 * @throws ShapeError if the predicate is not one element, or the branches return different types.
 * @throws DTypeError if the predicate is not bool.
 * @throws BackendError if the predicate cannot be read at once, as on WebGPU.
 * @throws TreeError if the branches return different structures.
 *
 * @example
 * ```ts
 * import { compile, cond, grad, greater, tensor, type Tensor } from "tapeloop";
 *
 * const f = (x: Tensor) => cond(greater(x, 1), (x) => x.square(), (x) => x.mul(3), x);
 * console.log(compile(f)(tensor(4)).item(), compile(f)(tensor(0.5)).item()); // 16 1.5
 * console.log(compile(grad(f))(tensor(4)).item()); // 8
 * ```
 */
export function cond<A extends readonly Tree[], R extends Tree>(
  predicate: Tensor,
  ifTrue: (...operands: A) => R,
  ifFalse: (...operands: A) => R,
  ...operands: A
): R {
  checkPredicate("cond", predicate);
  if (predicate.examples !== null) {
    const [whenTrue, whenFalse] = [ifTrue(...operands), ifFalse(...operands)];
    checkBranches(whenTrue, whenFalse);
    return mapTree((a, b) => where(predicate, a, b), whenTrue, whenFalse);
  }
  if (predicate.traced === null) {
    return (decided("cond", () => predicate.item()) ? ifTrue : ifFalse)(...operands);
  }
  const given = leaves(operands);
  const results: R[] = [];
  const bodies = [ifTrue, ifFalse].map((branch) =>
    traceBody(given, predicate.backend, (inputs) => {
      let next = 0;
      const result = branch(...mapTree(() => inputs[next++], operands));
      results.push(result);
      return leaves(result);
    }),
  );
  const [whenTrue, whenFalse] = results;
  checkBranches(whenTrue, whenFalse);
  // In the order of the first branch's keys, whatever the order in the other.
  const order = leaves(whenFalse);
  const places = leaves(mapTree((_, b) => b, whenTrue, whenFalse)).map((y) => order.indexOf(y));
  const captured = [...new Set(bodies.flatMap((body) => body.captured))];
  const [first, second] = bodies.map((body) => givenAll(body, captured));
  const ys = applyMany(Cond, [predicate, ...captured, ...given], {
    ifTrue: simplify(first),
    ifFalse: simplify({ ...second, outputs: places.map((i) => second.outputs[i]) }),
  });
  let next = 0;
  return mapTree(() => ys[next++], whenTrue);
}

/** Both branches must return the same structure and types. */
function checkBranches(whenTrue: Tree, whenFalse: Tree): void {
  mapTree(
    (a, b) => {
      if (sameType(a, b)) return a;
      throw new ShapeError(
        "cond",
        "both branches must return the same types",
        formatTypes([a, b]),
        "Use broadcastTo() or cast() in one of them.",
      );
    },
    whenTrue,
    whenFalse,
  );
}
