/** @file Primitives that move elements without computing: views where a backend can make them. */
import { apply, applyMany } from "../apply.ts";
import { promote } from "../dtype.ts";
import {
  ArgumentError,
  AxisError,
  checkArray,
  checkOptions,
  InternalError,
  ShapeError,
} from "../errors.ts";
import { toTensor } from "../operands.ts";
import { type ManyPrimitive, type OnePrimitive, only, savesNothing } from "../primitive.ts";
import {
  checkShape,
  formatType,
  formatTypes,
  normalizeAxis,
  sameShape,
  type Shape,
  sizeOf,
} from "../shape.ts";
import type { Tensor, TensorLike } from "../tensor.ts";
import { checkElement, zerosOfType } from "../ops/create.ts";
import { type PadMode, padWithInfinity, padWithOwn } from "../ops/windows.ts";
import { shifted, withFirstAxis } from "./batching.ts";
import { cast } from "./choice.ts";
import { type AxesOptions, type AxisOptions, axesOf, axisOf, sum } from "./reduce.ts";
import type { AnyShape, Fits, Operand, Several, ShapeOr, Writable } from "../shape-types.ts";
import type { Given, Joined, NoOptions, Permuted, Reversed, SameSize } from "../shape-changes.ts";

/** A shape to change to. */
export interface ShapeParams {
  /** Sizes. */
  readonly shape: Shape;
}

/** The same elements in row-major order under another shape. */
export const Reshape: OnePrimitive<"reshape", ShapeParams, Shape> = {
  name: "reshape",
  results: "one",
  type: ([type], { shape }) => {
    checkShape("reshape", shape);
    if (sizeOf(shape) !== sizeOf(type.shape)) {
      throw new ShapeError(
        "reshape",
        "the number of elements must stay the same",
        `${formatType(type)} for [${shape.join(", ")}] (${sizeOf(type.shape)} ≠ ${sizeOf(shape)})`,
      );
    }
    return { shape, dtype: type.dtype };
  },
  saves: ([x]) => x.shape,
  vjp: (g, shape) => reshape(g, shape),
  jvp: (t, _, { shape }) => reshape(only(t), shape),
  batch: withFirstAxis(({ shape }, size) => ({ shape: [size, ...shape] })),
};

/** An order of axes. */
export interface PermuteParams {
  /** Axis i of the result is this axis of the operand. */
  readonly axes: readonly number[];
}

/** The axes in another order. */
export const Permute: OnePrimitive<"permute", PermuteParams, null> = {
  name: "permute",
  results: "one",
  type: ([x], { axes }) => {
    const { shape, dtype } = x;
    return { shape: axes.map((axis) => shape[axis]), dtype };
  },
  saves: savesNothing,
  vjp: (g, _, { axes }) =>
    permute(
      g,
      axes.map((_axis, i) => axes.indexOf(i)),
    ),
  jvp: (t, _, { axes }) => permute(only(t), axes),
  batch: withFirstAxis(({ axes }) => ({ axes: [0, ...shifted(axes)] })),
};

/** Repeats along new axes in front and along axes of size 1. */
export const BroadcastTo: OnePrimitive<"broadcastTo", ShapeParams, Shape> = {
  name: "broadcastTo",
  results: "one",
  type: ([type], { shape }) => {
    checkShape("broadcastTo", shape);
    const missing = shape.length - type.shape.length;
    if (missing < 0 || type.shape.some((n, i) => n !== 1 && n !== shape[missing + i])) {
      throw new ShapeError(
        "broadcastTo",
        "only axes of size 1 and new axes in front can be repeated",
        `${formatType(type)} for [${shape.join(", ")}]`,
        "Use reshape() or expandDims() to line the axes up.",
      );
    }
    return { shape, dtype: type.dtype };
  },
  saves: ([x]) => x.shape,
  vjp: (g, shape) => {
    const missing = g.shape.length - shape.length;
    const axes = g.shape.flatMap((n, i) => (i < missing || shape[i - missing] !== n ? [i] : []));
    return reshape(sum(g, { axes, keepAxes: true }), shape);
  },
  jvp: (t, _, { shape }) => broadcastTo(only(t), shape),
  batch: (_, [{ x }], { shape }, size) => {
    // New axes come in front of the example's own, behind that of the examples.
    const fresh = Array.from({ length: shape.length + 1 - x.rank }, () => 1);
    return broadcastTo(reshape(x, [size, ...fresh, ...x.shape.slice(1)]), [size, ...shape]);
  },
};

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

