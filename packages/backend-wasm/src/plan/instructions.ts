/** @file What a plan does besides fused kernels: copies, products, reductions, and kernels of others. */
import {
  type DotAxes,
  type PrimitiveName,
  sizeOf,
  type TensorType,
} from "@tapeloop/autograd/backend";
import { addressOf, bytesOf, type WasmArray } from "../array.ts";
import { copyTo } from "../layout.ts";
import type { Machine } from "../machine.ts";
import { matricesOf } from "../matrices.ts";
import { type Matrix, multiplyPanels, packPanels, panelBytes } from "../products.ts";
import { type Reduction, reduceBlocks } from "../reductions.ts";
import { offsetsOf, rowsOf } from "../rows.ts";
import { addressIn, asArray, type Buffer, type Clock, type Located } from "./located.ts";

/** One step of a plan. */
export type Instruction = () => void;

/** Copies an array to another of its shape. */
export function copyInstruction(
  { memory }: Machine,
  clock: Clock,
  to: Located,
  from: Located,
): Instruction {
  const { shape, dtype } = from;
  if (sizeOf(shape) === 0) return () => undefined;
  const rows = rowsOf(shape, [from, to]);
  const [step, stride] = rows.inner;
  const { length } = rows;
  const offsets = offsetsOf(rows, [1, 1]);
  const [source, target] = [addressIn(clock, from), addressIn(clock, to)];
  const width = bytesOf(dtype);
  return () => {
    const all = memory.views[dtype];
    const [a, b] = [source() / width, target() / width];
    for (const [x, y] of offsets) {
      if (step === 1 && stride === 1) all.copyWithin(b + y, a + x, a + x + length);
      else for (let i = 0; i < length; i++) all[b + y + i * stride] = all[a + x + i * step];
    }
  };
}

/** The operands of a product as matrices, and how many products there are. */
export interface ProductShape {
  /** [batch, free, contracted] of the left operand. */
  readonly left: Located;
  /** [batch, free, contracted] of the right operand. */
  readonly right: Located;
}

/** The operands as [batch, free, contracted]; null if their axes do not join. */
export function productShape(x: Located, y: Located, axes: DotAxes): ProductShape | null {
  const a = matricesOf(x, axes.batch[0], axes.contract[0]);
  const b = matricesOf(y, axes.batch[1], axes.contract[1]);
  return a === null || b === null ? null : { left: { ...x, ...a }, right: { ...y, ...b } };
}

/** A matrix of float32, by elements between neighbours. */
function matrix(address: number, down: number, across: number): Matrix {
  return { address, down: 4 * down, across: 4 * across };
}

/** Bytes that a product needs: for the packed right operand, and for the columns that fill no panel. */
export function productRoom({ left, right }: ProductShape): { panels: number; edge: number } {
  const [count, m, k] = left.shape;
  return { panels: count * panelBytes(k, right.shape[1]), edge: 64 * m };
}

/**
 * Packs the right operand of a product, and multiplies: two instructions, of which the first may be done
 * earlier.
 *
 * @param panels - Room for the packed operand, as {@link productRoom} says.
 * @param edge - Room beside it.
 */
export function productInstructions(
  machine: Machine,
  clock: Clock,
  { left, right }: ProductShape,
  out: Located,
  { pointer: panels }: Buffer,
  { pointer: edge }: Buffer,
): { readonly pack: Instruction; readonly multiply: Instruction } {
  const [count, m, k] = left.shape;
  const n = right.shape[1];
  const bytes = panelBytes(k, n);
  const [a, b, c] = [left, right, out].map((x) => addressIn(clock, x));
  const each = Array.from({ length: count }, (_, i) => i);
  const panelsOf = (i: number) => ({ address: panels + i * bytes, rows: k, columns: n });
  return {
    pack: () => {
      const start = b();
      for (const i of each) {
        const [step, across, down] = right.strides;
        packPanels(machine, matrix(start + 4 * i * step, down, across), panelsOf(i));
      }
    },
    multiply: () => {
      const [from, to] = [a(), c()];
      for (const i of each) {
        const [step, down, across] = left.strides;
        const operand = matrix(from + 4 * i * step, down, across);
        multiplyPanels(machine, to + 4 * i * m * n, operand, panelsOf(i), m, edge);
      }
    },
  };
}

/** Reduces the middle one of three axes. */
export function reductionInstruction(
  machine: Machine,
  clock: Clock,
  reduction: Reduction,
  from: Located,
  to: Located,
  sizes: readonly [number, number, number],
): Instruction {
  const [source, target] = [addressIn(clock, from), addressIn(clock, to)];
  return () => reduceBlocks(machine, reduction, source(), target(), sizes);
}

/** A kernel that is not part of plans. */
type AnyKernel = (
  inputs: readonly WasmArray[],
  params: unknown,
  type: unknown,
) => WasmArray | readonly WasmArray[];

/** Runs a kernel of the table, and copies what it makes to where the plan wants it. */
export function kernelInstruction(
  machine: Machine,
  clock: Clock,
  kernels: Readonly<Record<PrimitiveName, unknown>>,
  name: PrimitiveName,
  inputs: readonly Located[],
  params: unknown,
  results: readonly Located[],
  type: TensorType | readonly TensorType[],
): Instruction {
  const kernel = kernels[name] as AnyKernel;
  const read = inputs.map((x) => addressIn(clock, x));
  const write = results.map((x) => addressIn(clock, x));
  return () => {
    const arrays = inputs.map((x, i) => asArray(x, read[i]()));
    const made: readonly WasmArray[] = [kernel(arrays, params, type)].flat();
    made.forEach((y, i) => {
      const to = asArray(results[i], write[i]());
      if (addressOf(y) !== addressOf(to)) copyTo(machine, to, y);
      if (!arrays.some(({ part }) => part === y.part)) machine.memory.release(y.part);
    });
  };
}
