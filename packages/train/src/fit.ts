/** @file Fitting a model: epochs of shuffled batches, validation, callbacks. */
import {
  ArgumentError,
  checkOptions,
  type Held,
  permutation,
  scope,
  splitKey,
  tensor,
  type Tensor,
} from "@tapeloop/autograd";
import type { Callback, FitControl, Logs } from "./callbacks.ts";
import { batchesOf, type DataLike } from "./data.ts";
import { logsOf, noTally, type Recipe, type trainingStep, type TrainingState } from "./program.ts";
import { Progress, type ProgressOutput, usualOutput } from "./progress.ts";
import type { Sequential } from "./sequential.ts";

/** How {@link Sequential.fit} runs. */
export interface FitOptions {
  /** The number behind that of the last epoch: without `initialEpoch`, how often all examples are seen. Default: 1. */
  readonly epochs?: number;
  /** B, examples per update. The last batch of an epoch may be smaller. Default: 32. */
  readonly batchSize?: number;
  /** The most batches of an epoch. Default: all that there are. */
  readonly stepsPerEpoch?: number;
  /** Inputs and targets to measure after each epoch, and what each of them counts. */
  readonly validationData?: readonly [x: DataLike, y: DataLike, sampleWeight?: DataLike];
  /** In place of it, the part of the examples, from their end, that is kept for it. */
  readonly validationSplit?: number;
  /** Examples per batch of validation data. Default: `batchSize`. */
  readonly validationBatchSize?: number;
  /** After how many epochs validation data are measured again. Default: 1. */
  readonly validationFreq?: number;
  /** Whether examples come in another order in each epoch. Default: true. */
  readonly shuffle?: boolean;
  /** What each example counts, [N], or each step of it, [N, T]. Losses and metrics are means over these. */
  readonly sampleWeight?: DataLike;
  /** What examples of each class count, by their labels or one-hot rows. Default: 1. */
  readonly classWeight?: Readonly<Record<number, number>>;
  /** What is done between epochs. */
  readonly callbacks?: readonly Callback[];
  /** The number of the first epoch, where an earlier fit goes on. Default: 0. */
  readonly initialEpoch?: number;
  /** Whether progress is shown: 0 or false, not; 2, a line for each epoch; 1 or true, and a bar on a terminal. Default: 1. */
  readonly verbose?: boolean | 0 | 1 | 2;
  /** Where it is shown. Default: the error output, in a page the console. */
  readonly output?: ProgressOutput;
  /** Ends the fit after the batch that runs; the model stays usable. */
  readonly signal?: AbortSignal;
}

const fitOptions = [
  "epochs",
  "batchSize",
  "stepsPerEpoch",
  "validationData",
  "validationSplit",
  "validationBatchSize",
  "validationFreq",
  "shuffle",
  "sampleWeight",
  "classWeight",
  "callbacks",
  "initialEpoch",
  "verbose",
  "output",
  "signal",
];

/** What a fit has seen. */
export interface History {
  /** The numbers of the epochs. */
  readonly epoch: readonly number[];
  /** Loss and metrics of every epoch, by name; those of validation data begin with `val`. */
  readonly history: Readonly<Record<string, readonly number[]>>;
  /** Why the fit ended before its last epoch, or null. */
  readonly stopped: string | null;
}

/** Checks the options of a fit. */
export function checkFit(options: FitOptions): void {
  checkOptions("fit", options, fitOptions);
  const { epochs = 1, batchSize = 32, initialEpoch = 0, validationSplit } = options;
  const { stepsPerEpoch = 1, validationBatchSize = 1, validationFreq = 1 } = options;
  for (const [name, n, least] of [
    ["epochs", epochs, 1],
    ["batchSize", batchSize, 1],
    ["initialEpoch", initialEpoch, 0],
    ["stepsPerEpoch", stepsPerEpoch, 1],
    ["validationBatchSize", validationBatchSize, 1],
    ["validationFreq", validationFreq, 1],
  ] as const) {
    if (!Number.isInteger(n) || n < least) {
      throw new ArgumentError("fit", `${name} is a whole number from ${least}`, String(n));
    }
  }
  const { shuffle = true, verbose = true, callbacks = [], signal } = options;
  const areObjects =
    Array.isArray(callbacks) && callbacks.every((c) => typeof c === "object" && c !== null);
  for (const [rule, isKept, given] of [
    ["shuffle is true or false", typeof shuffle === "boolean", shuffle],
    ["verbose is true, false, 0, 1 or 2", [true, false, 0, 1, 2].includes(verbose), verbose],
    ["callbacks are a list of objects", areObjects, callbacks],
    ["signal is an AbortSignal", signal === undefined || "aborted" in Object(signal), signal],
  ] as const) {
    if (isKept) continue;
    throw new ArgumentError("fit", rule, typeof given === "object" ? "object" : String(given));
  }
  if (validationSplit !== undefined && !(validationSplit > 0 && validationSplit < 1)) {
    const rule = "validationSplit is between 0 and 1";
    throw new ArgumentError("fit", rule, String(validationSplit));
  }
  if (validationSplit !== undefined && options.validationData !== undefined) {
    const both = "both";
    throw new ArgumentError("fit", "takes validationData or validationSplit", both, "Give one.");
  }
}

