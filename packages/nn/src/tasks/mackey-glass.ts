/** @file The Mackey-Glass series: chaos with a memory. */
import { ArgumentError, checkOptions, scope, tensor, type Tensor } from "@tapeloop/autograd";
import { checkSizes } from "../sizes.ts";
import { Draws } from "./draws.ts";

/** Size of a {@link mackeyGlass} series. */
export interface MackeyGlassOptions {
  /** T. */
  readonly steps: number;
  /** B series, which start differently. */
  readonly batch: number;
  /** τ, in units of time, from 1: chaotic from 17. Default: 17. */
  readonly delay?: number;
  /** Steps that are left out at the start, until the series is on its attractor. Default: 300. */
  readonly settle?: number;
}

/** Steps of the integration per unit of time. */
const resolution = 10;

/**
 * The Mackey-Glass series, one value per unit of time: ẋ(t) = 0.2 x(t − τ) / (1 + x(t − τ)¹⁰) − 0.1 x(t).
 * Say the next value, or that in 6 or 84 steps. Saying the last one again has a root mean squared error of
 * about 0.2 of the standard deviation for one step.
 *
 * Shapes: [T, B]. Integrated in float64 by Runge and Kutta's method of order 4 with steps of 0.1, values
 * between those of the past taken by the cubic through four of them; the past before 0 is constant, 1.2
 * and up to 0.1 more or less.
 *
 * Source: Mackey and Glass 1977, "Oscillation and chaos in physiological control systems"; as a task Jaeger
 * and Haas 2004.
 *
 * @throws ArgumentError if the delay is below 1.
 *
 * @example
 * ```ts
 * import { key, mackeyGlass } from "tapeloop";
 *
 * const series = mackeyGlass(key(0), { steps: 500, batch: 1 });
 * console.log(series.shape, series.min().item() > 0.2, series.max().item() < 1.5); // [ 500, 1 ] true true
 * ```
 */
export function mackeyGlass(key: Tensor, options: MackeyGlassOptions): Tensor {
  checkOptions("mackeyGlass", options, ["steps", "batch", "delay", "settle"]);
  const { steps, batch, delay = 17, settle = 300 } = options;
  checkSizes("mackeyGlass", { steps, batch, settle });
  if (!(delay >= 1)) {
    throw new ArgumentError("mackeyGlass", "the delay is a number from 1", String(delay));
  }
  const draws = new Draws(key, batch);
  const values = new Float64Array(steps * batch);
  for (let b = 0; b < batch; b++) {
    const series = integrate(1.1 + 0.2 * draws.next(), delay, settle + steps);
    for (let t = 0; t < steps; t++) values[t * batch + b] = series[(settle + t) * resolution];
  }
  return scope(() => tensor(Float32Array.from(values), { shape: [steps, batch] }));
}

/** ẋ from x now and before the delay. */
function slope(now: number, before: number): number {
  return (0.2 * before) / (1 + before ** 10) - 0.1 * now;
}

/** x at all steps of the integration, from a constant past. */
function integrate(past: number, delay: number, time: number): Float64Array {
  const h = 1 / resolution;
  const count = time * resolution;
  const x = new Float64Array(count + 1);
  x[0] = past;
  const at = (i: number): number => (i <= 0 ? past : x[i]);
  /** x at a place between steps, all of them long past. */
  const between = (place: number): number => {
    const i = Math.floor(place);
    const u = place - i;
    const [a, b, c, d] = [at(i - 1), at(i), at(i + 1), at(i + 2)];
    return u === 0
      ? b
      : (-a * u * (u - 1) * (u - 2)) / 6 +
          (b * (u + 1) * (u - 1) * (u - 2)) / 2 -
          (c * (u + 1) * u * (u - 2)) / 2 +
          (d * (u + 1) * u * (u - 1)) / 6;
  };
  for (let i = 0; i < count; i++) {
    const place = i - delay * resolution;
    const [p0, p1, p2] = [between(place), between(place + 0.5), between(place + 1)];
    const k1 = slope(x[i], p0);
    const k2 = slope(x[i] + (h / 2) * k1, p1);
    const k3 = slope(x[i] + (h / 2) * k2, p1);
    const k4 = slope(x[i] + h * k3, p2);
    x[i + 1] = x[i] + (h / 6) * (k1 + 2 * k2 + 2 * k3 + k4);
  }
  return x;
}
