/**
 * @file The table of kernels: float32 and masks on the device; whole numbers and float64 on the host,
 * where they are exact, by the other backend.
 */
import {
  allocate,
  type Backend,
  type CompiledProgram,
  IndexError,
  kernelElsewhere,
  type KernelTable,
  permuted,
  type PrimitiveName,
  primitives,
  type Program,
  ranged,
  repeated,
  reshaped,
  rowMajorStrides,
  runCond,
  runScan,
  runWhile,
  sizeOf,
  sliced,
  type TensorType,
  type View,
} from "@tapeloop/autograd/backend";
import { type GpuArray, isRowMajor, Memory } from "./array.ts";
import type { Device } from "./device.ts";
import { emitters } from "./emitters.ts";
import { kernelOf, type ValueKernel } from "./kernel.ts";
import { isExact, isWithin, type Ranged, rangeOf } from "./ranges.ts";
import { copy, read, upload } from "./transfer.ts";
import { Recent } from "./recent.ts";
import { isStaged, staged, type StagedName, stagedNames } from "./staged.ts";
import { leafOf, leafOn, opOf } from "./value.ts";

/** A kernel whose primitive is known only at run time. */
export type AnyKernel = (
  inputs: readonly GpuArray[],
  params: unknown,
  type: unknown,
) => GpuArray | readonly GpuArray[];

/** Kernels of the given primitives. */
type Kernels<N extends PrimitiveName> = Pick<KernelTable<GpuArray>, N>;

/** The same memory in another layout. */
function seenAs({ memory, dtype }: GpuArray, { shape, strides, offset }: View): GpuArray {
  return { shape, dtype, memory, strides, offset };
}

/** Movements: views where there are any. */
function movements(
  device: Device,
): Kernels<"alias" | "reshape" | "permute" | "broadcastTo" | "slice" | "split" | "fill"> {
  return {
    alias: ([x]) => x,
    reshape: ([x], { shape }) => {
      const there = reshaped(shape)(x);
      if (there !== null) return seenAs(x, there);
      const dense = isRowMajor(x) ? x : copy(device, x);
      return seenAs(dense, { shape, strides: rowMajorStrides(shape), offset: dense.offset });
    },
    permute: ([x], { axes }) => seenAs(x, permuted(axes)(x)),
    broadcastTo: ([x], { shape }) => seenAs(x, repeated(shape)(x)),
    slice: ([x], { starts, sizes, steps }) => seenAs(x, sliced(starts, sizes, steps)(x)),
    split: ([x], { axis, sizes }) => {
      let start = 0;
      return sizes.map((size) => {
        const piece = seenAs(x, ranged(axis, start, size)(x));
        start += size;
        return piece;
      });
    },
    // One number that is everywhere.
    fill: (_, { value }, { shape, dtype }) => {
      const memory = new Memory(device, 1, null, allocate(dtype, 1).fill(value));
      return { shape, dtype, memory, offset: 0, strides: shape.map(() => 0) };
    },
  };
}

/** Primitives with indices for their second input: where these may point is checked when they are there. */
export const indexed: ReadonlySet<PrimitiveName> = new Set(["gather", "scatterAdd"]);

/** Whether the device can compute an op: it has float32 and masks, and whole numbers as far as these are exact. */
export function isForDevice(
  name: PrimitiveName,
  params: unknown,
  inputs: readonly Ranged[],
  result: TensorType,
): boolean {
  if (emitters[name] === undefined && !isStaged(name, params, inputs)) return false;
  const isChecked = (input: number): boolean => input === 1 && indexed.has(name);
  const range = rangeOf(name, params, inputs, result);
  return fits({ ...result, range }) && inputs.every((x, i) => fits(x, isChecked(i)));
}

/** Whether float32 has these elements; of those that are checked it has all that pass. */
function fits({ shape, dtype, range }: Ranged, isChecked = false): boolean {
  if (sizeOf(shape) === 0 || dtype === "float64") return false;
  return dtype !== "int32" || isChecked || isExact(range);
}

/** Whether an op runs on the device now. Whole numbers that are all on the host stay there. */
function isHere(
  name: PrimitiveName,
  params: unknown,
  inputs: readonly GpuArray[],
  result: TensorType,
): boolean {
  const types = [result, ...inputs];
  const isWhole = types.some(({ dtype }) => dtype === "int32");
  const isFloat = types.some(({ dtype }) => dtype === "float32");
  if (isWhole && !isFloat && inputs.every(({ memory }) => memory.host !== null)) return false;
  const known = inputs.map((x) => ({ ...x, range: x.memory.range }));
  return isForDevice(name, params, known, result);
}

/** Refuses indices outside of the axis. Those of the device are not read if they are known to be right. */
export function checkIndices(
  device: Device,
  op: string,
  indices: GpuArray,
  axis: number,
  size: number,
): void {
  if (isWithin(indices.memory.range, size)) return;
  const list = read(device, indices, {
    op,
    remedy: "Bring them into range with maximum() and minimum().",
  });
  const wrong = list.findIndex((index: number) => index < 0 || index >= size);
  if (wrong < 0) return;
  throw new IndexError(
    op,
    `indices along axis ${axis} must be in [0, ${size})`,
    `${list[wrong]} at place ${wrong}`,
    size === 0 ? "The axis has no elements." : "Indices count from 0.",
  );
}

/** Runs a primitive on another backend, and counts how often. */
function through<V>(device: Device, other: Backend<V>, name: PrimitiveName): AnyKernel {
  const reader = {
    op: name,
    remedy: 'It runs on another backend: await the data() of its inputs, or use mode "webgl2".',
  };
  const elsewhere = kernelElsewhere(
    {
      read: (x: GpuArray) => read(device, x, reader),
      upload: (data, each) => upload(device, data, each),
    },
    other,
    name,
  );
  return (inputs, params, type) => {
    device.countElsewhere(name);
    return elsewhere(inputs, params, type as TensorType | readonly TensorType[]);
  };
}

