/** @file Layers of sequential models, by their names in Keras. */
export type { Activation, ActivationName } from "./activations.ts";
export {
  averagePooling1d,
  averagePooling2d,
  conv1d,
  conv2d,
  type ConvLayerOptions,
  globalAveragePooling2d,
  globalMaxPooling2d,
  maxPooling1d,
  maxPooling2d,
  type PoolLayerOptions,
} from "./convolution.ts";
export {
  activation,
  dense,
  type DenseOptions,
  flatten,
  lambda,
  permute,
  repeatVector,
  reshape,
  timeDistributed,
} from "./dense.ts";
export {
  batchNormalization,
  type BatchNormalizationOptions,
  groupNormalization,
  layerNormalization,
  type LayerNormalizationOptions,
} from "./normalization.ts";
export {
  bidirectional,
  gru,
  type GruLayerOptions,
  lstm,
  type LstmLayerOptions,
  recurrent,
  type RecurrentLayer,
  type RecurrentOptions,
  type RecurrentValues,
  simpleRnn,
  type SimpleRnnOptions,
} from "./recurrent.ts";
export {
  embedding,
  type EmbeddingLayerOptions,
  globalAveragePooling1d,
  globalMaxPooling1d,
  masking,
} from "./sequences.ts";
export { named } from "../layer.ts";
export { dropout, gaussianNoise, spatialDropout1d } from "./noise.ts";
export { selfAttention, type SelfAttentionOptions } from "./attention.ts";
export type { FirstValues, InitializerName } from "./initializers.ts";
export { convLstm1d, convLstm2d, type ConvLstmLayerOptions } from "./conv-lstm.ts";
