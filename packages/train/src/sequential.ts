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
  type Tree,
} from "@tapeloop/autograd";
import type { Metric } from "@tapeloop/nn";
import type { AveragingOptimizer, Optimizer } from "@tapeloop/optim";
import {
  batchesOf,
  checkClasses,
  checkFinite,
  checkPaired,
  type DataLike,
  dataOf,
  exampleWeights,
  type Weighing,
} from "./data.ts";
import { checkFit, type FitOptions, type History, runFit } from "./fit.ts";
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
import { checkInputs, countOf, type LayerInfo, Network, type Weights } from "./network.ts";
import {
  type Examples,
  evaluationStep,
  layersOf,
  logsOf,
  noTally,
  predictionStep,
  type Recipe,
  trainingStep,
  type TrainingState,
} from "./program.ts";
import { checkSameTypes, decodeTree, encodeTree } from "./saved.ts";

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

/** How a model is evaluated. */
export interface EvaluateOptions extends PredictOptions {
  /** What each example counts, [N], or each step of it, [N, T]. */
  readonly sampleWeight?: DataLike;
}

/** What examples of one batch count. */
export interface BatchOptions {
  /** What each example counts, [N], or each step of it, [N, T]. */
  readonly sampleWeight?: DataLike;
  /** What examples of each class count, by their labels or one-hot rows. Default: 1. */
  readonly classWeight?: Readonly<Record<number, number>>;
}

/** Examples, and what they count. */
type Weighed = Pick<Examples, "x" | "y" | "weights">;

/** A model of layers one after the other; see {@link sequential}. */
export class Sequential {
  readonly #seed: number;
  readonly #frozen = new Set<string>();
  #layers: readonly Layer[];
  #isFitting = false;
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
   * @throws ArgumentError if a layer does not take what the one before it makes, or while the model is fitted.
   */
  build(inputShape: Shape): void {
    this.#checkFree("build");
    this.#place(new Network(this.#layers, inputShape), null);
  }

  /** Puts a network in the place of the last one; layers of its weights that are there keep them. */
  #place(network: Network, kept: Weights | null): void {
    const before = this.#state;
    const state = new Held("model", () => {
      const key = keyOf(this.#seed);
      const first = network.init(key);
      const weights = {
        parameters: { ...first.parameters, ...copied(kept?.parameters ?? {}) },
        running: { ...first.running, ...copied(kept?.running ?? {}) },
      };
      this.#network = network;
      return { ...weights, ...this.#started(weights), key };
    });
    this.#state = state;
    before?.end();
    this.#predict = predictionStep(network);
    this.#prepare();
  }

  /** Refuses what may not happen while the model is fitted. */
  #checkFree(op: string): void {
    if (!this.#isFitting) return;
    const rule = "the model is not being fitted";
    throw new ArgumentError(op, rule, "a fit that has not ended", "Await the fit before.");
  }

  /**
   * Puts a layer behind the others. Layers before it keep their weights; the optimizer starts anew.
   *
   * @throws ArgumentError if it does not take what the one before it makes, or while the model is fitted.
   */
  add(layer: Layer): void {
    this.#checkFree("add");
    this.#change([...this.#layers, layer]);
  }

  /**
   * Takes the last layer away, and its weights. The optimizer starts anew.
   *
   * @throws ArgumentError if it is the only one, or while the model is fitted.
   */
  pop(): void {
    this.#checkFree("pop");
    if (this.#layers.length === 1) {
      throw new ArgumentError("pop", "leaves at least one layer", "a model of one");
    }
    this.#change(this.#layers.slice(0, -1));
  }

  #change(layers: readonly Layer[]): void {
    if (this.#network !== null) {
      const network = new Network(layers, this.#network.inputShape);
      const { parameters, running } = this.weights;
      const kept = network.names.filter((name) => this.#network?.names.includes(name));
      const ran = kept.filter((name) => name in running);
      this.#place(network, {
        parameters: layersOf(parameters, kept),
        running: layersOf(running, ran),
      });
    }
    this.#layers = layers;
  }

