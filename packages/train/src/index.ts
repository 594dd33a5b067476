/**
 * Keras-like models: layers one after the other, `compile`, `fit`, `evaluate`, `predict`, on compiled training steps.
 * Everything below is made of the public names of `@tapeloop/autograd`, `@tapeloop/nn` and `@tapeloop/optim`.
 *
 * @packageDocumentation
 */

// Models
export {
  type BatchOptions,
  type CompileOptions,
  type EvaluateOptions,
  type PredictOptions,
  Sequential,
  sequential,
  type SequentialOptions,
} from "./sequential.ts";
export type { FitOptions, History } from "./fit.ts";
export type { DataLike } from "./data.ts";
export type { LossFunction, LossName, MetricName, OptimizerName } from "./names.ts";
export type { ProgressOutput } from "./progress.ts";

// Layers
export * as layers from "./layers/index.ts";
export type { BuiltLayer, Flow, Layer, LayerContext, LayerResult } from "./layer.ts";
export type { ByLayer, LayerInfo, Weights } from "./network.ts";

// Callbacks
export {
  type Callback,
  earlyStopping,
  type EarlyStoppingOptions,
  type FitControl,
  learningRateScheduler,
  type Logs,
  type ReduceOnPlateauOptions,
  reduceLearningRateOnPlateau,
  terminateOnNaN,
  type WatchOptions,
} from "./callbacks.ts";
export {
  backupAndRestore,
  type BackupStore,
  type CheckpointOptions,
  csvLogger,
  type CsvLoggerOptions,
  modelCheckpoint,
} from "./files.ts";
