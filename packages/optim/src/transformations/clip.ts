/** @file Keeping gradients small: by value, by norm, in proportion to the weights. */
import {
  add,
  cast,
  checkOptions,
  clip,
  div,
  leaves,
  mapTree,
  maximum,
  mul,
  sqrt,
  square,
  sum,
  type Tensor,
  type Tree,
  zeros,
} from "@tapeloop/autograd";
import { stateless } from "../leafwise.ts";
import { checkPositive } from "../numbers.ts";
import type { Transformation } from "../optimizer.ts";

/**
 * The length of a tree as one vector: √Σ x² over all elements of all tensors.
 *
 * @returns A number, rank 0.
 *
 * @example
 * ```ts
 * import { globalNorm, tensor } from "tapeloop";
 *
 * console.log(globalNorm({ W: tensor([[3]]), b: tensor([4]) }).item()); // 5
 * ```
 */
export function globalNorm(tree: Tree): Tensor {
  const squares = leaves(tree).map((x) => sum(square(x)));
  return squares.length === 0 ? zeros([]) : sqrt(squares.reduce((a, b) => add(a, b)));
}

/** g, made shorter where its length is above the limit. */
function shortened(g: Tensor, length: Tensor, limit: number | Tensor): Tensor {
  return mul(g, cast(div(limit, maximum(length, limit)), g.dtype));
}

/**
 * Scales all gradients down together if their {@link globalNorm} is above `maxNorm`, so that it becomes
 * `maxNorm`: g · maxNorm / max(norm, maxNorm). The direction stays. For recurrent networks, whose
 * gradients can explode. A gradient that is not finite makes all of them NaN, and is not hidden.
 *
 * State: none.
 *
 * Source: Pascanu, Mikolov and Bengio 2013, arXiv:1211.5063, algorithm 1.
 *
 * @param maxNorm - Above 0.
 * @throws ArgumentError for any other number.
 *
 * @example
 * ```ts
 * import { adam, chain, clipByGlobalNorm } from "tapeloop";
 *
 * const optimizer = chain(clipByGlobalNorm(1), adam({ learningRate: 0.01 }));
 * console.log(Object.keys(optimizer)); // [ 'init', 'update' ]
 * ```
 */
export function clipByGlobalNorm(maxNorm: number): Transformation {
  checkPositive("clipByGlobalNorm", { maxNorm });
  return {
    init: () => ({}),
    transform: (grads, state) => {
      const length = globalNorm(grads);
      return { grads: mapTree((g) => shortened(g, length, maxNorm), grads), state };
    },
  };
}

/**
 * Scales each gradient down by itself to the length `maxNorm`: g · maxNorm / max(‖g‖, maxNorm). Keras's
 * `clipnorm`.
 *
 * State: none.
 *
 * @param maxNorm - Above 0.
 * @throws ArgumentError for any other number.
 *
 * @example
 * ```ts
 * import { clipByNorm, tensor } from "tapeloop";
 *
 * const grads = { W: tensor([3, 4]), b: tensor([0.5]) };
 * const clipped = clipByNorm(1).transform(grads, {}, grads).grads;
 * console.log(clipped.W, clipped.b); // float32[2] [0.6, 0.8] float32[1] [0.5]
 * ```
 */
export function clipByNorm(maxNorm: number): Transformation {
  checkPositive("clipByNorm", { maxNorm });
  return stateless((g) => shortened(g, sqrt(sum(square(g))), maxNorm));
}

/**
 * Clips each element of the gradients to [−limit, limit]. The direction changes. NaN stays.
 *
 * State: none.
 *
 * @param limit - Above 0.
 * @throws ArgumentError for any other number.
 *
 * @example
 * ```ts
 * import { clipByValue, tensor } from "tapeloop";
 *
 * const grads = { w: tensor([3, -4, 0.5]) };
 * console.log(clipByValue(1).transform(grads, {}, grads).grads.w); // float32[3] [1, -1, 0.5]
 * ```
 */
export function clipByValue(limit: number): Transformation {
  checkPositive("clipByValue", { limit });
  return stateless((g) => clip(g, -limit, limit));
}

/** Lengths over all axes but the last; of vectors over the vector. */
function lengths(x: Tensor): Tensor {
  if (x.rank < 2) return sqrt(sum(square(x)));
  const axes = x.shape.slice(1).map((_, i) => i);
  return sqrt(sum(square(x), { axes, keepAxes: true }));
}

/** Options of {@link clipAdaptively}. */
export interface ClipAdaptivelyOptions {
  /** λ, the greatest length of a gradient in units of its parameter. Default: 0.01. */
  readonly ratio?: number;
  /** The least length that a parameter counts for, above 0. Default: 0.001. */
  readonly epsilon?: number;
}

/**
 * Adaptive clipping: what feeds one output, the gradient of a column of a matrix, becomes no longer than λ
 * times the column: g · l / max(‖g‖, l) with l = λ max(‖θ‖, ε).
 *
 * Lengths are taken over all axes but the last, which counts outputs in the layers here; of vectors over the
 * vector.
 *
 * State: none.
 *
 * Source: Brock et al. 2021, arXiv:2102.06171, eq. 3. Defaults of the paper.
 *
 * @throws ArgumentError if a number is not above 0, or an option is unknown.
 *
 * @example
 * ```ts
 * import { clipAdaptively, tensor } from "tapeloop";
 *
 * const params = { W: tensor([[3, 1], [4, 0]]) };
 * const grads = { W: tensor([[0, 9], [5, 0]]) };
 * const clipped = clipAdaptively({ ratio: 0.1 }).transform(grads, {}, params).grads;
 * console.log(Array.from(clipped.W.dataSync(), (g) => g.toFixed(2))); // [ '0.00', '0.10', '0.50', '0.00' ]
 * ```
 */
export function clipAdaptively(options: ClipAdaptivelyOptions = {}): Transformation {
  checkOptions("clipAdaptively", options, ["ratio", "epsilon"]);
  const { ratio = 0.01, epsilon = 1e-3 } = options;
  checkPositive("clipAdaptively", { ratio, epsilon });
  return stateless((g, x) => shortened(g, lengths(g), mul(maximum(lengths(x), epsilon), ratio)));
}
