/** @file whileLoop: a step run again and again, until a condition on its state is false. */
import { applyMany } from "./apply.ts";
import { forwardOnly } from "./custom.ts";
import { defaultBackend } from "./default-backend.ts";
import { ArgumentError, checkOptions, ShapeError } from "./errors.ts";
import { isTracing, tracerOf } from "./interpreters/trace.ts";
import { toTensor } from "./operands.ts";
import { any } from "./ops/masks.ts";
import { where } from "./primitives/choice.ts";
import { checkPredicate, decided } from "./primitives/cond.ts";
import { checkSteps, refuseReverse, While } from "./primitives/while.ts";
import { givenAll, traceBody } from "./program/evaluate.ts";
import { simplify } from "./program/simplify.ts";
import { formatTypes, sameType } from "./shape.ts";
import type { Tensor } from "./tensor.ts";
import { leaves, mapTree, type Tree } from "./tree.ts";

/** How {@link whileLoop} runs. */
export interface WhileOptions {
  /** More steps than this are an error, so that nothing hangs. Default: as many as it takes. */
  readonly maxSteps?: number;
}

/**
 * `while (condition(state)) state = body(state)`: as many steps as the values ask for. Where their number is
 * known, use {@link scan}, which has gradients.
 *
 * Run as it is, it is a plain loop. In a compiled function it is one op, with the condition and the step for
 * its bodies. Forward mode (`jvp`) goes through it, to any order; reverse mode does not, as it would have to
 * keep an unknown number of states. Under `vmap`, where the condition differs between examples, steps go on
 * while any of them wants one, and the others keep what they have.
 *
 * Shapes: the condition is bool[]; a step returns a state of the structure and types that it was given.
 *
 * @param condition - A pure function of the state: whether there is one more step.
 * @param body - A pure function of the state to the next one.
 * @param init - The state before the first step.
 * @returns The state for which the condition is false.
 * @throws ShapeError if the condition is not one element, or a step changes the state's types.
 * @throws DTypeError if the condition is not bool.
 * @throws BackendError if the condition cannot be read at once, as on WebGPU.
 * @throws ArgumentError if there are more steps than `maxSteps`.
 * @throws GradientError in reverse mode, where a gradient would have to come back through the loop.
 *
 * @example
 * ```ts
 * import { compile, greater, jvp, tensor, type Tensor, whileLoop } from "tapeloop";
 *
 * // Newton's method for √a.
 * const root = (a: Tensor) =>
 *   whileLoop(
 *     (x) => greater(x.mul(x).sub(a).abs(), 1e-9),
 *     (x) => x.add(a.div(x)).mul(0.5),
 *     a,
 *   );
 * const a = tensor(4, { dtype: "float64" });
 * console.log(compile(root)(a).item().toFixed(6)); // 2.000000
 * console.log(jvp(root, a, tensor(1, { dtype: "float64" })).tangent.item().toFixed(6)); // 0.250000
 * ```
 */
export function whileLoop<S extends Tree>(
  condition: (state: S) => Tensor,
  body: (state: S) => S,
  init: S,
  options: WhileOptions = {},
): S {
  checkOptions("whileLoop", options, ["maxSteps"]);
  const { maxSteps = null } = options;
  if (maxSteps !== null && !(Number.isInteger(maxSteps) && maxSteps >= 0)) {
    const rule = "maxSteps is a whole number from 0";
    throw new ArgumentError("whileLoop", rule, String(maxSteps), "Leave it out for no limit.");
  }
  if (isTracing()) return asOneLoop(condition, body, init, maxSteps);
  let state = mapTree(toTensor, init);
  for (let steps = 0; ; steps++) {
    const more = condition(state);
    checkPredicate("whileLoop", more);
    if (!isAny(more)) break;
    checkSteps(steps, { maxSteps });
    const next = checkedState(state, body(state));
    state =
      more.examples === null
        ? next
        : mapTree((after, before) => where(more, after, before), next, state);
  }
  return mapTree((x) => forwardOnly("whileLoop", x, refuseReverse), state);
}

/** Whether it is true; under `vmap`, for any example. */
function isAny(more: Tensor): boolean {
  if (more.examples !== null) return isAny(any(more.examples.full));
  return decided("whileLoop", () => more.item());
}

/** The loop as one op: condition and step are run once, on a state without data, and written down. */
function asOneLoop<S extends Tree>(
  condition: (state: S) => Tensor,
  body: (state: S) => S,
  init: S,
  maxSteps: number | null,
): S {
  const given = leaves(init);
  const backend = tracerOf([])?.backend ?? given[0]?.backend ?? defaultBackend();
  const stateOf = (inputs: readonly Tensor[]): S => {
    let next = 0;
    return mapTree(() => inputs[next++], init);
  };
  const decide = traceBody(given, backend, (inputs) => {
    const more = condition(stateOf(inputs));
    checkPredicate("whileLoop", more);
    return [more];
  });
  const step = traceBody(given, backend, (inputs) => {
    const before = stateOf(inputs);
    return leaves(checkedState(before, body(before)));
  });
  const captured = [...new Set([...decide.captured, ...step.captured])];
  const [first, second] = [decide, step].map((each) => simplify(givenAll(each, captured)));
  const inputs = [...captured, ...given];
  return stateOf(
    applyMany(While, inputs, { condition: first, body: second, consts: captured.length, maxSteps }),
  );
}

/** The next state with its leaves in the order of the one before, of which it must have the types. */
function checkedState<S extends Tree>(before: S, after: S): S {
  return mapTree(
    (a, b) => {
      if (sameType(a, b)) return b;
      throw new ShapeError(
        "whileLoop",
        "a step must return a state of the types it was given",
        formatTypes([a, b]),
        "Give the initial state the types of the later ones.",
      );
    },
    before,
    after,
  );
}