/** What makes one kernel differ from another, of one primitive. */
function keyOf(inputs: readonly GpuArray[], params: unknown, { shape, dtype }: TensorType): string {
  const lies = inputs.map((x) => {
    const isNumber = x.memory.size === 1 && x.memory.host !== null;
    return isNumber
      ? `${x.dtype} ${x.shape.join()}`
      : `${x.dtype} ${x.shape.join()} ${x.strides.join()} ${x.memory.size} ${x.offset === 0}`;
  });
  return `${dtype} ${shape.join()};${lies.join(";")};${JSON.stringify(params, spelt)}`;
}

/** Numbers that JSON does not tell apart, in words. */
function spelt(_: string, value: unknown): unknown {
  if (typeof value !== "number") return value;
  return Number.isFinite(value) && !Object.is(value, -0)
    ? value
    : String(1 / value) + String(value);
}

/** So many kinds of inputs are remembered of each primitive. */
const remembered = 1024;

/** Runs a primitive on the device. */
function here(device: Device, name: PrimitiveName): (...op: Parameters<AnyKernel>) => GpuArray {
  const known = new Recent<ValueKernel>(remembered);
  return (inputs, params, type) => {
    const result = type as TensorType;
    const make = (): ValueKernel =>
      kernelOf(device, opOf(name, params, inputs.map(leafOn), result));
    return known.of(keyOf(inputs, params, result), make)(inputs);
  };
}

/** Runs a reduction or a sort on the device, in as many stages as it needs. */
function inStages(device: Device, name: StagedName): (...op: Parameters<AnyKernel>) => GpuArray {
  const known = new Recent<readonly ValueKernel[]>(remembered);
  return (inputs, params, type) => {
    const result = type as TensorType;
    const kernels = known.of(keyOf(inputs, params, result), () => {
      const x = leafOn(inputs[0], 0);
      const stages = staged(name, x, params, result);
      const values =
        stages === null
          ? [opOf(name, params, [x], result)]
          : [stages.first, stages.second(leafOf(stages.first, 0, sizeOf(stages.first.shape)))];
      return values.map((value) => kernelOf(device, value));
    });
    const [first, second] = kernels;
    const made = first(inputs);
    if (second === undefined) return made;
    const all = second([made]);
    made.memory.release();
    return all;
  };
}

/** Joins any number of pieces, a few at a time. */
function joining(device: Device, elsewhere: AnyKernel): Kernels<"concat">["concat"] {
  const few = here(device, "concat");
  const { mostInputs } = device;
  const join = (pieces: readonly GpuArray[], axis: number): GpuArray => {
    const size = pieces.reduce((sum, { shape }) => sum + shape[axis], 0);
    const type = { shape: pieces[0].shape.with(axis, size), dtype: pieces[0].dtype };
    if (pieces.length <= mostInputs) return few(pieces, { axis }, type);
    const groups = Array.from({ length: Math.ceil(pieces.length / mostInputs) }, (_, i) =>
      join(pieces.slice(i * mostInputs, (i + 1) * mostInputs), axis),
    );
    const made = join(groups, axis);
    for (const { memory } of groups) memory.release();
    return made;
  };
  return (inputs, params, type) => {
    const pieces = inputs.filter(({ shape }) => sizeOf(shape) > 0);
    return isHere("concat", params, pieces, type)
      ? join(pieces, params.axis)
      : (elsewhere(inputs, params, type) as GpuArray);
  };
}

/**
 * Every primitive.
 *
 * @param compile - Makes branches ready.
 */
export function kernelsOn<V>(
  device: Device,
  other: Backend<V>,
  compile: (program: Program) => CompiledProgram<GpuArray>,
): KernelTable<GpuArray> {
  const table: Partial<Record<PrimitiveName, AnyKernel>> = {};
  for (const name of Object.keys(primitives) as PrimitiveName[]) {
    const elsewhere = through(device, other, name);
    const run = stagedNames.has(name) ? inStages(device, name as StagedName) : here(device, name);
    const isOne = primitives[name].results === "one";
    table[name] = (inputs, params, type) =>
      (isOne && isHere(name, params, inputs, type as TensorType) ? run : elsewhere)(
        inputs,
        params,
        type,
      );
  }
  const [gather, scatterAdd, concat] = (["gather", "scatterAdd", "concat"] as const).map(
    (name) => table[name] as AnyKernel,
  );
  const own: Partial<KernelTable<GpuArray>> = {
    ...movements(device),
    gather: (inputs, params, type) => {
      const [x, indices] = inputs;
      checkIndices(device, "gather", indices, params.axis, x.shape[params.axis]);
      return gather(inputs, params, type) as GpuArray;
    },
    scatterAdd: (inputs, params, type) => {
      checkIndices(device, "scatterAdd", inputs[1], params.axis, params.size);
      return scatterAdd(inputs, params, type) as GpuArray;
    },
    concat: joining(device, concat),
  };
  const kernels = { ...table, ...own } as unknown as KernelTable<GpuArray>;
  const loop = {
    name: "gpu",
    kernels,
    memoryOf: ({ memory }: GpuArray) => memory,
    readSync: (value: GpuArray) => read(device, value),
    release: (memory: object) => (memory as Memory).release(),
  };
  const choice = { ...loop, compile };
  return {
    ...kernels,
    scan: (inputs, params, types) => runScan(loop, inputs, params, types),
    cond: (inputs, params) => runCond(choice, inputs, params),
    whileLoop: (inputs, params) => runWhile(choice, inputs, params),
  };
}
