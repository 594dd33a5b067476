/** @file Callbacks that leave something behind: checkpoints, a table of epochs, a backup to go on from. */
import { checkOptions } from "@tapeloop/autograd";
import { decodeSafetensors } from "@tapeloop/io";
import { type Callback, type Logs, Watch, watchOptions, type WatchOptions } from "./callbacks.ts";

/** Options of {@link modelCheckpoint}. */
export interface CheckpointOptions extends WatchOptions {
  /** Whether only epochs that are the best so far are saved. Default: false. */
  readonly saveBestOnly?: boolean;
  /** Whether the optimizer's state is left out. Default: false. */
  readonly saveWeightsOnly?: boolean;
}

/**
 * Hands the bytes of the model to a function after epochs, to write them wherever there is a place. They are those of
 * {@link Sequential.save}, or with `saveWeightsOnly` of {@link Sequential.saveWeights}.
 *
 * @throws ArgumentError for unknown options, and from the fit for a name that it has not.
 *
 * @example
 * ```ts
 * import { modelCheckpoint } from "tapeloop";
 *
 * let best: Uint8Array | null = null; // or a file
 * const callback = modelCheckpoint((bytes) => (best = bytes), { saveBestOnly: true });
 * console.log(Object.keys(callback)); // [ 'onTrainBegin', 'onEpochEnd' ]
 * ```
 */
export function modelCheckpoint(
  write: (bytes: Uint8Array<ArrayBuffer>, epoch: number, logs: Logs) => unknown,
  options: CheckpointOptions = {},
): Callback {
  const op = "modelCheckpoint";
  checkOptions(op, options, [...watchOptions, "saveBestOnly", "saveWeightsOnly"]);
  const { saveBestOnly = false, saveWeightsOnly = false } = options;
  let watch = new Watch(op, options);
  return {
    onTrainBegin: () => {
      watch = new Watch(op, options);
    },
    onEpochEnd: async (epoch, logs, fit) => {
      if (saveBestOnly && !(watch.isBetter(op, logs, fit) === true && watch.isEnough)) return;
      const { model } = fit;
      await write(saveWeightsOnly ? model.saveWeights() : model.save(), epoch, logs);
    },
  };
}

/** Options of {@link csvLogger}. */
export interface CsvLoggerOptions {
  /** What stands between two columns. Default: ",". */
  readonly separator?: string;
  /** Whether lines go on after those of an earlier fit, without names of columns. Default: false. */
  readonly append?: boolean;
}

/**
 * Writes a line of comma-separated values for each epoch, under the names of the columns. What was not measured in an
 * epoch is "NA", as in Keras.
 *
 * @param write - Takes lines of text with their ends, to write them wherever there is a place.
 * @throws ArgumentError if an option is unknown.
 *
 * @example
 * ```ts
 * import { csvLogger, layers, sequential } from "tapeloop";
 *
 * const lines: string[] = []; // in Node: (line) => appendFile("training.csv", line)
 * const model = sequential([layers.dense(1)]);
 * model.compile({ loss: "mse" });
 * await model.fit([[1], [2]], [1, 2], { callbacks: [csvLogger((line) => lines.push(line))], verbose: false });
 * console.log(lines[0] === "epoch,loss\n", lines.length); // true 2
 * ```
 */
export function csvLogger(
  write: (text: string) => unknown,
  options: CsvLoggerOptions = {},
): Callback {
  checkOptions("csvLogger", options, ["separator", "append"]);
  const { separator = ",", append = false } = options;
  return {
    onTrainBegin: async (fit) => {
      if (!append) await write(`${["epoch", ...fit.names].join(separator)}\n`);
    },
    onEpochEnd: async (epoch, logs, fit) => {
      const values = fit.names.map((name) => logs[name] ?? "NA");
      await write(`${[epoch, ...values].join(separator)}\n`);
    },
  };
}

/** Where {@link backupAndRestore} keeps what it needs: a file, or a page's storage. */
export interface BackupStore {
  /** The last backup, or null. */
  read(): Promise<Uint8Array | null> | Uint8Array | null;
  /** Puts a backup in the place of the last one. */
  write(bytes: Uint8Array<ArrayBuffer>): unknown;
  /** Forgets the backup, once the fit has ended. */
  remove(): unknown;
}

/**
 * Keeps a backup of everything that training goes on from after each epoch, and starts a fit from it if there is one:
 * a fit that was broken off ends as if it had not been. What other callbacks remember is not in it.
 *
 * @throws TreeError, ShapeError from the fit for the backup of another model.
 *
 * @example
 * ```ts
 * import { backupAndRestore } from "tapeloop";
 *
 * let kept: Uint8Array | null = null;
 * const callback = backupAndRestore({
 *   read: () => kept,
 *   write: (bytes) => (kept = bytes),
 *   remove: () => (kept = null),
 * });
 * console.log(Object.keys(callback)); // [ 'onTrainBegin', 'onEpochEnd', 'onTrainEnd' ]
 * ```
 */
export function backupAndRestore(store: BackupStore): Callback {
  return {
    onTrainBegin: async (fit) => {
      const bytes = await store.read();
      if (bytes === null) return;
      fit.model.load(bytes);
      const { metadata } = decodeSafetensors(bytes);
      fit.initialEpoch = Number(metadata["nextEpoch"] ?? 0);
      fit.rate = Number(metadata["rate"] ?? 1);
    },
    onEpochEnd: async (epoch, _, fit) => {
      const metadata = { nextEpoch: String(epoch + 1), rate: String(fit.rate) };
      await store.write(fit.model.save(metadata));
    },
    onTrainEnd: async (fit) => {
      if (fit.isComplete) await store.remove();
    },
  };
}
