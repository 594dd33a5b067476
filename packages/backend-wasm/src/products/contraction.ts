/** @file The contraction of arrays: as a batch of products of matrices. */
import { type DotAxes, rowMajorStrides, sizeOf, type TensorType } from "@tapeloop/autograd/backend";
import { addressOf, bytesOf, fresh, type WasmArray } from "../array.ts";
import { rowMajor } from "../layout.ts";
import type { Machine } from "../machine.ts";
import type { FloatType } from "./block.ts";
import { axisGroups, type Matrices, matricesOf } from "./matrices.ts";
import { type Product, type ProductForm, product } from "./product.ts";

/** Products by what they are made for: each is made ready once. */
export class Products {
  readonly #machine: Machine;
  readonly #known = new Map<string, Product>();

  /** Products on a machine. */
  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** The product of this form. */
  of(form: ProductForm): Product {
    const { dtype, sizes, left, right, isRightKept, down, addendDown } = form;
    const strides = [left.down, left.across, right.down, right.across];
    const key = [dtype, ...sizes, ...strides, isRightKept, down, addendDown].join(" ");
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const made = product(this.#machine, form);
    this.#known.set(key, made);
    return made;
  }
}

/** The form of the products of two batches of matrices, each with its result in row-major order. */
export function productForm(dtype: FloatType, a: Matrices, b: Matrices): ProductForm {
  const width = bytesOf(dtype);
  return {
    dtype,
    sizes: [a.sizes[1], a.sizes[2], b.sizes[1]],
    left: { down: width * a.strides[1], across: width * a.strides[2] },
    right: { down: width * b.strides[2], across: width * b.strides[1] },
    isRightKept: false,
    down: width * b.sizes[1],
    addendDown: null,
  };
}

/** Contracts arrays of float32 or float64. */
export function contract(
  machine: Machine,
  products: Products,
  [x, y]: readonly WasmArray[],
  axes: DotAxes,
  type: TensorType,
): WasmArray {
  const { memory } = machine;
  const out = fresh(type, memory);
  const dtype = type.dtype as FloatType;
  if (sizeOf(x.shape) * sizeOf(y.shape) === 0) {
    memory.view(dtype, out.part.pointer, sizeOf(type.shape)).fill(0);
    return out;
  }
  const left = operand(machine, x, axes.batch[0], axes.contract[0]);
  const right = operand(machine, y, axes.batch[1], axes.contract[1]);
  const [a, b] = [left.matrices, right.matrices];
  const { run, scratch } = products.of(productForm(dtype, a, b));
  const part = memory.allocate(scratch);
  const width = bytesOf(dtype);
  const [from, by, to] = [addressOf(left.x), addressOf(right.x), out.part.pointer];
  for (let i = 0; i < a.sizes[0]; i++) {
    const [ai, bi] = [from + width * i * a.strides[0], by + width * i * b.strides[0]];
    run(to + width * i * a.sizes[1] * b.sizes[1], ai, bi, 0, part.pointer);
  }
  memory.release(part);
  if (left.x !== x) memory.release(left.x.part);
  if (right.x !== y) memory.release(right.x.part);
  return out;
}

/** An operand as matrices, copied if its axes do not join. */
function operand(
  machine: Machine,
  x: WasmArray,
  batch: readonly number[],
  contracted: readonly number[],
): { x: WasmArray; matrices: Matrices } {
  const groups = axisGroups(x.shape.length, batch, contracted);
  const found = matricesOf(x, groups);
  if (found !== null) return { x, matrices: found };
  const order = groups.flat();
  const moved = {
    ...x,
    shape: order.map((axis) => x.shape[axis]),
    strides: order.map((axis) => x.strides[axis]),
  };
  const dense = rowMajor(machine, moved);
  let next = 0;
  const places = groups.map((axes) => axes.map(() => next++));
  const strides = rowMajorStrides(moved.shape);
  return {
    x: dense,
    matrices: matricesOf({ shape: moved.shape, strides }, places) as Matrices,
  };
}