/** Which axis to join along. */
export interface ConcatParams {
  /** Counted from the front. */
  readonly axis: number;
}

/** Tensors one after the other along an axis. */
export const Concat: OnePrimitive<"concat", ConcatParams, readonly number[]> = {
  name: "concat",
  results: "one",
  type: (inputs, { axis }) => {
    const first = inputs[0];
    for (const x of inputs) {
      if (x.dtype !== first.dtype) throw new InternalError(`concat of ${formatTypes(inputs)}`);
      const fits =
        x.shape.length === first.shape.length &&
        x.shape.every((n, i) => i === axis || n === first.shape[i]);
      if (!fits) {
        throw new ShapeError(
          "concat",
          `shapes must agree but along axis ${axis}`,
          formatTypes([first, x]),
        );
      }
    }
    const size = inputs.reduce((n, x) => n + x.shape[axis], 0);
    return { shape: first.shape.with(axis, size), dtype: first.dtype };
  },
  saves: (inputs, _, { axis }) => inputs.map((x) => x.shape[axis]),
  vjp: (g, sizes, { axis }, input) => {
    const start = sizes.slice(0, input).reduce((a, b) => a + b, 0);
    return takeRange(g, axis, start, sizes[input]);
  },
  jvp: (tangents, sizes, { axis }) => {
    const like = tangents.find((t) => t !== null) as Tensor;
    const zeros = (size: number): Tensor =>
      zerosOfType({ shape: like.shape.with(axis, size), dtype: like.dtype }, like);
    return apply(
      Concat,
      tangents.map((t, i) => t ?? zeros(sizes[i])),
      { axis },
    );
  },
  batch: withFirstAxis(({ axis }) => ({ axis: axis + 1 })),
};

/** Where to cut. */
export interface SplitParams {
  /** Counted from the front. */
  readonly axis: number;
  /** The size of each piece; together the size of the axis. */
  readonly sizes: readonly number[];
}

/** Cuts along an axis; its derivative joins the pieces, once, however many there are. */
export const Split: ManyPrimitive<"split", SplitParams, null> = {
  name: "split",
  results: "many",
  type: ([x], { axis, sizes }) => {
    const { shape, dtype } = x;
    const total = sizes.reduce((a, b) => a + b, 0);
    if (total !== shape[axis]) {
      throw new ShapeError(
        "split",
        `the sizes must add up to the size of axis ${axis}`,
        `${sizes.join(" + ")} = ${total} for ${formatType({ shape, dtype })}`,
      );
    }
    return sizes.map((size) => ({ shape: shape.with(axis, size), dtype }));
  },
  saves: savesNothing,
  vjp: (gs, _, { axis }) => concat(gs, { axis }),
  jvp: (t, _, params) => applyMany(Split, [only(t)], params),
  batch: withFirstAxis(({ axis, sizes }) => ({ axis: axis + 1, sizes })),
};

/**
 * The same elements in row-major order under another shape; one size may be −1 and is then worked out.
 *
 * @throws ShapeError if the number of elements would change.
 *
 * @example
 * ```ts
 * import { arange, reshape } from "tapeloop";
 *
 * console.log(reshape(arange(6), [2, -1]).toArray()); // [ [ 0, 1, 2 ], [ 3, 4, 5 ] ]
 * ```
 */
