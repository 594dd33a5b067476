/** @file The encoder and decoder with attention: one sequence of symbols to another. */
import { checkOptions, scope, splitKey, type Tensor, type Tree } from "@tapeloop/autograd";
import { gruCell } from "../cells/gru.ts";
import type { AnyCell, RecurrentCell } from "../cells/recurrent-cell.ts";
import type { DecoderStep } from "../decoding/decoder.ts";
import { embedding, type EmbeddingParameters } from "../embedding.ts";
import type { FloatType } from "../initializers/initializer.ts";
import { linear, type LinearParameters } from "../linear.ts";
import { realSteps } from "../rnn/inputs.ts";
import { rnn } from "../rnn/rnn.ts";
import { checkSizes } from "../sizes.ts";
import { bidirectional } from "../wrappers/bidirectional.ts";
import { type AttentionCellState, withAttention } from "../wrappers/with-attention.ts";

/** Options of {@link encoderDecoder}. */
export interface EncoderDecoderOptions {
  /** How many source symbols there are. */
  readonly sources: number;
  /** How many target symbols there are. */
  readonly targets: number;
  /** Numbers in the vector of a symbol. Default: 32. */
  readonly embeddingSize?: number;
  /** H, the size of the decoder's state, and of the encoder's in each direction. Default: 64. */
  readonly hiddenSize?: number;
  /** Makes the cells, for inputs of a size and H. Default: {@link gruCell}. */
  readonly cell?: (inputSize: number, hiddenSize: number) => AnyCell;
  /** Element type of the parameters. Default: float32. */
  readonly dtype?: FloatType;
}

/** Parameters of an {@link encoderDecoder}. */
export interface EncoderDecoderParameters {
  /** Vectors of source symbols. */
  readonly source: EmbeddingParameters;
  /** Vectors of target symbols. */
  readonly target: EmbeddingParameters;
  /** The encoder's, in both directions. */
  readonly encoder: Tree;
  /** The decoder's, with its attention. */
  readonly decoder: Tree;
  /** From states to scores. */
  readonly head: LinearParameters;
}

/** How an encoder and decoder is called. */
export interface EncoderDecoderInputs {
  /** The number of symbols of each source: int32 [B]. Default: all. */
  readonly lengths?: Tensor | readonly number[];
}

/** What an encoder and decoder says of targets that it is given. */
export interface Forced {
  /** Scores of the next symbols [U, B, N]. */
  readonly logits: Tensor;
  /** What the decoder looked at [U, B, T]. */
  readonly attention: Tensor;
}

/** An encoder and decoder. */
export interface EncoderDecoder {
  /** First parameters from a key. */
  init(key: Tensor): EncoderDecoderParameters;
  /**
   * Teacher forcing: logits [U, B, N] of the symbols behind those of `targets`, int32 [U, B], which begin with the start
   * symbol; and what the decoder looked at, [U, B, T].
   */
  apply(
    parameters: EncoderDecoderParameters,
    sources: Tensor,
    targets: Tensor,
    inputs?: EncoderDecoderInputs,
  ): Forced;
  /** The state that decoding starts from: sources int32 [T, B]. */
  encode(
    parameters: EncoderDecoderParameters,
    sources: Tensor,
    inputs?: EncoderDecoderInputs,
  ): DecodingState;
  /** One step, for {@link greedyDecode}, {@link beamSearch} and {@link sampleDecode}. */
  step(parameters: EncoderDecoderParameters): DecoderStep<DecodingState>;
}

/** The decoder's state, its leaves with the batch first. */
export interface DecodingState {
  /** What the cell carries, without what it looks at. */
  readonly cell: Tree;
  /** Its last output [B, H]. */
  readonly output: Tensor;
  /** What the encoder said [B, T, E]. */
  readonly memory: Tensor;
  /** It, times Wm of {@link withAttention} [B, T, A]. */
  readonly projected: Tensor;
  /** Which of it is real: bool [B, T]. */
  readonly mask: Tensor;
}

