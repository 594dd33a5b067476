/** @file Data for models: what may be given, and what is refused. */
import {
  ArgumentError,
  argmax,
  type NestedArray,
  scope,
  type Shape,
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

/** Whether a number may say what something counts. */
function isWeight(x: number): boolean {
  return x >= 0 && x < Infinity;
}

/** How examples are weighed; see `FitOptions`. */
export interface Weighing {
  readonly sampleWeight?: DataLike | undefined;
  readonly classWeight?: Readonly<Record<number, number>> | undefined;
}

/**
 * What examples count, [N], or their steps, [N, T].
 *
 * @param areLabels - Whether targets are labels, one for each example or each step.
 */
export function exampleWeights(
  op: string,
  y: Tensor,
  areLabels: boolean,
  { sampleWeight, classWeight }: Weighing,
): Tensor {
  const N = y.shape[0];
  return scope(() => {
    const parts: { shape: Shape; data: ArrayLike<number> }[] = [];
    if (sampleWeight !== undefined) {
      const given = dataOf(op, "sampleWeight", sampleWeight);
      const isOfSteps = given.rank === 2 && y.rank > 1 && given.shape[1] === y.shape[1];
      if (given.shape[0] !== N || (given.rank !== 1 && !isOfSteps)) {
        const steps = y.rank > 1 ? `, or [${N}, ${y.shape[1]}] for their steps` : "";
        const rule = `sampleWeight is [${N}], one number for each example${steps}`;
        throw new ArgumentError(op, rule, `[${given.shape.join(", ")}]`);
      }
      parts.push({ shape: given.shape, data: given.dataSync() });
    }
    if (classWeight !== undefined) {
      const isOneHot = !areLabels && y.size !== N;
      const labels = isOneHot ? argmax(y) : y.size === N ? y.reshape([N]) : y;
      if (labels.rank > 2) {
        const rule = "classWeight is for labels or one-hot rows of examples or their steps";
        throw new ArgumentError(op, rule, `targets [${y.shape.join(", ")}]`);
      }
      for (const [label, weight] of Object.entries(classWeight)) {
        if (isWeight(weight)) continue;
        const rule = "weights of classes are finite numbers from 0";
        throw new ArgumentError(op, rule, `${weight} for ${label}`);
      }
      const data = Array.from(labels.dataSync(), (label) => classWeight[label] ?? 1);
      parts.push({ shape: labels.shape, data });
    }
    const shape = parts.find((part) => part.shape.length === 2)?.shape ?? [N];
    const each = new Float32Array(N * (shape[1] ?? 1)).fill(1);
    for (const { data } of parts) {
      const repeats = each.length / data.length;
      each.forEach((weight, i) => (each[i] = weight * data[Math.floor(i / repeats)]));
    }
    const wrong = each.findIndex((weight) => !isWeight(weight));
    if (wrong >= 0) {
      const rule = "weights of examples are finite numbers from 0";
      throw new ArgumentError(op, rule, String(each[wrong]));
    }
    return tensor(each, { shape });
  });
}

/** A batch of places: filled up to B, and which of them are real. */
export interface Batch {
  readonly places: Int32Array;
  readonly real: Float32Array;
}

/** Batches of places in an order. */
export function batchesOf(order: Int32Array, batchSize: number): Batch[] {
  const B = Math.min(batchSize, order.length);
  return Array.from({ length: Math.ceil(order.length / B) }, (_, i) => {
    const places = new Int32Array(B);
    places.set(order.subarray(i * B, (i + 1) * B));
    const count = Math.min(B, order.length - i * B);
    return { places, real: Float32Array.from({ length: B }, (__, j) => (j < count ? 1 : 0)) };
  });
}
