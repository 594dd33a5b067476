/** @file What a model does with a batch, as programs: a step of training, of evaluation, of prediction. */
import {
  add,
  broadcastTo,
  cast,
  compile,
  div,
  equal,
  expandDims,
  gather,
  greater,
  mapTree,
  mul,
  noGrad,
  reshape,
  ShapeError,
  splitKey,
  sub,
  sum,
  type Tensor,
  tensor,
  type Tree,
  valueAndGrad,
  where,
} from "@tapeloop/autograd";
import type { Metric } from "@tapeloop/nn";
import type { Optimizer, OptimizerState } from "@tapeloop/optim";
import type { LossFunction } from "./names.ts";
import type { ByLayer, Network, Weights } from "./network.ts";

/** Sums over all examples of an epoch so far. */
export interface Tally {
  /** Σ w ℓ: float64[]. */
  readonly loss: Tensor;
  /** Σ w: float64[]. */
  readonly count: Tensor;
  /** The states of the metrics, in their order. */
  readonly metrics: readonly Tree[];
}

/** Everything that a step of training changes. */
export interface TrainingState extends Weights {
  readonly optimizer: OptimizerState;
  readonly tally: Tally;
  /** The key of the next step. */
  readonly key: Tensor;
}

/** All examples, and which of them make a batch. */
export interface Examples {
  readonly x: Tensor;
  readonly y: Tensor;
  /** What each example counts, [N], or each step of it, [N, T]. */
  readonly weights: Tensor;
  /** int32 [B]; the last batch of an epoch is filled up with any. */
  readonly places: Tensor;
  /** 1 for examples, 0 for those that fill up: [B]. */
  readonly real: Tensor;
}

/** What a model is compiled with. */
export interface Recipe {
  readonly loss: LossFunction;
  readonly optimizer: Optimizer;
  readonly metrics: readonly { readonly name: string; readonly metric: Metric }[];
}

/** Sums of nothing. */
export function noTally({ metrics }: Pick<Recipe, "metrics">): Tally {
  const [loss, count] = [0, 0].map((zero) => tensor(zero, { dtype: "float64" }));
  return { loss, count, metrics: metrics.map(({ metric }) => metric.init()) };
}

/** What a batch says. */
interface Said {
  readonly predictions: Tensor;
  readonly targets: Tensor;
  /** What each example counts, [B], or each step, [B, T]. */
  readonly counts: Tensor;
  /** Σ w ℓ and Σ w. */
  readonly loss: Tensor;
  readonly count: Tensor;
  readonly running: ByLayer;
}

/** Predictions for a batch, and the losses of them. */
function say(
  network: Network,
  { loss }: Recipe,
  weights: Weights,
  { x, y, weights: each, places, real }: Examples,
  key: Tensor | null,
  frozen?: ReadonlySet<string>,
): Said {
  const {
    x: predictions,
    mask,
    running,
  } = network.apply(weights, gather(x, places), key, greater(real, 0), frozen);
  const given = gather(y, places);
  // As in Keras, [B] is right for outputs [B, 1].
  const { rank, shape } = predictions;
  const isColumn = given.rank === rank - 1 && shape[rank - 1] === 1;
  const targets = isColumn ? expandDims(given, -1) : given;
  const losses = loss(predictions, targets, { reduction: "none" });
  const ofSteps = gather(each, places);
  if (ofSteps.rank > losses.rank) {
    throw new ShapeError(
      "fit",
      `there is one loss for each example: float32[${losses.shape.join(",")}]`,
      "weights of steps",
      "Give sampleWeight one number for each example.",
    );
  }
  const own = mul(ofSteps, ofSteps.rank > 1 ? expandDims(real, 1) : real);
  const counts =
    mask === undefined || losses.rank < 2
      ? own
      : mul(own.rank > 1 ? own : expandDims(own, 1), cast(mask, "float32"));
  const behind = losses.shape.slice(counts.rank).map(() => 1);
  const ofLosses = broadcastTo(reshape(counts, [...counts.shape, ...behind]), losses.shape);
  return {
    predictions,
    targets,
    counts,
    // What does not count may be anything.
    loss: sum(where(equal(ofLosses, 0), 0, mul(losses, ofLosses))),
    count: sum(ofLosses),
    running,
  };
}

/** Sums with those of a batch. */
function counted({ metrics }: Recipe, tally: Tally, said: Said): Tally {
  const { predictions, targets, counts } = said;
  return {
    loss: add(tally.loss, cast(said.loss, "float64")),
    count: add(tally.count, cast(said.count, "float64")),
    metrics: metrics.map(({ metric }, i) =>
      metric.update(tally.metrics[i], predictions, targets, { examples: counts }),
    ),
  };
}

/** Some layers of all. */
export function layersOf(all: ByLayer, names: readonly string[]): ByLayer {
  return Object.fromEntries(names.map((name) => [name, all[name]]));
}

/**
 * A step of training; `rate` scales its update, if there is one.
 *
 * @param trained - The names of the layers that are trained.
 */
export function trainingStep(
  network: Network,
  recipe: Recipe,
  trained: readonly string[],
): (state: TrainingState, examples: Examples, rate: Tensor | null) => TrainingState {
  const frozen = new Set(network.names.filter((name) => !trained.includes(name)));
  return compile((state: TrainingState, examples: Examples, rate: Tensor | null) => {
    const [own, key] = splitKey(state.key);
    const before = layersOf(state.parameters, trained);
    const { grads, aux } = valueAndGrad((moved: ByLayer) => {
      const parameters = { ...state.parameters, ...moved };
      const said = say(
        network,
        recipe,
        { parameters, running: state.running },
        examples,
        own,
        frozen,
      );
      const mean = div(said.loss, where(equal(said.count, 0), 1, said.count));
      return [mean, said];
    })(before);
    const { params, state: optimizer } = recipe.optimizer.update(grads, state.optimizer, before);
    const after =
      rate === null
        ? params
        : mapTree((x, next) => add(x, mul(sub(next, x), rate)), before, params);
    // In the order of all layers.
    const parameters = { ...state.parameters, ...after };
    const tally = noGrad(() => counted(recipe, state.tally, aux));
    return { parameters, running: aux.running, optimizer, tally, key };
  });
}

/** A step of evaluation. */
export function evaluationStep(
  network: Network,
  recipe: Recipe,
): (weights: Weights, tally: Tally, examples: Examples) => Tally {
  return compile((weights: Weights, tally: Tally, examples: Examples) =>
    counted(recipe, tally, say(network, recipe, weights, examples, null)),
  );
}

/** Predictions for some rows. */
export function predictionStep(
  network: Network,
): (weights: Weights, x: Tensor, places: Tensor) => Tensor {
  return compile((weights: Weights, x: Tensor, places: Tensor) => {
    return network.apply(weights, gather(x, places), null).x;
  });
}

/** The loss and the metrics of sums, by their names. */
export function logsOf({ metrics }: Recipe, tally: Tally): Record<string, number> {
  return {
    loss: div(tally.loss, tally.count).item(),
    ...Object.fromEntries(
      metrics.map(({ name, metric }, i) => [name, metric.result(tally.metrics[i]).item()]),
    ),
  };
}
