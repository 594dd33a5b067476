/** @file The loops of kernels: axes that all streams of elements walk along in one go. */
import type { DType, Shape } from "@tapeloop/autograd/backend";
import { joined } from "../rows.ts";

/** An operand or a result: its element type, and where its elements are. */
export interface Stream {
  /** The type of its elements. */
  readonly dtype: DType;
  /** Elements between neighbours along each axis. */
  readonly strides: readonly number[];
  /** Which pointer walks along it, and how many bytes behind that it is. */
  readonly pointer: number;
  readonly offset: number;
}

/** Axes that are one for all streams, joined: sizes, and strides of every stream. */
export interface Loops {
  readonly sizes: readonly number[];
  readonly strides: readonly (readonly number[])[];
}

/** The loops over elements of a shape. */
export function loopsOf(shape: Shape, streams: readonly Stream[]): Loops {
  const { sizes, strides } = joined(shape, streams);
  if (sizes.length > 0) return { sizes, strides };
  const isOne = (x: Stream): boolean => x.strides.length > 0 && x.strides.every((s) => s === 0);
  return { sizes: [1], strides: streams.map((x) => [isOne(x) ? 0 : 1]) };
}
