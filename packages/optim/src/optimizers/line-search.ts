/** @file Line search: a step along a direction that makes a function small enough and flat enough. */
import type { Tensor } from "@tapeloop/autograd";

/** A point of the line: where it is, and the function there. */
export interface LinePoint {
  /** How many directions from the origin. */
  readonly t: number;
  /** The function. */
  readonly value: number;
  /** Its derivative by t. */
  readonly slope: number;
  /** Its gradient. */
  readonly gradient: Tensor;
}

/** When a search ends. */
export interface SearchLimits {
  /** The greatest element of the direction: with it, lengths of brackets become changes of parameters. */
  readonly reach: number;
  /** The least change of parameters that is worth a try. */
  readonly tolerance: number;
}

/** c₁ and c₂ of the Wolfe conditions, and the greatest number of trials behind the first. */
const [descentPart, slopePart, trials] = [1e-4, 0.9, 25];

/**
 * A point p that satisfies the strong Wolfe conditions, f(t) ≤ f(0) + c₁ t f′(0) and |f′(t)| ≤ c₂ |f′(0)|, or
 * the lowest of those that were tried.
 *
 * Source: Nocedal and Wright 2006, "Numerical optimization", algorithms 3.5 and 3.6, with cubic interpolation
 * (eq. 3.59) and the safeguards of Schmidt's minFunc, as in PyTorch.
 *
 * @param evaluate - The function at t.
 * @param origin - The point at t = 0, where the slope is below 0.
 * @param first - The first t to try.
 */
export function strongWolfe(
  evaluate: (t: number) => LinePoint,
  origin: LinePoint,
  first: number,
  { reach, tolerance }: SearchLimits,
): LinePoint {
  // Written so that NaN is never low enough.
  const isLow = (p: LinePoint): boolean =>
    p.value <= origin.value + descentPart * p.t * origin.slope;
  const isFlat = (p: LinePoint): boolean => Math.abs(p.slope) <= -slopePart * origin.slope;

  // Steps grow until there is a good point between two of them.
  let tried = 0;
  let last = origin;
  let point = evaluate(first);
  for (; ; tried++) {
    if (tried === trials) return lowest(origin, point);
    if (!isLow(point) || (tried > 1 && point.value >= last.value)) break;
    if (isFlat(point)) return point;
    if (point.slope >= 0) break;
    const t = cubicMinimum(last, point, [1.01 * point.t - 0.01 * last.t, 10 * point.t]);
    [last, point] = [point, evaluate(t)];
  }

  // The bracket shrinks around it.
  const bracket: [LinePoint, LinePoint] = [last, point];
  let low = indexOfLowest(bracket);
  let wasNearEnd = false;
  while (tried < trials) {
    const ends = [bracket[0].t, bracket[1].t];
    const [left, right] = [Math.min(...ends), Math.max(...ends)];
    if ((right - left) * reach < tolerance) break;
    let t = cubicMinimum(bracket[0], bracket[1], [left, right]);
    const margin = 0.1 * (right - left);
    const isNearEnd = Math.min(right - t, t - left) < margin;
    if (isNearEnd && (wasNearEnd || t >= right || t <= left)) {
      t = right - t < t - left ? right - margin : left + margin;
      wasNearEnd = false;
    } else wasNearEnd = isNearEnd;

    const next = evaluate(t);
    tried++;
    const high = 1 - low;
    if (!isLow(next) || next.value >= bracket[low].value) {
      bracket[high] = next;
      low = indexOfLowest(bracket);
    } else {
      if (isFlat(next)) return next;
      if (next.slope * (bracket[high].t - bracket[low].t) >= 0) bracket[high] = bracket[low];
      bracket[low] = next;
    }
  }
  return bracket[low];
}

/** Which of two is lower; the first in a tie, and never NaN where the other is a number. */
function indexOfLowest([a, b]: readonly [LinePoint, LinePoint]): 0 | 1 {
  return b.value < a.value || Number.isNaN(a.value) ? 1 : 0;
}

/** The lower of two points. */
function lowest(...points: [LinePoint, LinePoint]): LinePoint {
  return points[indexOfLowest(points)];
}

/** Where the cubic polynomial with the values and slopes of two points is least, within bounds. */
function cubicMinimum(
  a: LinePoint,
  b: LinePoint,
  [least, greatest]: readonly [number, number],
): number {
  const [p, q] = a.t <= b.t ? [a, b] : [b, a];
  const d1 = p.slope + q.slope - (3 * (p.value - q.value)) / (p.t - q.t);
  const square = d1 ** 2 - p.slope * q.slope;
  if (!(square >= 0)) return (least + greatest) / 2;
  const d2 = Math.sqrt(square);
  const t = q.t - (q.t - p.t) * ((q.slope + d2 - d1) / (q.slope - p.slope + 2 * d2));
  return Math.min(Math.max(t, least), greatest);
}