/** Lets the event loop of a page or of Node run, if it has waited for long. */
class Breath {
  #last = performance.now();

  /** Pages stay alive, and Ctrl-C is heard. */
  async take(): Promise<void> {
    if (performance.now() - this.#last <= 15) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#last = performance.now();
  }
}

/** What a fit works on. */
export interface FitTask {
  readonly model: Sequential;
  readonly state: Held<TrainingState>;
  readonly recipe: Recipe;
  readonly step: ReturnType<typeof trainingStep>;
  /** Examples; they are held until the fit ends. */
  readonly x: Tensor;
  readonly y: Tensor;
  readonly weights: Tensor;
  /** Which of them are trained on. */
  readonly count: number;
  /** Measures validation data, a batch for each step of the generator; null without. */
  readonly validate: (() => Generator<void, Logs>) | null;
}

/** Runs a fit. */
export async function runFit(task: FitTask, options: FitOptions): Promise<History> {
  const { epochs = 1, batchSize = 32, shuffle = true, callbacks = [], initialEpoch = 0 } = options;
  const { verbose = true, output = usualOutput(), signal, validationFreq = 1 } = options;
  const { state, recipe, step, x, y, weights, count } = task;
  const end: { reason: string | null } = { reason: null };
  const own = ["loss", ...recipe.metrics.map(({ name }) => name)];
  const fit = {
    model: task.model,
    names: task.validate === null ? own : [...own, ...own.map(validationName)],
    rate: 1,
    initialEpoch,
    isComplete: false as boolean,
    stop: (reason: string) => (end.reason = reason),
  } satisfies FitControl;
  const call = async (f: (callback: Callback) => unknown): Promise<void> => {
    for (const callback of callbacks) await f(callback);
  };
  const logsNow = (): Logs => scope(() => logsOf(recipe, state.value.tally));
  const isAborted = (): boolean => signal?.aborted === true;
  const isLogged = callbacks.some((callback) => "onBatchEnd" in callback);
  const numbers: number[] = [];
  const history: Record<string, number[]> = {};
  const all = Math.ceil(count / Math.min(batchSize, count));
  const batchCount = Math.min(options.stepsPerEpoch ?? all, all);
  const progress = new Progress(output, epochs, batchCount);
  const breath = new Breath();

  /** One epoch; null if it was aborted. */
  const runEpoch = async (epoch: number): Promise<Logs | null> => {
    let order = Int32Array.from({ length: count }, (_, i) => i);
    state.replace((now) => {
      const [forOrder, key] = splitKey(now.key);
      if (shuffle) order = Int32Array.from(permutation(count, { key: forOrder }).dataSync());
      return { ...now, key, tally: noTally(recipe) };
    });
    const batches = batchesOf(order, batchSize).slice(0, batchCount);
    for (const [i, batch] of batches.entries()) {
      if (isAborted()) return null;
      await call((c) => c.onBatchBegin?.(i, fit));
      state.replace((now) => {
        const [places, real] = [tensor(batch.places), tensor(batch.real)];
        const rate = fit.rate === 1 ? null : tensor(fit.rate);
        return step(now, { x, y, weights, places, real }, rate);
      });
      if (isLogged) {
        const logs = logsNow();
        await call((c) => c.onBatchEnd?.(i, logs, fit));
      }
      if (verbose && verbose !== 2 && progress.isDue) progress.draw(epoch, i + 1, logsNow());
      await breath.take();
      if (end.reason !== null) break;
    }
    if (isAborted()) return null;
    const logs = logsNow();
    if (task.validate === null || (epoch + 1) % validationFreq !== 0) return logs;
    const measuring = task.validate();
    for (;;) {
      const { done, value } = measuring.next();
      if (done === true) return { ...logs, ...validationLogs(value) };
      await breath.take();
      if (isAborted()) {
        measuring.return({});
        return null;
      }
    }
  };

  await call((c) => c.onTrainBegin?.(fit));
  try {
    for (let epoch = fit.initialEpoch; epoch < epochs && end.reason === null; epoch++) {
      const start = performance.now();
      await call((c) => c.onEpochBegin?.(epoch, fit));
      const logs = await runEpoch(epoch);
      if (logs === null) {
        return { epoch: numbers, history, stopped: `aborted in epoch ${epoch}` };
      }
      numbers.push(epoch);
      for (const [name, value] of Object.entries(logs)) (history[name] ??= []).push(value);
      if (verbose) progress.line(epoch, logs, (performance.now() - start) / 1000);
      await call((c) => c.onEpochEnd?.(epoch, logs, fit));
    }
    fit.isComplete = true;
  } finally {
    await call((c) => c.onTrainEnd?.(fit));
  }
  return { epoch: numbers, history, stopped: end.reason };
}

/** Names of validation data: `loss` becomes `valLoss`. */
function validationName(name: string): string {
  return `val${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

/** Logs under the names of validation data. */
function validationLogs(logs: Logs): Logs {
  return Object.fromEntries(
    Object.entries(logs).map(([name, value]) => [validationName(name), value]),
  );
}
