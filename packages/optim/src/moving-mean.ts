/** @file Moving means: their next value, and how much of them there is yet. */
import { add, expm1, mul, neg, sub, type Tensor } from "@tapeloop/autograd";

/** A moving mean after one more value: β mean + (1 − β) value. */
export function movingMean(mean: Tensor, value: Tensor, beta: number): Tensor {
  return add(mean, mul(sub(value, mean), 1 - beta));
}

/**
 * 1 − βᵗ, the weight that a moving mean with decay β has gathered in t values. As −expm1(t ln β) it is
 * exact in float32 too, where 1 − βᵗ would cancel.
 */
export function weightAfter(t: Tensor, beta: number): Tensor {
  return neg(expm1(mul(t, Math.log(beta))));
}
