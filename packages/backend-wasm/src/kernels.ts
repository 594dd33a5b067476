/**
 * @file The table of kernels: what this backend does itself, and, for all else, the other backend that it
 * was given.
 */
import {
  type Backend,
  type Crossing,
  type DType,
  kernelElsewhere,
  type KernelTable,
  permuted,
  type PrimitiveName,
  primitives,
  type Program,
  repeated,
  rowMajorStrides,
  runCond,
  runScan,
  runWhile,
  sizeOf,
  sliced,
  type TensorType,
  type TypedArray,
  type View,
} from "@tapeloop/autograd/backend";
import { addressOf, fresh, isRowMajor, type WasmArray } from "./array.ts";
import { type PointwiseRun, pointwiseRun } from "./elementwise.ts";
import { indexing } from "./indexing.ts";
import { asRowMajor, copyTo, rowMajor } from "./layout.ts";
import type { Machine } from "./machine.ts";
import type { Part } from "./memory.ts";
import { compileProgram } from "./plan/compile.ts";
import { pointwiseOf } from "./pointwise.ts";
import { contract, type Products } from "./products/contraction.ts";
import { type Reduction, reduce } from "./reductions.ts";

/** A kernel whose primitive is known only at run time. */
type AnyKernel<R> = (
  inputs: readonly WasmArray[],
  params: unknown,
  type: R,
) => WasmArray | readonly WasmArray[];

/** Kernels of the given primitives. */
type Kernels<N extends PrimitiveName> = Pick<KernelTable<WasmArray>, N>;

/** A view of the same memory. */
function view(
  { part }: WasmArray,
  { shape, dtype }: TensorType,
  strides: readonly number[],
  offset: number,
): WasmArray {
  return { shape, dtype, part, strides, offset };
}

/** The same memory in another layout. */
function seen(x: WasmArray, layout: View): WasmArray {
  return view(x, { shape: layout.shape, dtype: x.dtype }, layout.strides, layout.offset);
}

/** Movements: views where there are any. */
function movements(
  machine: Machine,
): Kernels<"reshape" | "permute" | "broadcastTo" | "slice" | "split" | "alias" | "concat" | "pad"> {
  return {
    alias: ([x]) => x,
    reshape: ([x], _, type) => {
      const dense = asRowMajor(machine, x);
      return view(dense, type, rowMajorStrides(type.shape), dense.offset);
    },
    permute: ([x], { axes }) => seen(x, permuted(axes)(x)),
    broadcastTo: ([x], { shape }) => seen(x, repeated(shape)(x)),
    slice: ([x], { starts, sizes, steps }) => seen(x, sliced(starts, sizes, steps)(x)),
    split: ([x], { axis }, types) => {
      let { offset } = x;
      return types.map((type) => {
        const piece = view(x, type, x.strides, offset);
        offset += type.shape[axis] * x.strides[axis];
        return piece;
      });
    },
    concat: (inputs, { axis }, type) => {
      const out = fresh(type, machine.memory);
      let offset = 0;
      for (const x of inputs) {
        copyTo(machine, view(out, x, out.strides, offset), x);
        offset += x.shape[axis] * out.strides[axis];
      }
      return out;
    },
    pad: ([x], { spans, value }, type) => {
      const out = fresh(type, machine.memory);
      machine.memory.view(type.dtype, out.part.pointer, sizeOf(type.shape)).fill(value);
      const strides = out.strides.map((stride, i) => stride * (spans[i].between + 1));
      const offset = spans.reduce((sum, { before }, i) => sum + before * out.strides[i], 0);
      copyTo(machine, view(out, x, strides, offset), x);
      return out;
    },
  };
}

/** A reduction here where it can be done, else elsewhere. */
function reducing(
  machine: Machine,
  name: Reduction,
  elsewhere: AnyKernel<TensorType>,
): Kernels<"sum">["sum"] {
  return (inputs, params, type) => {
    const [x] = inputs;
    const here = x.dtype === "float32" ? reduce(machine, name, x, params.axes, type) : null;
    return here ?? (elsewhere(inputs, params, type) as WasmArray);
  };
}

