/** @file Adafactor. */
import {
  add,
  checkOptions,
  div,
  expandDims,
  maximum,
  mean,
  mul,
  pow,
  rsqrt,
  type Shape,
  sqrt,
  square,
  sub,
  type Tensor,
  tensor,
  to,
  zeros,
  zerosLike,
} from "@tapeloop/autograd";
import { descent } from "../descent.ts";
import { leafwise } from "../leafwise.ts";
import { checkPositive, checkRange } from "../numbers.ts";
import type { Optimizer } from "../optimizer.ts";
import { checkSchedule, type Schedule } from "../schedules/schedule.ts";
import {
  weightDecayOf,
  type WeightDecayOptions,
  weightDecayOptions,
} from "../transformations/weight-decay.ts";

/** Options of {@link adafactor}. */
export interface AdafactorOptions extends WeightDecayOptions {
  /** ρ. Default: the paper's schedule, min(0.01, 1/√t). */
  readonly learningRate?: number | Schedule;
  /** Whether steps are in units of the root mean square of their parameter. Default: true. */
  readonly scaleByParameter?: boolean;
  /** The exponent −c of β̂₂ = 1 − t^−c, above 0. Default: 0.8. */
  readonly beta2Decay?: number;
  /** ε₁, added to squared gradients, above 0. Default: 1e-30. */
  readonly epsilon1?: number;
  /** ε₂, the least scale of a parameter, from 0. Default: 0.001. */
  readonly epsilon2?: number;
  /** d, the greatest root mean square of a direction, above 0. Default: 1. */
  readonly clipping?: number;
}

/** √ of the mean square of all elements. */
function rootMeanSquare(x: Tensor): Tensor {
  return sqrt(mean(square(x)));
}

/** Zeros of a shape, where a tensor lives. */
function zerosBeside(x: Tensor, shape: Shape): Tensor {
  return to(zeros(shape, { dtype: x.dtype }), x.backend);
}

/** min(0.01, 1/√t), where t counts from 1. */
const relativeStep: Schedule = (step) => div(1, maximum(sqrt(add(step, 1)), 100));

/**
 * Adafactor: Adam's mean of squares with the memory of a row and a column for each matrix.
 *
 * ```text
 * β̂ = 1 − t^−c
 * R′ = β̂ R + (1 − β̂) mean over columns of (g² + ε₁)
 * C′ = β̂ C + (1 − β̂) mean over rows of (g² + ε₁)
 * u = g / √(R′ C′ / mean R′)                         for vectors g / √v′, v′ = β̂ v + (1 − β̂) (g² + ε₁)
 * û = u / max(1, RMS(u) / d)
 * θ′ = θ − ρ (max(ε₂, RMS(θ)) û + λ θ)
 * ```
 *
 * State: of a {@link descent} whose direction keeps `{ step, rows, columns }`; `step` int32[] is t, `rows`
 * [..., m] and `columns` [..., n] are R and C of parameters [..., m, n]; of vectors `rows` is v, and `columns`
 * one number that is not used.
 *
 * Source: Shazeer and Stern 2018, arXiv:1804.04235, algorithms 4 and 5. Defaults of the paper.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { adafactor, leaves, ones } from "tapeloop";
 *
 * const state = adafactor().init({ W: ones([30, 20]) });
 * console.log(leaves(state).map((x) => x.size)); // [ 1, 30, 20, 1 ]
 * ```
 */
export function adafactor(options: AdafactorOptions = {}): Optimizer {
  const known = ["learningRate", "scaleByParameter", "beta2Decay", "epsilon1", "epsilon2"];
  checkOptions("adafactor", options, [...known, "clipping", ...weightDecayOptions]);
  const { learningRate = relativeStep, scaleByParameter = true, beta2Decay = 0.8 } = options;
  const { epsilon1 = 1e-30, epsilon2 = 1e-3, clipping = 1 } = options;
  checkSchedule("adafactor", { learningRate });
  checkRange("adafactor", { epsilon2 }, 0, Infinity);
  checkPositive("adafactor", { beta2Decay, epsilon1, clipping });
  const direction = leafwise({
    slots: {
      rows: (x) => (x.rank < 2 ? zerosLike(x) : zerosBeside(x, x.shape.slice(0, -1))),
      columns: (x) =>
        x.rank < 2
          ? tensor(0, { dtype: x.dtype, backend: x.backend })
          : zerosBeside(x, [...x.shape.slice(0, -2), x.shape[x.rank - 1]]),
    },
    numbers: (t) => pow(t, -beta2Decay),
    next: (g, last, part, x) => {
      const squares = add(square(g), epsilon1);
      const next = (old: Tensor, now: Tensor): Tensor => add(old, mul(sub(now, old), part));
      let [rows, columns] = [last.rows, last.columns];
      let u: Tensor;
      if (g.rank < 2) {
        rows = next(rows, squares);
        u = mul(g, rsqrt(rows));
      } else {
        rows = next(rows, mean(squares, { axes: -1 }));
        columns = next(columns, mean(squares, { axes: -2 }));
        const ofRows = rsqrt(div(rows, mean(rows, { axes: -1, keepAxes: true })));
        u = mul(mul(g, expandDims(ofRows, -1)), expandDims(rsqrt(columns), -2));
      }
      const clipped = div(1, maximum(div(rootMeanSquare(u), clipping), 1));
      const scale = scaleByParameter ? mul(clipped, maximum(rootMeanSquare(x), epsilon2)) : clipped;
      return { rows, columns, direction: mul(u, scale) };
    },
  });
  return descent(learningRate, direction, ...weightDecayOf("adafactor", options));
}
