/**
 * Recurrent cells, layers, losses and first values of weights: pure functions of public ops over trees of
 * parameters. Nothing here has a derivative or a kernel of its own, so a cell of yours is as good as these.
 *
 * @packageDocumentation
 */

// Recurrent cells
export type {
  AnyCell,
  CellOptions,
  LastFits,
  ParametersOf,
  RecurrentCell,
  SizedCell,
  SizedStep,
  StartOptions,
  StateOf,
  States,
  WithLast,
} from "./cells/recurrent-cell.ts";
export { rnnCell, type RnnOptions, type RnnParameters, type RnnState } from "./cells/rnn.ts";
export { lstmCell, type LstmOptions, type LstmParameters, type LstmState } from "./cells/lstm.ts";
export { gruCell, type GruOptions, type GruParameters, type GruState } from "./cells/gru.ts";
export { scan } from "@tapeloop/autograd";

// Linear recurrent cells, whose steps can run all at once
export {
  type AnyLinearCell,
  type LinearCell,
  type LinearCellOptions,
  type LinearDefinition,
  type LinearForm,
  linearStep,
  type LinearUpdate,
  type SizedLinearCell,
} from "./cells/linear-cell.ts";
export type { Complex, StatePart } from "./cells/complex.ts";
export { parallel } from "./rnn/parallel.ts";
export { linearRecurrence } from "./rnn/linear-recurrence.ts";
export {
  minGruCell,
  type MinGruParameters,
  type MinGruState,
  type MinimalCellOptions,
} from "./cells/min-gru.ts";
export { minLstmCell, type MinLstmParameters, type MinLstmState } from "./cells/min-lstm.ts";
export { sruCell, type SruOptions, type SruParameters, type SruState } from "./cells/sru.ts";
export { qrnnCell, type QrnnOptions, type QrnnParameters, type QrnnState } from "./cells/qrnn.ts";
export { lruCell, type LruOptions, type LruParameters, type LruState } from "./cells/lru.ts";
export type { StateSpaceOptions, StateSpaceParameters } from "./cells/diagonal.ts";
export { s4dCell, type S4dParameters, type S4dState } from "./cells/s4d.ts";
export { s5Cell, type S5Parameters, type S5State } from "./cells/s5.ts";
export {
  selectiveScanCell,
  type SelectiveScanOptions,
  type SelectiveScanParameters,
  type SelectiveScanState,
} from "./cells/selective-scan.ts";

// Recurrent cells with exponential gates, and over space
export { rwkvCell, type RwkvParameters, type RwkvState } from "./cells/rwkv.ts";
export {
  type ForgetGate,
  slstmCell,
  type SlstmOptions,
  type SlstmParameters,
  type SlstmState,
} from "./cells/slstm.ts";
export {
  mlstmCell,
  type MlstmOptions,
  type MlstmParameters,
  type MlstmState,
} from "./cells/mlstm.ts";
export type { ConvCellOptions } from "./cells/convolution.ts";
export {
  convLstmCell,
  type ConvLstmOptions,
  type ConvLstmParameters,
  type ConvLstmState,
} from "./cells/conv-lstm.ts";
export { convGruCell, type ConvGruParameters, type ConvGruState } from "./cells/conv-gru.ts";

