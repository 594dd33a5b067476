/**
 * Recurrent cells, layers, losses and first values of weights: pure functions of public ops over trees of
 * parameters. Nothing here has a derivative or a kernel of its own, so a cell of yours is as good as these.
 *
 * @packageDocumentation
 */

// Recurrent cells
export type {
  CellOptions,
  LastFits,
  RecurrentCell,
  SizedCell,
  SizedStep,
  States,
  WithLast,
} from "./cells/recurrent-cell.ts";
export { rnnCell, type RnnOptions, type RnnParameters, type RnnState } from "./cells/rnn.ts";
export { lstmCell, type LstmOptions, type LstmParameters, type LstmState } from "./cells/lstm.ts";
export { gruCell, type GruOptions, type GruParameters, type GruState } from "./cells/gru.ts";
export { scan } from "@tapeloop/autograd";

// Layers
export { type Linear, linear, type LinearOptions, type LinearParameters } from "./linear.ts";
export {
  type Embedding,
  embedding,
  type EmbeddingOptions,
  type EmbeddingParameters,
} from "./embedding.ts";
export { type Dropout, dropout } from "./dropout.ts";

// Losses
export {
  binaryCrossEntropy,
  type LossOptions,
  meanSquaredError,
  type Reduction,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
} from "./losses.ts";

// First values of weights
export {
  type FloatType,
  glorotNormal,
  glorotUniform,
  type Initializer,
  type InitializerOptions,
  orthogonal,
  uniformInit,
  zerosInit,
} from "./initializers.ts";
