/** @file Fitting a model: epochs of shuffled batches, validation, callbacks. */
import {
  ArgumentError,
  checkOptions,
  type Held,
  mapTree,
  permutation,
  scope,
  splitKey,
  stopGradient,
  tensor,
  type Tensor,
} from "@tapeloop/autograd";
import type { Callback, FitControl, Logs } from "./callbacks.ts";
import type { DataLike } from "./data.ts";
import type { ByLayer } from "./network.ts";
import { logsOf, noTally, type Recipe, type trainingStep, type TrainingState } from "./program.ts";
import { Progress, type ProgressOutput, usualOutput } from "./progress.ts";

/** How {@link Sequential.fit} runs. */
export interface FitOptions {
  /** How often all examples are seen. Default: 1. */
  readonly epochs?: number;
  /** B, examples per update. The last batch of an epoch may be smaller. Default: 32. */
  readonly batchSize?: number;
  /** Inputs and targets to measure after each epoch. */
  readonly validationData?: readonly [x: DataLike, y: DataLike];
  /** In place of it, the part of the examples, from their end, that is kept for it. */
  readonly validationSplit?: number;
  /** Whether examples come in another order in each epoch. Default: true. */
  readonly shuffle?: boolean;
  /** What each example counts: [N]. Losses and metrics are means over these. */
  readonly sampleWeight?: DataLike;
  /** What examples of each class count, for labels that are whole numbers. */
  readonly classWeight?: Readonly<Record<number, number>>;
  /** What is done between epochs. */
  readonly callbacks?: readonly Callback[];
  /** The number of the first epoch, where an earlier fit goes on. Default: 0. */
  readonly initialEpoch?: number;
  /** Whether progress is shown: a bar on a terminal, else a line for each epoch, on the error output. Default: true. */
  readonly verbose?: boolean;
  /** Where it is shown. Default: the error output, in a page the console. */
  readonly output?: ProgressOutput;
  /** Ends the fit after the batch that runs; the model stays usable. */
  readonly signal?: AbortSignal;
}

