/** @file What kernels ask of the JavaScript engine. */

/** The name of a function of the host. */
export type HostName = "sin" | "cos" | "atan2" | "pow" | "rem";

/**
 * Functions of float64 that modules import, by their number of operands: for what no short formula gives.
 * A remainder is exact everywhere; the others are the engine's.
 */
export const hostFunctions: Readonly<Record<HostName, (...x: number[]) => number>> = {
  sin: Math.sin,
  cos: Math.cos,
  atan2: Math.atan2,
  // As IEEE 754 has it: JavaScript makes NaN of these.
  pow: (x: number, y: number): number =>
    x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : x ** y,
  rem: (x: number, y: number): number => x % y,
};

/** Their names, in the order in which modules import them. */
export const hostNames = Object.keys(hostFunctions) as HostName[];
