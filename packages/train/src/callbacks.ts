/** @file Callbacks: what is done between the epochs of a fit. */
import { ArgumentError, checkOptions } from "@tapeloop/autograd";
import type { Weights } from "./network.ts";
import type { Sequential } from "./sequential.ts";

/** Loss and metrics by their names; of validation data they begin with `val`: `valLoss`. */
export type Logs = Readonly<Record<string, number>>;

/** What callbacks may do while a model is fitted. */
export interface FitControl {
  /** The model: to predict with, to copy or save its weights, or to set them. */
  readonly model: Sequential;
  /** The names of all that is measured, that of validation data too. */
  readonly names: readonly string[];
  /** Ends the fit after this batch, with a reason for the history; its epoch is measured first. */
  stop(reason: string): void;
  /** What updates are multiplied by from here on; 1 at first. With optimizers here it multiplies the learning rate. */
  rate: number;
  /** The epoch to start with, for who goes on with an earlier fit: it may be set in `onTrainBegin`. */
  initialEpoch: number;
  /** Whether the fit has come to its end: false while it runs, and after an error or its signal. */
  readonly isComplete: boolean;
}

/**
 * Functions that a fit calls; all may be asynchronous.
 *
 * @example
 * ```ts
 * import { type Callback } from "tapeloop";
 *
 * const threshold: Callback = {
 *   onEpochEnd: (epoch, logs, fit) => {
 *     if (logs["loss"] < 0.01) fit.stop(`loss below 0.01 in epoch ${epoch}`);
 *   },
 * };
 * console.log(Object.keys(threshold)); // [ 'onEpochEnd' ]
 * ```
 */
export interface Callback {
  /** Before the first epoch. */
  onTrainBegin?(fit: FitControl): unknown;
  /** Before an epoch, counted from 0. */
  onEpochBegin?(epoch: number, fit: FitControl): unknown;
  /** Before a batch, counted from 0 in each epoch. */
  onBatchBegin?(batch: number, fit: FitControl): unknown;
  /** After a batch, with the loss and the metrics of the epoch so far. */
  onBatchEnd?(batch: number, logs: Logs, fit: FitControl): unknown;
  /** After an epoch, with its loss and its metrics. */
  onEpochEnd?(epoch: number, logs: Logs, fit: FitControl): unknown;
  /** After the last epoch, also if the fit fails. */
  onTrainEnd?(fit: FitControl): unknown;
}

/** What is watched, and whether less of it is better. */
export interface WatchOptions {
  /** A loss or a metric. Default: "valLoss". */
  readonly monitor?: string;
  /** Whether it should fall or rise. Default: by its name: accuracies, areas and scores should rise. */
  readonly mode?: "min" | "max";
  /** By how much it must be better to count. Default: 0. */
  readonly minDelta?: number;
  /** What a value must be better than, too, to count. Default: any value counts. */
  readonly baseline?: number;
}

/** The names of {@link WatchOptions}. */
export const watchOptions: readonly string[] = ["monitor", "mode", "minDelta", "baseline"];

/** Metrics that should rise. */
const rising = /acc|auc|area|precision|recall|f1|rSquared$|cosine/i;

/** Whether a value is better than the best so far. */
export class Watch {
  /** The name of what is watched. */
  readonly monitor: string;
  readonly #sign: number;
  readonly #minDelta: number;
  /** Less is better, in all of them. */
  readonly #baseline: number;
  #best = Infinity;

  constructor(op: string, { monitor = "valLoss", mode, minDelta = 0, baseline }: WatchOptions) {
    if (mode !== undefined && mode !== "min" && mode !== "max") {
      throw new ArgumentError(op, 'mode is "min" or "max"', String(mode));
    }
    if (!(minDelta >= 0)) {
      throw new ArgumentError(op, "minDelta is a number from 0", String(minDelta));
    }
    this.monitor = monitor;
    this.#sign = (mode ?? (rising.test(monitor) ? "max" : "min")) === "max" ? -1 : 1;
    this.#minDelta = minDelta;
    if (baseline !== undefined && Number.isNaN(baseline)) {
      throw new ArgumentError(op, "baseline is a number", String(baseline));
    }
    this.#baseline = baseline === undefined ? Infinity : this.#sign * baseline;
  }

  /** Whether the best value so far is better than the baseline. */
  get isEnough(): boolean {
    return this.#best < this.#baseline - this.#minDelta;
  }

  /** Whether the epoch is the best so far; null if this one was not measured. */
  isBetter(op: string, logs: Logs, { names }: FitControl): boolean | null {
    const value = logs[this.monitor];
    if (value === undefined) {
      if (names.includes(this.monitor)) return null;
      throw new ArgumentError(
        op,
        `monitor is one of ${names.join(", ")}`,
        `"${this.monitor}"`,
        this.monitor.startsWith("val") ? "Give fit() validationData or validationSplit." : "",
      );
    }
    const signed = this.#sign * value;
    const isBetter = signed < this.#best - this.#minDelta;
    if (isBetter) this.#best = signed;
    return isBetter;
  }
}

/** Options of {@link earlyStopping}. */
export interface EarlyStoppingOptions extends WatchOptions {
  /** Epochs without a better value before the fit ends, from 0. Default: 0. */
  readonly patience?: number;
  /** Whether the weights of the best epoch are put back at the end, running means too. Default: false. */
  readonly restoreBestWeights?: boolean;
  /** The first epoch that is watched. Default: 0. */
  readonly startFromEpoch?: number;
}

