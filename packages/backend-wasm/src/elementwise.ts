/** @file Kernels of expressions: one loop over rows of elements, a vector of them at a time. */
import { type DType, sizeOf, type TensorType } from "@tapeloop/autograd/backend";
import { addressOf, bytesOf, fresh, isRowMajor, type WasmArray } from "./array.ts";
import type { Body } from "./emitter.ts";
import { bits, type Expression, op, Writer } from "./expression.ts";
import { rowMajor } from "./layout.ts";
import type { CompiledKernel, Machine } from "./machine.ts";
import { eachRow, lastOuter, rowsOf } from "./rows.ts";

/** A function of single elements. */
export interface PointwiseKernel {
  /** Names it among all others. */
  readonly name: string;
  /** Element types of the operands. */
  readonly operands: readonly DType[];
  /** Element type of the result. */
  readonly result: DType;
  /** What it computes. */
  readonly value: Expression;
}

/** Elements per vector: two where float64 is among what is read, computed or stored. */
export type LaneCount = 2 | 4;

/** Elements per vector without it. */
export const mostLanes = 4;

/** How many elements of these types go together. */
export function lanesFor(dtypes: readonly DType[]): LaneCount {
  return dtypes.includes("float64") ? 2 : mostLanes;
}

/** Puts a vector of elements, or one of them in every lane, on the stack; masks are ones or zeros in all bits. */
export function loadLanes(
  body: Body,
  dtype: DType,
  pointer: number,
  isOne: boolean,
  lanes: LaneCount,
  offset = 0,
): void {
  body.get(pointer);
  if (dtype === "float64") body.at(isOne ? "v128.load64_splat" : "v128.load", offset);
  else if (dtype !== "bool") {
    const whole = lanes === 4 ? "v128.load" : "v128.load64_zero";
    body.at(isOne ? "v128.load32_splat" : whole, offset);
  } else if (isOne) body.at("v128.load8_splat", offset);
  else {
    body.at(lanes === 4 ? "v128.load32_zero" : "v128.load16_splat", offset);
    body.op("i16x8.extend_low_i8x16_u", "i32x4.extend_low_i16x8_u");
  }
  if (dtype === "bool") body.i32(0).op("i32x4.splat", "i32x4.ne");
}

/** Stores the first `count` lanes of a local; those of masks are 0 or 1. */
export function storeLanes(
  body: Body,
  dtype: DType,
  pointer: number,
  value: number,
  count: number,
  offset = 0,
): void {
  if (dtype !== "bool") {
    const isWide = dtype === "float64";
    if (count === (isWide ? 2 : 4)) body.get(pointer).get(value).at("v128.store", offset);
    else if (isWide || count === 2)
      body.get(pointer).get(value).storeLane("v128.store64_lane", offset, 0);
    else {
      for (let lane = 0; lane < count; lane++) {
        body
          .get(pointer)
          .get(value)
          .storeLane("v128.store32_lane", offset + 4 * lane, lane);
      }
    }
    return;
  }
  const narrow = body.local("v128");
  body.get(value).get(value).op("i16x8.narrow_i32x4_s").set(narrow);
  body.get(narrow).get(narrow).op("i8x16.narrow_i16x8_u").set(narrow);
  if (count === 4) body.get(pointer).get(narrow).storeLane("v128.store32_lane", offset, 0);
  else {
    for (let lane = 0; lane < count; lane++) {
      body
        .get(pointer)
        .get(narrow)
        .storeLane("v128.store8_lane", offset + lane, lane);
    }
  }
}

/**
 * Writes a kernel of rows: parameters are bytes of a row of the result, the result and how many rows it has; and of
 * each operand where it is, and bytes to the next row.
 */
