/** @file How far functions of real numbers are off, in units of the last place, over all of their range. */
import {
  cos,
  type DType,
  erf,
  erfc,
  erfinv,
  expm1,
  log1p,
  setDefaultBackend,
  sin,
  tensor,
  type Tensor,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { expect, test } from "vitest";
import { wasmBackend } from "../src/index.ts";

/** So many bit patterns, evenly over all signs, exponents and kinds of numbers. */
function patterns(dtype: "float32" | "float64", count: number): Float32Array | Float64Array {
  if (dtype === "float32") {
    const apart = Math.floor(2 ** 32 / count);
    return new Float32Array(
      Uint32Array.from({ length: count }, (_, i) => i * apart + (i % 7)).buffer,
    );
  }
  const words = new BigUint64Array(count);
  for (let i = 0; i < count; i++) {
    words[i] = BigInt(i) * (2n ** 64n / BigInt(count)) + BigInt((i * 2654435761) % 2 ** 32);
  }
  return new Float64Array(words.buffer);
}

/** The distance to the next number of the type from one of this size. */
function unit(dtype: DType, x: number): number {
  const [bits, least] = dtype === "float32" ? [23, -126] : [52, -1022];
  if (x === 0) return 2 ** (least - bits);
  const exponent = Math.floor(Math.log2(Math.abs(x)));
  return 2 ** (Math.max(exponent, least) - bits);
}

const sigmoid = (x: number): number =>
  x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x));

function referenceOf(f: (x: Tensor) => Tensor): (x: Float64Array) => ArrayLike<number> {
  return (x) => {
    setDefaultBackend(ndarrayBackend);
    return f(tensor(x, { dtype: "float64" })).dataSync();
  };
}

function engineOf(f: (x: number) => number): (x: Float64Array) => ArrayLike<number> {
  return (x) => x.map(f);
}

const [all, small] = [Infinity, 1];

describeAll([
  ["exp", (x) => x.exp(), engineOf(Math.exp), all, 2.5, 2],
  ["expm1", expm1, engineOf(Math.expm1), all, 0.51, 2],
  ["tanh", (x) => x.tanh(), engineOf(Math.tanh), all, 2.5, 3],
  ["sigmoid", (x) => x.sigmoid(), engineOf(sigmoid), all, 2.5, 3],
  ["log", (x) => x.log(), engineOf(Math.log), all, 1.5, 1.5],
  ["log1p", log1p, engineOf(Math.log1p), all, 0.51, 2],
  ["sin", sin, engineOf(Math.sin), all, 0.51, 1.5],
  ["cos", cos, engineOf(Math.cos), all, 0.51, 1.5],
  ["erf", erf, referenceOf(erf), all, 1.5, 4],
  ["erfc", erfc, referenceOf(erfc), all, 0.51, 16],
  ["erfinv", erfinv, referenceOf(erfinv), small, 0.51, 8],
  ["sqrt", (x) => x.sqrt(), engineOf(Math.sqrt), all, 0.5, 0.5],
]);

/** Name, function, definition, greatest argument, and bounds for both types. */
type Case = readonly [
  string,
  (x: Tensor) => Tensor,
  (x: Float64Array) => ArrayLike<number>,
  number,
  number,
  number,
];

function describeAll(cases: readonly Case[]): void {
  for (const dtype of ["float32", "float64"] as const) {
    test.each(cases)(`%s of ${dtype} is within its bound`, (_, f, exact, greatest, ...bounds) => {
      const even = Float64Array.from({ length: 50_000 }, (__, i) => (i - 25_000) / 997);
      const list = [...patterns(dtype, 400_000), ...even, ...even.map((x) => x / 30)];
      const x = Float64Array.from(list).filter((v) => !(Math.abs(v) > greatest));
      const given = dtype === "float32" ? Float64Array.from(new Float32Array(x)) : x;
      const want = exact(given);
      setDefaultBackend(wasmBackend());
      const got = f(tensor(given, { dtype })).dataSync();
      let [worst, at] = [0, NaN];
      for (let i = 0; i < given.length; i++) {
        const expected = want[i];
        if (
          Object.is(expected, got[i]) ||
          (dtype === "float32" && Math.fround(expected) === got[i])
        )
          continue;
        const error = Math.abs(got[i] - expected) / unit(dtype, expected);
        if (!(error <= worst)) [worst, at] = [error, given[i]];
      }
      expect(worst, `ulp at ${at}`).toBeLessThanOrEqual(bounds[dtype === "float32" ? 0 : 1]);
    });
  }
}