/**
 * Ends a fit when a loss or a metric gets no better.
 *
 * @throws ArgumentError for numbers out of range, unknown options, and from the fit for a name that it has not.
 *
 * @example
 * ```ts
 * import { earlyStopping } from "tapeloop";
 *
 * const callbacks = [earlyStopping({ monitor: "valAccuracy", patience: 3, restoreBestWeights: true })];
 * console.log(callbacks.length); // 1
 * ```
 */
export function earlyStopping(options: EarlyStoppingOptions = {}): Callback {
  const op = "earlyStopping";
  checkOptions(op, options, [...watchOptions, "patience", "restoreBestWeights", "startFromEpoch"]);
  const { patience = 0, restoreBestWeights = false, startFromEpoch = 0 } = options;
  checkCount(op, "patience", patience, 0);
  checkCount(op, "startFromEpoch", startFromEpoch, 0);
  let watch = new Watch(op, options);
  let [waited, best]: [number, Weights | null] = [0, null];
  return {
    onTrainBegin: () => {
      watch = new Watch(op, options);
      [waited, best] = [0, null];
    },
    onEpochEnd: (epoch, logs, fit) => {
      if (epoch < startFromEpoch) return;
      const isBetter = watch.isBetter(op, logs, fit);
      if (isBetter === null) return;
      if (restoreBestWeights && (isBetter || best === null)) best = fit.model.getWeights();
      if (isBetter && watch.isEnough) waited = 0;
      else if (++waited >= patience) {
        fit.stop(`${watch.monitor} has not been better for ${waited} epochs, epoch ${epoch}`);
      }
    },
    onTrainEnd: (fit) => {
      if (best !== null) fit.model.setWeights(best);
    },
  };
}

/** Options of {@link reduceLearningRateOnPlateau}. */
export interface ReduceOnPlateauOptions extends WatchOptions {
  /** What the rate is multiplied by, between 0 and 1. Default: 0.1. */
  readonly factor?: number;
  /** Epochs without a better value before, from 0. Default: 10. */
  readonly patience?: number;
  /** Epochs after a reduction in which nothing is watched, from 0. Default: 0. */
  readonly cooldown?: number;
  /** The least factor of all, from 0 to 1. Default: 0. */
  readonly least?: number;
}

/**
 * Multiplies updates by a factor when a loss or a metric gets no better; with the optimizers here that is the
 * learning rate.
 *
 * @throws ArgumentError for numbers out of range, unknown options, and from the fit for a name that it has not.
 *
 * @example
 * ```ts
 * import { reduceLearningRateOnPlateau } from "tapeloop";
 *
 * const callbacks = [reduceLearningRateOnPlateau({ factor: 0.5, patience: 2 })];
 * console.log(callbacks.length); // 1
 * ```
 */
export function reduceLearningRateOnPlateau(options: ReduceOnPlateauOptions = {}): Callback {
  const op = "reduceLearningRateOnPlateau";
  checkOptions(op, options, [...watchOptions, "factor", "patience", "cooldown", "least"]);
  const { factor = 0.1, patience = 10, cooldown = 0, least = 0 } = options;
  checkCount(op, "patience", patience, 0);
  checkCount(op, "cooldown", cooldown, 0);
  if (!(factor > 0 && factor < 1)) {
    throw new ArgumentError(op, "factor is between 0 and 1", String(factor));
  }
  if (!(least >= 0 && least <= 1)) {
    throw new ArgumentError(op, "least is between 0 and 1", String(least));
  }
  let watch = new Watch(op, options);
  let [waited, rest] = [0, 0];
  return {
    onTrainBegin: () => {
      watch = new Watch(op, options);
      [waited, rest] = [0, 0];
    },
    onEpochEnd: (_, logs, fit) => {
      const isBetter = watch.isBetter(op, logs, fit);
      if (rest > 0) {
        rest--;
        waited = 0;
      }
      if (isBetter === null || rest > 0) return;
      if (isBetter && watch.isEnough) waited = 0;
      else if (++waited >= patience) {
        [waited, rest] = [0, cooldown];
        fit.rate = Math.max(least, fit.rate * factor);
      }
    },
  };
}

/**
 * Sets what updates are multiplied by, before each epoch: a schedule by epochs. Schedules by updates, which need no
 * callback, are those of `@tapeloop/optim`.
 *
 * @param rateOf - The factor of an epoch, counted from 0, by that of the epoch before.
 *
 * @example
 * ```ts
 * import { learningRateScheduler } from "tapeloop";
 *
 * const halving = learningRateScheduler((epoch) => 0.5 ** Math.floor(epoch / 10));
 * console.log(Object.keys(halving)); // [ 'onEpochBegin' ]
 * ```
 */
export function learningRateScheduler(rateOf: (epoch: number, rate: number) => number): Callback {
  return {
    onEpochBegin: (epoch, fit) => {
      const rate = rateOf(epoch, fit.rate);
      if (!(rate >= 0 && rate < Infinity)) {
        const rule = "the factor is a finite number from 0";
        throw new ArgumentError("learningRateScheduler", rule, `${rate} for epoch ${epoch}`);
      }
      fit.rate = rate;
    },
  };
}

/**
 * Ends a fit in the batch in which its loss is no finite number any longer.
 *
 * @example
 * ```ts
 * import { terminateOnNaN } from "tapeloop";
 *
 * console.log(Object.keys(terminateOnNaN())); // [ 'onBatchEnd' ]
 * ```
 */
export function terminateOnNaN(): Callback {
  return {
    onBatchEnd: (batch, logs, fit) => {
      if (!Number.isFinite(logs["loss"])) {
        fit.stop(`the loss is ${logs["loss"]} in batch ${batch}: run it again in detectAnomaly()`);
      }
    },
  };
}

function checkCount(op: string, name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) {
    throw new ArgumentError(op, `${name} is a whole number from ${least}`, String(value));
  }
}
