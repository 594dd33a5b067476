/** @file Digits, drawn from small fonts and read pixel by pixel. */
import { ArgumentError, checkOptions, scope, tensor, type Tensor } from "@tapeloop/autograd";
import { checkSizes } from "../sizes.ts";
import { Draws } from "./draws.ts";

/** Size of {@link sequentialDigits}. */
export interface DigitsOptions {
  /** B. */
  readonly batch: number;
  /** How a picture is read: one pixel per step, T = 100, or one row of 10, T = 10. Default: "pixels". */
  readonly by?: "pixels" | "rows";
  /** The standard deviation of what is added to each pixel; ink is 1, paper 0. Default: 0.2. */
  readonly noise?: number;
}

/** Pictures, and the digits on them. */
export interface Digits {
  /** [100, B, 1] by pixels, [10, B, 10] by rows. */
  readonly xs: Tensor;
  /** int32 [B] */
  readonly labels: Tensor;
}

/** The side of a picture. */
const side = 10;

/** Ten glyphs of 5 × 7 pixels: a row is five bits, the leftmost the highest. */
const drawn: readonly (readonly number[])[] = [
  [14, 17, 19, 21, 25, 17, 14],
  [4, 12, 4, 4, 4, 4, 14],
  [14, 17, 1, 2, 4, 8, 31],
  [31, 2, 4, 2, 1, 17, 14],
  [2, 6, 10, 18, 31, 2, 2],
  [31, 16, 30, 1, 1, 17, 14],
  [6, 8, 16, 30, 17, 17, 14],
  [31, 1, 2, 4, 8, 8, 8],
  [14, 17, 17, 14, 17, 17, 14],
  [14, 17, 17, 15, 1, 2, 12],
];

/** The segments of each digit on a display: top, upper left and right, middle, lower left and right, bottom. */
const segments = [
  "tlrLRb",
  "rR",
  "trmLb",
  "trmRb",
  "lrmR",
  "tlmRb",
  "tlmLRb",
  "trR",
  "tlrmLRb",
  "tlrmRb",
];

/** The glyph that a display shows. */
function displayed(lit: string): readonly number[] {
  const bar = (name: string): number => (lit.includes(name) ? 31 : 0);
  const sides = (left: string, right: string): number =>
    (lit.includes(left) ? 16 : 0) | (lit.includes(right) ? 1 : 0);
  const [upper, lower] = [sides("l", "r"), sides("L", "R")];
  return [bar("t") | upper, upper, upper, bar("m") | upper | lower, lower, lower, bar("b") | lower];
}

/** Four fonts, in rows of 6 bits: drawn and of a display, upright and leaning to the right. */
const fonts = [drawn, segments.map(displayed)].flatMap((font) => [
  font.map((glyph) => glyph.map((row) => row << 1)),
  font.map((glyph) => glyph.map((row, y) => (y < 3 ? row : row << 1))),
]);

/**
 * Digits in four fonts of 5 × 7 pixels, at random places of a picture of 10 × 10, with noise, read pixel by
 * pixel, or row by row; say at the end which digit it was. Small sequential MNIST, made without data.
 *
 * Guessing is right in 1 of 10; LSTM and GRU come to more than 95 % by rows.
 *
 * Source: the form of Le, Jaitly and Hinton 2015, arXiv:1504.00941, section 4.2.
 *
 * @throws ArgumentError if the noise is no number from 0, or an option is unknown.
 *
 * @example
 * ```ts
 * import { key, sequentialDigits } from "tapeloop";
 *
 * const { xs, labels } = sequentialDigits(key(3), { batch: 1, by: "rows", noise: 0 });
 * const picture = Array.from({ length: 10 }, (_, y) =>
 *   Array.from(xs.dataSync().subarray(10 * y, 10 * y + 10), (ink) => (ink > 0 ? "#" : ".")).join(""),
 * );
 * console.log(labels.toArray(), picture.filter((row) => row.includes("#")).length); // [ 8 ] 7
 * ```
 */
export function sequentialDigits(key: Tensor, options: DigitsOptions): Digits {
  checkOptions("sequentialDigits", options, ["batch", "by", "noise"]);
  const { batch, by = "pixels", noise = 0.2 } = options;
  checkSizes("sequentialDigits", { batch });
  if (by !== "pixels" && by !== "rows") {
    throw new ArgumentError("sequentialDigits", 'by is "pixels" or "rows"', String(by));
  }
  if (!(noise >= 0)) {
    throw new ArgumentError("sequentialDigits", "noise is a number from 0", String(noise));
  }
  const draws = new Draws(key, batch * (4 + 2 * side * side));
  const labels = new Int32Array(batch);
  const pixels = new Float32Array(side * side * batch);
  const width = by === "rows" ? side : 1;
  for (let b = 0; b < batch; b++) {
    labels[b] = draws.below(10);
    const glyph = fonts[draws.below(fonts.length)][labels[b]];
    const [left, top] = [draws.below(side - 5), draws.below(side - 6)];
    for (let i = 0; i < side * side; i++) {
      const [x, y] = [(i % side) - left, Math.floor(i / side) - top];
      const ink = x >= 0 && x < 6 ? ((glyph[y] ?? 0) >> (5 - x)) & 1 : 0;
      // Box and Muller's method
      const error =
        Math.sqrt(-2 * Math.log(1 - draws.next())) * Math.cos(2 * Math.PI * draws.next());
      const [step, place] = [Math.floor(i / width), i % width];
      pixels[(step * batch + b) * width + place] = ink + noise * error;
    }
  }
  return scope(() => ({
    xs: tensor(pixels, { shape: [(side * side) / width, batch, width] }),
    labels: tensor(labels),
  }));
}
