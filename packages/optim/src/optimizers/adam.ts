/** @file Adam, AMSGrad and AdamW. */
import {
  add,
  checkOptions,
  div,
  maximum,
  mul,
  sqrt,
  square,
  type Tensor,
  zerosLike,
} from "@tapeloop/autograd";
import { descent } from "../descent.ts";
import { leafwise } from "../leafwise.ts";
import { movingMean, weightAfter } from "../moving-mean.ts";
import { checkRange } from "../numbers.ts";
import type { Optimizer, Transformation } from "../optimizer.ts";
import { checkSchedule, type Schedule } from "../schedules/schedule.ts";
import {
  weightDecayOf,
  type WeightDecayOptions,
  weightDecayOptions,
} from "../transformations/weight-decay.ts";

/** The moving means of Adam and its kin. */
export interface MomentOptions {
  /** β₁, decay of the mean of gradients, in [0, 1). Default: 0.9. */
  readonly beta1?: number;
  /** β₂, decay of the mean of squared gradients, in [0, 1). Default: 0.999. */
  readonly beta2?: number;
  /** ε, beside the square root. Default: 1e-8. */
  readonly epsilon?: number;
}

/** The names of {@link MomentOptions}. */
export const momentOptions: readonly string[] = ["beta1", "beta2", "epsilon"];

/** {@link MomentOptions} as they are used. */
export function momentsOf(op: string, options: MomentOptions): Required<MomentOptions> {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
  checkRange(op, { epsilon }, 0, Infinity);
  checkRange(op, { beta1, beta2 }, 0, 1);
  return { beta1, beta2, epsilon };
}

/** Options of {@link scaleByAdam}. */
export interface ScaleByAdamOptions extends MomentOptions {
  /** Whether v̂ is the greatest that there has been (AMSGrad). Default: false. */
  readonly amsgrad?: boolean;
}

/** Options of {@link adam} and {@link adamW}. */
export interface AdamOptions extends ScaleByAdamOptions, WeightDecayOptions {
  /** α. Default: 0.001. */
  readonly learningRate?: number | Schedule;
}

/**
 * The direction of {@link adam}: m̂ / (√v̂ + ε).
 *
 * State: `step` int32[], `m` and `v` like the parameters, and with `amsgrad` `vMax`, too.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { addDecayedWeights, descent, scaleByAdam } from "tapeloop";
 *
 * const adamW = descent(0.001, scaleByAdam({ beta2: 0.95 }), addDecayedWeights(0.1));
 * console.log(Object.keys(adamW)); // [ 'init', 'update' ]
 * ```
 */
export function scaleByAdam(options: ScaleByAdamOptions = {}): Transformation {
  checkOptions("scaleByAdam", options, [...momentOptions, "amsgrad"]);
  const { beta1, beta2, epsilon } = momentsOf("scaleByAdam", options);
  const numbers = (t: Tensor): { root: Tensor; floor: Tensor } => {
    const weight = weightAfter(t, beta1);
    return { root: div(weight, sqrt(weightAfter(t, beta2))), floor: mul(weight, epsilon) };
  };
  // m̂ / (√v̂ + ε) = m / (√v w₁/√w₂ + ε w₁) with w = 1 − βᵗ: the bias is taken out of two numbers.
  const quotient = (m: Tensor, v: Tensor, { root, floor }: ReturnType<typeof numbers>): Tensor =>
    div(m, add(mul(sqrt(v), root), floor));
  const means = (g: Tensor, m: Tensor, v: Tensor): { m: Tensor; v: Tensor } => ({
    m: movingMean(m, g, beta1),
    v: movingMean(v, square(g), beta2),
  });
  if (options.amsgrad === true) {
    return leafwise({
      slots: { m: zerosLike, v: zerosLike, vMax: zerosLike },
      numbers,
      next: (g, last, now) => {
        const { m, v } = means(g, last.m, last.v);
        const vMax = maximum(last.vMax, v);
        return { m, v, vMax, direction: quotient(m, vMax, now) };
      },
    });
  }
  return leafwise({
    slots: { m: zerosLike, v: zerosLike },
    numbers,
    next: (g, last, now) => {
      const { m, v } = means(g, last.m, last.v);
      return { m, v, direction: quotient(m, v, now) };
    },
  });
}

