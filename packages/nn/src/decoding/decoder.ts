/** @file What decoding needs of a model: one step, from symbols to scores of the next ones. */
import { ArgumentError, type Tensor, type Tree } from "@tapeloop/autograd";

/**
 * One step of a model that says symbols: (state, the last symbols int32 [B]) → [next state, logits [B, N]]. All leaves of
 * the state have the batch for their first axis.
 */
export type DecoderStep<S extends Tree> = (
  state: S,
  symbols: Tensor,
) => readonly [next: S, logits: Tensor];

/** How long is decoded. */
export interface DecodeOptions {
  /** The symbol that stands before the first one. */
  readonly start: number;
  /** The symbol that ends a sequence. Default: none, all of them have the full length. */
  readonly end?: number;
  /** The most symbols of a sequence; one that has so many counts as it is, without an end. */
  readonly length: number;
}

/** The names of {@link DecodeOptions}. */
export const decodeOptions: readonly string[] = ["start", "end", "length"];

/** Refuses symbols and lengths that are none. */
export function checkDecode(op: string, { start, end, length }: DecodeOptions): void {
  for (const [name, n, least] of [
    ["start", start, 0],
    ["end", end ?? 0, 0],
    ["length", length, 1],
  ] as const) {
    if (!Number.isInteger(n) || n < least) {
      throw new ArgumentError(op, `${name} is a whole number from ${least}`, String(n));
    }
  }
}

/** A sequence that was said. */
export interface Decoded {
  /** Its symbols, without start and end. */
  readonly symbols: readonly number[];
  /** Σ ln p of them, and of the end if it was said. */
  readonly logProbability: number;
}