const fitOptions = [
  "epochs",
  "batchSize",
  "validationData",
  "validationSplit",
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
  for (const [name, n, least] of [
    ["epochs", epochs, 1],
    ["batchSize", batchSize, 1],
    ["initialEpoch", initialEpoch, 0],
  ] as const) {
    if (!Number.isInteger(n) || n < least) {
      throw new ArgumentError("fit", `${name} is a whole number from ${least}`, String(n));
    }
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

/** What each example counts. */
export function exampleWeights(op: string, y: Tensor, options: FitOptions): Tensor {
  const N = y.shape[0];
  const { sampleWeight, classWeight } = options;
  const each = new Float32Array(N).fill(1);
  if (sampleWeight !== undefined) {
    const given = scope(() => tensor(sampleWeight as never).dataSync());
    if (given.length !== N) {
      const rule = `sampleWeight is [${N}], one number for each example`;
      throw new ArgumentError(op, rule, `${given.length} numbers`);
    }
    each.set(given);
  }
  if (classWeight !== undefined) {
    if (y.size !== N) {
      const rule = "classWeight is for labels that are whole numbers";
      throw new ArgumentError(op, rule, `targets [${y.shape.join(", ")}]`);
    }
    y.dataSync().forEach((label, i) => (each[i] *= classWeight[label] ?? 1));
  }
  if (each.some((w) => !(w >= 0 && w < Infinity))) {
    throw new ArgumentError(op, "weights of examples are finite numbers from 0", "others");
  }
  return tensor(each);
}

/** A batch of places: filled up to B, and which of them are real. */
export interface Batch {
  readonly places: Int32Array;
  readonly real: Float32Array;
}

/** Batches of places in an order. */
export function batchesOf(order: Int32Array, batchSize: number): Batch[] {
  const B = Math.min(batchSize, order.length);
  return Array.from({ length: Math.ceil(order.length / B) }, (_, i) => {
    const places = new Int32Array(B);
    places.set(order.subarray(i * B, (i + 1) * B));
    const count = Math.min(B, order.length - i * B);
    return { places, real: Float32Array.from({ length: B }, (__, j) => (j < count ? 1 : 0)) };
  });
}

/** Lets the event loop of a page or of Node run. */
function breathe(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** What a fit works on. */
export interface FitTask {
  readonly state: Held<TrainingState>;
  readonly recipe: Recipe;
  readonly step: ReturnType<typeof trainingStep>;
  /** Examples; they are held until the fit ends. */
  readonly x: Tensor;
  readonly y: Tensor;
  readonly weights: Tensor;
  /** Which of them are trained on. */
  readonly count: number;
  /** Loss and metrics of validation data; null without. */
  readonly validate: (() => Logs) | null;
}

/** Runs a fit. */
export async function runFit(task: FitTask, options: FitOptions): Promise<History> {
  const { epochs = 1, batchSize = 32, shuffle = true, callbacks = [], initialEpoch = 0 } = options;
  const { verbose = true, output = usualOutput(), signal } = options;
  const { state, recipe, step, x, y, weights, count } = task;
  let stopped: string | null = null;
  const fit: FitControl = {
    rate: 1,
    stop: (reason) => (stopped = reason),
    copyParameters: () => mapTree(stopGradient, state.value.parameters),
    restoreParameters: (parameters: ByLayer) =>
      state.replace((now) => ({ ...now, parameters: mapTree(stopGradient, parameters) })),
  };
  const call = async (f: (callback: Callback) => unknown): Promise<void> => {
    for (const callback of callbacks) await f(callback);
  };
  const numbers: number[] = [];
  const history: Record<string, number[]> = {};
  const batchCount = Math.ceil(count / Math.min(batchSize, count));
  const progress = new Progress(output, initialEpoch + epochs, batchCount);
  let breath = performance.now();
  await call((c) => c.onTrainBegin?.(fit));
  try {
    for (let epoch = initialEpoch; epoch < initialEpoch + epochs && stopped === null; epoch++) {
      const start = performance.now();
      await call((c) => c.onEpochBegin?.(epoch, fit));
      let order = Int32Array.from({ length: count }, (_, i) => i);
      state.replace((now) => {
        const [own, key] = splitKey(now.key);
        if (shuffle) order = Int32Array.from(permutation(count, { key: own }).dataSync());
        return { ...now, key, tally: noTally(recipe) };
      });
      for (const [i, batch] of batchesOf(order, batchSize).entries()) {
        if (signal?.aborted === true) {
          stopped = `aborted in epoch ${epoch}`;
          break;
        }
        state.replace((now) => {
          const [places, real] = [tensor(batch.places), tensor(batch.real)];
          const rate = fit.rate === 1 ? null : tensor(fit.rate);
          return step(now, { x, y, weights, places, real }, rate);
        });
        await call((c) => c.onBatchEnd?.(i, fit));
        if (verbose && progress.isDue) {
          progress.draw(
            epoch,
            i + 1,
            scope(() => logsOf(recipe, state.value.tally)),
          );
        }
        // Pages stay alive, and Ctrl-C is heard.
        if (performance.now() - breath > 15) {
          await breathe();
          breath = performance.now();
        }
      }
      if (signal?.aborted === true) {
        stopped ??= `aborted in epoch ${epoch}`;
        break;
      }
      const own = scope(() => logsOf(recipe, state.value.tally));
      const measured = task.validate === null ? {} : task.validate();
      const logs: Logs = { ...own, ...validationLogs(measured) };
      numbers.push(epoch);
      for (const [name, value] of Object.entries(logs)) (history[name] ??= []).push(value);
      if (verbose) progress.line(epoch, logs, (performance.now() - start) / 1000);
      await call((c) => c.onEpochEnd?.(epoch, logs, fit));
    }
  } finally {
    await call((c) => c.onTrainEnd?.(fit));
  }
  return { epoch: numbers, history, stopped };
}

/** Names of validation data: `loss` becomes `valLoss`. */
function validationLogs(logs: Logs): Logs {
  return Object.fromEntries(
    Object.entries(logs).map(([name, value]) => [
      `val${name.charAt(0).toUpperCase()}${name.slice(1)}`,
      value,
    ]),
  );
}
