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

/** A type as messages print it. */
export function typeOf(x: Tensor): string {
  return `${x.dtype}[${x.shape.join(",")}]`;
}

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

/** Weights or a mask in the shape of the losses. */
function lineUp(op: string, name: string, x: Tensor, losses: Tensor): Tensor {
  const lead = losses.rank - x.rank;
  const fits = x.shape.every((size, i) => size === 1 || size === losses.shape[lead + i]);
  if (lead < 0 || !fits) {
    throw new ShapeError(
      op,
      `${name} must broadcast to the losses`,
      `${typeOf(x)} beside ${typeOf(losses)}`,
      "Use expandDims() for axes that they do not have.",
    );
  }
  return broadcastTo(x, losses.shape);
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
    const w = lineUp(op, "weights", weights, losses);
    each = mul(each, w);
    counts = counts === null ? w : mul(counts, w);
  }
  if (mask !== undefined) {
    if (mask.dtype !== "bool") {
      throw new DTypeError(op, "the mask must be bool", typeOf(mask), "Use notEqual(mask, 0).");
    }
    const m = lineUp(op, "the mask", mask, losses);
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
