/** @file The sequential model: layers one after the other, compiled, fitted, evaluated. */
import {
  ArgumentError,
  checkOptions,
  concat,
  Held,
  key as keyOf,
  mapTree,
  scope,
  type Shape,
  stopGradient,
  tensor,
  type Tensor,
} from "@tapeloop/autograd";
import type { Metric } from "@tapeloop/nn";
import type { AveragingOptimizer, Optimizer } from "@tapeloop/optim";
import { checkClasses, checkFinite, checkPaired, type DataLike, dataOf } from "./data.ts";
import {
  batchesOf,
  checkFit,
  exampleWeights,
  type FitOptions,
  type History,
  runFit,
} from "./fit.ts";
import type { Layer } from "./layer.ts";
import {
  type LossFunction,
  type LossName,
  lossOf,
  type MetricName,
  metricsOf,
  type OptimizerName,
  optimizerOf,
  takesLabels,
} from "./names.ts";
import { type ByLayer, checkInputs, Network, type Weights } from "./network.ts";
import {
  evaluationStep,
  logsOf,
  noTally,
  predictionStep,
  type Recipe,
  trainingStep,
  type TrainingState,
} from "./program.ts";

/** Options of {@link sequential}. */
export interface SequentialOptions {
  /** The shape of one input, without the batch. Default: that of the first inputs. */
  readonly inputShape?: Shape;
  /** Where random numbers start: first parameters, the order of examples, dropout. Default: 0. */
  readonly seed?: number;
}

/** What a model is compiled with. */
export interface CompileOptions {
  /** A loss's name in Keras, or a function, such as those of `@tapeloop/nn`. */
  readonly loss: LossName | LossFunction;
  /** A name, for the usual learning rate in Keras, or an optimizer. Default: "rmsprop", as in Keras. */
  readonly optimizer?: OptimizerName | Optimizer;
  /** Names or metrics. */
  readonly metrics?: readonly (MetricName | Metric)[];
}

/** How predictions are made. */
export interface PredictOptions {
  /** How many examples at a time. Default: 32. */
  readonly batchSize?: number;
}

/** A model of layers one after the other; see {@link sequential}. */
export class Sequential {
  readonly #layers: readonly Layer[];
  readonly #seed: number;
  #network: Network | null = null;
  #state: Held<TrainingState> | null = null;
  #recipe: (Recipe & { readonly needsLabels: boolean }) | null = null;
  #train: ReturnType<typeof trainingStep> | null = null;
  #evaluate: ReturnType<typeof evaluationStep> | null = null;
  #predict: ReturnType<typeof predictionStep> | null = null;

  /** @internal */
  constructor(layers: readonly Layer[], options: SequentialOptions) {
    this.#layers = layers;
    this.#seed = options.seed ?? 0;
    if (options.inputShape !== undefined) this.build(options.inputShape);
  }

  /**
   * Makes first parameters for inputs of a shape, without the batch. Models do it when they see their first inputs.
   *
   * @throws ArgumentError if a layer does not take what the one before it makes.
   */
  build(inputShape: Shape): void {
    const network = new Network(this.#layers, inputShape);
    this.#network = network;
    this.#predict = predictionStep(network);
    this.#state?.end();
    this.#state = new Held("model", () => {
      const key = keyOf(this.#seed);
      const weights = network.init(key);
      return { ...weights, ...this.#started(weights), key };
    });
    this.#prepare();
  }

  /** The first state of optimizer and sums. */
  #started(weights: Weights): Pick<TrainingState, "optimizer" | "tally"> {
    const recipe = this.#recipe;
    if (recipe === null) return { optimizer: {}, tally: noTally({ metrics: [] }) };
    return { optimizer: recipe.optimizer.init(weights.parameters), tally: noTally(recipe) };
  }

  /** Makes the programs, once layers and recipe are known. */
  #prepare(): void {
    if (this.#network === null || this.#recipe === null) return;
    this.#train = trainingStep(this.#network, this.#recipe);
    this.#evaluate = evaluationStep(this.#network, this.#recipe);
  }

