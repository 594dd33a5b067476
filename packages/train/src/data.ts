/** @file Data for models: what may be given, and what is refused. */
import {
  ArgumentError,
  type NestedArray,
  ShapeError,
  tensor,
  Tensor,
  type TypedArray,
} from "@tapeloop/autograd";

/** Examples along the first axis: a tensor, or nested arrays. */
export type DataLike = Tensor | NestedArray | TypedArray;

/** Data as a tensor: the tensor itself, which stays the caller's, or a new one. */
export function dataOf(op: string, name: string, data: DataLike): Tensor {
  const x = data instanceof Tensor ? data : tensor(data);
  if (x.rank === 0)
    throw new ShapeError(op, `${name} needs examples along its first axis`, "a number");
  return x;
}

/** Refuses numbers that are none: they would spread to all parameters. */
export function checkFinite(op: string, name: string, x: Tensor): void {
  if (x.dtype === "int32" || x.dtype === "bool") return;
  const at = x.dataSync().findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  const row = Math.floor(at / (x.size / x.shape[0]));
  throw new ArgumentError(
    op,
    `${name} must be finite numbers`,
    `${x.dataSync()[at]} in example ${row}`,
    "Fill gaps before, or mark them with masking().",
  );
}

/** Refuses labels that are no classes. */
export function checkClasses(op: string, y: Tensor, classes: number): void {
  const data = y.dataSync();
  const at = data.findIndex((v) => !Number.isInteger(v) || v < 0 || v >= classes);
  if (at < 0) return;
  throw new ArgumentError(
    op,
    `labels are whole numbers from 0 and below ${classes}, the size of the last layer`,
    `${data[at]} in example ${Math.floor(at / (y.size / y.shape[0]))}`,
  );
}

/** Refuses inputs and targets of different numbers of examples, or none. */
export function checkPaired(op: string, x: Tensor, y: Tensor): void {
  if (x.shape[0] !== y.shape[0] || x.shape[0] === 0) {
    throw new ShapeError(
      op,
      "inputs and targets need as many examples, and some",
      `${x.shape[0]} and ${y.shape[0]}`,
    );
  }
}