// The cells of the literature
export type { CellState, GateParameters, HiddenState } from "./cells/plain-cell.ts";
export { atrCell, type AtrParameters, ranCell } from "./cells/additive.ts";
export { cfnCell } from "./cells/cfn.ts";
export { lightRuCell, liGruCell } from "./cells/light.ts";
export { mgu1Cell, mgu2Cell, mgu3Cell, mguCell } from "./cells/mgu.ts";
export {
  type DeepSimpleGatedParameters,
  dsguCell,
  sguCell,
  type SimpleGatedParameters,
} from "./cells/simple-gated.ts";
export { tauGruCell, type TauGruOptions, type TauGruState } from "./cells/tau-gru.ts";
export {
  elementwiseLstmCell,
  type ElementwiseLstmParameters,
  residualLstmCell,
  type ResidualLstmParameters,
} from "./cells/lstm-shortcuts.ts";
export {
  type LipschitzOptions,
  lipschitzRnnCell,
  plRnnCell,
  type PlRnnParameters,
  shufflingRnnCell,
  type ShufflingOptions,
  type ShufflingParameters,
} from "./cells/flows.ts";
export {
  minimalRnnCell,
  type MinimalRnnParameters,
  sgrnCell,
  starCell,
} from "./cells/minimal-rnn.ts";
export { mut1Cell, mut2Cell, mut3Cell } from "./cells/mut.ts";
export { intersectionRnnCell, ugrnnCell } from "./cells/ugrnn.ts";
export {
  type BistableParameters,
  brCell,
  indRnnCell,
  type IndRnnParameters,
  miru1Cell,
  miru2Cell,
  type Miru2Options,
  type MiruOptions,
  nbrCell,
} from "./cells/single-units.ts";
export {
  type AntisymmetricOptions,
  antisymmetricRnnCell,
  cornnCell,
  type CornnOptions,
  type CornnParameters,
  gatedAntisymmetricRnnCell,
  lemCell,
  type LemOptions,
  type LemParameters,
  unicornnCell,
  type UnicornnOptions,
  type UnicornnParameters,
} from "./cells/dynamics.ts";
export {
  fastGrnnCell,
  type FastGrnnParameters,
  fastRnnCell,
  type FastRnnParameters,
} from "./cells/fast.ts";
export {
  janetCell,
  type JanetOptions,
  mcLstmCell,
  multiplicativeLstmCell,
  type MultiplicativeLstmParameters,
  originalLstmCell,
  peepholeLstmCell,
  type PeepholeParameters,
  projectedLstmCell,
  type ProjectedLstmOptions,
  type ProjectedLstmParameters,
  type ProjectedLstmState,
  wmcLstmCell,
  type WmcLstmParameters,
} from "./cells/lstm-relatives.ts";
export {
  multiplicativeRnnCell,
  type MultiplicativeRnnParameters,
  nasCell,
  rhnCell,
  type RhnOptions,
  type RhnParameters,
  scrnCell,
  type ScrnOptions,
  type ScrnParameters,
} from "./cells/searched.ts";
export {
  tgruCell,
  type TgruState,
  tlstmCell,
  type TlstmState,
  trnnCell,
  type TrnnParameters,
  type TypedParameters,
} from "./cells/strongly-typed.ts";

// Wrappers around cells
export {
  type AllParameters,
  type AllStates,
  type LayerParameters,
  type LayerStates,
  stacked,
} from "./wrappers/stacked.ts";
export {
  highway,
  type HighwayOptions,
  type HighwayParameters,
  residual,
} from "./wrappers/residual.ts";
export {
  type BidirectionalOptions,
  bidirectional,
  type BothDirections,
} from "./wrappers/bidirectional.ts";
export { fastSlow, type FastSlowParameters, type FastSlowState } from "./wrappers/fast-slow.ts";
export { multiplicative, type MultiplicativeParameters } from "./wrappers/multiplicative.ts";
export { dilated, type DilatedState } from "./wrappers/dilated.ts";
export { chained, type ChainedParameters, type ChainedStates } from "./wrappers/chained.ts";
export { type LayerNormCellParameters, layerNorm } from "./wrappers/layer-norm.ts";
export type { Keyed } from "./wrappers/start.ts";
export { zoneout, type ZoneoutRates } from "./wrappers/zoneout.ts";
export {
  variationalDropout,
  type VariationalMasks,
  type VariationalRates,
  type VariationalState,
} from "./wrappers/variational-dropout.ts";
export {
  weightDrop,
  type WeightDropOptions,
  type WeightDropState,
} from "./wrappers/weight-drop.ts";
export { recurrentDropout } from "./wrappers/recurrent-dropout.ts";
export {
  type StatelessLayer,
  projection,
  type ProjectionParameters,
  timeDistributed,
} from "./wrappers/projection.ts";
export {
  type AttentionCellOptions,
  type AttentionCellParameters,
  type AttentionCellState,
  withAttention,
} from "./wrappers/with-attention.ts";
export {
  learnedInitialState,
  type LearnedStateParameters,
} from "./wrappers/learned-initial-state.ts";
export { reset, type ResetInput, type ResetState } from "./wrappers/reset.ts";

