/** @file L-BFGS with line search. */
import {
  abs,
  add,
  ArgumentError,
  checkOptions,
  concat,
  div,
  dot,
  DTypeError,
  leaves,
  mapTree,
  max,
  mul,
  neg,
  reshape,
  scope,
  split,
  sub,
  sum,
  type Tensor,
  tensor,
  TracingError,
  type Tree,
  zerosLike,
} from "@tapeloop/autograd";
import { checkCounts, checkPositive, checkRange } from "../numbers.ts";
import type { OptimizerState, Updated } from "../optimizer.ts";
import { firstStep, pure } from "../update.ts";
import { type LinePoint, strongWolfe } from "./line-search.ts";

/** Options of {@link lbfgs}. */
export interface LbfgsOptions {
  /** The step that a search tries first, above 0. Default: 1. */
  readonly learningRate?: number;
  /** The greatest number of iterations of one update. Default: 20. */
  readonly iterations?: number;
  /** The number of losses after which an update ends. Default: 5/4 of `iterations`. */
  readonly evaluations?: number;
  /** How many pairs of steps and changes of the gradient are kept. Default: 100. */
  readonly history?: number;
  /** An update ends where no element of the gradient is greater, from 0. Default: 1e-7. */
  readonly gradientTolerance?: number;
  /** An update ends where the loss, or every parameter, changes by less, from 0. Default: 1e-9. */
  readonly changeTolerance?: number;
}

/** The result of one update by {@link lbfgs}. */
export interface LbfgsUpdated<P extends Tree> extends Updated<P> {
  /** The loss of the parameters that were given, before the update. */
  readonly value: number;
}

/** An optimizer that computes losses and gradients itself, as often as it needs to. */
export interface LbfgsOptimizer {
  /** The state before the first update. */
  init(params: Tree): OptimizerState;
  /**
   * One update: several iterations, each with a line search.
   *
   * @param gradient - Value and gradients of a loss, the same at every call: `valueAndGrad(loss)`.
   * @throws TracingError while a program is being written.
   */
  update<P extends Tree>(
    gradient: (params: P) => { readonly value: Tensor; readonly grads: P },
    state: OptimizerState,
    params: P,
  ): LbfgsUpdated<P>;
}

/** A step, and the change of the gradient along it; rho is 1 / s·y. */
interface Pair {
  readonly s: Tensor;
  readonly y: Tensor;
  readonly rho: Tensor;
}

/** State of {@link lbfgs}; vectors have all parameters one after the other. */
interface LbfgsState {
  /** Iterations so far: int32[]. */
  readonly iterations: Tensor;
  /** The oldest first. */
  readonly pairs: readonly Pair[];
  /** The first guess of the inverse Hessian is this times 1. */
  readonly scale: Tensor;
  /** The gradient before the last step. */
  readonly gradient: Tensor;
  /** The last step. */
  readonly moved: Tensor;
}

/** All leaves of a tree, one after the other in a vector. */
function flat(tree: Tree): Tensor {
  return concat(leaves(tree).map((x) => reshape(x, [x.size])));
}

/** A tree like another, of the numbers in a vector. */
function treeOf<P extends Tree>(vector: Tensor, like: P): P {
  const parts = split(
    vector,
    leaves(like).map((x) => x.size),
  );
  let i = 0;
  return mapTree((x) => reshape(parts[i++], x.shape), like);
}

/** A number that decides what is done next. */
function read(x: Tensor): number {
  try {
    return x.item();
  } catch (error) {
    if (!(error instanceof TracingError)) throw error;
    throw new TracingError(
      "lbfgs",
      "an update reads losses to decide what to do next, so it cannot be compiled",
      "a tensor without a value",
      "Compile the function of value and gradients, and call update() outside of compile().",
    );
  }
}

/** −H g, with the inverse Hessian H of the pairs: the two-loop recursion, algorithm 7.4. */
function directionOf(gradient: Tensor, pairs: readonly Pair[], scale: Tensor): Tensor {
  let q = neg(gradient);
  const alphas = pairs.toReversed().map(({ s, y, rho }) => {
    const alpha = mul(dot(s, q), rho);
    q = sub(q, mul(y, alpha));
    return alpha;
  });
  return pairs.reduce(
    (r, { s, y, rho }, i) => {
      const beta = mul(dot(y, r), rho);
      return add(r, mul(s, sub(alphas[pairs.length - 1 - i], beta)));
    },
    mul(q, scale),
  );
}

