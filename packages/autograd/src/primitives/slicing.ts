/** @file Taking a part of a tensor along each axis, and putting elements around and between. */
import { apply } from "../apply.ts";
import { ArgumentError, ShapeError, checkArray, checkOptions } from "../errors.ts";
import { toTensor } from "../operands.ts";
import { checkElement } from "../ops/create.ts";
import { type PadMode, padWithInfinity, padWithOwn } from "../ops/windows.ts";
import { type OnePrimitive, only } from "../primitive.ts";
import { type Shape, formatType } from "../shape.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import { withFirstAxis } from "./batching.ts";
import { type AxesOptions, axesOf } from "./reduce.ts";

/** What to take along each axis. */
export interface SliceParams {
  /** First index per axis. */
  readonly starts: readonly number[];
  /** How many elements per axis. */
  readonly sizes: readonly number[];
  /** Distance between taken elements per axis; negative steps walk backwards. */
  readonly steps: readonly number[];
}

/** Every `step`-th element from `start`, along each axis. */
export const Slice: OnePrimitive<"slice", SliceParams, Shape> = {
  name: "slice",
  work: "layout",
  isView: true,
  results: "one",
  type: ([x], { sizes }) => ({ shape: sizes, dtype: x.dtype }),
  saves: ([x]) => x.shape,
  vjp: (g, shape, { starts, sizes, steps }) => {
    // A slice that walks backwards is one that walks forwards, reversed.
    const forwards = apply(Slice, [g], {
      starts: sizes.map((n, i) => (steps[i] < 0 ? Math.max(n - 1, 0) : 0)),
      sizes,
      steps: steps.map(Math.sign),
    });
    const spans = shape.map((size, i): PadSpan => {
      const [n, step] = [sizes[i], Math.abs(steps[i])];
      const first = starts[i] + Math.min(0, (n - 1) * steps[i]);
      if (n === 0) return { before: 0, between: 0, after: size };
      return { before: first, between: step - 1, after: size - first - (n - 1) * step - 1 };
    });
    return apply(Pad, [forwards], { spans, value: 0 });
  },
  jvp: (t, _, params) => apply(Slice, [only(t)], params),
  batch: withFirstAxis(({ starts, sizes, steps }, size) => ({
    starts: [0, ...starts],
    sizes: [size, ...sizes],
    steps: [1, ...steps],
  })),
};

/** How many elements to put in along one axis. */
export interface PadSpan {
  /** In front. */
  readonly before: number;
  /** Between neighbours. */
  readonly between: number;
  /** Behind. */
  readonly after: number;
}

/** What to put in along each axis. */
export interface PadParams {
  /** One per axis. */
  readonly spans: readonly PadSpan[];
  /** What is put in. */
  readonly value: number;
}

/** The size of an axis with its padding. */
function padded(size: number, { before, between, after }: PadSpan): number {
  return before + size + Math.max(0, size - 1) * between + after;
}

/** Puts a constant in front of, between and behind the elements. */
export const Pad: OnePrimitive<"pad", PadParams, Shape> = {
  name: "pad",
  work: "layout",
  results: "one",
  type: ([x], { spans }) => {
    const { shape, dtype } = x;
    return { shape: shape.map((n, i) => padded(n, spans[i])), dtype };
  },
  saves: ([x]) => x.shape,
  vjp: (g, shape, { spans }) =>
    apply(Slice, [g], {
      starts: spans.map((s, i) => (shape[i] === 0 ? 0 : s.before)),
      sizes: shape,
      steps: spans.map((s) => s.between + 1),
    }),
  jvp: (t, _, { spans }) => apply(Pad, [only(t)], { spans, value: 0 }),
  batch: withFirstAxis(({ spans, value }) => ({
    spans: [{ before: 0, between: 0, after: 0 }, ...spans],
    value,
  })),
};

/** What to take along one axis, as in Python's `start:stop:step`; negative places count from the back. */
export interface SliceRange {
  /** First element. Default: the first, or the last for negative steps. */
  readonly start?: number;
  /** The element to stop before. Default: behind the end. */
  readonly stop?: number;
  /** Distance between elements, not 0. Default: 1. */
  readonly step?: number;
}

/** A range in whole numbers: where it starts and how many elements it takes. Python's rule. */
function resolveRange(
  size: number,
  range: SliceRange,
): { start: number; count: number; step: number } {
  const { start, stop, step = 1 } = range;
  if (!Number.isInteger(step) || step === 0) {
    throw new ArgumentError("slice", "the step must be a whole number, not 0", String(step));
  }
  for (const place of [start, stop]) {
    if (place !== undefined && !Number.isInteger(place)) {
      throw new ArgumentError("slice", "start and stop must be whole numbers", String(place));
    }
  }
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const clamp = (place: number): number =>
    Math.min(Math.max(place < 0 ? place + size : place, low), high);
  const first = start === undefined ? (step > 0 ? low : high) : clamp(start);
  const end = stop === undefined ? (step > 0 ? high : low) : clamp(stop);
  return { start: first, count: Math.max(0, Math.ceil((end - first) / step)), step };
}