// Running cells over sequences
export { rnn } from "./rnn/rnn.ts";
export type { AnyRunner, Run, Runner, RunOptions } from "./rnn/runner.ts";
export { probe } from "./rnn/probe.ts";
export {
  type Stretch,
  truncatedBptt,
  type TruncatedBptt,
  type TruncatedGradient,
  type TruncatedStep,
  type TruncationOptions,
  type TruncationWindow,
} from "./rnn/truncated.ts";
export {
  type BucketBatch,
  bucketBatches,
  type BucketOptions,
  type PaddedSequences,
  padSequences,
  type PadSequencesOptions,
  type Sequence,
} from "./rnn/buckets.ts";
export { type Stream, stream, type StreamOptions } from "./rnn/stream.ts";
export { gradientThroughTime } from "./rnn/gradient-through-time.ts";

// Tasks to learn
export { addingProblem, type AddingOptions, type AddingProblem } from "./tasks/adding-problem.ts";
export { copyMemory, type CopyMemory, type CopyOptions } from "./tasks/copy-memory.ts";
export { parity, type Parity, type ParityOptions } from "./tasks/parity.ts";
export { dyck, type Dyck, type DyckOptions } from "./tasks/dyck.ts";
export {
  embeddedReber,
  type EmbeddedReber,
  type ReberOptions,
  reberSymbols,
} from "./tasks/embedded-reber.ts";
export { mackeyGlass, type MackeyGlassOptions } from "./tasks/mackey-glass.ts";
export { type Digits, type DigitsOptions, sequentialDigits } from "./tasks/sequential-digits.ts";
export {
  type RegionName,
  regionNames,
  type RegionNames,
  type RegionNamesOptions,
} from "./tasks/region-names.ts";
export {
  type CharacterBatch,
  type CharacterOptions,
  characterText,
  type CharacterText,
  type KnownText,
  sumsInWords,
} from "./tasks/character-text.ts";

// Layers
export { type Linear, linear, type LinearOptions, type LinearParameters } from "./linear.ts";
export {
  type Embedding,
  embedding,
  type EmbeddingOptions,
  type EmbeddingParameters,
} from "./embedding.ts";
export { type Dropout, dropout } from "./dropout.ts";

export {
  type AdditiveParameters,
  additiveAttention,
  type AttentionCache,
  type AttentionLayer,
  type AttentionOptions,
  type Attended,
  dotProductAttention,
  luongAttention,
  type LuongOptions,
  type LuongParameters,
  type MultiHeadAttended,
  multiHeadAttention,
  type MultiHeadAttention,
  type MultiHeadInputs,
  type MultiHeadOptions,
  type MultiHeadParameters,
  type ScoreLayerOptions,
} from "./layers/attention.ts";
export {
  alibiBias,
  rotaryPositions,
  type RotaryOptions,
  sinusoidalPositions,
} from "./layers/positions.ts";
export {
  batchNorm,
  type BatchNorm,
  type BatchNormInputs,
  type BatchNormOptions,
  type BatchNormState,
  groupNorm,
  type Normalization,
  type NormalizationOptions,
  rmsNorm,
  type ScaleParameters,
} from "./layers/normalization.ts";
export {
  type Convolution,
  convolution1d,
  convolution2d,
  type ConvolutionOptions,
  type ConvolutionParameters,
  crnn,
  type Crnn,
  type CrnnOptions,
  type CrnnParameters,
} from "./layers/convolution.ts";
export {
  type DecodingState,
  encoderDecoder,
  type EncoderDecoder,
  type EncoderDecoderInputs,
  type EncoderDecoderOptions,
  type EncoderDecoderParameters,
  type Forced,
} from "./layers/encoder-decoder.ts";

