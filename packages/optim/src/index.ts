/**
 * Optimizers as pairs of pure functions, `init` and `update`, over trees of parameters; what they are made
 * of; wrappers around them; and schedules. All of it is ops, so that whole training steps can be compiled.
 *
 * @packageDocumentation
 */

// What optimizers are, and how they are put together
export {
  type AveragingOptimizer,
  chain,
  type ObservingOptimizer,
  type Optimizer,
  type OptimizerState,
  type Transformation,
  type Transformed,
  type Updated,
} from "./optimizer.ts";
export { descent } from "./descent.ts";
export { type LeafRule, leafwise } from "./leafwise.ts";
export type { Selection } from "./selection.ts";

// Optimizers
export { sgd, type SgdOptions } from "./optimizers/sgd.ts";
export {
  adam,
  type AdamOptions,
  adamW,
  type MomentOptions,
  scaleByAdam,
  type ScaleByAdamOptions,
} from "./optimizers/adam.ts";
export { adamax, type AdamaxOptions } from "./optimizers/adamax.ts";
export { nadam, type NadamOptions } from "./optimizers/nadam.ts";
export { radam, type RadamOptions } from "./optimizers/radam.ts";
export {
  rmsprop,
  type RmspropOptions,
  scaleByRms,
  type ScaleByRmsOptions,
} from "./optimizers/rmsprop.ts";
export { adagrad, type AdagradOptions } from "./optimizers/adagrad.ts";
export { adadelta, type AdadeltaOptions } from "./optimizers/adadelta.ts";
export { adafactor, type AdafactorOptions } from "./optimizers/adafactor.ts";
export { lion, type LionOptions } from "./optimizers/lion.ts";
export { lamb, type LambOptions } from "./optimizers/lamb.ts";
export { muon, type MuonOptions } from "./optimizers/muon.ts";
export { prodigy, type ProdigyOptions } from "./optimizers/prodigy.ts";
export { hessianDiagonal, sophia, type SophiaOptions } from "./optimizers/sophia.ts";
export { rprop, type RpropOptions } from "./optimizers/rprop.ts";
export { asgd, type AsgdOptions } from "./optimizers/asgd.ts";
export {
  scheduleFreeAdamW,
  type ScheduleFreeAdamWOptions,
  scheduleFreeSgd,
  type ScheduleFreeSgdOptions,
} from "./optimizers/schedule-free.ts";
export {
  lbfgs,
  type LbfgsOptions,
  type LbfgsOptimizer,
  type LbfgsUpdated,
} from "./optimizers/lbfgs.ts";

// Wrappers
export {
  exponentialAverage,
  type ExponentialAverageOptions,
  stochasticWeightAverage,
  type StochasticWeightAverageOptions,
} from "./wrappers/averages.ts";
export { lookahead, type LookaheadOptions } from "./wrappers/lookahead.ts";
export { accumulate } from "./wrappers/accumulate.ts";
export { skipNonFinite, type SkipNonFiniteOptions } from "./wrappers/skip.ts";
export { frozen, type ParameterGroup, partition } from "./wrappers/partition.ts";
export { type PlateauOptions, reduceOnPlateau } from "./wrappers/plateau.ts";
export { sharpnessAware, type SharpnessAwareOptions } from "./wrappers/sharpness.ts";

// Transformations of gradients
export {
  clipAdaptively,
  type ClipAdaptivelyOptions,
  clipByGlobalNorm,
  clipByNorm,
  clipByValue,
  globalNorm,
} from "./transformations/clip.ts";
export { clipCotangents, type ClipCotangentsOptions } from "./transformations/cotangents.ts";
export { momentum, type MomentumOptions } from "./transformations/momentum.ts";
export {
  addDecayedWeights,
  type AddDecayedWeightsOptions,
  type WeightDecayOptions,
} from "./transformations/weight-decay.ts";
export { scaleByTrustRatio } from "./transformations/trust-ratio.ts";
export { orthogonalizeGradients } from "./transformations/orthogonalize.ts";
export { addGradientNoise, type AddGradientNoiseOptions } from "./transformations/noise.ts";
export { centralizeGradients } from "./transformations/centralize.ts";

// Schedules
export { constantSchedule, type Schedule } from "./schedules/schedule.ts";
export {
  type DecayOptions,
  exponentialDecay,
  linearSchedule,
  multiStepDecay,
  type MultiStepDecayOptions,
  piecewiseConstant,
  type PiecewiseConstantOptions,
  polynomialDecay,
  type PolynomialDecayOptions,
  type SpanOptions,
  stepDecay,
} from "./schedules/decay.ts";
export { cosineDecay, cosineRestarts, type CosineRestartsOptions } from "./schedules/cosine.ts";
export {
  cyclicSchedule,
  type CyclicScheduleOptions,
  oneCycle,
  type OneCycleOptions,
} from "./schedules/cycles.ts";
export {
  inverseSquareRoot,
  type InverseSquareRootOptions,
  linearWarmup,
  type LinearWarmupOptions,
} from "./schedules/warmup.ts";
export { joinSchedules, multiplySchedules } from "./schedules/compose.ts";
