/** @file Checks of sizes, in the name of the layer that needs them. */
import { ArgumentError, ShapeError, type Tensor } from "@tapeloop/autograd";

/** A type as messages print it. */
export function typeOf(x: Tensor): string {
  return `${x.dtype}[${x.shape.join(",")}]`;
}

/** Refuses sizes that are not whole numbers from 1. */
export function checkSizes(op: string, sizes: Readonly<Record<string, number>>): void {
  for (const [name, size] of Object.entries(sizes)) {
    if (!Number.isInteger(size) || size < 1) {
      throw new ArgumentError(op, `${name} is a whole number from 1`, String(size));
    }
  }
}

/** Refuses a tensor whose last axis has another size. */
export function checkLastAxis(op: string, what: string, x: Tensor, size: number): void {
  if (x.shape[x.rank - 1] !== size) {
    throw new ShapeError(op, `the last axis of ${what} must have size ${size}`, typeOf(x));
  }
}