  /** The network for these inputs. */
  #networkFor(op: string, x: Tensor): { network: Network; state: Held<TrainingState> } {
    if (this.#network === null) this.build(x.shape.slice(1));
    const network = this.#network as unknown as Network;
    checkInputs(op, network, x);
    return { network, state: this.#state as unknown as Held<TrainingState> };
  }

  /** The parameters, by the names of layers. They are the model's: copy what shall outlive its next step. */
  get parameters(): ByLayer {
    if (this.#state === null) {
      throw new ArgumentError(
        "parameters",
        "needs a model that knows the shape of its inputs",
        "one that has seen none",
        "Give sequential() an inputShape, or call build().",
      );
    }
    return this.#state.value.parameters;
  }

  /**
   * Puts other parameters in their place, such as those that were saved.
   *
   * @throws TreeError if they are of another structure.
   */
  setParameters(parameters: ByLayer): void {
    const own = this.parameters;
    // Checks the structure.
    mapTree((x) => x, own, parameters);
    this.#state?.replace((now) => ({ ...now, parameters: mapTree(stopGradient, parameters) }));
  }

  /**
   * A table of layers, the shapes of their outputs, and how many parameters they have.
   *
   * @throws ArgumentError if the model does not know the shape of its inputs yet.
   */
  summary(): string {
    const { parameters } = this;
    const { running } = (this.#state as Held<TrainingState>).value;
    return (this.#network as Network).summary({ parameters, running });
  }

  /**
   * Says what a model is trained with. Parameters stay; the optimizer starts anew.
   *
   * @throws ArgumentError for unknown names, which lists those there are, and options.
   */
  compile(options: CompileOptions): void {
    checkOptions("compile", options, ["loss", "optimizer", "metrics"]);
    const { loss, optimizer = "rmsprop", metrics = [] } = options;
    this.#recipe = {
      loss: lossOf(loss),
      optimizer: optimizerOf(optimizer),
      metrics: metricsOf(metrics),
      needsLabels: takesLabels(loss),
    };
    this.#state?.replace((now) => ({ ...now, ...this.#started(now) }));
    this.#prepare();
  }

  /** What it is compiled with. */
  #recipeFor(op: string): Recipe & { readonly needsLabels: boolean } {
    if (this.#recipe !== null) return this.#recipe;
    throw new ArgumentError(
      op,
      "needs a model that is compiled",
      "one that is not",
      'Call compile({ loss: "meanSquaredError", optimizer: "adam" }).',
    );
  }

  /** Inputs and targets as tensors, checked. */
  #examples(op: string, x: DataLike, y: DataLike): { x: Tensor; y: Tensor } {
    const recipe = this.#recipeFor(op);
    const inputs = dataOf(op, "x", x);
    const targets = dataOf(op, "y", y);
    checkPaired(op, inputs, targets);
    const { network } = this.#networkFor(op, inputs);
    checkFinite(op, "x", inputs);
    checkFinite(op, "y", targets);
    if (recipe.needsLabels) {
      checkClasses(op, targets, network.outputShape[network.outputShape.length - 1]);
    }
    return { x: inputs, y: targets };
  }

  /**
   * Trains on examples: every epoch sees all of them, in batches of a new order, each batch by one compiled step. The
   * last batch of an epoch is filled up and what fills it counts nothing, so losses and updates are those of the
   * smaller batch. The same seed gives the same history.
   *
   * Losses and metrics of an epoch are means over its examples while they were trained on, with dropout; those of
   * validation data are of the parameters at its end, without.
   *
   * @param x - Inputs [N, ...].
   * @param y - Targets [N, ...]; for outputs [N, 1] also [N].
   * @throws ArgumentError, ShapeError if the model is not compiled, data do not fit, are not finite or no labels, and for
   *   unknown options.
   *
   * @example
   * ```ts
   * import { layers, sequential } from "tapeloop";
   *
   * const model = sequential([layers.dense(8, { activation: "tanh" }), layers.dense(1, { activation: "sigmoid" })]);
   * model.compile({ loss: "binaryCrossentropy", optimizer: "adam", metrics: ["accuracy"] });
   * const x = [[0, 0], [0, 1], [1, 0], [1, 1]];
   * const { history } = await model.fit(x, [0, 1, 1, 0], { epochs: 600, verbose: false });
   * console.log(history["accuracy"].at(-1)); // 1
   * ```
   */
  async fit(x: DataLike, y: DataLike, options: FitOptions = {}): Promise<History> {
    checkFit(options);
    const recipe = this.#recipeFor("fit");
    const data = new Held("model", () => {
      const examples = this.#examples("fit", x, y);
      const { validationData } = options;
      return {
        ...examples,
        weights: exampleWeights("fit", examples.y, options),
        validation:
          validationData === undefined
            ? null
            : this.#examples("fit", validationData[0], validationData[1]),
      };
    });
    try {
      const { value } = data;
      const N = value.x.shape[0];
      const kept = Math.round((options.validationSplit ?? 0) * N);
      if (kept === N || (options.validationSplit !== undefined && kept === 0)) {
        const rule = "validationSplit leaves examples on both sides";
        throw new ArgumentError("fit", rule, `${kept} of ${N} kept`);
      }
      const batchSize = options.batchSize ?? 32;
      const last = Int32Array.from({ length: kept }, (_, i) => N - kept + i);
      const all = Int32Array.from({ length: value.validation?.x.shape[0] ?? 0 }, (_, i) => i);
      const validation = value.validation;
      return await runFit(
        {
          state: this.#state as Held<TrainingState>,
          recipe,
          step: this.#train as ReturnType<typeof trainingStep>,
          ...value,
          count: N - kept,
          validate:
            kept > 0
              ? () => scope(() => this.#measured(value, last, batchSize))
              : validation === null
                ? null
                : () => scope(() => this.#measured(withOnes(validation), all, batchSize)),
        },
        options,
      );
    } finally {
      data.end();
    }
  }

  /** Loss and metrics of some examples. */
  #measured(
    { x, y, weights }: { readonly x: Tensor; readonly y: Tensor; readonly weights: Tensor },
    places: Int32Array,
    batchSize: number,
  ): Record<string, number> {
    const recipe = this.#recipeFor("evaluate");
    const step = this.#evaluate as ReturnType<typeof evaluationStep>;
    const now = this.#evaluated();
    const tally = new Held("model", () => noTally(recipe));
    for (const batch of batchesOf(places, batchSize)) {
      tally.replace((sums) => {
        const [at, real] = [tensor(batch.places), tensor(batch.real)];
        return step(now, sums, { x, y, weights, places: at, real });
      });
    }
    const logs = scope(() => logsOf(recipe, tally.value));
    tally.end();
    return logs;
  }

  /** The parameters to evaluate with: some optimizers keep means of them. */
  #evaluated(): Weights {
    const { parameters, running, optimizer } = (this.#state as Held<TrainingState>).value;
    const averaging = this.#recipe?.optimizer as Partial<AveragingOptimizer> | undefined;
    return { parameters: averaging?.average?.(optimizer, parameters) ?? parameters, running };
  }

  /**
   * Loss and metrics of examples.
   *
   * @throws as {@link Sequential.fit}.
   */
  evaluate(x: DataLike, y: DataLike, options: PredictOptions = {}): Record<string, number> {
    checkOptions("evaluate", options, ["batchSize"]);
    checkBatch("evaluate", options);
    return scope(() => {
      const examples = this.#examples("evaluate", x, y);
      const all = Int32Array.from({ length: examples.x.shape[0] }, (_, i) => i);
      return this.#measured(withOnes(examples), all, options.batchSize ?? 32);
    });
  }

  /**
   * Outputs for inputs.
   *
   * Shapes: [N, ...] → [N, ...outputs].
   *
   * @throws ArgumentError if the inputs have another shape than those before.
   */
  predict(x: DataLike, options: PredictOptions = {}): Tensor {
    checkOptions("predict", options, ["batchSize"]);
    checkBatch("predict", options);
    return scope(() => {
      const inputs = dataOf("predict", "x", x);
      this.#networkFor("predict", inputs);
      const step = this.#predict as ReturnType<typeof predictionStep>;
      const N = inputs.shape[0];
      const all = Int32Array.from({ length: N }, (_, i) => i);
      const now = this.#evaluated();
      const parts = batchesOf(all, options.batchSize ?? 32).map(({ places }) =>
        step(now, inputs, tensor(places)),
      );
      const outputs = concat(parts, { axis: 0 });
      return outputs.shape[0] === N ? outputs : outputs.slice([{ stop: N }]);
    });
  }
}

/** Batches have at least one example. */
function checkBatch(op: string, { batchSize = 32 }: PredictOptions): void {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new ArgumentError(op, "batchSize is a whole number from 1", String(batchSize));
  }
}

/** Examples that count 1. */
function withOnes(examples: { readonly x: Tensor; readonly y: Tensor }): {
  readonly x: Tensor;
  readonly y: Tensor;
  readonly weights: Tensor;
} {
  return { ...examples, weights: tensor(new Float32Array(examples.x.shape[0]).fill(1)) };
}

/**
 * A model of layers one after the other, as in Keras: its shapes are those of the first inputs that it sees.
 *
 * @throws ArgumentError if there is no layer, or an option is unknown.
 *
 * @example
 * ```ts
 * import { layers, sequential } from "tapeloop";
 *
 * const model = sequential(
 *   [
 *     layers.lstm(50, { returnSequences: true }),
 *     layers.dropout(0.2),
 *     layers.lstm(50),
 *     layers.dropout(0.2),
 *     layers.dense(1, { activation: "sigmoid" }),
 *   ],
 *   { inputShape: [20, 3] },
 * );
 * model.compile({ loss: "binaryCrossentropy", optimizer: "adam", metrics: ["accuracy"] });
 * console.log(model.summary().split("\n").slice(-2)); // [ 'Trained: 31,051', 'Not trained: 0' ]
 * ```
 */
export function sequential(layers: readonly Layer[], options: SequentialOptions = {}): Sequential {
  checkOptions("sequential", options, ["inputShape", "seed"]);
  if (layers.length === 0) {
    throw new ArgumentError("sequential", "needs at least one layer", "none");
  }
  return new Sequential(layers, options);
}
