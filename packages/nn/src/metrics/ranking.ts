/** @file The area under the curve of a classifier's outcomes at all thresholds. */
import {
  ArgumentError,
  binCount,
  cast,
  checkOptions,
  cumsum,
  div,
  floor,
  greater,
  mul,
  clip,
  equal,
  reshape,
  sum,
  type Tensor,
  where,
} from "@tapeloop/autograd";
import { checkSameShape } from "../losses/reduction.ts";
import { added, countsOf, type Metric, nothing } from "./metric.ts";

/** Options of {@link areaUnderCurve}. */
export interface AreaOptions {
  /** How many equal parts [0, 1] is divided into. Default: 1000. */
  readonly bins?: number;
}

/** State of {@link areaUnderCurve}. */
export interface AreaState {
  /** How many yes there are with a prediction in each part: float64 [bins]. */
  readonly positives: Tensor;
  /** How many no. */
  readonly negatives: Tensor;
}

/**
 * The area under the receiver operating characteristic: the probability that a yes has a greater prediction than
 * a no, where those in the same part of [0, 1] count half. With as many parts as there are different predictions it
 * is exact. NaN if there is no yes, or no no.
 *
 * Shapes: probabilities of yes and 0 or 1, both [...]. Predictions outside of [0, 1] count as its ends.
 *
 * Source: Hanley and McNeil 1982, "The meaning and use of the area under a receiver operating characteristic curve".
 *
 * @throws ArgumentError if the parts are not a whole number from 2; ShapeError if shapes differ.
 *
 * @example
 * ```ts
 * import { areaUnderCurve, measure, tensor } from "tapeloop";
 *
 * const [said, right] = [tensor([0.1, 0.4, 0.35, 0.8]), tensor([0, 0, 1, 1])];
 * console.log(measure(areaUnderCurve(), said, right).item()); // 0.75
 * ```
 */
export function areaUnderCurve(options: AreaOptions = {}): Metric<AreaState> {
  const op = "areaUnderCurve";
  checkOptions(op, options, ["bins"]);
  const { bins = 1000 } = options;
  if (!Number.isInteger(bins) || bins < 2) {
    throw new ArgumentError(op, "bins are a whole number from 2", String(bins));
  }
  return {
    name: op,
    init: () => ({ positives: nothing([bins]), negatives: nothing([bins]) }),
    update: (state, predictions, targets, more = {}) => {
      checkSameShape(op, predictions, targets);
      const counts = countsOf(op, predictions, more);
      const places = cast(clip(floor(mul(predictions, bins)), 0, bins - 1), "int32");
      const isYes = greater(targets, 0.5);
      const of = (weights: Tensor): Tensor =>
        binCount(reshape(places, [-1]), bins, reshape(weights, [-1]));
      return added(state, {
        positives: of(where(isYes, counts, 0)),
        negatives: of(where(isYes, 0, counts)),
      });
    },
    result: ({ positives, negatives }) => {
      // Every yes is above the no of lower parts, and level with half of those in its own.
      const below = cumsum(negatives).sub(div(negatives, 2));
      const pairs = mul(sum(positives), sum(negatives));
      return where(equal(pairs, 0), Number.NaN, div(sum(mul(positives, below)), pairs));
    },
  };
}
