/** @file What wrappers hand on to the cell inside of them, and the state of those that draw in every step. */
import { ArgumentError, splitKey, scope, type Tensor } from "@tapeloop/autograd";
import type { RecurrentCell, StartOptions } from "../cells/recurrent-cell.ts";

/** Refuses rates that leave nothing, or are none. */
export function checkRate(op: string, name: string, rate: number): void {
  if (!(rate >= 0 && rate < 1)) {
    throw new ArgumentError(op, `${name} is from 0 and below 1`, String(rate));
  }
}

/** The options for a cell whose parameters are a part of the wrapper's. */
export function forPart<P, Q>(
  options: StartOptions<P>,
  part: (parameters: P) => Q,
): StartOptions<Q> {
  const { parameters, ...others } = options;
  return parameters === undefined ? others : { ...others, parameters: part(parameters) };
}

/** A state with the key that the next step draws from. */
export interface Keyed<S> {
  /** The state of the cell inside. */
  readonly cell: S;
  /** In training: the key of the next step. */
  readonly key?: Tensor;
}

/** The first state of a wrapper that draws in every step. */
export function keyedStart<P, S>(
  cell: RecurrentCell<P, S>,
  batch: number | undefined,
  options: StartOptions<P>,
): Keyed<S> {
  return scope(() => {
    if (options.key === undefined) return { cell: cell.initialState(batch, options) };
    const [own, inner] = splitKey(options.key);
    return { cell: cell.initialState(batch, { ...options, key: inner }), key: own };
  });
}