/**
 * L-BFGS: steps along −H g, where H approximates the inverse of the Hessian by the last steps and changes of
 * the gradient, each as long as a line search finds right by the strong Wolfe conditions. For smooth losses of
 * all the data. It decides by values, so an update runs as it is and cannot be compiled; the function that it
 * is given can, and should be.
 *
 * State: `{ iterations, pairs, scale, gradient, moved }`; `iterations` int32[], `pairs` a list of
 * `{ s, y, rho }`, vectors over all parameters and 1 / s·y.
 *
 * Source: Liu and Nocedal 1989; Nocedal and Wright 2006, "Numerical optimization", algorithms 7.4 and 7.5, 3.5
 * and 3.6. Form and defaults as in PyTorch, with `line_search_fn="strong_wolfe"`.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown; DTypeError from `init` and
 *   `update` if the parameters are of several element types.
 *
 * @example
 * ```ts
 * import { compile, lbfgs, tensor, type Tensor, valueAndGrad } from "tapeloop";
 *
 * // Rosenbrock's valley, with its least value at (1, 1).
 * const loss = ({ x, y }: { x: Tensor; y: Tensor }) =>
 *   x.sub(1).square().add(y.sub(x.square()).square().mul(100));
 * const optimizer = lbfgs({ iterations: 50 });
 * const params = { x: tensor(-1.5), y: tensor(2) };
 * const next = optimizer.update(compile(valueAndGrad(loss)), optimizer.init(params), params);
 * console.log(next.params.x.item().toFixed(3), next.params.y.item().toFixed(3)); // 1.000 1.000
 * ```
 */
export function lbfgs(options: LbfgsOptions = {}): LbfgsOptimizer {
  checkOptions("lbfgs", options, [
    "learningRate",
    "iterations",
    "evaluations",
    "history",
    "gradientTolerance",
    "changeTolerance",
  ]);
  const { learningRate = 1, iterations = 20, history = 100 } = options;
  const { evaluations = Math.max(1, Math.floor((iterations * 5) / 4)) } = options;
  const { gradientTolerance = 1e-7, changeTolerance = 1e-9 } = options;
  checkPositive("lbfgs", { learningRate });
  checkCounts("lbfgs", { iterations, evaluations, history });
  checkRange("lbfgs", { gradientTolerance, changeTolerance }, 0, Infinity);

  /** The state with what the last step has taught, and the next direction. */
  const learned = (state: LbfgsState, gradient: Tensor): LbfgsState & { direction: Tensor } => {
    const y = sub(gradient, state.gradient);
    const curvature = dot(y, state.moved);
    let { pairs, scale } = state;
    if (read(curvature) > 1e-10) {
      pairs = [...pairs, { s: state.moved, y, rho: div(1, curvature) }].slice(-history);
      scale = div(curvature, dot(y, y));
    }
    const direction = directionOf(gradient, pairs, scale);
    const count = add(state.iterations, 1);
    return { ...state, iterations: count, pairs, scale, gradient, direction };
  };

  return {
    init: (params) => {
      checkTypes(params);
      return scope((): LbfgsState => {
        const vector = zerosLike(flat(params));
        const one = tensor(1, { dtype: vector.dtype, backend: vector.backend });
        return {
          iterations: firstStep(params),
          pairs: [],
          scale: one,
          gradient: vector,
          moved: vector,
        };
      });
    },
    update: (gradient, state, params) => {
      checkTypes(params);
      return pure(() => {
        let calls = 0;
        /** Loss and gradient at a vector of parameters. */
        const lossAt = (vector: Tensor): { value: number; gradient: Tensor } => {
          calls++;
          let value = 0;
          const found = scope(() => {
            const result = gradient(treeOf(vector, params));
            value = read(result.value);
            return flat(result.grads);
          });
          return { value, gradient: found };
        };

        let x = flat(params);
        let last = state as LbfgsState;
        let now = lossAt(x);
        const { value } = now;
        const isFirst = read(last.iterations) === 0;
        for (let i = 0; i < iterations; i++) {
          if (read(max(abs(now.gradient))) <= gradientTolerance) break;
          const { direction, ...next } = scope(() => learned(last, now.gradient));
          last = next;
          const slope = read(dot(now.gradient, direction));
          if (!(slope <= -changeTolerance)) break;
          const first = isFirst && i === 0 ? Math.min(1, 1 / read(sum(abs(now.gradient)))) : 1;
          const from = x;
          const evaluate = (t: number): LinePoint => {
            const found = lossAt(scope(() => add(from, mul(direction, t))));
            return { t, ...found, slope: read(dot(found.gradient, direction)) };
          };
          const reach = read(max(abs(direction)));
          const limits = { reach, tolerance: changeTolerance };
          const origin = { ...now, t: 0, slope };
          const point = strongWolfe(evaluate, origin, first * learningRate, limits);
          const moved = mul(direction, point.t);
          x = add(from, moved);
          last = { ...last, moved };
          const change = Math.abs(point.value - now.value);
          now = point;
          if (calls >= evaluations || change < changeTolerance) break;
          if (point.t * reach <= changeTolerance) break;
        }
        return { params: treeOf(x, params), state: last, value };
      });
    },
  };
}

/** One vector has one element type. */
function checkTypes(params: Tree): void {
  const types = [...new Set(leaves(params).map(({ dtype }) => dtype))];
  if (types.length > 1) {
    throw new DTypeError("lbfgs", "parameters are of one element type", types.join(" and "));
  }
  if (types.length === 0) throw new ArgumentError("lbfgs", "needs a parameter", "none");
}
