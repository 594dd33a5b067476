/** @file The characters a model knows, and texts as the numbers of their characters. */
import { UsageError } from "./usage-error.ts";

/**
 * A set of characters (Unicode code points, so 🙂 is one), numbered in the order of their code
 * points. `Vocabulary.of(vocabulary.characters)` is the same vocabulary again, which is how it is
 * stored with a model.
 */
export class Vocabulary {
  /** Every character once, in the order of their numbers. */
  readonly characters: string;
  readonly #points: readonly number[];
  readonly #ids: ReadonlyMap<number, number>;

  private constructor(points: readonly number[]) {
    this.#points = points;
    this.#ids = new Map(points.map((point, id) => [point, id]));
    this.characters = this.decode(points.keys());
  }

  /** The characters of a text. */
  static of(text: string): Vocabulary {
    const points = new Set<number>();
    for (const character of text) points.add(character.codePointAt(0)!);
    return new Vocabulary([...points].toSorted((a, b) => a - b));
  }

  /** How many characters there are. */
  get size(): number {
    return this.#points.length;
  }

  /**
   * The numbers of a text's characters.
   *
   * Throws: UsageError that names the first character which is not in the vocabulary.
   *
   * @param what - What the text is, for that message.
   */
  encode(text: string, what = "the text"): Int32Array {
    const ids = new Int32Array(text.length);
    let length = 0;
    for (const character of text) {
      const id = this.#ids.get(character.codePointAt(0)!);
      if (id === undefined) throw unknown(character, length, what, this.size);
      ids[length++] = id;
    }
    return ids.slice(0, length);
  }

  /** The text of numbers. Throws: RangeError for a number that is no character's. */
  decode(ids: Iterable<number>): string {
    let text = "";
    for (const id of ids) {
      const point = this.#points[id];
      if (point === undefined) {
        throw new RangeError(`decode: ids must be in [0, ${this.size}), got ${id}.`);
      }
      text += String.fromCodePoint(point);
    }
    return text;
  }
}

function unknown(character: string, at: number, what: string, size: number): UsageError {
  const point = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
  const shown = `${JSON.stringify(character)} (U+${point}) at character ${at + 1}`;
  return new UsageError(
    `${what} has ${shown}, which is not among the ${size} characters the model knows. Leave it out.`,
  );
}