/** What {@link adam} and {@link adamW} are made of. */
function partsOf(
  op: string,
  options: AdamOptions,
): { rate: number | Schedule; direction: Transformation; decay: Transformation[] } {
  const known = ["learningRate", ...momentOptions, "amsgrad", ...weightDecayOptions];
  checkOptions(op, options, known);
  const { learningRate = 1e-3, amsgrad = false } = options;
  checkSchedule(op, { learningRate });
  const direction = scaleByAdam({ ...momentsOf(op, options), amsgrad });
  return { rate: learningRate, direction, decay: weightDecayOf(op, options) };
}

/**
 * Adam: steps of about the learning rate, whatever the scale of the gradients.
 *
 * ```text
 * g = gradient + λ θ
 * m′ = β₁ m + (1 − β₁) g          mean of gradients
 * v′ = β₂ v + (1 − β₂) g²         mean of squared gradients
 * m̂ = m′ / (1 − β₁ᵗ)              both start at 0; this takes out their bias
 * v̂ = v′ / (1 − β₂ᵗ)              or, with amsgrad, max v′ / (1 − β₂ᵗ), as in PyTorch
 * θ′ = θ − α m̂ / (√v̂ + ε)
 * ```
 *
 * State: of a {@link descent} whose direction keeps `{ step, m, v }`; `step` int32[] is t, `m` and `v` are like
 * the parameters; with `amsgrad` also `vMax`.
 *
 * Source: Kingma and Ba 2015, arXiv:1412.6980, algorithm 1; Reddi, Kale and Kumar 2018, arXiv:1904.09237,
 * algorithm 2 (AMSGrad). Defaults of both, and of PyTorch, where λ is 0.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { adam, tensor } from "tapeloop";
 *
 * const optimizer = adam({ learningRate: 0.5 });
 * const params = { w: tensor([1, 2]) };
 * const grads = { w: tensor([100, -0.25]) };
 * const next = optimizer.update(grads, optimizer.init(params), params);
 * console.log(next.params.w); // float32[2] [0.5, 2.5]
 * ```
 */
export function adam(options: AdamOptions = {}): Optimizer {
  const { rate, direction, decay } = partsOf("adam", options);
  return descent(rate, ...decay, direction);
}

/**
 * {@link adam} with decoupled weight decay: θ′ = θ − α (m̂ / (√v̂ + ε) + λ θ), where the means are of the
 * gradient alone.
 *
 * State: as of {@link adam}.
 *
 * Source: Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2, where α multiplies the decay as in
 * PyTorch. Defaults as in PyTorch: those of Adam, λ = 0.01.
 *
 * @throws ArgumentError if a number is out of its range, or an option is unknown.
 *
 * @example
 * ```ts
 * import { adamW, tensor } from "tapeloop";
 *
 * // Weights decay, biases do not.
 * const optimizer = adamW({ learningRate: 0.5, weightDecay: 0.5, decayed: (_, x) => x.rank > 1 });
 * const params = { W: tensor([[4]]), b: tensor([4]) };
 * const grads = { W: tensor([[0]]), b: tensor([0]) };
 * const next = optimizer.update(grads, optimizer.init(params), params);
 * console.log(next.params.W.item(), next.params.b.item()); // 3 4
 * ```
 */
export function adamW(options: AdamOptions = {}): Optimizer {
  const { rate, direction, decay } = partsOf("adamW", { weightDecay: 0.01, ...options });
  return descent(rate, direction, ...decay);
}