/**
 * An encoder that reads in both directions, and a decoder that looks at what it has read before every symbol
 * ({@link withAttention}), for translation and its kin.
 *
 * Shapes: sources int32 [T, B], targets int32 [U, B] → logits [U, B, N]. Train with {@link softmaxCrossEntropy} on the
 * symbols behind `targets`.
 *
 * Source: Bahdanau, Cho and Bengio 2015, arXiv:1409.0473, sections 3.1 and 3.2, with a linear head in place of the maxout
 * layer, and a first state of zeros.
 *
 * @throws ArgumentError if a size is not a whole number from 1, or an option is unknown.
 *
 * @example
 * ```ts
 * import { encoderDecoder, greedyDecode, key, randomInts } from "tapeloop";
 *
 * const model = encoderDecoder({ sources: 10, targets: 12, hiddenSize: 8 });
 * const parameters = model.init(key(0));
 * const [sources, targets] = [randomInts([7, 3], 0, 10, { key: key(1) }), randomInts([5, 3], 0, 12, { key: key(2) })];
 * console.log(model.apply(parameters, sources, targets).logits.shape); // [ 5, 3, 12 ]
 *
 * const state = model.encode(parameters, sources, { lengths: [7, 4, 6] });
 * const said = greedyDecode(model.step(parameters), state, 3, { start: 0, end: 1, length: 6 });
 * console.log(said.length); // 3
 * ```
 */
export function encoderDecoder(options: EncoderDecoderOptions): EncoderDecoder {
  const op = "encoderDecoder";
  checkOptions(op, options, ["sources", "targets", "embeddingSize", "hiddenSize", "cell", "dtype"]);
  const { sources: S, targets: N, embeddingSize: E = 32, hiddenSize: H = 64 } = options;
  const { dtype = "float32", cell = (F: number, size: number) => gruCell(F, size, { dtype }) } =
    options;
  checkSizes(op, { sources: S, targets: N, embeddingSize: E, hiddenSize: H });
  const [source, target] = [embedding(S, E, { dtype }), embedding(N, E, { dtype })];
  const encoder = bidirectional(cell(E, H));
  const attending = withAttention(cell(E + 2 * H, H), { memorySize: 2 * H, dtype });
  const looking = attending as unknown as RecurrentCell<Tree, AttentionCellState<Tree>>;
  const decoder = rnn(looking);
  const head = linear(H, N, { dtype });

  /** What the encoder says [T, B, 2H], and which of it is real [T, B]. */
  const read = (
    parameters: EncoderDecoderParameters,
    sources: Tensor,
    { lengths }: EncoderDecoderInputs,
  ): { memory: Tensor; memoryMask: Tensor } => {
    const xs = source.apply(parameters.source, sources);
    const run = encoder.apply(
      parameters.encoder as never,
      xs,
      lengths === undefined ? {} : { lengths },
    );
    const [T, B] = sources.shape;
    const counts = lengths ?? Array.from({ length: B }, () => T);
    return {
      memory: run.outputs,
      memoryMask: realSteps(op, { lengths: counts }, B, T) as Tensor,
    };
  };
  return {
    init: (key) =>
      scope(() => {
        const [k1, k2, k3, k4, k5] = splitKey(key, 5);
        return {
          source: source.init(k1),
          target: target.init(k2),
          encoder: encoder.init(k3),
          decoder: decoder.init(k4),
          head: head.init(k5),
        };
      }),
    apply: (parameters, sources, targets, inputs = {}) => {
      checkOptions(op, inputs, ["lengths"]);
      const run = decoder.apply(parameters.decoder, target.apply(parameters.target, targets), {
        ...read(parameters, sources, inputs),
        record: ["attention"],
      });
      return {
        logits: head.apply(parameters.head, run.outputs),
        attention: run.recorded.attention,
      };
    },
    encode: (parameters, sources, inputs = {}) =>
      scope(() => {
        checkOptions(op, inputs, ["lengths"]);
        const given = read(parameters, sources, inputs);
        const start = { parameters: parameters.decoder, ...given };
        const first = looking.initialState(sources.shape[1], start);
        return {
          cell: first.cell,
          output: first.output,
          memory: first.memory.permute([1, 0, 2]),
          projected: first.projected.permute([1, 0, 2]),
          mask: given.memoryMask.permute([1, 0]),
        };
      }),
    step: (parameters) => (state, symbols) => {
      const from = {
        cell: state.cell,
        output: state.output,
        memory: state.memory.permute([1, 0, 2]),
        projected: state.projected.permute([1, 0, 2]),
        memoryMask: state.mask.permute([1, 0]),
      };
      const x = target.apply(parameters.target, symbols);
      const [next, y] = looking.step(parameters.decoder, from, x);
      return [{ ...state, cell: next.cell, output: next.output }, head.apply(parameters.head, y)];
    },
  };
}
