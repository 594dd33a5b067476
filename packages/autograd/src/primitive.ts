/** @file The contract of a primitive: name, type rule, what its derivative keeps, the derivative. */
import { zerosOfType } from "./ops/create.ts";
import { add } from "./primitives/binary.ts";
import type { Program } from "./program/program.ts";
import { checkShape, type TensorType } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** What all primitives have. */
interface Common<N extends string, P> {
  /** The camelCase word that users, programs and kernels know it by. */
  readonly name: N;
  /**
   * What it does to elements, by which programs are rearranged: "layout" moves or repeats them, or makes
   * constants; "pointwise" computes each from those at the same place; "heavy" is all the rest.
   */
  readonly work: "layout" | "pointwise" | "heavy";
  /** Whether results look at the elements of the first input, wherever strides can say how. */
  readonly isView?: true;
  /** Never set; carries the type of the parameters. */
  readonly params?: P;
  /**
   * For linear primitives: the sum of the result over all steps of a loop, from the inputs' values in all
   * steps (`lane`), or from sums of these (`total`). Without it, results are made for each step and added.
   */
  readonly total?: (
    lane: (input: number) => Lane,
    total: (input: number) => Tensor,
    params: P,
  ) => Tensor;
  /** For ops that stand for a function: runs it again, as it was called. */
  readonly expand?: (inputs: readonly Tensor[], params: P) => Tensor;
  /** For primitives that run programs: where these stand in the parameters. */
  readonly bodies?: Bodies<P>;
}

/** The programs in a primitive's parameters. */
export interface Bodies<P> {
  /** All of them. */
  readonly of: (params: P) => readonly Program[];
  /** The parameters with others in their places. */
  readonly with: (params: P, bodies: readonly Program[]) => P;
  /** The same op without what nobody reads: parameters, and the places of the inputs and results that stay. */
  readonly prune: (params: P, isRead: readonly boolean[]) => Pruned<P>;
  /** How programs are repeated; null where one of them runs, once. */
  readonly loop: ((params: P) => Repetition) | null;
}

/** How a program is run again and again. */
export interface Repetition {
  /** How often; null where values decide. */
  readonly steps: number | null;
  /** Whether from the last step to the first. */
  readonly reverse: boolean;
  /** How many of the results are the last state; the others are kept of all steps. */
  readonly carries: number;
}

/** An op without what nobody reads. */
export interface Pruned<P> {
  /** Its parameters. */
  readonly params: P;
  /** Which inputs stay. */
  readonly inputs: readonly number[];
  /** Which results stay. */
  readonly outputs: readonly number[];
}

/**
 * A primitive with one result.
 *
 * @typeParam N - Its name.
 * @typeParam P - Its parameters: plain data that is not differentiated.
 * @typeParam S - What its derivative keeps of a forward run.
 */
export interface OnePrimitive<N extends string, P, S> extends Common<N, P> {
  /** Tells the two kinds apart. */
  readonly results: "one";
  /** Shape and element type of the result. The single place where inputs are validated. */
  readonly type: (inputs: readonly TensorType[], params: P) => TensorType;
  /** What the derivative may read, and nothing else: tensors, shapes, types. */
  readonly saves: (inputs: readonly Tensor[], output: Tensor, params: P) => S;
  /**
   * The cotangent of one input, given the cotangent `g` of the output; it has that input's type.
   * Written in public ops, so it can be recorded and differentiated again. `null`: the result is
   * piecewise constant and carries no derivative.
   */
  readonly vjp: ((g: Tensor, saved: S, params: P, input: number) => Tensor) | null;
  /**
   * The tangent of the output, given those of the inputs; null stands for zero, and at least one is
   * there. `null` where `vjp` is.
   */
  readonly jvp: ((tangents: Tangents, saved: S, params: P) => Tensor) | null;
  /** How it runs on many examples at once. */
  readonly batch: BatchRule<P, Tensor>;
}

/** A primitive with several results. */
export interface ManyPrimitive<N extends string, P, S> extends Common<N, P> {
  /** Tells the two kinds apart. */
  readonly results: "many";
  /** Shape and element type of each result. */
  readonly type: (inputs: readonly TensorType[], params: P) => readonly TensorType[];
  /** What the derivative may read, and nothing else. */
  readonly saves: (inputs: readonly Tensor[], outputs: readonly Tensor[], params: P) => S;
  /** The cotangent of one input, given those of the outputs; null where nothing flowed back. */
  readonly vjp:
    | ((g: readonly (Tensor | null)[], saved: S, params: P, input: number) => Tensor)
    | null;
  /** The tangents of the outputs, given those of the inputs; null for zero. */
  readonly jvp: ((tangents: Tangents, saved: S, params: P) => Tangents) | null;
  /** How it runs on many examples at once. */
  readonly batch: BatchRule<P, readonly Tensor[]>;
}

/** An input under `vmap`: with its examples along a first axis, or the same for all of them. */
export interface Lane {
  /** The tensor; [examples, …] if it is batched. */
  readonly x: Tensor;
  /** Whether there is one per example. */
  readonly isBatched: boolean;
}

/**
 * Runs a primitive on all examples. The results have their examples along a first axis. Written in
 * public ops.
 *
 * @param run - The primitive itself.
 * @param inputs - Its inputs.
 * @param params - Its parameters, as for one example.
 * @param size - The number of examples.
 */
export type BatchRule<P, R> = (
  run: (inputs: readonly Tensor[], params: P) => R,
  inputs: readonly Lane[],
  params: P,
  size: number,
) => R;

/** One tangent per input; null for zero. */
export type Tangents = readonly (Tensor | null)[];

/** Any primitive, when only its name and kind matter. */
// oxlint-disable-next-line typescript/no-explicit-any -- parameters and saved values are private to each primitive
export type AnyPrimitive = OnePrimitive<string, any, any> | ManyPrimitive<string, any, any>;

/** A primitive with a result of its own name, parameters and kind. */
export type PrimitiveOf<N extends string> = AnyPrimitive & {
  /** That name. */
  readonly name: N;
};

/** The parameters of primitives that have none. */
export type NoParams = null;

/** The one value of {@link NoParams}. */
export const noParams: NoParams = null;

/** For primitives whose derivative keeps nothing. */
export function savesNothing(): null {
  return null;
}

/** Cotangents or tangents with zeros in the place of null; at least one is there. */
export function withZeros(given: Tangents, types: readonly TensorType[]): Tensor[] {
  const like = given.find((t) => t !== null) as Tensor;
  return given.map((t, i) => t ?? zerosOfType(types[i], like));
}

/** The tangent of a primitive that has one input. */
export function only(tangents: Tangents): Tensor {
  return tangents[0] as Tensor;
}

/**
 * The tangent of an element-by-element function: its Jacobian is diagonal, so it is its own transpose,
 * and each input's part is what `vjp` makes of that input's tangent.
 */
export function diagonal<P, S>(
  vjp: (g: Tensor, saved: S, params: P, input: number) => Tensor,
): (tangents: Tangents, saved: S, params: P) => Tensor {
  return (tangents, saved, params) => {
    const parts = tangents.flatMap((t, i) => (t === null ? [] : [vjp(t, saved, params, i)]));
    return parts.reduce((a, b) => add(a, b));
  };
}

/** For primitives without inputs: the type is in the parameters. */
export function typeInParams(_: readonly TensorType[], type: TensorType): TensorType {
  checkShape("tensor", type.shape);
  return { shape: type.shape, dtype: type.dtype };
}
