/** @file `tapeloop train`: a recurrent model learns a text, character by character. */
import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { cellNames, characterModel } from "./character-model.ts";
import { type Checkpoint, keepEarlier, loadCheckpoint } from "./checkpoint.ts";
import { readCorpus, shuffleBlocks, splitCorpus } from "./corpus.ts";
import { type Command, command, flagOf, type OptionTable, type OptionValues } from "./options.ts";
import { Run } from "./run.ts";
import { type Lesson, Session } from "./session.ts";
import { UsageError } from "./usage-error.ts";
import { Vocabulary } from "./vocabulary.ts";

/** Options that decide the course of a run. They are stored with it and stay the same to its end. */
const fixed = {
  cell: { type: cellNames, default: "lstm", help: "the recurrent cell" },
  hidden: { type: "integer", default: 96, min: 1, help: "size of the cell's state" },
  layers: { type: "integer", default: 1, min: 1, help: "cells on top of one another" },
  embedding: { type: "integer", default: 32, min: 1, help: "size of a character's vector" },
  batch: { type: "integer", default: 32, min: 1, help: "streams of text side by side" },
  length: { type: "integer", default: 16, min: 1, help: "characters per stream and step" },
  learningRate: { type: "number", default: 0.01, above: 0, help: "step size of Adam" },
  clip: { type: "number", default: 1, above: 0, help: "greatest norm of the gradient" },
  dropout: { type: "number", default: 0, min: 0, below: 1, help: "share of activations dropped" },
  validation: {
    type: "number",
    default: 0.01,
    above: 0,
    below: 1,
    help: "share of the text, its end, kept for validation",
  },
  blocks: {
    type: "integer",
    default: 4000,
    min: 0,
    help: "the text is cut into blocks of this length, which are put in random order; 0 keeps the order",
  },
  seed: { type: "integer", default: 0, min: 0, help: "where random numbers start" },
} as const satisfies OptionTable;

const options = {
  text: { type: "string", help: "the text to learn; without it, TypeScript's own declarations" },
  steps: { type: "integer", default: 1500, min: 1, help: "stop after this many steps in all" },
  ...fixed,
  reportEvery: {
    type: "integer",
    default: 100,
    min: 1,
    help: "steps between two looks at the validation text, with a sample",
  },
  prompt: { type: "string", default: "interface ", help: "what samples start with" },
  checkpoint: { type: "string", default: "tapeloop.safetensors", help: "where to save the run" },
  saveEvery: { type: "integer", default: 100, min: 1, help: "steps between two checkpoints" },
  resume: {
    type: "string",
    help: "go on from this checkpoint; what decides the course of the run comes from it",
  },
} as const satisfies OptionTable;

/** The command and its options. */
export const trainCommand: Command<typeof options> = command({
  name: "train",
  summary:
    "Trains a recurrent model on a text, character by character. Ctrl-C saves a checkpoint; --resume goes on from it.",
  options,
});

/** The values of the options that decide the course of a run. */
type FixedValues = OptionValues<typeof fixed>;

const fixedNames = Object.keys(fixed) as (keyof FixedValues)[];

/**
 * Runs the command.
 *
 * @param values - The options.
 * @param given - The names of those that were given.
 * @returns The exit code: 0, or 130 after Ctrl-C.
 */
export async function train(
  values: OptionValues<typeof options>,
  given: ReadonlySet<string>,
): Promise<number> {
  if (values.text !== undefined && resolve(values.text) === resolve(values.checkpoint)) {
    throw new UsageError("--checkpoint must not be the text itself, which it would replace.");
  }
  const from = values.resume === undefined ? undefined : await loadCheckpoint(values.resume);
  const settings = from === undefined ? values : resumed(values, given, from);
  const lesson = prepare(values.text, settings, from);
  const model = characterModel({ ...settings, vocabulary: lesson.vocabulary.size });
  const run = new Run(model, lesson.training, settings, from);
  const prompt = lesson.vocabulary.encode(values.prompt || "\n", "the prompt");
  const record = Object.fromEntries(fixedNames.map((name) => [name, settings[name]]));
  const session = new Session(run, model, lesson, { ...values, prompt, fixed: record, from });
  if (values.resume === undefined || resolve(values.resume) !== resolve(values.checkpoint)) {
    await keepEarlier(values.checkpoint);
  }
  return session.go();
}

/** The stored options of a run; options given now must not say otherwise. */
function resumed(
  values: FixedValues,
  given: ReadonlySet<string>,
  { record }: Checkpoint,
): FixedValues {
  for (const name of fixedNames) {
    const [stored, now] = [record.options[name], values[name]];
    if (given.has(name) && stored !== now) {
      throw new UsageError(
        `--${flagOf(name)} is ${stored} in the checkpoint and stays so, got ${now}. Leave it out, or train anew.`,
      );
    }
  }
  return record.options as unknown as FixedValues;
}

/** Reads the text and cuts it in two. */
function prepare(
  path: string | undefined,
  { batch, length, validation, blocks, seed }: FixedValues,
  from: Checkpoint | undefined,
): Lesson {
  const needed = batch * length + 1;
  const { text, source } = readCorpus(path, {
    characters: Math.ceil(needed / (1 - validation)) + 2,
    reason: `${batch} streams of ${length} characters and the validation text need`,
  });
  const digest = createHash("sha256").update(text).digest("hex");
  if (from !== undefined && from.record.text !== digest) {
    throw new UsageError(
      `the checkpoint was made with another text than ${source}. Name the same one with --text.`,
    );
  }
  const vocabulary = Vocabulary.of(from?.record.vocabulary ?? text);
  const ids = vocabulary.encode(shuffleBlocks(text, blocks, seed));
  return { ...splitCorpus(ids, validation), vocabulary, digest, source };
}