  /** The names of the layers that are trained, and have something to train. */
  #trained({ parameters }: Weights): string[] {
    return Object.keys(parameters).filter(
      (name) => !this.#frozen.has(name) && countOf(parameters[name]) > 0,
    );
  }

  /** The first state of optimizer and sums. */
  #started(weights: Weights): Pick<TrainingState, "optimizer" | "tally"> {
    const recipe = this.#recipe;
    if (recipe === null) return { optimizer: {}, tally: noTally({ metrics: [] }) };
    const trained = layersOf(weights.parameters, this.#trained(weights));
    return { optimizer: recipe.optimizer.init(trained), tally: noTally(recipe) };
  }

  /** Makes the programs, once layers and recipe are known. */
  #prepare(): void {
    if (this.#network === null || this.#recipe === null) return;
    this.#train = trainingStep(this.#network, this.#recipe, this.#trained(this.weights));
    this.#evaluate = evaluationStep(this.#network, this.#recipe);
  }

  /** The network for these inputs. */
  #networkFor(op: string, x: Tensor): { network: Network; state: Held<TrainingState> } {
    if (this.#network === null) this.build(x.shape.slice(1));
    const network = this.#network as unknown as Network;
    checkInputs(op, network, x);
    return { network, state: this.#state as unknown as Held<TrainingState> };
  }

  /** The state of a model that knows its inputs. */
  #held(op: string): Held<TrainingState> {
    if (this.#state !== null) return this.#state;
    throw new ArgumentError(
      op,
      "needs a model that knows the shape of its inputs",
      "one that has seen none",
      "Give sequential() an inputShape, or call build().",
    );
  }

  /**
   * Parameters and running means, by the names of layers. They are the model's: see {@link Sequential.getWeights} for
   * what shall outlive its next step.
   */
  get weights(): Weights {
    const { parameters, running } = this.#held("weights").value;
    return { parameters, running };
  }

  /** A copy of the weights, which is the caller's. */
  getWeights(): Weights {
    return copied(this.weights);
  }

  /**
   * Puts weights in their place: of some layers, or of all. Those of other layers stay.
   *
   * @throws TreeError if they are of another structure, ShapeError, DTypeError of another type.
   *
   * @example
   * ```ts
   * import { layers, sequential } from "tapeloop";
   *
   * const [one, other] = [0, 1].map((seed) => sequential([layers.dense(2)], { inputShape: [3], seed }));
   * other.setWeights(one.weights);
   * console.log(String(one.predict([[1, 2, 3]])) === String(other.predict([[1, 2, 3]]))); // true
   * ```
   */
  setWeights(weights: Partial<Weights>): void {
    checkOptions("setWeights", weights, ["parameters", "running"]);
    const { parameters, running } = this.weights;
    const next = {
      parameters: { ...parameters, ...weights.parameters },
      running: { ...running, ...weights.running },
    };
    checkSameTypes("setWeights", this.weights, next);
    this.#held("setWeights").replace((now) => ({ ...now, ...copied(next) }));
  }

  /**
   * The weights as the bytes of a safetensors file, running means too. Names are places:
   * `parameters.dense.W`, `running.batchNormalization.mean`.
   *
   * @param metadata - Text to keep beside them, such as a vocabulary.
   *
   * @example
   * ```ts
   * import { layers, sequential } from "tapeloop";
   *
   * const make = (seed: number) => sequential([layers.lstm(4), layers.dense(1)], { inputShape: [5, 2], seed });
   * const bytes = make(0).saveWeights(); // in Node: writeFile("model.safetensors", bytes)
   * const other = make(1);
   * other.loadWeights(bytes);
   * console.log(other.countParams()); // 117
   * ```
   */
  saveWeights(metadata: Readonly<Record<string, string>> = {}): Uint8Array<ArrayBuffer> {
    return encodeTree(this.weights, metadata);
  }

  /**
   * Puts the weights of a file in their place, of {@link Sequential.saveWeights} or {@link Sequential.save}.
   *
   * @throws TreeError if names do not agree, ShapeError, DTypeError if types do not; FormatError of `@tapeloop/io` for
   *   damaged bytes. The model stays as it was.
   */
  loadWeights(bytes: Uint8Array): void {
    this.#held("loadWeights").replace((now) => {
      const { parameters, running } = now;
      const weights = decodeTree("loadWeights", { parameters, running }, bytes, isOfTraining);
      return { ...now, ...weights };
    });
  }

  /**
   * Everything that training goes on from as the bytes of a safetensors file: weights, the optimizer's state, the key
   * of random numbers. Trained on after {@link Sequential.load}, a model is the same, bit for bit, as if it had not
   * been away.
   *
   * @param metadata - Text to keep beside it.
   */
  save(metadata: Readonly<Record<string, string>> = {}): Uint8Array<ArrayBuffer> {
    const { parameters, running, optimizer, key } = this.#held("save").value;
    return encodeTree({ parameters, running, optimizer, key }, metadata);
  }

  /**
   * Puts back what {@link Sequential.save} has saved, into a model of the same layers that is compiled with the same
   * optimizer.
   *
   * @throws as {@link Sequential.loadWeights}.
   */
  load(bytes: Uint8Array): void {
    this.#held("load").replace((now) => {
      const { parameters, running, optimizer, key } = now;
      return { ...now, ...decodeTree("load", { parameters, running, optimizer, key }, bytes) };
    });
  }

  /** What is known of the layers, in their order. */
  get layers(): readonly LayerInfo[] {
    const { weights } = this;
    return (this.#network as Network).infos(weights, this.#frozen);
  }

  /**
   * What is known of one layer.
   *
   * @param which - Its name, or its place, counted from 0.
   * @throws ArgumentError if there is none; it lists those there are.
   */
  getLayer(which: string | number): LayerInfo {
    const { layers } = this;
    const found = typeof which === "number" ? layers[which] : layers.find((l) => l.name === which);
    if (found !== undefined) return found;
    const names = layers.map(({ name }) => name).join(", ");
    throw new ArgumentError("getLayer", `layers are ${names}`, `"${which}"`);
  }

  /** How many numbers the weights are, those that are not trained among them. */
  countParams(): number {
    return countOf(this.weights);
  }

  /**
   * Leaves layers as they are in training, or with no names all of them: Keras's `trainable = false`. Batch
   * normalization keeps to its running means. The optimizer starts anew.
   *
   * @throws ArgumentError for a name that no layer has, or while the model is fitted.
   *
   * @example
   * ```ts
   * import { layers, sequential } from "tapeloop";
   *
   * const model = sequential([layers.embedding(10, 4), layers.gru(3), layers.dense(1)], { inputShape: [5] });
   * model.freeze("embedding");
   * console.log(model.summary().split("\n").slice(-2)); // [ 'Trained: 79', 'Not trained: 40' ]
   * ```
   */
  freeze(...names: readonly string[]): void {
    this.#setTrained("freeze", names, (name) => this.#frozen.add(name));
  }

  /**
   * Trains layers again, or with no names all of them; the opposite of {@link Sequential.freeze}.
   *
   * @throws as {@link Sequential.freeze}.
   */
  unfreeze(...names: readonly string[]): void {
    this.#setTrained("unfreeze", names, (name) => this.#frozen.delete(name));
  }

  #setTrained(op: string, names: readonly string[], set: (name: string) => unknown): void {
    this.#checkFree(op);
    const state = this.#held(op);
    const all = names.length === 0 ? this.layers.map(({ name }) => name) : names;
    all.map((name) => this.getLayer(name)).forEach(({ name }) => set(name));
    state.replace((now) => ({ ...now, ...this.#started(now) }));
    this.#prepare();
  }

  /**
   * A table of layers, the shapes of their outputs, and how many parameters they have.
   *
   * @throws ArgumentError if the model does not know the shape of its inputs yet.
   */
  summary(): string {
    const { weights } = this;
    return (this.#network as Network).summary(weights, this.#frozen);
  }

  /**
   * Says what a model is trained with. Parameters stay; the optimizer starts anew.
   *
   * @throws ArgumentError for unknown names, which lists those there are, for options, and while the model is fitted.
   */
  compile(options: CompileOptions): void {
    checkOptions("compile", options, ["loss", "optimizer", "metrics"]);
    this.#checkFree("compile");
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

  /** Inputs and targets as tensors, checked, and what they count. */
  #examples(op: string, x: DataLike, y: DataLike, weighing: Weighing): Weighed {
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
    const weights = exampleWeights(op, targets, recipe.needsLabels, weighing);
    return { x: inputs, y: targets, weights };
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
    this.#checkFree("fit");
    const recipe = this.#recipeFor("fit");
    const data = new Held("model", () => {
      const { validationData: [vx, vy, sampleWeight] = [] } = options;
      return {
        examples: this.#examples("fit", x, y, options),
        validation:
          vx === undefined || vy === undefined
            ? null
            : this.#examples("fit", vx, vy, { sampleWeight }),
      };
    });
    this.#isFitting = true;
    try {
      const { examples, validation } = data.value;
      const N = examples.x.shape[0];
      const kept = Math.round((options.validationSplit ?? 0) * N);
      if (kept === N || (options.validationSplit !== undefined && kept === 0)) {
        const rule = "validationSplit leaves examples on both sides";
        throw new ArgumentError("fit", rule, `${kept} of ${N} kept`);
      }
      const { batchSize = 32, validationBatchSize = batchSize } = options;
      const [measured, places] =
        kept > 0
          ? [examples, Int32Array.from({ length: kept }, (_, i) => N - kept + i)]
          : [validation, allOf(validation)];
      return await runFit(
        {
          model: this,
          state: this.#held("fit"),
          recipe,
          step: this.#train as ReturnType<typeof trainingStep>,
          ...examples,
          count: N - kept,
          validate:
            measured === null ? null : () => this.#measuring(measured, places, validationBatchSize),
        },
        options,
      );
    } finally {
      this.#isFitting = false;
      data.end();
    }
  }

  /** Measures some examples: every step of the generator is a batch. */
  *#measuring(
    examples: Weighed,
    order: Int32Array,
    batchSize: number,
  ): Generator<void, Record<string, number>> {
    const recipe = this.#recipeFor("evaluate");
    const step = this.#evaluate as ReturnType<typeof evaluationStep>;
    // Whatever happens to the model between two batches.
    const now = new Held("model", () => copied(this.#evaluated()));
    const tally = new Held("model", () => noTally(recipe));
    try {
      for (const batch of batchesOf(order, batchSize)) {
        tally.replace((sums) => {
          const [places, real] = [tensor(batch.places), tensor(batch.real)];
          return step(now.value, sums, { ...examples, places, real });
        });
        yield;
      }
      return scope(() => logsOf(recipe, tally.value));
    } finally {
      tally.end();
      now.end();
    }
  }

  /**
   * Trains on one batch: one update, whatever its size.
   *
   * @returns Loss and metrics of the batch, before the update.
   * @throws as {@link Sequential.fit}.
   *
   * @example
   * ```ts
   * import { layers, sequential } from "tapeloop";
   *
   * const model = sequential([layers.dense(1)]);
   * model.compile({ loss: "mse", optimizer: "sgd" });
   * const batches = [[[1], [2]], [[3], [4]]]; // or read from somewhere, one after the other
   * const losses = batches.map((x) => model.trainOnBatch(x, x)["loss"]);
   * console.log(losses.length); // 2
   * ```
   */
  trainOnBatch(x: DataLike, y: DataLike, options: BatchOptions = {}): Record<string, number> {
    checkOptions("trainOnBatch", options, ["sampleWeight", "classWeight"]);
    this.#checkFree("trainOnBatch");
    const recipe = this.#recipeFor("trainOnBatch");
    return scope(() => {
      const examples = this.#examples("trainOnBatch", x, y, options);
      const state = this.#held("trainOnBatch");
      const step = this.#train as ReturnType<typeof trainingStep>;
      const [batch] = batchesOf(allOf(examples), examples.x.shape[0]);
      state.replace((now) => {
        const [places, real] = [tensor(batch.places), tensor(batch.real)];
        return step({ ...now, tally: noTally(recipe) }, { ...examples, places, real }, null);
      });
      return logsOf(recipe, state.value.tally);
    });
  }

  /** The parameters to evaluate with: some optimizers keep means of them. */
  #evaluated(): Weights {
    const { parameters, running, optimizer } = this.#held("evaluate").value;
    const averaging = this.#recipe?.optimizer as Partial<AveragingOptimizer> | undefined;
    const trained = layersOf(parameters, this.#trained({ parameters, running }));
    const means = averaging?.average?.(optimizer, trained) ?? trained;
    return { parameters: { ...parameters, ...means }, running };
  }

  /**
   * Loss and metrics of examples.
   *
   * @throws as {@link Sequential.fit}.
   */
  evaluate(x: DataLike, y: DataLike, options: EvaluateOptions = {}): Record<string, number> {
    checkOptions("evaluate", options, ["batchSize", "sampleWeight"]);
    checkBatch("evaluate", options);
    return scope(() => {
      const examples = this.#examples("evaluate", x, y, options);
      const steps = this.#measuring(examples, allOf(examples), options.batchSize ?? 32);
      for (;;) {
        const { done, value } = steps.next();
        if (done === true) return value;
      }
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

/** Whether a tensor in a file of a model is none of its weights. */
function isOfTraining(name: string): boolean {
  return /^(key$|optimizer\b)/.test(name);
}

/** The places of all examples. */
function allOf(examples: Weighed | null): Int32Array {
  return Int32Array.from({ length: examples?.x.shape[0] ?? 0 }, (_, i) => i);
}

/** A tree of the same tensors, with a life of its own. */
function copied<T extends Tree>(tree: T): T {
  return mapTree(stopGradient, tree);
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
  if (!Array.isArray(layers) || layers.length === 0) {
    const given = Array.isArray(layers) ? "none" : typeof layers;
    throw new ArgumentError("sequential", "needs an array of at least one layer", given);
  }
  return new Sequential(layers, options);
}
