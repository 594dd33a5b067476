/** @file Prodigy. */
import {
  abs,
  add,
  cast,
  checkOptions,
  div,
  leaves,
  less,
  mapTree,
  maximum,
  mul,
  scope,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  type Tree,
  where,
  zerosLike,
} from "@tapeloop/autograd";
import { movingMean } from "../moving-mean.ts";
import { checkPositive } from "../numbers.ts";
import type { Optimizer, OptimizerState } from "../optimizer.ts";
import { checkSchedule, type Schedule, valueAt } from "../schedules/schedule.ts";
import {
  weightDecayOf,
  type WeightDecayOptions,
  weightDecayOptions,
} from "../transformations/weight-decay.ts";
import { mapTrees } from "../trees.ts";
import { firstStep, nextStep, perType, pure } from "../update.ts";
import { type MomentOptions, momentOptions, momentsOf } from "./adam.ts";

/** Options of {@link prodigy}. */
export interface ProdigyOptions extends MomentOptions, WeightDecayOptions {
  /** γ: a schedule of values up to 1. Default: 1. */
  readonly learningRate?: number | Schedule;
  /** d₀, far below the distance to the minimum, above 0. Default: 1e-6. */
  readonly initialDistance?: number;
}

/** State of {@link prodigy}. */
interface ProdigyState<P> {
  readonly step: Tensor;
  readonly distance: Tensor;
  readonly numerator: Tensor;
  readonly first: P;
  readonly m: P;
  readonly v: P;
  readonly sum: P;
}

/**
 * Prodigy: AdamW whose learning rate is an estimate of the distance from the first parameters to the minimum,
 * which grows while gradients keep pointing away from where it began.
 *
 * ```text
 * m′ = β₁ m + (1 − β₁) d g,  v′ = β₂ v + (1 − β₂) d² g²
 * r′ = √β₂ r + (1 − √β₂) γ d² ⟨g, θ₀ − θ⟩
 * s′ = √β₂ s + (1 − √β₂) γ d² g
 * d′ = max(d, r′ / ‖s′‖₁)
 * θ′ = θ − γ d (m′ / (√v′ + d ε) + λ θ)
 * ```
 *
 * State: `{ step, distance, numerator, first, m, v, sum }`; `step` int32[], `distance` (d) and `numerator` (r)
 * numbers over all parameters, of the element type of the first, the others like the parameters: `first` (θ₀),
 * `sum` (s).
 *
 * Source: Mishchenko and Defazio 2024, arXiv:2306.06101, algorithm 4; decoupled decay as in the authors' code.
 * Defaults of both.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { grad, prodigy, step, tensor, type Tensor } from "tapeloop";
 *
 * const gradient = grad(({ w }: { w: Tensor }) => w.sub(tensor([30, -10])).square().sum());
 * const optimizer = prodigy();
 * const params = { w: tensor([0, 0]) };
 * let model = { params, state: optimizer.init(params) };
 * for (let i = 0; i < 500; i++) {
 *   model = step(model, ({ params, state }) => optimizer.update(gradient(params), state, params));
 * }
 * console.log(Array.from(model.params.w.dataSync(), Math.round)); // [ 30, -10 ]
 * ```
 */
export function prodigy(options: ProdigyOptions = {}): Optimizer {
  const known = ["learningRate", ...momentOptions, "initialDistance", ...weightDecayOptions];
  checkOptions("prodigy", options, known);
  const { learningRate = 1, initialDistance = 1e-6 } = options;
  checkSchedule("prodigy", { learningRate });
  checkPositive("prodigy", { initialDistance });
  const { beta1, beta2, epsilon } = momentsOf("prodigy", options);
  const beta3 = Math.sqrt(beta2);
  const [decay] = weightDecayOf("prodigy", options);
  return {
    init: (params) => {
      const [first] = leaves(params);
      const near = first && { dtype: first.dtype, backend: first.backend };
      return {
        step: firstStep(params),
        distance: tensor(initialDistance, near),
        numerator: tensor(0, near),
        first: params,
        m: mapTree(zerosLike, params),
        v: mapTree(zerosLike, params),
        sum: mapTree(zerosLike, params),
      };
    },
    update: <P extends Tree>(grads: P, state: OptimizerState, params: P) =>
      pure(() => {
        const last = state as ProdigyState<P>;
        const { dtype } = last.distance;
        const rates = perType((type) => {
          const d = cast(last.distance, type);
          const rate = mul(d, valueAt(learningRate, last.step, type));
          return { d, rate, weight: mul(mul(rate, d), 1 - beta3) };
        });
        const { along, length, direction, ...kept } = mapTrees(
          ["along", "length", "direction", "m", "v", "sum"],
          (x, g, first, lastM, lastV, lastSum) => {
            const { d, weight } = rates(x.dtype);
            return scope(() => {
              const scaled = mul(g, d);
              const m = movingMean(lastM, scaled, beta1);
              const v = movingMean(lastV, square(scaled), beta2);
              const total = add(mul(lastSum, beta3), mul(g, weight));
              return {
                along: cast(sum(mul(g, sub(first, x))), dtype),
                length: cast(sum(abs(total)), dtype),
                direction: div(m, add(sqrt(v), mul(d, epsilon))),
                m,
                v,
                sum: total,
              };
            });
          },
          params,
          grads,
          last.first,
          last.m,
          last.v,
          last.sum,
        );
        const total = (tree: Tree): Tensor =>
          leaves(tree).reduce((a, b) => add(a, b), zerosLike(last.distance));
        const numerator = add(mul(last.numerator, beta3), mul(total(along), rates(dtype).weight));
        const norm = total(length);
        // Without any gradient yet there is nothing to learn from.
        const estimate = where(less(0, norm), div(numerator, norm), 0);
        const { grads: d } = decay?.transform(direction, {}, params) ?? { grads: direction };
        return {
          params: mapTree((x, by) => sub(x, mul(by, rates(x.dtype).rate)), params, d),
          state: {
            step: nextStep(last.step),
            distance: maximum(last.distance, estimate),
            numerator,
            first: last.first,
            ...kept,
          },
        };
      }),
  };
}
