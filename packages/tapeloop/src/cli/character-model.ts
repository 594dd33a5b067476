/**
 * @file A recurrent model of text, character by character: embedding, cells on top of one another, a
 * linear layer. B batch (streams), T time, V vocabulary, E embedding, H hidden.
 */
import { scan, splitKey, type Tensor } from "@tapeloop/autograd";
import {
  dropout,
  embedding,
  type EmbeddingParameters,
  gruCell,
  linear,
  type LinearParameters,
  lstmCell,
  type RecurrentCell,
  rnnCell,
} from "@tapeloop/nn";

/** The cells to choose from. */
export const cellNames = ["lstm", "gru", "rnn"] as const;

/** What makes a model. */
export interface ModelOptions {
  /** Which cell. */
  readonly cell: (typeof cellNames)[number];
  /** Characters known, V. */
  readonly vocabulary: number;
  /** Size of a character's vector, E. */
  readonly embedding: number;
  /** Size of each cell's state, H. */
  readonly hidden: number;
  /** Cells on top of one another. */
  readonly layers: number;
  /** Share of activations dropped between layers in training. */
  readonly dropout: number;
}

/** The parameters of a model: those of the cells are their own matter. */
export interface ModelParameters {
  /** Characters' vectors. */
  readonly embedding: EmbeddingParameters;
  /** One entry per layer. */
  readonly cells: readonly object[];
  /** From the last state to the logits. */
  readonly output: LinearParameters;
}

/** The states of all layers. */
export type ModelState = readonly object[];

/** A model: how it starts, and how it reads. */
export interface CharacterModel {
  /** Fresh parameters. */
  init(key: Tensor): ModelParameters;
  /** The state before the first character of `batch` streams. */
  initialState(batch: number): ModelState;
  /**
   * Reads a piece of text and predicts each next character.
   *
   * Shapes: characters [T,B] int32 → logits [T,B,V].
   *
   * @param key - Decides what is dropped, in training; null otherwise.
   */
  read(
    parameters: ModelParameters,
    state: ModelState,
    characters: Tensor,
    key: Tensor | null,
  ): [state: ModelState, logits: Tensor];
}

/** A cell whose parameters and states are its own matter. */
type AnyCell = RecurrentCell<object, object>;

/** Makes a cell by its name. Each is only ever given the parameters and states that it made itself. */
function cellOf(name: ModelOptions["cell"], inputs: number, hidden: number): AnyCell {
  switch (name) {
    case "lstm":
      return lstmCell(inputs, hidden) as unknown as AnyCell;
    case "gru":
      return gruCell(inputs, hidden) as unknown as AnyCell;
    case "rnn":
      return rnnCell(inputs, hidden) as unknown as AnyCell;
    default:
      return name satisfies never;
  }
}

/** A model of the given sizes. */
export function characterModel(options: ModelOptions): CharacterModel {
  const { vocabulary, hidden, layers } = options;
  const vectors = embedding(vocabulary, options.embedding);
  const cells = Array.from({ length: layers }, (_, i) =>
    cellOf(options.cell, i === 0 ? options.embedding : hidden, hidden),
  );
  const output = linear(hidden, vocabulary);
  const drop = dropout(options.dropout);
  return {
    init: (key) => {
      const [first, last, ...rest] = splitKey(key, layers + 2);
      return {
        embedding: vectors.init(first),
        cells: cells.map((cell, i) => cell.init(rest[i])),
        output: output.init(last),
      };
    },
    initialState: (batch) => cells.map((cell) => cell.initialState(batch)),
    read: (parameters, state, characters, key) => {
      const keys = key === null ? null : splitKey(key, layers);
      let xs = vectors.apply(parameters.embedding, characters);
      const next = cells.map((cell, i) => {
        const [last, ys] = scan(cell.step, parameters.cells[i], state[i], xs);
        xs = drop.apply(ys, keys === null ? null : keys[i]);
        return last;
      });
      return [next, output.apply(parameters.output, xs)];
    },
  };
}
