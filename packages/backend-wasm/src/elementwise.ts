/** @file Kernels of expressions: one loop over rows of elements, four at a time. */
import { type DType, sizeOf, type TensorType } from "@tapeloop/autograd/backend";
import { addressOf, bytesOf, fresh, isRowMajor, type WasmArray } from "./array.ts";
import type { Body } from "./emitter.ts";
import { bits, type Expression, op, Writer } from "./expression.ts";
import { rowMajor } from "./layout.ts";
import type { Machine } from "./machine.ts";
import { eachRow, rowsOf } from "./rows.ts";

/** Element types that lanes hold; masks are ones or zeros in all bits. */
type LaneType = Exclude<DType, "float64">;

/** A function of single elements. */
export interface PointwiseKernel {
  /** Names it among all others. */
  readonly name: string;
  /** Element types of the operands. */
  readonly operands: readonly LaneType[];
  /** Element type of the result. */
  readonly result: LaneType;
  /** What it computes. */
  readonly value: Expression;
}

/** Elements per vector. */
const lanes = 4;

/** Puts four elements, or one of them four times, on the stack. */
function load(body: Body, dtype: LaneType, pointer: number, isOne: boolean): void {
  body.get(pointer);
  if (dtype !== "bool") body.at(isOne ? "v128.load32_splat" : "v128.load");
  else if (isOne) body.at("v128.load8_splat");
  else {
    body.at("v128.load32_zero").op("i16x8.extend_low_i8x16_u", "i32x4.extend_low_i16x8_u");
  }
  if (dtype === "bool") body.i32(0).op("i32x4.splat", "i32x4.ne");
}

/** Writes a kernel: parameters are the end of the result, its beginning, and those of the operands. */
function writeKernel(
  body: Body,
  { operands, result, value }: PointwiseKernel,
  isOne: readonly boolean[],
): void {
  const [end, out, first] = [0, 1, 2];
  const writer = new Writer(body);
  const stored = result === "bool" ? op("v128.and", value, bits(1)) : value;
  writer.prepare(stored);
  const values = operands.map(() => body.local("v128"));
  operands.forEach((dtype, i) => {
    if (!isOne[i]) return;
    load(body, dtype, first + i, true);
    body.set(values[i]);
  });
  body.loopUntil(out, end, () => {
    operands.forEach((dtype, i) => {
      if (isOne[i]) return;
      load(body, dtype, first + i, false);
      body.set(values[i]).advance(first + i, lanes * bytesOf(dtype));
    });
    writer.begin(values);
    body.get(out);
    writer.write(stored);
    if (result === "bool") {
      const narrow = body.local("v128");
      body.set(narrow).get(narrow).get(narrow).op("i16x8.narrow_i32x4_s").set(narrow);
      body.get(narrow).get(narrow).op("i8x16.narrow_i16x8_u").storeLane32(0);
    } else body.at("v128.store");
    body.advance(out, lanes * bytesOf(result));
  });
}

/** Rows shorter than this are not worth a call each. */
const shortRow = 8;

/** Runs a kernel on operands of one shape. */
export function runPointwise(
  machine: Machine,
  kernel: PointwiseKernel,
  operands: readonly WasmArray[],
  type: TensorType,
): WasmArray {
  const out = fresh(type, machine.memory);
  const size = sizeOf(type.shape);
  if (size === 0) return out;
  let rows = rowsOf(type.shape, operands);
  const isShort = rows.length < shortRow && rows.sizes.length > 0;
  const temporary: WasmArray[] = [];
  const read = operands.map((x, k) => {
    const isFit = rows.inner[k] === 0 || rows.inner[k] === 1 || rows.length === 1;
    if (isFit && !(isShort && !isRowMajor(x))) return x;
    const copy = rowMajor(machine, x);
    temporary.push(copy);
    return copy;
  });
  if (temporary.length > 0) rows = rowsOf(type.shape, read);
  const isOne = rows.inner.map((stride) => stride === 0);
  const key = `${kernel.name} ${isOne.map(Number).join("")}`;
  const run = machine.kernel(key, {
    parameters: ["i32", "i32", ...operands.map(() => "i32" as const)],
    write: (body) => writeKernel(body, kernel, isOne),
  });
  const starts = read.map(addressOf);
  const widths = read.map(({ dtype }) => bytesOf(dtype));
  const step = rows.length * bytesOf(type.dtype);
  let at = out.part.pointer;
  eachRow(rows, (offsets) => {
    const [a, b, c] = offsets.map((offset, k) => starts[k] + offset * widths[k]);
    run(at + step, at, a, b, c);
    at += step;
  });
  for (const { part } of temporary) machine.memory.release(part);
  return out;
}
