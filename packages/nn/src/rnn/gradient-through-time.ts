/** @file How much of a derivative comes back to each step. */
import {
  type Cell,
  grad,
  mapTree,
  namedLeaves,
  scan,
  scope,
  sqrt,
  square,
  sum,
  type Tensor,
  type Tree,
  type Unstacked,
  zeros,
} from "@tapeloop/autograd";
import type { AnyCell, ParametersOf, RecurrentCell, StateOf } from "../cells/recurrent-cell.ts";
import { mapNamed, nameOf } from "./state.ts";

/**
 * The norms ‖∂L/∂sₜ‖ of the derivative of a loss by the state after each step: how much of what happens at
 * the end is still felt at step t. Where they fall toward the first steps like a power, gradients vanish.
 *
 * The norm is over the batch and the units. A step's output counts with the state where it is a part of
 * it, as the h of plain cells.
 *
 * Shapes: [T] for each floating-point part of the state, by its name.
 *
 * Source: Hochreiter 1991; Pascanu, Mikolov and Bengio 2013, arXiv:1211.5063, section 2.
 *
 * @param loss - Of the outputs of all steps [T, B, H], to one number.
 * @param initialState - The state before the first step.
 *
 * @example
 * ```ts
 * import { gradientThroughTime, key, normal, rnnCell, select } from "tapeloop";
 *
 * const cell = rnnCell(1, 8);
 * const xs = normal([50, 4, 1], { key: key(1) });
 * const { h } = gradientThroughTime(cell, cell.init(key(0)), cell.initialState(4), xs, (ys) =>
 *   select(ys, -1).square().sum(),
 * );
 * const norms = h.dataSync();
 * console.log(norms[0] < 1e-3 * norms[49]); // true
 * ```
 */
export function gradientThroughTime<C extends AnyCell>(
  cell: C,
  parameters: ParametersOf<C>,
  initialState: StateOf<C>,
  xs: Tensor,
  loss: (outputs: Tensor) => Tensor,
): Record<string, Tensor>;
export function gradientThroughTime<P, S extends Tree, X extends Tree>(
  cell: RecurrentCell<P, S, X>,
  parameters: P,
  initialState: S,
  xs: X,
  loss: (outputs: Tensor) => Tensor,
): Record<string, Tensor>;
export function gradientThroughTime<P, S extends Tree, X extends Tree>(
  cell: RecurrentCell<P, S, X>,
  parameters: P,
  initialState: S,
  xs: X,
  loss: (outputs: Tensor) => Tensor,
): Record<string, Tensor> {
  return scope(() => {
    const steps = namedLeaves(xs)[0].tensor.shape[0];
    // A push on the state after each step, of size 0: the derivative by it is that by the state.
    const pushes: Record<string, Tensor> = {};
    for (const { path, tensor } of namedLeaves(initialState)) {
      const { shape, dtype } = tensor;
      if (dtype.startsWith("float")) pushes[nameOf(path)] = zeros([steps, ...shape], { dtype });
    }
    const step: Cell<null, S, Unstacked<{ x: X; push: typeof pushes }>, Tensor> = (
      _,
      state,
      at,
    ) => {
      const [next, y] = cell.step(parameters, state, at.x as X);
      let shown = y;
      const after = mapNamed(
        (name, part, before) => {
          const push = at.push[name];
          if (push === undefined || part === before) return part;
          const moved = part.add(push);
          if (part === y) shown = moved;
          return moved;
        },
        next,
        state,
      );
      return [after, shown];
    };
    const grads = grad((push: typeof pushes) =>
      loss(scan(step, null, initialState, { x: xs, push })[1]),
    )(pushes);
    return mapTree((g) => {
      const axes = g.shape.slice(1).map((_, i) => i + 1);
      return sqrt(sum(square(g), { axes }));
    }, grads);
  });
}