export function reshape<S extends Shape = AnyShape, const T extends Shape = Shape>(
  x: Operand<S> | number,
  shape: T & SameSize<S, T>,
): Tensor<Given<T>>;
export function reshape(x: TensorLike, shape: Shape): Tensor {
  const t = toTensor(x);
  checkArray("reshape", "a shape is an array of sizes", shape);
  let full = shape;
  const open = shape.indexOf(-1);
  if (open !== shape.lastIndexOf(-1)) {
    throw new ShapeError("reshape", "one size may be −1", `[${shape.join(", ")}]`);
  }
  if (open >= 0) {
    const rest = shape.reduce((size, n, i) => (i === open ? size : size * n), 1);
    full = shape.with(open, rest === 0 ? 0 : Math.floor(sizeOf(t.shape) / rest));
  }
  return sameShape(full, t.shape) ? t : apply(Reshape, [t], { shape: full });
}

/**
 * The axes in another order: axis i of the result is axis `axes[i]` of x.
 *
 * @throws AxisError if `axes` does not name every axis once.
 */
export function permute<S extends Shape = AnyShape, const A extends Shape = Shape>(
  x: Operand<S> | number,
  axes: A & Fits<Permuted<S, A>>,
): Tensor<ShapeOr<Permuted<S, A>>>;
export function permute(x: TensorLike, axes: readonly number[]): Tensor {
  const t = toTensor(x);
  checkArray("permute", "needs an array of axes", axes);
  const order = axes.map((axis) => normalizeAxis("permute", axis, t));
  if (order.length !== t.rank || new Set(order).size !== order.length) {
    throw new AxisError(
      "permute",
      "every axis must be named once",
      `[${axes.join(", ")}] for ${formatType(t)}`,
    );
  }
  return order.every((axis, i) => axis === i) ? t : apply(Permute, [t], { axes: order });
}

/** The axes in reverse order: the transpose of a matrix. */
export function transpose<S extends Shape = AnyShape>(x: Operand<S> | number): Tensor<Reversed<S>>;
export function transpose(x: TensorLike): Tensor {
  const t = toTensor(x);
  return permute(
    t,
    t.shape.map((_, i) => t.rank - 1 - i),
  );
}

/**
 * Repeats along new axes in front and along axes of size 1, without copying where the backend has views.
 *
 * @throws ShapeError if another axis would change.
 */
export function broadcastTo<const T extends Shape>(x: TensorLike, shape: T): Tensor<Writable<T>>;
export function broadcastTo(x: TensorLike, shape: Shape): Tensor {
  const t = toTensor(x);
  checkShape("broadcastTo", shape);
  return sameShape(t.shape, shape) ? t : apply(BroadcastTo, [t], { shape });
}

/** A new axis of size 1 at the given place; −1 is behind the last. */
export function expandDims(x: TensorLike, axis: number): Tensor {
  const t = toTensor(x);
  const at = normalizeAxis("expandDims", axis, { shape: [...t.shape, 1], dtype: t.dtype });
  return reshape(t, t.shape.toSpliced(at, 0, 1));
}

/**
 * Without the given axes of size 1; without all of them if none are given.
 *
 * @throws ShapeError if a named axis has another size.
 */