function writeKernel(
  body: Body,
  { operands, result, value }: PointwiseKernel,
  isOne: readonly boolean[],
): void {
  const [rowBytes, out, rows] = [0, 1, 2];
  const pointers = operands.map((_, i) => 3 + 2 * i);
  const lanes = lanesFor([...operands, result]);
  const writer = new Writer(body);
  const stored = result === "bool" ? op("v128.and", value, bits(1)) : value;
  writer.prepare(stored);
  const values = operands.map(() => body.local("v128"));
  const made = body.local("v128");
  const [at, end, ...from] = Array.from({ length: 2 + operands.length }, () => body.local("i32"));
  body.repeat(rows, () => {
    body.get(out).set(at).get(out).get(rowBytes).op("i32.add").set(end);
    operands.forEach((dtype, i) => {
      body.get(pointers[i]).set(from[i]);
      if (!isOne[i]) return;
      loadLanes(body, dtype, from[i], true, lanes);
      body.set(values[i]);
    });
    body.loopUntil(at, end, () => {
      operands.forEach((dtype, i) => {
        if (isOne[i]) return;
        loadLanes(body, dtype, from[i], false, lanes);
        body.set(values[i]).advance(from[i], lanes * bytesOf(dtype));
      });
      writer.begin(values);
      writer.write(stored);
      body.set(made);
      storeLanes(body, result, at, made, lanes);
      body.advance(at, lanes * bytesOf(result));
    });
    // What stands behind the end of a row is written by the next one.
    body.get(end).set(out);
    for (const pointer of pointers) body.add(pointer, pointer + 1);
  });
}

/** Runs a function of single elements. */
export type PointwiseRun = (operands: readonly WasmArray[], type: TensorType) => WasmArray;

/** A kernel made ready. */
export function pointwiseRun(machine: Machine, kernel: PointwiseKernel): PointwiseRun {
  // By which operands are one element for a row, as a number whose bits say so.
  const known = new Map<number, CompiledKernel>();
  const written = (isOne: readonly boolean[]): CompiledKernel => {
    const which = isOne.reduce((sum, one, i) => sum + (one ? 2 ** i : 0), 0);
    const run =
      known.get(which) ??
      machine.kernel(`${kernel.name} ${which}`, {
        parameters: Array.from({ length: 3 + 2 * kernel.operands.length }, () => "i32"),
        write: (body) => writeKernel(body, kernel, isOne),
      });
    known.set(which, run);
    return run;
  };
  const dense = written(kernel.operands.map(() => false));
  const width = bytesOf(kernel.result);
  return (operands, type) => {
    const out = fresh(type, machine.memory);
    const size = sizeOf(type.shape);
    if (size === 0) return out;
    const at = out.part.pointer;
    if (operands.every(isRowMajor)) {
      const [a, b, c] = operands;
      const second = b === undefined ? 0 : addressOf(b);
      const third = c === undefined ? 0 : addressOf(c);
      dense(size * width, at, 1, addressOf(a), 0, second, 0, third, 0);
    } else runRows(machine, written, operands, type, at);
    return out;
  };
}

/** Runs a kernel row by row on operands that lie in any way; the result at `out` is in row-major order. */
function runRows(
  machine: Machine,
  written: (isOne: readonly boolean[]) => CompiledKernel,
  operands: readonly WasmArray[],
  { shape, dtype }: TensorType,
  out: number,
): void {
  let rows = rowsOf(shape, operands);
  const temporary: WasmArray[] = [];
  const read = operands.map((x, k) => {
    const isFit = rows.inner[k] === 0 || rows.inner[k] === 1 || rows.length === 1;
    if (isFit) return x;
    const copy = rowMajor(machine, x);
    temporary.push(copy);
    return copy;
  });
  if (temporary.length > 0) rows = rowsOf(shape, read);
  const run = written(rows.inner.map((stride) => stride === 0));
  const widths = read.map((x) => bytesOf(x.dtype));
  const { count, down, outer } = lastOuter(rows);
  const [stepA, stepB, stepC] = down.map((elements, k) => elements * widths[k]);
  const [starts, rowBytes] = [read.map(addressOf), rows.length * bytesOf(dtype)];
  let at = out;
  eachRow(outer, (offsets) => {
    const [a, b, c] = offsets.map((offset, k) => starts[k] + offset * widths[k]);
    run(rowBytes, at, count, a, stepA, b, stepB, c, stepC);
    at += count * rowBytes;
  });
  for (const { part } of temporary) machine.memory.release(part);
}
