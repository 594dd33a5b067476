/** @file How far functions of float32 are off, in units of the last place, over all of their range. */
import { setDefaultBackend, tensor, type Tensor } from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { beforeEach, expect, test } from "vitest";
import { wasmBackend } from "../src/index.ts";

beforeEach(() => setDefaultBackend(wasmBackend({ elsewhere: ndarrayBackend })));

/** Every 1021st bit pattern: of all signs, exponents and kinds. */
function patterns(): Float32Array {
  const bits = Uint32Array.from({ length: Math.floor(2 ** 32 / 1021) }, (_, i) => i * 1021);
  return new Float32Array(bits.buffer);
}

/** The distance to the next float32 from a number of this size. */
function unit(x: number): number {
  const exponent = Math.floor(Math.log2(Math.abs(x)));
  return x === 0 ? 2 ** -149 : 2 ** (Math.max(exponent, -126) - 23);
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

test.each([
  ["exp", (x: Tensor) => x.exp(), Math.exp, 2.5],
  ["tanh", (x: Tensor) => x.tanh(), Math.tanh, 2.5],
  ["sigmoid", (x: Tensor) => x.sigmoid(), sigmoid, 2.5],
  ["log", (x: Tensor) => x.log(), Math.log, 1.5],
  ["sqrt", (x: Tensor) => x.sqrt(), Math.sqrt, 0.5],
] as const)("%s is within its bound for every 1021st float32", (_, f, exact, bound) => {
  const x = patterns();
  const y = f(tensor(x)).dataSync();
  let worst = 0;
  for (let i = 0; i < x.length; i++) {
    const expected = exact(x[i]);
    if (Math.fround(expected) === y[i] || (Number.isNaN(expected) && Number.isNaN(y[i]))) continue;
    const error = Math.abs(y[i] - expected) / unit(expected);
    if (!(error <= worst)) worst = error;
  }
  expect(worst).toBeLessThanOrEqual(bound);
});