// Decoding
export type { Decoded, DecodeOptions, DecoderStep } from "./decoding/decoder.ts";
export { beamSearch, type BeamOptions, type BeamResult } from "./decoding/beam.ts";
export {
  greedyDecode,
  sampleDecode,
  type SampleDecodeOptions,
  sampleLogits,
  type SampleOptions,
} from "./decoding/sampling.ts";

// Losses
export type { LossOptions, Reduction } from "./losses/reduction.ts";
export {
  type ClassOptions,
  type CrossEntropyOptions,
  type FocalOptions,
  klDivergence,
  negativeLogLikelihood,
  softmaxCrossEntropy,
  softmaxFocalLoss,
} from "./losses/cross-entropy.ts";
export {
  binaryCrossEntropy,
  sigmoidCrossEntropy,
  sigmoidFocalLoss,
  type SigmoidFocalOptions,
  type SigmoidOptions,
} from "./losses/binary.ts";
export {
  cosineLoss,
  type CosineOptions,
  gaussianNegativeLogLikelihood,
  huber,
  type HuberOptions,
  logCosh,
  meanAbsoluteError,
  meanSquaredError,
  poissonLoss,
  type PoissonOptions,
  quantileLoss,
  type QuantileOptions,
} from "./losses/regression.ts";
export {
  hinge,
  multiClassHinge,
  type MultiClassHingeOptions,
  squaredHinge,
  tripletLoss,
  type TripletOptions,
} from "./losses/margins.ts";
export { ctcLoss, type CtcOptions } from "./losses/ctc.ts";
export { type GaussianMixture, mixtureDensityLoss } from "./losses/mixture.ts";

// Metrics
export {
  type MeanState,
  meanOf,
  measure,
  type Metric,
  type MetricOptions,
} from "./metrics/metric.ts";
export { accuracy, type AccuracyOptions, binaryAccuracy, topKAccuracy } from "./metrics/classes.ts";
export {
  confusionMatrix,
  type ConfusionOptions,
  type ConfusionState,
  f1Score,
  precision,
  recall,
  type ScoreOptions,
} from "./metrics/confusion.ts";
export { areaUnderCurve, type AreaOptions, type AreaState } from "./metrics/ranking.ts";
export {
  absoluteError,
  bitsPerCharacter,
  perplexity,
  rootMeanSquaredError,
  rSquared,
  type RSquaredState,
  squaredError,
} from "./metrics/numbers.ts";
export {
  bleu,
  type BleuOptions,
  editDistance,
  errorRate,
  type SaidAndMeant,
  type SaidAndReferences,
  type Symbols,
} from "./metrics/sequences.ts";
export {
  type BleuState,
  corpusBleu,
  type CorpusBleuOptions,
  type ErrorRateState,
  sequenceErrorRate,
  type SequencesOptions,
} from "./metrics/batches-of-sequences.ts";

// First values of weights
export type { FloatType, Initializer, InitializerOptions } from "./initializers/initializer.ts";
export {
  constantInit,
  normalInit,
  onesInit,
  sparseInit,
  truncatedNormalInit,
  uniformInit,
  zerosInit,
} from "./initializers/plain.ts";
export {
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  lecunNormal,
  lecunUniform,
  type VarianceScaling,
  varianceScaling,
} from "./initializers/scaled.ts";
export { diracInit, identityInit, orthogonal, orthogonalTimes } from "./initializers/orthogonal.ts";
export { chronoBias, chronoUpdateBias, unitForgetBias } from "./initializers/gates.ts";
