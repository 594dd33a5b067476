/** @file `tapeloop sample`: a trained model writes. */
import { categorical, key, scope, splitKey, step, tensor } from "@tapeloop/autograd";
import {
  type CharacterModel,
  characterModel,
  type ModelOptions,
  type ModelParameters,
} from "./character-model.ts";
import { loadCheckpoint } from "./checkpoint.ts";
import { type Command, command, type OptionTable, type OptionValues } from "./options.ts";
import { Vocabulary } from "./vocabulary.ts";

const options = {
  checkpoint: { type: "string", default: "tapeloop.safetensors", help: "the trained model" },
  prompt: { type: "string", default: "", help: "what the text starts with" },
  length: { type: "integer", default: 500, min: 1, help: "characters to write" },
  temperature: {
    type: "number",
    default: 0.7,
    min: 0,
    help: "0 writes the likeliest character, 1 draws by the model's own odds",
  },
  seed: { type: "integer", default: 0, min: 0, help: "where random numbers start" },
} as const satisfies OptionTable;

/** The command and its options. */
export const sampleCommand: Command<typeof options> = command({
  name: "sample",
  summary: "Writes text with a model that tapeloop train has saved.",
  options,
});

/** Runs the command; the result is the exit code. */
export async function sample(values: OptionValues<typeof options>): Promise<number> {
  const checkpoint = await loadCheckpoint(values.checkpoint);
  const { record } = checkpoint;
  const vocabulary = Vocabulary.of(record.vocabulary);
  const prompt = vocabulary.encode(values.prompt || "\n", "the prompt");
  const model = characterModel({
    ...(record.options as unknown as ModelOptions),
    vocabulary: vocabulary.size,
  });
  const parameters = checkpoint.restore(
    "run.parameters",
    scope(() => model.init(key(0))),
  );
  const written = writeOn(model, parameters, prompt, values);
  process.stdout.write(`${values.prompt}${vocabulary.decode(written)}\n`);
  return 0;
}

/** How a model writes. */
export interface WritingOptions {
  /** Characters to write. */
  readonly length: number;
  /** What the logits are divided by; 0 takes the likeliest character. */
  readonly temperature: number;
  /** Where random numbers start. */
  readonly seed: number;
}

/** The numbers of the characters that a model writes after a prompt of at least one. */
export function writeOn(
  model: CharacterModel,
  parameters: ModelParameters,
  prompt: Int32Array,
  { length, temperature, seed }: WritingOptions,
): number[] {
  const written: number[] = [];
  let state = scope(() => ({ carried: model.initialState(1), key: key(seed) }));
  let next = prompt;
  while (written.length < length) {
    state = step(state, ({ carried, key: from }) => {
      const [now, rest] = splitKey(from);
      const characters = tensor(next, { shape: [next.length, 1] });
      const [after, logits] = model.read(parameters, carried, characters, null);
      const last = logits.slice([{ start: -1 }]);
      const chosen =
        temperature === 0 ? last.argmax() : categorical(last.div(temperature), { key: now });
      next = Int32Array.of(chosen.item());
      return { carried: after, key: rest };
    });
    written.push(next[0]);
  }
  step(state, () => null);
  return written;
}
