/** @file Losses, optimizers and metrics by their names in Keras. */
import {
  ArgumentError,
  cast,
  log,
  maximum,
  mul,
  neg,
  sub,
  sum,
  type Tensor,
} from "@tapeloop/autograd";
import {
  accuracy,
  areaUnderCurve,
  binaryAccuracy,
  binaryCrossEntropy,
  cosineLoss,
  f1Score,
  hinge,
  huber,
  klDivergence,
  logCosh,
  type LossOptions,
  meanAbsoluteError,
  absoluteError,
  meanSquaredError,
  type Metric,
  negativeLogLikelihood,
  poissonLoss,
  precision,
  recall,
  rootMeanSquaredError,
  rSquared,
  squaredError,
  squaredHinge,
  topKAccuracy,
} from "@tapeloop/nn";
import {
  adadelta,
  adafactor,
  adagrad,
  adam,
  adamax,
  adamW,
  lamb,
  lion,
  muon,
  nadam,
  type Optimizer,
  radam,
  rmsprop,
  sgd,
} from "@tapeloop/optim";

/** The entry of a table, or an error that lists them all. */
export function chosen<T>(
  op: string,
  what: string,
  table: Readonly<Record<string, T>>,
  name: string,
): T {
  if (Object.hasOwn(table, name)) return table[name];
  throw new ArgumentError(
    op,
    `${what} is one of ${Object.keys(table).join(", ")}`,
    `"${name}"`,
    "Or give a function or an object.",
  );
}

/**
 * A loss of a model: those of `@tapeloop/nn` are some. It must be able to return single losses, [B, ...]: the model
 * weighs them.
 */
export type LossFunction = (predictions: Tensor, targets: Tensor, options: LossOptions) => Tensor;

/** The least normal number of float32: logarithms of probabilities are held above −87.4. */
const tiny = 2 ** -126;

/** −Σ t ln p over classes, of probabilities. */
const categorical: LossFunction = (p, t, { reduction }) => {
  const losses = neg(sum(mul(t, log(maximum(p, tiny))), { axes: -1 }));
  return reduction === "none" ? losses : losses.mean();
};

/** The names of losses in Keras, in camel case. */
export type LossName =
  | "binaryCrossentropy"
  | "categoricalCrossentropy"
  | "sparseCategoricalCrossentropy"
  | "meanSquaredError"
  | "mse"
  | "meanAbsoluteError"
  | "mae"
  | "huber"
  | "logCosh"
  | "hinge"
  | "squaredHinge"
  | "cosineSimilarity"
  | "klDivergence"
  | "poisson";

const losses: Readonly<Record<LossName, LossFunction>> = {
  binaryCrossentropy: binaryCrossEntropy,
  categoricalCrossentropy: categorical,
  sparseCategoricalCrossentropy: (p, labels, options) =>
    negativeLogLikelihood(log(maximum(p, tiny)), cast(labels, "int32"), options),
  meanSquaredError: meanSquaredError,
  mse: meanSquaredError,
  meanAbsoluteError: meanAbsoluteError,
  mae: meanAbsoluteError,
  huber: huber,
  logCosh: logCosh,
  hinge: hinge,
  squaredHinge: squaredHinge,
  cosineSimilarity: (x, y, options) => sub(cosineLoss(x, y, options), 1),
  klDivergence: (p, t, options) => klDivergence(log(maximum(p, tiny)), t, options),
  poisson: (x, y, options) => poissonLoss(x, y, { ...options, logInput: false }),
};

/** The function of a loss. */
export function lossOf(loss: LossName | LossFunction): LossFunction {
  return typeof loss === "function" ? loss : chosen("compile", "loss", losses, loss);
}

/** Losses by name that take labels as whole numbers. */
export function takesLabels(loss: LossName | LossFunction): boolean {
  return loss === "sparseCategoricalCrossentropy";
}

const optimizers: Readonly<Record<string, () => Optimizer>> = {
  adadelta: () => adadelta({ learningRate: 0.001 }),
  adafactor: () => adafactor(),
  adagrad: () => adagrad({ learningRate: 0.001 }),
  adam: () => adam({ learningRate: 0.001 }),
  adamax: () => adamax({ learningRate: 0.001 }),
  adamW: () => adamW({ learningRate: 0.001 }),
  lamb: () => lamb({ learningRate: 0.001 }),
  lion: () => lion({ learningRate: 0.001 }),
  muon: () => muon(),
  nadam: () => nadam({ learningRate: 0.001 }),
  radam: () => radam({ learningRate: 0.001 }),
  rmsprop: () => rmsprop({ learningRate: 0.001 }),
  sgd: () => sgd({ learningRate: 0.01 }),
};

/** An optimizer's name, for its usual learning rate in Keras, or an optimizer. */
export type OptimizerName =
  | "adadelta"
  | "adafactor"
  | "adagrad"
  | "adam"
  | "adamax"
  | "adamW"
  | "lamb"
  | "lion"
  | "muon"
  | "nadam"
  | "radam"
  | "rmsprop"
  | "sgd";

/** The optimizer of a name. */
export function optimizerOf(optimizer: OptimizerName | Optimizer): Optimizer {
  return typeof optimizer === "string"
    ? chosen("compile", "optimizer", optimizers, optimizer)()
    : optimizer;
}

const metrics: Readonly<Record<string, () => Metric>> = {
  accuracy: () => accuracy(),
  acc: () => accuracy(),
  areaUnderCurve: () => areaUnderCurve(),
  auc: () => areaUnderCurve(),
  binaryAccuracy: () => binaryAccuracy(),
  f1Score: () => f1Score(),
  meanAbsoluteError: () => absoluteError(),
  mae: () => absoluteError(),
  meanSquaredError: () => squaredError(),
  mse: () => squaredError(),
  precision: () => precision(),
  recall: () => recall(),
  rootMeanSquaredError: () => rootMeanSquaredError(),
  rSquared: () => rSquared(),
  topKAccuracy: () => topKAccuracy(),
};

/** A metric's name, or a metric. */
export type MetricName =
  | "accuracy"
  | "acc"
  | "areaUnderCurve"
  | "auc"
  | "binaryAccuracy"
  | "f1Score"
  | "meanAbsoluteError"
  | "mae"
  | "meanSquaredError"
  | "mse"
  | "precision"
  | "recall"
  | "rootMeanSquaredError"
  | "rSquared"
  | "topKAccuracy";

/** The metrics of their names, each called as it was asked for. */
export function metricsOf(
  given: readonly (MetricName | Metric)[],
): readonly { readonly name: string; readonly metric: Metric }[] {
  return given.map((metric) =>
    typeof metric === "string"
      ? { name: metric, metric: chosen("compile", "a metric", metrics, metric)() }
      : { name: metric.name, metric },
  );
}
