/** @file Running a kernel on a sample, and comparing what comes out. */
import {
  type Backend,
  type DType,
  formatType,
  type PrimitiveName,
  primitives,
  type TensorType,
  type TypedArray,
} from "@tapeloop/autograd/backend";
import type { Layout } from "./layouts.ts";
import { dtypeIn, indicesOf, type Input, typed } from "./plain.ts";
import type { floats, Row, Sample } from "./samples.ts";

/** One sample of one primitive on one backend, with real numbers in one float type. */
export interface Run {
  readonly backend: Backend;
  readonly name: PrimitiveName;
  readonly row: Row<unknown>;
  readonly sample: Sample<unknown>;
  readonly float: (typeof floats)[number];
}

/** What a kernel computed, with the type by the primitive's rule. */
export interface Result {
  readonly type: TensorType;
  readonly data: TypedArray;
}

/** A kernel whose primitive is not known. */
type AnyKernel = (inputs: readonly unknown[], params: unknown, type: unknown) => unknown;

/** The type of an input in a run. */
export function typeIn(x: Input, { float }: Run): TensorType {
  return { shape: x.shape, dtype: dtypeIn(x, float) };
}

/** An input on the run's backend. */
export function upload(run: Run, x: Input): unknown {
  const type = typeIn(x, run);
  return run.backend.upload(typed(x.data, type.dtype), type);
}

/** An input on the run's backend, as a view in some layout. */
export function uploadAs(run: Run, { seen, stored, movement, params }: Layout): unknown {
  const kernel = run.backend.kernels[movement] as AnyKernel;
  return kernel([upload(run, stored)], params, typeIn(seen, run));
}

/**
 * Runs the kernel.
 *
 * @param inputs - What stands in for the sample's inputs.
 * @param arrays - The same on the backend.
 */
export function runKernel(
  run: Run,
  inputs: readonly Input[] = run.sample.inputs,
  arrays: readonly unknown[] = inputs.map((x) => upload(run, x)),
): Result[] {
  const { backend, name, sample } = run;
  const types = inputs.map((x) => typeIn(x, run));
  const inferred = primitives[name].type(types, sample.params as never);
  const kernel = backend.kernels[name] as AnyKernel;
  const result = kernel(arrays, sample.params, inferred);
  const [values, expected] = Array.isArray(inferred)
    ? [result as unknown[], inferred as readonly TensorType[]]
    : [[result], [inferred as TensorType]];
  if (values.length !== expected.length) {
    throw new Error(`${values.length} results, not ${expected.length}`);
  }
  return values.map((v, i) => ({ type: expected[i], data: backend.readSync(v, expected[i]) }));
}

/** How strictly to compare. */
export interface Comparison {
  /** Allowed error in units of the last place. Default: the row's. */
  readonly ulps?: number;
  /** Whether the error is taken relative to each element, or to the greatest. Default: the row's kind. */
  readonly each?: boolean;
  /** Whether 0 and −0 are told apart. Default: false. */
  readonly signedZeros?: boolean;
  /** Where to look for the mistake. Default: the family's kernels. */
  readonly look?: string;
}

/** Fails with the first five elements that differ, and with where to look. */
export function expectClose(
  run: Run,
  what: string,
  { type, data }: Result,
  definition: ArrayLike<number>,
  comparison: Comparison = {},
): void {
  const { backend, name, row, sample } = run;
  const { ulps = row.ulps, each = row.elementwise !== undefined, signedZeros } = comparison;
  const expected = typed(Array.from(definition), type.dtype);
  if (data.length !== expected.length) {
    throw new Error(`${what}: ${data.length} elements, not ${expected.length}`);
  }
  const finite = Array.from(expected).filter(Number.isFinite).map(Math.abs);
  const greatest = Math.max(0, ...finite);
  const wrong = indicesOf(type.shape).flatMap((index, i) => {
    const [got, want] = [data[i], expected[i]];
    if (Object.is(got, want) || (got === want && signedZeros !== true)) return [];
    const allowed = ulps * unit(type.dtype, each ? Math.abs(want) : greatest);
    return Math.abs(got - want) <= allowed ? [] : [`  [${index.join()}] is ${got}, not ${want}`];
  });
  if (wrong.length === 0) return;
  const inputs = sample.inputs.map((x) => formatType(typeIn(x, run))).join(", ");
  const look = comparison.look ?? `packages/backend-${backend.name}/src/kernels/${row.family}.ts`;
  throw new Error(
    [
      `${name}(${inputs}) on "${backend.name}", sample "${sample.what}": ${what}`,
      `${wrong.length} of ${data.length} elements are off by more than ${ulps} ulps:`,
      ...wrong.slice(0, 5),
      `Look at ${look}`,
    ].join("\n"),
  );
}

/** The unit in the last place of numbers of this size. */
function unit(dtype: DType, size: number): number {
  if (dtype === "float32") return Math.max(size * 2 ** -23, 2 ** -149);
  return dtype === "float64" ? Math.max(size * 2 ** -52, 2 ** -1074) : 0;
}