export function squeeze(x: TensorLike, options: Pick<AxesOptions, "axes"> = {}): Tensor {
  const t = toTensor(x);
  const named = axesOf("squeeze", t, options);
  const axes = options.axes === undefined ? named.filter((axis) => t.shape[axis] === 1) : named;
  if (axes.some((axis) => t.shape[axis] !== 1)) {
    throw new ShapeError("squeeze", "only axes of size 1 can go", formatType(t));
  }
  return reshape(
    t,
    t.shape.filter((_, i) => !axes.includes(i)),
  );
}

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
function takeRange(x: Tensor, axis: number, start: number, size: number): Tensor {
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
  const valid = widths.flat().every((n) => Number.isInteger(n) && n >= 0);
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

/**
 * Tensors one after the other along an axis (default: the last); element types are promoted.
 *
 * @throws ShapeError if the shapes differ along another axis.
 */
export function concat<
  const T extends readonly TensorLike[],
  const O extends AxisOptions = NoOptions,
>(tensors: T & Fits<Joined<T, O>>, options?: O): Tensor<ShapeOr<Joined<T, O>>>;
export function concat(tensors: readonly TensorLike[], options: AxisOptions = {}): Tensor {
  const list = promoted("concat", tensors);
  const axis = axisOf("concat", list[0], options);
  return list.length === 1 ? list[0] : apply(Concat, list, { axis });
}

/**
 * Tensors of one shape side by side along a new axis (default: the last).
 *
 * @throws ShapeError if the shapes differ.
 */
export function stack(tensors: readonly TensorLike[], options: AxisOptions = {}): Tensor {
  checkOptions("stack", options, ["axis"]);
  const list = promoted("stack", tensors);
  const first = list[0];
  for (const t of list) {
    if (!sameShape(t.shape, first.shape)) {
      throw new ShapeError("stack", "shapes must be the same", formatTypes([first, t]));
    }
  }
  const axis = normalizeAxis("stack", options.axis ?? -1, {
    shape: [...first.shape, 1],
    dtype: first.dtype,
  });
  return concat(
    list.map((t) => expandDims(t, axis)),
    { axis },
  );
}

/** Tensors of one element type; at least one. */
function promoted(op: string, tensors: readonly TensorLike[]): Tensor[] {
  checkArray(op, "needs an array of tensors", tensors);
  const list = tensors.map(toTensor);
  if (list.length === 0) throw new ArgumentError(op, "needs at least one tensor", "none");
  const dtype = list.map((t) => t.dtype).reduce(promote);
  return list.map((t) => cast(t, dtype));
}

/**
 * Pieces of a tensor along an axis (default: the last).
 *
 * @param pieces - How many equal pieces, or the size of each.
 * @throws ShapeError if the pieces do not add up to the axis.
 *
 * @example
 * ```ts
 * import { arange, split } from "tapeloop";
 *
 * const [i, f] = split(arange(6), 2);
 * console.log(i.toArray(), f.toArray()); // [ 0, 1, 2 ] [ 3, 4, 5 ]
 * ```
 */
export function split<const N extends number | readonly number[]>(
  x: TensorLike,
  pieces: N,
  options?: AxisOptions,
): Several<N>;
export function split(
  x: TensorLike,
  pieces: number | readonly number[],
  options: AxisOptions = {},
): readonly Tensor[] {
  const t = toTensor(x);
  const axis = axisOf("split", t, options);
  const size = t.shape[axis];
  if (
    typeof pieces === "number" &&
    (!Number.isInteger(pieces) || pieces < 1 || size % pieces !== 0)
  ) {
    throw new ShapeError(
      "split",
      `axis ${axis} must divide into equal pieces`,
      `${pieces} pieces of ${formatType(t)}`,
      "Give the sizes as an array.",
    );
  }
  const sizes =
    typeof pieces === "number" ? Array.from({ length: pieces }, () => size / pieces) : pieces;
  checkArray("split", "needs a number of pieces, or an array of sizes", sizes);
  for (const piece of sizes) checkShape("split", [piece]);
  return applyMany(Split, [t], { axis, sizes });
}

/** The slices of a tensor along an axis (default: the first), without that axis. */
export function unstack(x: TensorLike, options: AxisOptions = {}): readonly Tensor[] {
  const t = toTensor(x);
  checkOptions("unstack", options, ["axis"]);
  const axis = normalizeAxis("unstack", options.axis ?? 0, t);
  const size = t.shape[axis];
  if (size === 0) return [];
  return split(t, size, { axis }).map((piece) => reshape(piece, t.shape.toSpliced(axis, 1)));
}
