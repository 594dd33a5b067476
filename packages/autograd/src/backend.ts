/**
 * What a backend signs: kernels for every primitive, and a way in and out for data.
 *
 * @packageDocumentation
 */
import type { TypedArray } from "./dtype.ts";
import type { ParamsOf, PrimitiveName, ResultOf } from "./primitives/index.ts";
import type { Program } from "./program/program.ts";
import type { TensorType } from "./shape.ts";

/**
 * Computes one primitive.
 *
 * Written as a method, which TypeScript compares in both directions: so a `Backend<V>` is a `Backend`,
 * whose arrays nobody but itself looks into.
 *
 * @typeParam V - The backend's arrays.
 * @typeParam N - The primitive's name.
 */
export type Kernel<V, N extends PrimitiveName> = {
  /** Computes the result of the given type. */
  run(
    inputs: readonly V[],
    params: ParamsOf<N>,
    type: ResultOf<N>,
  ): ResultOf<N> extends TensorType ? V : readonly V[];
}["run"];

/**
 * A program made ready: a function of its inputs, and of its constants in their order.
 *
 * @typeParam V - The backend's arrays.
 */
export type CompiledProgram<V> = {
  /**
   * Computes the program's outputs. The memory of inputs at the places in `donated` belongs to the run,
   * whatever becomes of it: it is written on, handed out with a result, or given back.
   */
  run(inputs: readonly V[], constants: readonly V[], donated?: readonly number[]): readonly V[];
}["run"];

/** One kernel for every primitive. A primitive without a kernel is a compile error that names it. */
export type KernelTable<V> = { readonly [N in PrimitiveName]: Kernel<V, N> };

/**
 * A place where tensors live and primitives run. It knows nothing of derivatives.
 *
 * @typeParam V - The backend's arrays: data with a layout. Several may look at the same memory.
 */
export interface Backend<V = unknown> {
  /** How users and messages call it. */
  readonly name: string;
  /** One kernel for every primitive. Kernels never change their inputs. */
  readonly kernels: KernelTable<V>;
  /** Takes host data in, in row-major order; the array is the backend's from then on. */
  upload(data: TypedArray, type: TensorType): V;
  /** A row-major copy of the elements, when they are there. */
  read(value: V, type: TensorType): Promise<TypedArray>;
  /** The same at once; backends that cannot wait throw a {@link BackendError}. */
  readSync(value: V, type: TensorType): TypedArray;
  /** The memory behind an array. Two arrays look at the same memory if this is the same object. */
  memoryOf(value: V): object;
  /** Takes back memory, as `memoryOf` names it, that no tensor looks at any more. */
  release?(memory: object): void;
  /**
   * Makes a whole program ready; without it, programs run kernel by kernel. Results may be views of
   * inputs and constants.
   *
   * @param donated - Places of the inputs that may be donated to a run.
   */
  compile?(program: Program, donated?: readonly number[]): CompiledProgram<V>;
  /**
   * Ops of a program that this backend leaves to another one, as far as that is known before it runs: how many of
   * each, by name, those in bodies counted once. Without it there are none.
   */
  elsewhere?(program: Program): Readonly<Record<string, number>>;
}

export { apply, applyMany } from "./apply.ts";
export { allocate, type DType, isFloat, type TypedArray } from "./dtype.ts";
export {
  ArgumentError,
  BackendError,
  BackendUnavailableError,
  checkOptions,
  DeviceLostError,
  type ErrorCode,
  IndexError,
  type TapeloopError,
} from "./errors.ts";
export { tensor } from "./ops/create.ts";
export type {
  AnyPrimitive,
  BatchRule,
  Bodies,
  Lane,
  ManyPrimitive,
  NoParams,
  OnePrimitive,
  PrimitiveOf,
  Pruned,
  Repetition,
  Tangents,
} from "./primitive.ts";
export type { Binary, Operands } from "./primitives/binary.ts";
export type { CastParams, Comparison } from "./primitives/choice.ts";
export type { DotAxes } from "./primitives/contraction.ts";
export type { Gathered, GatherParams, ScatterParams } from "./primitives/indexing.ts";
export type { ConcatParams, SplitParams } from "./primitives/joining.ts";
export type { PadParams, PadSpan, SliceParams } from "./primitives/slicing.ts";
export type { PermuteParams, ShapeParams } from "./primitives/movement.ts";
export type { CumsumParams } from "./primitives/order.ts";
export type { ArgParams, InputAndOutput, ReduceParams } from "./primitives/reduce.ts";
export type { PlainUnary, Unary } from "./primitives/unary.ts";
export {
  type ParamsOf,
  type PrimitiveName,
  primitives,
  type PrimitiveSet,
  type ResultOf,
} from "./primitives/index.ts";
export type { CondParams } from "./primitives/cond.ts";
export type { Looped, ScanParams } from "./primitives/scan.ts";
export type { WhileParams } from "./primitives/while.ts";
export type { Constant, Program, ProgramNode, Variable } from "./program/program.ts";
export { type Crossing, type ElsewhereKernel, kernelElsewhere } from "./program/elsewhere.ts";
export { type Machine, runCond, runScan, runWhile } from "./program/run.ts";
export type { FillParams, IotaParams, RandomParams } from "./primitives/leaf.ts";
export {
  formatType,
  rowMajorStrides,
  type Shape,
  sameShape,
  sizeOf,
  type TensorType,
} from "./shape.ts";
export type { Tensor } from "./tensor.ts";
export { randomWords, threefry2x32 } from "./threefry.ts";
export { type Movement, permuted, ranged, repeated, reshaped, sliced, type View } from "./views.ts";
