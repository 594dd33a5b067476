/** @file The loops of kernels: axes that all streams of elements walk along in one go. */
import { type DType, type Shape, sizeOf } from "@tapeloop/autograd/backend";
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

/** The loops over elements of a shape. With rows, which are all axes from one on, the last loop is along a row. */
export function loopsOf(shape: Shape, axis: number | null, streams: readonly Stream[]): Loops {
  if (axis === null || sizeOf(shape.slice(0, axis)) === 1)
    return loopsFrom(shape, axis ?? 0, streams);
  const [outer, inner] = [
    loopsFrom(shape.slice(0, axis), 0, streams),
    loopsFrom(shape, axis, streams),
  ];
  return {
    sizes: [...outer.sizes, ...inner.sizes],
    strides: outer.strides.map((strides, i) => strides.concat(inner.strides[i])),
  };
}

/** The loops along the axes from one on. */
function loopsFrom(shape: Shape, axis: number, streams: readonly Stream[]): Loops {
  const own = streams.map((x) => ({ strides: x.strides.slice(axis) }));
  const { sizes, strides } = joined(shape.slice(axis), own);
  if (sizes.length > 0) return { sizes, strides };
  const isOne = (x: (typeof own)[number]): boolean =>
    x.strides.length > 0 && x.strides.every((s) => s === 0);
  return { sizes: [1], strides: own.map((x) => [isOne(x) ? 0 : 1]) };
}
