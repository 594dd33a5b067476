/** @file Schedules that fall like a cosine, once or again and again. */
import {
  add,
  cast,
  checkOptions,
  cos,
  div,
  expandDims,
  floor,
  less,
  max,
  mul,
  pow,
  rem,
  sub,
  sum,
  type Tensor,
  tensor,
  where,
} from "@tapeloop/autograd";
import { checkCounts, checkRange } from "../numbers.ts";
import type { Schedule } from "./schedule.ts";
import { spanOf, type SpanOptions } from "./decay.ts";

/** From a to b along half a period of a cosine, while `part` goes from 0 to 1. */
export function alongCosine(part: Tensor, a: number, b: number): Tensor {
  return add(mul(add(cos(mul(part, Math.PI)), 1), (a - b) / 2), b);
}

/**
 * to + (from − to) (1 + cos(π t / steps)) / 2, and `to` from `steps` on. PyTorch's CosineAnnealingLR, which
 * rises again from there; Keras's CosineDecay.
 *
 * Source: Loshchilov and Hutter 2017, arXiv:1608.03983, eq. 5, one period.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { arange, cosineDecay } from "tapeloop";
 *
 * const rate = cosineDecay({ from: 1, steps: 2 });
 * const values = Array.from(rate(arange(4)).dataSync(), (x) => x.toFixed(2));
 * console.log(values.join(" ")); // 1.00 0.50 0.00 0.00
 * ```
 */
export function cosineDecay(options: SpanOptions): Schedule {
  checkOptions("cosineDecay", options, ["from", "to", "steps"]);
  const { from, to, steps } = spanOf("cosineDecay", options);
  return (t) => alongCosine(where(less(t, steps), div(t, steps), 1), from, to);
}

/** Options of {@link cosineRestarts}. */
export interface CosineRestartsOptions extends SpanOptions {
  /** How many times longer each period is than the one before, a whole number from 1. Default: 1. */
  readonly growth?: number;
  /** What `from` is multiplied by at each restart, from 0. Default: 1. */
  readonly factor?: number;
}

/**
 * {@link cosineDecay} that starts again at `from` when it has come to its end: the first period has `steps`
 * steps, the next steps · growth, and so on. PyTorch's CosineAnnealingWarmRestarts.
 *
 * Source: Loshchilov and Hutter 2017, arXiv:1608.03983, eq. 5; T₀ is `steps`, T_mult is `growth`.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { arange, cosineRestarts } from "tapeloop";
 *
 * const rate = cosineRestarts({ from: 1, steps: 1, growth: 2 });
 * const values = Array.from(rate(arange(5)).dataSync(), (x) => x.toFixed(2));
 * console.log(values.join(" ")); // 1.00 1.00 0.50 1.00 0.85
 * ```
 */
export function cosineRestarts(options: CosineRestartsOptions): Schedule {
  checkOptions("cosineRestarts", options, ["from", "to", "steps", "growth", "factor"]);
  const { from, to, steps } = spanOf("cosineRestarts", options);
  const { growth = 1, factor = 1 } = options;
  checkCounts("cosineRestarts", { growth });
  checkRange("cosineRestarts", { factor }, 0, Infinity);
  const fall = (part: Tensor, period: () => Tensor): Tensor =>
    factor === 1
      ? alongCosine(part, from, to)
      : add(mul(alongCosine(part, 1, 0), sub(mul(pow(factor, period()), from), to)), to);
  if (growth === 1) {
    return (t) => fall(div(rem(t, steps), steps), () => floor(div(t, steps)));
  }
  // Period n begins at steps (growthⁿ − 1) / (growth − 1).
  const starts: number[] = [];
  for (let start = steps; start < 2 ** 31 || starts.length === 0; start = start * growth + steps)
    starts.push(start);
  return (t) => {
    const all = tensor(starts, { dtype: t.dtype, backend: t.backend });
    const ahead = less(expandDims(t, -1), all);
    const start = max(where(ahead, 0, all), { axes: -1 });
    const part = div(sub(t, start), add(mul(start, growth - 1), steps));
    return fall(part, () => sub(starts.length, sum(cast(ahead, t.dtype), { axes: -1 })));
  };
}
