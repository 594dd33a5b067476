/** @file What all losses have in common: weights, masks, and how single losses become one number. */
import {
  add,
  ArgumentError,
  broadcastTo,
  checkOptions,
  DTypeError,
  div,
  equal,
  mean,
  mul,
  onesLike,
  ShapeError,
  sum,
  type Tensor,
  where,
} from "@tapeloop/autograd";
import { typeOf } from "../sizes.ts";

/** How the losses of the single predictions become the result. */
export type Reduction = "mean" | "sum" | "none";

/** Options of every loss. */
export interface LossOptions {
  /**
   * The mean or the sum of all losses, a number; or "none", each by itself. Default: "mean". With weights or
   * a mask the mean is Σ w ℓ / Σ w; of nothing at all it is 0.
   */
  readonly reduction?: Reduction;
  /**
   * What each loss counts: of a shape that broadcasts to that of the losses. For a batch of sequences [T, B],
   * weights [B] are those of sequences, [T, 1] those of steps.
   */
  readonly weights?: Tensor;
  /** Which losses count at all: bool, of a shape that broadcasts to that of the losses. */
  readonly mask?: Tensor;
}

/** The names of {@link LossOptions}. */
export const lossOptions: readonly string[] = ["reduction", "weights", "mask"];

/** Broadcasting a loss is nearly always a slip, [B,1] beside [B] for one: both must have one shape. */
export function checkSameShape(op: string, x: Tensor, target: Tensor): void {
  if (x.shape.join() !== target.shape.join()) {
    throw new ShapeError(
      op,
      "predictions and targets must have the same shape",
      `${typeOf(x)} and ${typeOf(target)}`,
      "Use reshape() or broadcastTo() to line them up.",
    );
  }
}

/** Labels must be int32, one for each row of numbers of all classes. */
export function checkLabels(op: string, what: string, rows: Tensor, labels: Tensor): void {
  checkInt32(op, labels);
  if (rows.rank === 0 || labels.shape.join() !== rows.shape.slice(0, -1).join()) {
    throw new ShapeError(
      op,
      `labels must have the shape of the ${what} without its last axis`,
      `${typeOf(rows)} and ${typeOf(labels)}`,
    );
  }
}

/** Labels must be int32. */
export function checkInt32(op: string, labels: Tensor): void {
  if (labels.dtype !== "int32") {
    throw new DTypeError(op, "labels must be int32", typeOf(labels), 'Use cast(x, "int32").');
  }
}

/** Weights in the shape of single values, which are called `what`. */
export function weightsFor(op: string, what: string, weights: Tensor, values: Tensor): Tensor {
  return lineUp(op, "weights", weights, what, values);
}

/** A mask in the shape of single values, which are called `what`. */
export function maskFor(op: string, what: string, mask: Tensor, values: Tensor): Tensor {
  if (mask.dtype !== "bool") {
    throw new DTypeError(op, "the mask must be bool", typeOf(mask), "Use notEqual(mask, 0).");
  }
  return lineUp(op, "the mask", mask, what, values);
}

function lineUp(op: string, name: string, x: Tensor, what: string, values: Tensor): Tensor {
  const lead = values.rank - x.rank;
  const fits = x.shape.every((size, i) => size === 1 || size === values.shape[lead + i]);
  if (lead < 0 || !fits) {
    throw new ShapeError(
      op,
      `${name} must broadcast to ${what}`,
      `${typeOf(x)} beside ${typeOf(values)}`,
      "Use expandDims() for axes that they do not have.",
    );
  }
  return broadcastTo(x, values.shape);
}

/**
 * Applies weights, mask and reduction to single losses.
 *
 * @param share - What each of them counts in the mean, if not 1: class weights, 0 for what is ignored. The losses
 *   are multiplied by it already.
 */
export function reduceLosses(
  op: string,
  losses: Tensor,
  options: LossOptions,
  share: Tensor | null = null,
): Tensor {
  const { reduction = "mean", weights, mask } = options;
  if (!["mean", "sum", "none"].includes(reduction)) {
    throw new ArgumentError(op, 'reduction is "mean", "sum" or "none"', reduction);
  }
  let [each, counts] = [losses, share];
  if (weights !== undefined) {
    const w = weightsFor(op, "the losses", weights, losses);
    each = mul(each, w);
    counts = counts === null ? w : mul(counts, w);
  }
  if (mask !== undefined) {
    const m = maskFor(op, "the losses", mask, losses);
    each = where(m, each, 0);
    counts = where(m, counts ?? onesLike(losses), 0);
  }
  if (reduction === "none") return each;
  if (reduction === "sum") return sum(each);
  if (counts === null) return mean(each);
  const total = sum(counts);
  // Nothing has no mean: 0, and no gradient.
  return div(sum(each), add(total, where(equal(total, 0), 1, 0)));
}

/** Checks the options of a loss that has no others, and reduces. */
export function reducePlain(op: string, losses: Tensor, options: LossOptions): Tensor {
  checkOptions(op, options, lossOptions);
  return reduceLosses(op, losses, options);
}
