/** @file The table of kernels: one for every primitive. */
import {
  type DType,
  type KernelTable,
  permuted,
  type PrimitiveName,
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
import { ordering } from "./ordering.ts";
import { compileProgram } from "./plan/compile.ts";
import { type PointwiseName, pointwiseNames, pointwiseOf } from "./pointwise.ts";
import { contract, type Products } from "./products/contraction.ts";
import { random } from "./random.ts";
import { reduce } from "./reductions.ts";

/** The kernel of a function of single elements. */
type Pointwise = (inputs: readonly WasmArray[], params: unknown, type: TensorType) => WasmArray;

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

/** A function of single elements, for operands of every type that it takes. */
function pointwise(machine: Machine, name: PointwiseName): Pointwise {
  // By the type of the result, and that of the operands: all have one, but for the mask of `where`, which
  // comes first. Objects and not a map of names: this runs for every op.
  const runs: Partial<Record<DType, Partial<Record<DType, PointwiseRun>>>> = {};
  return (inputs, _, type) => {
    const ofResult = (runs[type.dtype] ??= {});
    const { dtype } = inputs[inputs.length - 1];
    let run = ofResult[dtype];
    if (run === undefined) {
      const types = inputs.map((x) => x.dtype);
      run = pointwiseRun(machine, pointwiseOf(name, types, type.dtype));
      ofResult[dtype] = run;
    }
    return run(inputs, type);
  };
}

/** The contraction of any type: whole numbers go through float64. */
function contraction(machine: Machine, products: Products): Kernels<"dotGeneral">["dotGeneral"] {
  const casting = pointwise(machine, "cast");
  return (inputs, params, type) => {
    if (type.dtype === "float32" || type.dtype === "float64") {
      return contract(machine, products, inputs, params, type);
    }
    const wide = inputs.map((x) => casting([x], params, { shape: x.shape, dtype: "float64" }));
    const made = contract(machine, products, wide, params, { ...type, dtype: "float64" });
    const out = casting([made], params, type);
    for (const { part } of [...wide, made]) machine.memory.release(part);
    return out;
  };
}

/** Every primitive. */
export function kernelsOn(machine: Machine, products: Products): KernelTable<WasmArray> {
  const functions = Object.fromEntries(
    pointwiseNames.map((name) => [name, pointwise(machine, name)]),
  ) as Record<PointwiseName, Pointwise>;
  const kernels: KernelTable<WasmArray> = {
    ...functions,
    ...movements(machine),
    ...indexing(machine),
    ...ordering(machine),
    fill: (_, { value }, type) => {
      const out = fresh(type, machine.memory);
      machine.memory.view(type.dtype, out.part.pointer, sizeOf(type.shape)).fill(value);
      return out;
    },
    random: ([key], _, type) => random(machine, key, type),
    sum: ([x], { axes }, type) => reduce(machine, "sum", x, axes, type),
    max: ([x], { axes }, type) => reduce(machine, "max", x, axes, type),
    dotGeneral: contraction(machine, products),
    scan: (inputs, params, types) => runScan(loop, inputs, params, types),
    cond: (inputs, params) => runCond(branch, inputs, params),
    whileLoop: (inputs, params) => runWhile(branch, inputs, params),
  };
  const loop = {
    name: "wasm",
    kernels,
    memoryOf: ({ part }: WasmArray) => part,
    release: (memory: object) => machine.memory.release(memory as Part),
    readSync: (value: WasmArray) => read(machine, value),
  };
  // Branches and the steps of such loops run as plans. A loop over inputs that is met op by op has a body of its
  // own each time: not worth a plan.
  const branch = {
    ...loop,
    compile: (program: Program) => compileProgram(machine, products, kernels, program),
  };
  return kernels;
}
