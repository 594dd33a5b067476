/** @file Layers of sequential models, by their names in Keras. */
export type { Activation, ActivationName } from "./activations.ts";
export {
  averagePooling1d,
  averagePooling2d,
  conv1d,
  conv2d,
  type ConvLayerOptions,
  maxPooling1d,
  maxPooling2d,
  type PoolLayerOptions,
} from "./convolution.ts";
export {
  activation,
  dense,
  type DenseOptions,
  dropout,
  flatten,
  repeatVector,
  reshape,
  timeDistributed,
} from "./dense.ts";
export {
  batchNormalization,
  type BatchNormalizationOptions,
  layerNormalization,
  type LayerNormalizationOptions,
} from "./normalization.ts";
export {
  bidirectional,
  gru,
  lstm,
  recurrent,
  type RecurrentLayer,
  type RecurrentOptions,
  simpleRnn,
} from "./recurrent.ts";
export {
  embedding,
  type EmbeddingLayerOptions,
  globalAveragePooling1d,
  globalMaxPooling1d,
  masking,
} from "./sequences.ts";
export { named } from "../layer.ts";
