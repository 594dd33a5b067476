/** @file Sums of exponentials that never overflow: they are held beside the greatest exponent so far. */
import { exp, full, maximum, sub, type Tensor } from "@tapeloop/autograd";
import type { FloatType } from "../initializers/initializer.ts";
import { stateShape } from "./recurrent-cell.ts";

/** What two exponentials are, less the greater of their exponents. */
export interface Shares {
  /** m, the greater exponent. */
  readonly m: Tensor;
  /** e^(kept − m) */
  readonly kept: Tensor;
  /** e^(added − m) */
  readonly added: Tensor;
}

/** e^kept and e^added, both divided by the greater one. What is multiplied by them is e^m times as great. */
export function shares(kept: Tensor, added: Tensor): Shares {
  const m = maximum(kept, added);
  return { m, kept: exp(sub(kept, m)), added: exp(sub(added, m)) };
}

/** The exponent of an empty sum, −10³⁰: as good as −∞, and without the NaN of −∞ + ∞. */
export function noExponent(size: number, batch: number | undefined, dtype: FloatType): Tensor {
  return full(stateShape(batch, size), -1e30, { dtype });
}
