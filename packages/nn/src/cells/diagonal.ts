/** @file Diagonal state spaces in continuous time: their first values, and what one step of them does. */
import {
  ArgumentError,
  cos,
  exp,
  expm1,
  mul,
  neg,
  type Shape,
  sin,
  square,
  sub,
  tensor,
  type Tensor,
  tile,
  uniform,
} from "@tapeloop/autograd";
import type { FloatType } from "../initializers/initializer.ts";
import type { Complex } from "./complex.ts";
import { times } from "./complex.ts";
import { type LinearCellOptions, linearCellOptions } from "./linear-cell.ts";

/** Parameters of ds/dt = λ ⊙ s + u, stepped by Δ. */
export interface StateSpaceParameters {
  /** ln(−Re λ): so real parts are below 0. */
  readonly decay: Tensor;
  /** Im λ. */
  readonly frequency: Tensor;
  /** ln Δ, the time that one step takes. */
  readonly logStep: Tensor;
}

/** Options of diagonal state spaces. */
export interface StateSpaceOptions extends LinearCellOptions {
  /** N, the number of complex states; each stands for a conjugate pair. */
  readonly stateSize?: number;
  /**
   * The first λ of the nth state: "linear", −½ + iπn, or "inverse", −½ + i (M/π) (M/(2n + 1) − 1) with M = 2N,
   * near the eigenvalues of the HiPPO-LegS matrix.
   */
  readonly spectrum?: "linear" | "inverse";
  /** Least and greatest Δ at first; they are drawn evenly in the logarithm. Default: [0.001, 0.1]. */
  readonly timeSteps?: readonly [min: number, max: number];
}

/** The names of {@link StateSpaceOptions}. */
export const stateSpaceOptions: readonly string[] = [
  ...linearCellOptions,
  "stateSize",
  "spectrum",
  "timeSteps",
];

/** Im λ of each of N states. */
const spectra = {
  linear: (n: number): number => Math.PI * n,
  inverse: (n: number, pairs: number): number =>
    ((2 * pairs) / Math.PI) * ((2 * pairs) / (2 * n + 1) - 1),
};

/** ln Δ of so many, drawn evenly; refuses times that are none. */
export function logSteps(
  key: Tensor,
  size: number,
  [min, max]: readonly [number, number],
  dtype: FloatType,
): Tensor {
  return uniform([size], Math.log(min), Math.log(max), { key, dtype });
}

/** Refuses times of steps that are not 0 < min < max. */
export function checkTimeSteps(op: string, [min, max]: readonly [number, number]): void {
  if (min > 0 && min < max && max < Infinity) return;
  throw new ArgumentError(op, "timeSteps are 0 < min < max", `[${min}, ${max}]`);
}

/** Refuses spectra that there are not. */
export function checkSpectrum(op: string, spectrum: string): void {
  if (Object.hasOwn(spectra, spectrum)) return;
  throw new ArgumentError(op, 'spectrum is "linear" or "inverse"', spectrum);
}

/** The first λ, the same in every row of `shape` [..., N]. */
export function firstSpectrum(
  key: Tensor,
  spectrum: "linear" | "inverse",
  shape: Shape,
  dtype: FloatType,
): Omit<StateSpaceParameters, "logStep"> {
  const pairs = shape[shape.length - 1];
  const row = (values: (n: number) => number): Tensor => {
    const numbers = Float64Array.from({ length: pairs }, (_, n) => values(n));
    const one = tensor(numbers, { dtype, backend: key.backend });
    return shape.length === 1 ? one : tile(one, [...shape.slice(0, -1), 1]);
  };
  return {
    decay: row(() => Math.log(0.5)),
    frequency: row((n) => spectra[spectrum](n, pairs)),
  };
}

/**
 * One step of Δ with an input that is held: s′ = a ⊙ s + gain ⊙ u with a = e^(λΔ) and gain = (e^(λΔ) − 1) / λ,
 * the zero-order hold.
 */
export function zeroOrderHold(
  { decay, frequency }: Omit<StateSpaceParameters, "logStep">,
  step: Tensor,
): { readonly a: Complex; readonly gain: Complex } {
  const damping = exp(decay);
  const [x, y] = [neg(damping).mul(step), frequency.mul(step)];
  const radius = exp(x);
  const a = { re: radius.mul(cos(y)), im: radius.mul(sin(y)) };
  // e^(x + iy) − 1 without loss where it is small: its real part is expm1(x) cos y − 2 sin²(y/2).
  const moved = {
    re: sub(expm1(x).mul(cos(y)), square(sin(y.mul(0.5))).mul(2)),
    im: a.im,
  };
  // 1 / λ = λ* / |λ|², with −Re λ = damping.
  const size = square(damping).add(square(frequency));
  const inverse = { re: neg(damping).div(size), im: neg(frequency).div(size) };
  return { a, gain: times(moved, inverse) };
}

/** Re Σ c s over the last axis. */
export function realSum(c: Complex, s: Complex): Tensor {
  return sub(mul(c.re, s.re), mul(c.im, s.im)).sum({ axes: -1 });
}