/** The elements in row-major order, as a copy. */
export function read(machine: Machine, x: WasmArray): TypedArray {
  const size = sizeOf(x.shape);
  if (isRowMajor(x)) return machine.memory.view(x.dtype, addressOf(x), size).slice();
  const dense = rowMajor(machine, x);
  const data = machine.memory.view(x.dtype, dense.part.pointer, size).slice();
  machine.memory.release(dense.part);
  return data;
}

/** An array of these elements. */
export function upload(machine: Machine, data: TypedArray, type: TensorType): WasmArray {
  const out = fresh(type, machine.memory);
  machine.memory.view(type.dtype, out.part.pointer, data.length).set(data);
  return out;
}

/** Every primitive. */
export function kernelsOn<V>(
  machine: Machine,
  products: Products,
  other: Backend<V>,
): KernelTable<WasmArray> {
  const table: Record<string, unknown> = {};
  const crossing: Crossing<WasmArray> = {
    read: (x) => read(machine, x),
    upload: (data, type) => upload(machine, data, type),
  };
  for (const name of Object.keys(primitives) as PrimitiveName[]) {
    const elsewhere = kernelElsewhere(crossing, other, name);
    // By the type of the result, and that of the operands: all have one, but for the mask of `where`, which
    // comes first. Objects and not a map of names: this runs for every op.
    const runs: Partial<Record<DType, Partial<Record<DType, PointwiseRun | null>>>> = {};
    const pointwise: AnyKernel<TensorType> = (inputs, params, type) => {
      const ofResult = (runs[type.dtype] ??= {});
      const { dtype } = inputs[inputs.length - 1];
      let run = ofResult[dtype];
      if (run === undefined) {
        const kernel = pointwiseOf(
          name,
          inputs.map((x) => x.dtype),
          type.dtype,
        );
        run = kernel === undefined ? null : pointwiseRun(machine, kernel);
        ofResult[dtype] = run;
      }
      return run === null ? elsewhere(inputs, params, type) : run(inputs, type);
    };
    table[name] = primitives[name].work === "pointwise" ? pointwise : elsewhere;
  }
  const [sum, max, dot] = ["sum", "max", "dotGeneral"].map(
    (name) => table[name],
  ) as AnyKernel<TensorType>[];
  const own: Partial<KernelTable<WasmArray>> = {
    ...movements(machine),
    ...indexing(machine),
    fill: (_, { value }, type) => {
      const out = fresh(type, machine.memory);
      machine.memory.view(type.dtype, out.part.pointer, sizeOf(type.shape)).fill(value);
      return out;
    },
    sum: reducing(machine, "sum", sum),
    max: reducing(machine, "max", max),
    dotGeneral: (inputs, params, type) =>
      type.dtype === "float32" || type.dtype === "float64"
        ? contract(machine, products, inputs, params, type)
        : (dot(inputs, params, type) as WasmArray),
  };
  Object.assign(table, own);
  const kernels = table as unknown as KernelTable<WasmArray>;
  const loop = {
    name: "wasm",
    kernels,
    memoryOf: ({ part }: WasmArray) => part,
    release: (memory: object) => machine.memory.release(memory as Part),
    readSync: (value: WasmArray) => read(machine, value),
  };
  const complete: KernelTable<WasmArray> = {
    ...kernels,
    scan: (inputs, params, types) => runScan(loop, inputs, params, types),
    cond: (inputs, params) => runCond(choice, inputs, params),
    whileLoop: (inputs, params) => runWhile(choice, inputs, params),
  };
  // Branches and the steps of such loops run as plans, too.
  const choice = {
    ...loop,
    kernels: complete,
    compile: (program: Program) => compileProgram(machine, products, complete, program),
  };
  return complete;
}
