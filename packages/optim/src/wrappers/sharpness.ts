/** @file Sharpness-aware minimisation. */
import {
  abs,
  add,
  cast,
  checkOptions,
  div,
  mapTree,
  maximum,
  mul,
  scope,
  type Tensor,
  type Tree,
  type ValueAndGrad,
} from "@tapeloop/autograd";
import { checkPositive } from "../numbers.ts";
import { globalNorm } from "../transformations/clip.ts";

/** Options of {@link sharpnessAware}. */
export interface SharpnessAwareOptions {
  /** ρ, how far away the loss is looked at, above 0. Default: 0.05; with `adaptive` 0.5. */
  readonly radius?: number;
  /** Whether the distance of a weight is in units of the weight (ASAM). Default: false. */
  readonly adaptive?: boolean;
}

/** T of ASAM; its η is 0.01. */
function unit(x: Tensor): Tensor {
  return add(abs(x), 0.01);
}

/**
 * Gradients of the loss where it is greatest nearby, for minima that are flat: SAM. It takes a function that
 * gives value and gradients, and is one; value and aux are those of the parameters themselves. Each call
 * computes two gradients.
 *
 * ```text
 * e = ρ g / ‖g‖                   with g = ∇L(θ) and the norm over all parameters
 * e = ρ T² g / ‖T g‖              adaptive, with T = |θ| + 0.01
 * d = ∇L(θ + e)
 * ```
 *
 * Source: Foret et al. 2021, arXiv:2010.01412, algorithm 1; Kwon et al. 2021, arXiv:2102.11600, algorithm 1
 * (adaptive). Defaults of the papers.
 *
 * @param gradient - Such as `valueAndGrad(loss)`.
 * @throws ArgumentError if the radius is not above 0, or an option is unknown.
 *
 * @example
 * ```ts
 * import { sharpnessAware, tensor, type Tensor, valueAndGrad } from "tapeloop";
 *
 * const loss = valueAndGrad(({ w }: { w: Tensor }) => w.square().sum());
 * const flat = sharpnessAware(loss, { radius: 0.5 });
 * const { value, grads } = flat({ w: tensor([2]) });
 * console.log(value.item(), grads.w.item()); // 4 5
 * ```
 */
export function sharpnessAware<P extends Tree, A extends readonly unknown[], Aux>(
  gradient: (params: P, ...rest: A) => ValueAndGrad<P, Aux>,
  options: SharpnessAwareOptions = {},
): (params: P, ...rest: A) => ValueAndGrad<P, Aux> {
  checkOptions("sharpnessAware", options, ["radius", "adaptive"]);
  const { adaptive = false } = options;
  const { radius = adaptive ? 0.5 : 0.05 } = options;
  checkPositive("sharpnessAware", { radius });
  return (params, ...rest) =>
    scope(() => {
      const { value, aux, grads } = gradient(params, ...rest);
      const inUnits = adaptive ? mapTree((x, g) => mul(unit(x), g), params, grads) : grads;
      // Where the gradient is 0 there is no way up.
      const size = div(radius, maximum(globalNorm(inUnits), 1e-12));
      const above = mapTree(
        (x, d) => {
          const e = mul(d, cast(size, x.dtype));
          return add(x, adaptive ? mul(unit(x), e) : e);
        },
        params,
        inUnits,
      );
      return { value, aux, grads: gradient(above, ...rest).grads };
    });
}
