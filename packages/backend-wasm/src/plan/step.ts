/** @file What a plan does, one thing after the other, and where its buffers lie while it does. */
import type { Buffer, Place } from "./place.ts";
import { bytesOf } from "../array.ts";

/** The addresses that a plan counts from, by slot; they are set when it runs. */
export type Slots = number[];

/** One thing that a plan does. */
export interface Step {
  /** Names it for people. */
  readonly what: string;
  /** Buffers that it reads. */
  readonly reads: readonly Buffer[];
  /** Buffers that it writes. */
  readonly writes: readonly Buffer[];
  /** Whether a buffer that it writes may lie where one lies that it reads. */
  readonly mayOverwrite?: (read: Buffer, written: Buffer) => boolean;
  /** The function that does it, once all buffers have their places. */
  readonly build: () => () => void;
}

/** The address of a place's first element, once the place of its buffer is known: a slot, and bytes behind it. */
export function locate({ buffer, offset, dtype }: Place): readonly [slot: number, start: number] {
  return [buffer.slot, buffer.start + offset * bytesOf(dtype)];
}

/** Kernels read and write whole vectors: so many bytes behind a buffer may be touched. */
const slack = 16;
/** Buffers begin at multiples of it: a line of the cache. */
const alignment = 64;

/** When a buffer is in use, as numbers of steps. */
interface Span {
  readonly buffer: Buffer;
  readonly size: number;
  readonly first: number;
  readonly last: number;
}

/** From when to when buffers of this home are in use that have no slot of their own. */
function spansOf(steps: readonly Step[], home: object): Span[] {
  const spans = new Map<Buffer, { first: number; last: number }>();
  steps.forEach(({ reads, writes }, i) => {
    for (const buffer of [...reads, ...writes]) {
      if (buffer.home !== home || buffer.slot >= 0) continue;
      const known = spans.get(buffer);
      if (known === undefined) spans.set(buffer, { first: i, last: i });
      else known.last = i;
    }
  });
  return [...spans].map(([buffer, span]) => {
    const size = Math.ceil((buffer.bytes + slack) / alignment) * alignment;
    return { buffer, size, first: span.first, last: span.last };
  });
}

/** Where the buffers of a list of steps lie, in bytes behind a common address, and how many bytes these are. */
export interface Layout {
  readonly starts: ReadonlyMap<Buffer, number>;
  readonly bytes: number;
}

/**
 * Lays out the buffers of a list of steps: the largest first, each into the smallest gap between those that
 * are in use at the same time.
 */
export function layOut(steps: readonly Step[], home: object): Layout {
  const starts = new Map<Buffer, number>();
  const placed: (Span & { readonly at: number })[] = [];
  let bytes = 0;
  for (const span of spansOf(steps, home).toSorted((a, b) => b.size - a.size)) {
    const others = placed
      .filter(({ first, last }) => first <= span.last && span.first <= last)
      .toSorted((a, b) => a.at - b.at);
    let [best, bestGap, end] = [-1, Infinity, 0];
    for (const { at, size } of others) {
      const gap = at - end;
      if (gap >= span.size && gap < bestGap) [best, bestGap] = [end, gap];
      end = Math.max(end, at + size);
    }
    const at = best < 0 ? end : best;
    placed.push({ ...span, at });
    starts.set(span.buffer, at);
    bytes = Math.max(bytes, at + span.size);
  }
  return { starts, bytes };
}

/** Puts buffers where their layout says, behind so many bytes from the address in a slot. */
export function settle({ starts }: Layout, slot: number, start: number): void {
  for (const [buffer, at] of starts) {
    buffer.slot = slot;
    buffer.start = start + at;
  }
}