/**
 * Part of a tensor: one range per axis, null (or nothing, for the last axes) for all of it.
 *
 * @example
 * ```ts
 * import { arange, slice } from "tapeloop";
 *
 * const x = arange(6).reshape([2, 3]);
 * console.log(slice(x, [null, { start: 1 }]).toArray()); // [ [ 1, 2 ], [ 4, 5 ] ]
 * console.log(slice(x, [{ step: -1 }]).toArray()); // [ [ 3, 4, 5 ], [ 0, 1, 2 ] ]
 * ```
 */
export function slice(x: TensorLike, ranges: readonly (SliceRange | null)[]): Tensor {
  const t = toTensor(x);
  checkArray("slice", "needs an array of ranges", ranges);
  if (ranges.length > t.rank) {
    throw new ShapeError(
      "slice",
      "at most one range per axis",
      `${ranges.length} for ${formatType(t)}`,
    );
  }
  const resolved = t.shape.map((size, i) => {
    const range = ranges[i] ?? {};
    checkOptions("slice", range, ["start", "stop", "step"]);
    return resolveRange(size, range);
  });
  if (resolved.every(({ count, step }, i) => step === 1 && count === t.shape[i])) return t;
  return apply(Slice, [t], {
    starts: resolved.map((r) => (r.count === 0 ? 0 : r.start)),
    sizes: resolved.map((r) => r.count),
    steps: resolved.map((r) => r.step),
  });
}

/** `size` elements from `start` along one axis. */
export function takeRange(x: Tensor, axis: number, start: number, size: number): Tensor {
  return slice(
    x,
    x.shape.map((_, i) => (i === axis ? { start, stop: start + size } : null)),
  );
}

/** The elements along the given axes (default: all) in reverse order. */
export function flip(x: TensorLike, options: Pick<AxesOptions, "axes"> = {}): Tensor {
  const t = toTensor(x);
  const axes = axesOf("flip", t, options);
  return slice(
    t,
    t.shape.map((_, i) => (axes.includes(i) ? { step: -1 } : null)),
  );
}

/** What {@link pad} puts in. */
export interface PadOptions {
  /** What a constant border holds. Default: 0. */
  readonly value?: number;
  /**
   * "constant": the value; "reflect": the mirror image, without the end itself; "edge": the end again and
   * again; "wrap": the other end. Default: "constant".
   */
  readonly mode?: "constant" | PadMode;
}

/**
 * Puts a border around a tensor: `widths[i]` elements [in front of, behind] axis i.
 *
 * @throws ArgumentError if there is not one pair of whole numbers from 0 per axis.
 *
 * @example
 * ```ts
 * import { pad, tensor } from "tapeloop";
 *
 * const x = tensor([1, 2, 3]);
 * console.log(pad(x, [[1, 2]]).toArray()); // [ 0, 1, 2, 3, 0, 0 ]
 * console.log(pad(x, [[1, 2]], { mode: "reflect" }).toArray()); // [ 2, 1, 2, 3, 2, 1 ]
 * ```
 */
export function pad(
  x: TensorLike,
  widths: readonly (readonly [number, number])[],
  options: PadOptions = {},
): Tensor {
  const t = toTensor(x);
  checkArray("pad", "needs an array of [before, behind]", widths);
  checkOptions("pad", options, ["value", "mode"]);
  const valid = widths.every(
    (w) => Array.isArray(w) && w.length === 2 && w.every((n) => Number.isInteger(n) && n >= 0),
  );
  if (widths.length !== t.rank || !valid) {
    throw new ArgumentError(
      "pad",
      "needs [before, behind] in whole numbers from 0 for each axis",
      `${JSON.stringify(widths)} for ${formatType(t)}`,
    );
  }
  const { mode = "constant" } = options;
  if (!["constant", "reflect", "edge", "wrap"].includes(mode)) {
    throw new ArgumentError("pad", "mode is constant, reflect, edge or wrap", mode);
  }
  if (mode !== "constant") return padWithOwn(t, widths, mode);
  const spans = widths.map(([before, after]): PadSpan => ({ before, between: 0, after }));
  const value = checkElement("pad", options.value ?? 0, t.dtype);
  if (!Number.isFinite(value)) return padWithInfinity(t, widths, value);
  return apply(Pad, [t], { spans, value });
}
