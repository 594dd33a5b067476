/** @file What optimizers and gradient transformations are, and how they are put together. */
import { ArgumentError, type Tree } from "@tapeloop/autograd";
import { pure } from "./update.ts";

/** What an optimizer carries from one update to the next: a tree of tensors, made by its `init`. */
export type OptimizerState = Tree;

/** The result of one update: what the next one starts from. */
export interface Updated<P extends Tree> {
  /** The next parameters. */
  readonly params: P;
  /** The next state. */
  readonly state: OptimizerState;
}

/**
 * Moves parameters against their gradients. Nothing is changed in place: parameters and state go in, the
 * next ones come out, and all of it is trees of tensors that can be saved.
 *
 * @example
 * ```ts
 * import { adam, step, tensor, valueAndGrad, type Tensor } from "tapeloop";
 *
 * const loss = valueAndGrad(({ w }: { w: Tensor }) => w.sub(3).square().sum());
 * const optimizer = adam({ learningRate: 0.1 });
 * const params = { w: tensor([0, 10]) };
 * let model = { params, state: optimizer.init(params) };
 * for (let i = 0; i < 300; i++) {
 *   model = step(model, ({ params, state }) =>
 *     optimizer.update(loss(params).grads, state, params),
 *   );
 * }
 * console.log(model.params.w.sub(3).abs().max().item() < 0.01); // true
 * ```
 */
export interface Optimizer {
  /** The state before the first update. */
  init(params: Tree): OptimizerState;
  /**
   * One update. The results are constants to derivatives.
   *
   * @throws TreeError if gradients or state do not have the structure of the parameters.
   */
  update<P extends Tree>(grads: P, state: OptimizerState, params: P): Updated<P>;
}

/**
 * An optimizer that keeps parameters to evaluate with, beside those that it moves: a mean over updates, or
 * slow weights.
 */
export interface AveragingOptimizer extends Optimizer {
  /**
   * The parameters to evaluate with.
   *
   * @param params - Those of the last update.
   */
  average<P extends Tree>(state: OptimizerState, params: P): P;
}

/**
 * An optimizer that is told something beside gradients from time to time: a metric, curvatures.
 *
 * @typeParam Seen - What it is told.
 */
export interface ObservingOptimizer<Seen> extends Optimizer {
  /** The state after an observation. */
  observe(state: OptimizerState, seen: Seen): OptimizerState;
}

/** The result of one {@link Transformation}. */
export interface Transformed<P extends Tree> {
  /** The changed gradients. */
  readonly grads: P;
  /** The next state. */
  readonly state: OptimizerState;
}

/** Changes gradients before an optimizer uses them; see {@link chain}. */
export interface Transformation {
  /** The state before the first update. */
  init(params: Tree): OptimizerState;
  /** Changes the gradients of one update. */
  transform<P extends Tree>(grads: P, state: OptimizerState, params: P): Transformed<P>;
}

/** Gradients as transformations leave them, each in its turn, and the next states of these. */
export function transformAll<P extends Tree>(
  transformations: readonly Transformation[],
  grads: P,
  states: readonly OptimizerState[],
  params: P,
): { readonly grads: P; readonly states: readonly OptimizerState[] } {
  let changed = grads;
  const next = transformations.map((transformation, i) => {
    const result = transformation.transform(changed, states[i], params);
    changed = result.grads;
    return result.state;
  });
  return { grads: changed, states: next };
}

/**
 * An optimizer that sees gradients as the transformations before it have left them, each in its turn. Where
 * the optimizer has `average` or `observe`, so has the chain. Its state is the list of the states of its parts.
 *
 * @param parts - Transformations, and an optimizer as the last.
 * @throws ArgumentError for another order.
 *
 * @example
 * ```ts
 * import { chain, clipByGlobalNorm, sgd, tensor } from "tapeloop";
 *
 * const optimizer = chain(clipByGlobalNorm(1), sgd({ learningRate: 0.5 }));
 * const params = { w: tensor([1, 1]) };
 * const grads = { w: tensor([30, 40]) };
 * const next = optimizer.update(grads, optimizer.init(params), params);
 * console.log(next.params.w); // float32[2] [0.7, 0.6]
 * ```
 */
export function chain(
  ...parts: readonly [...Transformation[], AveragingOptimizer]
): AveragingOptimizer;
export function chain<Seen>(
  ...parts: readonly [...Transformation[], ObservingOptimizer<Seen>]
): ObservingOptimizer<Seen>;
export function chain(...parts: readonly [...Transformation[], Optimizer]): Optimizer;
export function chain(...parts: readonly [...Transformation[], Optimizer]): Optimizer {
  const transformations = parts.slice(0, -1) as Transformation[];
  const optimizer = parts[parts.length - 1] as ChainEnd;
  if (!transformations.every((part) => "transform" in part) || !("update" in optimizer)) {
    throw new ArgumentError(
      "chain",
      "takes transformations, and an optimizer as the last",
      "another order",
    );
  }
  const last = transformations.length;
  return {
    init: (params) => parts.map((part) => part.init(params)),
    update: (grads, state, params) =>
      pure(() => {
        const states = state as readonly OptimizerState[];
        const changed = transformAll(transformations, grads, states, params);
        const next = optimizer.update(changed.grads, states[last], params);
        return { params: next.params, state: [...changed.states, next.state] };
      }),
    ...(optimizer.average && {
      average: <P extends Tree>(state: OptimizerState, params: P) =>
        optimizer.average?.((state as readonly OptimizerState[])[last], params),
    }),
    ...(optimizer.observe && {
      observe: (state: OptimizerState, seen: unknown) =>
        (state as readonly OptimizerState[]).map((part, i) =>
          i === last ? optimizer.observe?.(part, seen) : part,
        ),
    }),
  };
}

/** What may stand at the end of a chain. */
type ChainEnd = Optimizer & Partial<AveragingOptimizer> & Partial<ObservingOptimizer<unknown>>;
