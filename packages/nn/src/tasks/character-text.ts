/** @file Text for models of characters: a text of one's own, or one whose entropy is known. */
import { ArgumentError, checkOptions, scope, tensor, type Tensor } from "@tapeloop/autograd";
import { checkSizes } from "../sizes.ts";
import { Draws } from "./draws.ts";

/** How {@link characterText} is cut. */
export interface CharacterOptions {
  /** T, characters that are read at a time. */
  readonly steps: number;
  /** B, how many places of the text are read side by side. */
  readonly batch: number;
}

/** Characters, and the ones behind them. */
export interface CharacterBatch {
  /** int32 [T, B]: places in the alphabet. */
  readonly xs: Tensor;
  /** int32 [T, B]: those of the next characters. */
  readonly targets: Tensor;
}

/** A text as batches. */
export interface CharacterText {
  /** All characters of the text, in the order of their code points. */
  readonly alphabet: readonly string[];
  /** How many batches there are. */
  readonly count: number;
  /** Batch i goes on where batch i − 1 ends, so that the state may go on, too. */
  batch(i: number): CharacterBatch;
}

/**
 * A text as batches for a model that says the next character: B parts of the text are read side by side, T
 * characters at a time. The measure is bits per character, the mean cross-entropy divided by ln 2.
 *
 * @throws ArgumentError if the text is too short for one batch.
 *
 * @example
 * ```ts
 * import { characterText } from "tapeloop";
 *
 * const text = characterText("abracadabra", { steps: 2, batch: 2 });
 * const { xs, targets } = text.batch(0);
 * console.log(text.count, xs.toArray(), targets.toArray()); // 2 [ [ 0, 0 ], [ 1, 3 ] ] [ [ 1, 3 ], [ 4, 0 ] ]
 * ```
 */
export function characterText(text: string, options: CharacterOptions): CharacterText {
  checkOptions("characterText", options, ["steps", "batch"]);
  const { steps, batch } = options;
  checkSizes("characterText", { steps, batch });
  const characters = Array.from(text);
  const alphabet = [...new Set(characters)].toSorted(
    (a, b) => (a.codePointAt(0) ?? 0) - (b.codePointAt(0) ?? 0),
  );
  const placeOf = new Map(alphabet.map((character, i) => [character, i]));
  const ids = Int32Array.from(characters, (character) => placeOf.get(character) ?? 0);
  const stride = Math.floor((ids.length - 1) / batch);
  const count = Math.floor(stride / steps);
  if (count === 0) {
    throw new ArgumentError(
      "characterText",
      `${batch} places of ${steps} characters need ${batch * steps + 1} characters`,
      String(ids.length),
    );
  }
  return {
    alphabet,
    count,
    batch: (i) => {
      if (!Number.isInteger(i) || i < 0 || i >= count) {
        throw new ArgumentError("characterText", `batches are 0 to ${count - 1}`, String(i));
      }
      const from = (shift: number): Tensor => {
        const at = (k: number): number =>
          (k % batch) * stride + i * steps + Math.floor(k / batch) + shift;
        const part = Int32Array.from({ length: steps * batch }, (_, k) => ids[at(k)]);
        return tensor(part, { shape: [steps, batch] });
      };
      return scope(() => ({ xs: from(0), targets: from(1) }));
    },
  };
}

/** Text whose entropy is known. */
export interface KnownText {
  /** The text. */
  readonly text: string;
  /** What no model can be below in the mean, and a perfect one reaches: bits per character. */
  readonly bitsPerCharacter: number;
}

const digits = "zero one two three four five six seven eight nine".split(" ");
const teens = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen".split(" ");

/**
 * Sentences of sums, "two plus seven is nine.", with both numbers drawn evenly from zero to nine: who has
 * learned to spell and to add knows all but the numbers, so the entropy is log₂ 100 bits per sentence, and a
 * model that has not learned to add is measurably above.
 *
 * @param sentences - How many.
 *
 * @example
 * ```ts
 * import { key, sumsInWords } from "tapeloop";
 *
 * const { text, bitsPerCharacter } = sumsInWords(key(0), 1000);
 * console.log(text.split("\n").length, bitsPerCharacter.toFixed(1)); // 1001 0.3
 * ```
 */
export function sumsInWords(key: Tensor, sentences: number): KnownText {
  checkSizes("sumsInWords", { sentences });
  const draws = new Draws(key, 2 * sentences);
  const numbers = [...digits, ...teens];
  const text = Array.from({ length: sentences }, () => {
    const [a, b] = [draws.below(10), draws.below(10)];
    return `${numbers[a]} plus ${numbers[b]} is ${numbers[a + b]}.\n`;
  }).join("");
  return { text, bitsPerCharacter: (sentences * Math.log2(100)) / text.length };
}
