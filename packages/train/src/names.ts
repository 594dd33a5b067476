/** @file Losses, optimizers and metrics by their names in Keras. */
import {
  abs,
  add,
  ArgumentError,
  cast,
  div,
  log,
  log1p,
  max,
  maximum,
  mul,
  neg,
  square,
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
  meanOf,
  meanSquaredError,
  type Metric,
  negativeLogLikelihood,
  poissonLoss,
  precision,
  recall,
  rootMeanSquaredError,
  rSquared,
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
function categorical(p: Tensor, t: Tensor): Tensor {
  return neg(sum(mul(t, log(maximum(p, tiny))), { axes: -1 }));
}

/** 100 |t − p| / |t|, with 1e-7 for smaller |t|, as in Keras. */
function percentageErrors(p: Tensor, t: Tensor): Tensor {
  return mul(div(abs(sub(t, p)), maximum(abs(t), 1e-7)), 100);
}

/** (ln(1 + p) − ln(1 + t))², with 1e-7 for numbers below it, as in Keras. */
function logarithmicErrors(p: Tensor, t: Tensor): Tensor {
  return square(sub(log1p(maximum(p, 1e-7)), log1p(maximum(t, 1e-7))));
}

/** max(0, 1 + the greatest score of a wrong class − that of the right one), of one-hot rows. */
function classMargins(p: Tensor, t: Tensor): Tensor {
  const right = sum(mul(t, p), { axes: -1 });
  const wrong = max(mul(sub(1, t), p), { axes: -1 });
  return maximum(add(sub(wrong, right), 1), 0);
}

/** A loss of functions of single predictions. */
function lossBy(each: (p: Tensor, t: Tensor) => Tensor): LossFunction {
  return (p, t, { reduction }) => (reduction === "none" ? each(p, t) : each(p, t).mean());
}

/** The names of losses in Keras, in camel case. */
export type LossName =
  | "binaryCrossentropy"
  | "categoricalCrossentropy"
  | "categoricalHinge"
  | "sparseCategoricalCrossentropy"
  | "meanSquaredError"
  | "mse"
  | "meanAbsoluteError"
  | "mae"
  | "meanAbsolutePercentageError"
  | "mape"
  | "meanSquaredLogarithmicError"
  | "msle"
  | "huber"
  | "logCosh"
  | "hinge"
  | "squaredHinge"
  | "cosineSimilarity"
  | "klDivergence"
  | "poisson";

const losses: Readonly<Record<LossName, LossFunction>> = {
  binaryCrossentropy: binaryCrossEntropy,
  categoricalCrossentropy: lossBy(categorical),
  categoricalHinge: lossBy(classMargins),
  sparseCategoricalCrossentropy: (p, labels, options) =>
    negativeLogLikelihood(log(maximum(p, tiny)), cast(labels, "int32"), options),
  meanSquaredError: meanSquaredError,
  mse: meanSquaredError,
  meanAbsoluteError: meanAbsoluteError,
  mae: meanAbsoluteError,
  meanAbsolutePercentageError: lossBy(percentageErrors),
  mape: lossBy(percentageErrors),
  meanSquaredLogarithmicError: lossBy(logarithmicErrors),
  msle: lossBy(logarithmicErrors),
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

/** A loss as a metric: its mean. */
function metricOf(name: string, loss: LossFunction): Metric {
  return meanOf(name, (p, t) => loss(p, t, { reduction: "none" }));
}

const metrics: Readonly<Record<string, () => Metric>> = {
  accuracy: () => accuracy(),
  acc: () => accuracy(),
  areaUnderCurve: () => areaUnderCurve(),
  auc: () => areaUnderCurve(),
  binaryAccuracy: () => binaryAccuracy(),
  f1Score: () => f1Score(),
  precision: () => precision(),
  recall: () => recall(),
  rootMeanSquaredError: () => rootMeanSquaredError(),
  rSquared: () => rSquared(),
  topKAccuracy: () => topKAccuracy(),
  ...Object.fromEntries(
    Object.entries(losses).map(([name, loss]) => [name, () => metricOf(name, loss)]),
  ),
  // As in Keras its sign is that of the loss turned round.
  cosineSimilarity: () => metricOf("cosineSimilarity", (p, t, o) => sub(1, cosineLoss(p, t, o))),
};

/** The name of a metric, or of a loss, whose mean it is. */
export type MetricName =
  | LossName
  | "accuracy"
  | "acc"
  | "areaUnderCurve"
  | "auc"
  | "binaryAccuracy"
  | "f1Score"
  | "precision"
  | "recall"
  | "rootMeanSquaredError"
  | "rSquared"
  | "topKAccuracy";

/** The metrics of their names, each called as it was asked for; from the second of a name on with a number. */
export function metricsOf(
  given: readonly (MetricName | Metric)[],
): readonly { readonly name: string; readonly metric: Metric }[] {
  const counts = new Map<string, number>();
  return given.map((asked) => {
    const isName = typeof asked === "string";
    const metric = isName ? chosen("compile", "a metric", metrics, asked)() : asked;
    const name = isName ? asked : asked.name;
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return { name: count === 1 ? name : `${name}${count}`, metric };
  });
}
