/** @file Sophia, and an estimate of curvatures for it. */
import {
  bernoulli,
  cast,
  checkOptions,
  clip,
  div,
  hvp,
  leaves,
  type Loss,
  mapTree,
  maximum,
  mul,
  scope,
  splitKey,
  sub,
  type Tensor,
  type Tree,
  zerosLike,
} from "@tapeloop/autograd";
import { descent } from "../descent.ts";
import { leafwise } from "../leafwise.ts";
import { movingMean } from "../moving-mean.ts";
import { checkPositive, checkRange } from "../numbers.ts";
import type { ObservingOptimizer, OptimizerState } from "../optimizer.ts";
import { checkSchedule, type Schedule } from "../schedules/schedule.ts";
import {
  weightDecayOf,
  type WeightDecayOptions,
  weightDecayOptions,
} from "../transformations/weight-decay.ts";
import { pure } from "../update.ts";

/** Options of {@link sophia}. */
export interface SophiaOptions extends WeightDecayOptions {
  /** α, the length of the longest steps. Default: 1e-3. */
  readonly learningRate?: number | Schedule;
  /** β₁, decay of the mean of gradients, in [0, 1). Default: 0.96. */
  readonly beta1?: number;
  /** β₂, decay of the mean of curvatures, in [0, 1). Default: 0.99. */
  readonly beta2?: number;
  /** γ, by which curvatures count, above 0: the greater, the fewer steps are clipped. Default: 0.01. */
  readonly gamma?: number;
  /** ε, the least curvature, above 0. Default: 1e-12. */
  readonly epsilon?: number;
}

/** State of {@link sophia}: that of its first direction, and what is behind it. */
type SophiaState = readonly [{ readonly h: Tree }, ...OptimizerState[]];

/**
 * Sophia: Newton steps in each coordinate by an estimate of its curvature, and of the length α where that is
 * too small or below 0 to be trusted. It is told of curvatures, such as those of {@link hessianDiagonal}, every
 * ten updates or so.
 *
 * ```text
 * m′ = β₁ m + (1 − β₁) g
 * θ′ = θ − α (clip(m′ / max(γ h, ε), −1, 1) + λ θ)
 * observe: h′ = β₂ h + (1 − β₂) ĥ
 * ```
 *
 * State: of a {@link descent} whose first direction keeps `{ m, h }`, both like the parameters.
 *
 * Source: Liu et al. 2023, arXiv:2305.14342, algorithm 3. Defaults of the paper for Sophia-H; λ = 0.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { grad, hessianDiagonal, key, sophia, tensor, type Tensor } from "tapeloop";
 *
 * const loss = ({ w }: { w: Tensor }) => w.square().mul(tensor([1, 100])).sum();
 * const optimizer = sophia({ learningRate: 1, beta1: 0, beta2: 0, gamma: 1 });
 * const params = { w: tensor([0.5, 0.5]) };
 * const state = optimizer.observe(optimizer.init(params), hessianDiagonal(loss, params, key(0)));
 * const next = optimizer.update(grad(loss)(params), state, params);
 * console.log(next.params.w); // float32[2] [0, 0]
 * ```
 */
export function sophia(options: SophiaOptions = {}): ObservingOptimizer<Tree> {
  const known = ["learningRate", "beta1", "beta2", "gamma", "epsilon", ...weightDecayOptions];
  checkOptions("sophia", options, known);
  const {
    learningRate = 1e-3,
    beta1 = 0.96,
    beta2 = 0.99,
    gamma = 0.01,
    epsilon = 1e-12,
  } = options;
  checkSchedule("sophia", { learningRate });
  checkRange("sophia", { beta1, beta2 }, 0, 1);
  checkPositive("sophia", { gamma, epsilon });
  const direction = leafwise({
    slots: { m: zerosLike, h: zerosLike },
    next: (g, last) => {
      const m = movingMean(last.m, g, beta1);
      const size = maximum(mul(last.h, gamma), epsilon);
      return { m, h: last.h, direction: clip(div(m, size), -1, 1) };
    },
  });
  return {
    ...descent(learningRate, direction, ...weightDecayOf("sophia", options)),
    observe: (state, curvature) =>
      pure(() => {
        const [means, ...others] = state as SophiaState;
        const h = mapTree((c, last) => movingMean(last, c, beta2), curvature, means.h);
        return [{ ...means, h }, ...others];
      }),
  };
}

/**
 * An estimate of the diagonal of a loss's Hessian: u ⊙ H u with random signs u. Its mean over keys is the
 * diagonal, and each one is, where the Hessian has nothing beside it. It costs about two gradients.
 *
 * Source: Hutchinson 1990; Bekas, Kokiopoulou and Saad 2007, "An estimator for the diagonal of a matrix".
 *
 * @param loss - As for `grad`.
 * @param params - Where.
 * @param key - Decides the signs.
 *
 * @example
 * ```ts
 * import { hessianDiagonal, key, tensor, type Tensor } from "tapeloop";
 *
 * const loss = (x: Tensor) => x.mul(x).mul(x).sum();
 * console.log(hessianDiagonal(loss, tensor([1, 2]), key(0)).toArray()); // [ 6, 12 ]
 * ```
 */
export function hessianDiagonal<P extends Tree>(
  loss: (params: P) => Loss<unknown>,
  params: P,
  key: Tensor,
): P {
  return scope(() => {
    const keys = splitKey(key, leaves(params).length + 1);
    let i = 0;
    const signs = mapTree(
      (x) => sub(mul(cast(bernoulli(x.shape, 0.5, { key: keys[i++] }), x.dtype), 2), 1),
      params,
    );
    return mapTree((u, Hu) => mul(u, Hu), signs, hvp(loss, params, signs));
  });
}
