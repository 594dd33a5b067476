/**
 * @file Ops compared with PyTorch, theme by theme: values and gradients at smooth points and at edges,
 * derivatives against differences, one call for many examples against a loop.
 */
import { readFileSync } from "node:fs";
import {
  checkGradients,
  compile,
  detectAnomaly,
  type DType,
  flip,
  grad,
  jvp,
  mul,
  setDefaultBackend,
  stack,
  sum,
  type Tensor,
  tensor,
  transpose,
  unstack,
  vjp,
  vmap,
} from "@tapeloop/autograd";
import { allocate } from "@tapeloop/autograd/backend";
import { beforeAll, describe, expect, test } from "vitest";
import { backends, singles } from "./backends.ts";

/** A number, or what JSON has no number for. */
type Spelled = number | "NaN" | "Infinity" | "-Infinity";

/** What PyTorch computed. */
interface Reference {
  readonly inputs: readonly {
    readonly dtype: "float64" | "int32" | "bool";
    readonly shape: readonly number[];
    readonly data: readonly (Spelled | boolean)[];
  }[];
  readonly shape: readonly number[];
  readonly value: readonly Spelled[];
  /** The gradient by each input; null for whole numbers and masks. */
  readonly grads?: readonly (readonly Spelled[] | null)[];
  /** Whether there are kinks, ties or infinities. */
  readonly edge?: true;
  /** Places where derivatives are not compared, because PyTorch's are of another choice. */
  readonly skip?: readonly number[];
}

/** An op, as a function of the inputs of its case alone. */
export type Call = (...x: Tensor[]) => Tensor;

const file = new URL("../references/ops.json", import.meta.url);
const references = JSON.parse(readFileSync(file, "utf8")) as Record<
  string,
  Record<string, Reference>
>;

/** The cases of a theme. */
export function titlesOf(theme: string): string[] {
  return Object.keys(references[theme]);
}

/** The inputs of a case, with real numbers in the given type. */
function inputsOf({ inputs }: Reference, float: "float32" | "float64"): Tensor[] {
  return inputs.map(({ dtype, shape, data }) => {
    const type: DType = dtype === "float64" ? float : dtype;
    const array = allocate(type, data.length);
    array.set(data.map(Number));
    return tensor(array, { shape, dtype: type });
  });
}

/** The numbers are equal, or agree to a relative tolerance; below 1 an absolute one. */
function expectAll(
  actual: Tensor,
  expected: readonly (Spelled | boolean)[],
  tolerance: number,
  isCompared: (i: number) => boolean = () => true,
): void {
  const wrong = [...actual.dataSync()].flatMap((got, i) => {
    const want = Number(expected[i]);
    if (got === want || (Number.isNaN(got) && Number.isNaN(want)) || !isCompared(i)) return [];
    const isNear = Math.abs(got - want) <= tolerance * Math.max(1, Math.abs(want));
    return isNear ? [] : [`element ${i} is ${got}, not ${want}`];
  });
  expect(wrong).toEqual([]);
}

/** Which inputs are differentiated. */
const isReal = (x: Tensor): boolean => x.dtype === "float64" || x.dtype === "float32";

/** The call as a function of its real inputs alone. */
function ofReals(call: Call, all: readonly Tensor[]): (reals: readonly Tensor[]) => Tensor {
  return (reals) => {
    let next = 0;
    return call(...all.map((x) => (isReal(x) ? reals[next++] : x)));
  };
}

/** The weights that make one number of a result: 0.5 + frac(0.618 i). */
function weightsFor({ shape, dtype, size }: Tensor): Tensor {
  const data = Float64Array.from({ length: size }, (_, i) => 0.5 + ((0.618 * i) % 1));
  return tensor(data, { shape, dtype });
}

/** The gradients of Σ w f(x) by the real inputs. */
function gradients(call: Call, all: readonly Tensor[]): readonly Tensor[] {
  const f = ofReals(call, all);
  const total = (x: readonly Tensor[]): Tensor => {
    const y = f(x);
    return sum(mul(y, weightsFor(y)));
  };
  return grad(total)(all.filter(isReal));
}

/** Examples of the inputs: themselves, then real numbers close to them. */
function examplesOf(inputs: readonly Tensor[], count: number): Tensor[] {
  return inputs.map((x) => {
    const near = Array.from({ length: count }, (_, i) => (isReal(x) ? mul(x, 1 - 0.03 * i) : x));
    return count > 0
      ? stack(near, { axis: 0 })
      : tensor(allocate(x.dtype, 0), { shape: [0, ...x.shape] });
  });
}

/** The same tensor as a view that walks backwards along every axis, and of permuted memory. */
function asView(x: Tensor): Tensor {
  const turned = transpose(flip(x));
  return flip(transpose(tensor(turned.dataSync(), { shape: turned.shape })));
}

/**
 * Runs every case of a theme.
 *
 * @param theme - Its name in ops.json.
 * @param calls - The op for every case; no case may be without one, and no op without a case. A case
 *   "… at edges" takes that of the case without.
 */
export function compare(theme: string, calls: Readonly<Record<string, Call>>): void {
  describe.each(backends)("on %s", (_, backend) => {
    beforeAll(() => setDefaultBackend(backend));
    compareAll(theme, calls);
  });
  // Ops are made of primitives, which the conformance tests run on both.
  const [[name, single]] = singles;
  describe(`on ${name}`, () => {
    beforeAll(() => setDefaultBackend(single));
    compareSingle(theme, calls);
  });
}

/** Values and gradients in float32 alone, op by op and compiled: sums of many terms leave five digits. */
function compareSingle(theme: string, calls: Readonly<Record<string, Call>>): void {
  const smooth = Object.entries(references[theme]).filter(([, { edge }]) => edge !== true);
  test.each(smooth)("%s has PyTorch's value and gradients in float32", (title, reference) => {
    const { value, shape, grads } = reference;
    const inputs = inputsOf(reference, "float32");
    const call = calls[title];
    for (const run of [call, compile(call)]) {
      const result = run(...inputs);
      expect(result.shape).toEqual(shape);
      expectAll(result, value, 2e-5);
    }
    if (grads === undefined) return;
    const slopes = (...all: Tensor[]): readonly Tensor[] => gradients(call, all);
    const expected = grads.filter((g) => g !== null);
    for (const run of [slopes, compile(slopes)]) {
      run(...inputs).forEach((g, i) => expectAll(g, expected[i], 1e-4));
    }
  });
}

/** {@link compare} on the default backend. */
function compareAll(theme: string, calls: Readonly<Record<string, Call>>): void {
  const cases = Object.entries(references[theme]);
  const callOf = (title: string): Call =>
    calls[title] ?? calls[title.replace(/ at edges$/, "")] ?? expect.fail(`no call for "${title}"`);

  test("every op has a case", () => {
    const titles = new Set(cases.map(([title]) => title));
    expect(Object.keys(calls).filter((title) => !titles.has(title))).toEqual([]);
  });

  describe.each(cases)("%s", (title, reference) => {
    const { value, shape, grads, edge, skip } = reference;

    test("has PyTorch's value", () => {
      const result = callOf(title)(...inputsOf(reference, "float64"));
      expect(result.shape).toEqual(shape);
      expectAll(result, value, 1e-12);
    });

    test("has PyTorch's value in float32 to its precision", () => {
      const inputs = inputsOf(reference, "float32");
      const result = callOf(title)(...inputs);
      if (inputs.some(isReal)) expect(result.dtype).not.toBe("float64");
      if (edge !== true) expectAll(result, value, 2e-5);
    });

    test("gives compiled what it gives eagerly, with its gradients", () => {
      const inputs = inputsOf(reference, "float64");
      const call = callOf(title);
      expectAll(compile(call)(...inputs), [...call(...inputs).dataSync()], 1e-12);
      if (grads === undefined) return;
      const slopes = (...all: Tensor[]): readonly Tensor[] => gradients(call, all);
      const expected = slopes(...inputs);
      compile(slopes)(...inputs).forEach((g, i) =>
        expectAll(g, [...expected[i].dataSync()], 1e-12),
      );
    });

    test("gives the same however its inputs lie in memory", () => {
      const inputs = inputsOf(reference, "float64");
      const call = callOf(title);
      const seen = [...call(...inputs).dataSync()];
      expectAll(call(...inputs.map(asView)), seen, 0);
    });

    test.each([0, 1, 2])("gives for %i examples under vmap what a loop gives", (count) => {
      const inputs = inputsOf(reference, "float64");
      if (inputs.length === 0) return;
      const call = callOf(title);
      const batched = examplesOf(inputs, count);
      const found = vmap(call)(...batched);
      expect(found.shape).toEqual([count, ...shape]);
      for (const example of Array.from({ length: count }, (_, i) => i)) {
        const one = call(...batched.map((x) => unstack(x)[example]));
        expectAll(unstack(found)[example], [...one.dataSync()], 1e-12);
      }
    });

    if (grads === undefined) return;

    test("has PyTorch's gradients", () => {
      const inputs = inputsOf(reference, "float64");
      const expected = grads.filter((g) => g !== null);
      const finite = inputs.filter(isReal).map((x) => [...x.dataSync()].map(Number.isFinite));
      // Outside of its domain a function of single numbers has no derivative to speak of.
      const isOutside = (i: number): boolean =>
        inputs.every((x) => x.size === value.length) && value[i] === "NaN";
      gradients(callOf(title), inputs).forEach((g, input) =>
        expectAll(
          g,
          expected[input],
          1e-10,
          (i) => finite[input][i] && skip?.includes(i) !== true && !isOutside(i),
        ),
      );
    });

    if (edge === true) return;

    test("has derivatives of order 1 and 2 that agree with differences", () => {
      const inputs = inputsOf(reference, "float64");
      checkGradients(ofReals(callOf(title), inputs), inputs.filter(isReal));
    });

    test("pulls back and pushes forward with one Jacobian", () => {
      const inputs = inputsOf(reference, "float64");
      const [f, reals] = [ofReals(callOf(title), inputs), inputs.filter(isReal)];
      const along = reals.map(weightsFor);
      const { value: y, tangent } = jvp(f, reals, along);
      const { pullback } = vjp(f, reals);
      const inner = (a: readonly Tensor[], b: readonly Tensor[]): number =>
        a.reduce((total, x, i) => total + sum(mul(x, b[i])).item(), 0);
      const [pushed, pulled] = [
        inner([tangent], [weightsFor(y)]),
        inner(pullback(weightsFor(y)), along),
      ];
      expect(Math.abs(pushed - pulled)).toBeLessThan(1e-11 * Math.max(1, Math.abs(pushed)));
    });

    test("raises no false alarm while detectAnomaly watches", () => {
      const inputs = inputsOf(reference, "float64");
      const call = callOf(title);
      detectAnomaly((...all: Tensor[]) => gradients(call, all))(...inputs);
    });

    test("has the derivatives under vmap that a loop has", () => {
      const inputs = inputsOf(reference, "float64");
      const call = callOf(title);
      const batched = examplesOf(inputs.filter(isReal), 2);
      const slopes = (reals: readonly Tensor[]): readonly Tensor[] => {
        let next = 0;
        return gradients(
          call,
          inputs.map((x) => (isReal(x) ? reals[next++] : x)),
        );
      };
      const gs = vmap(slopes)(batched);
      for (const example of [0, 1]) {
        const reals = batched.map((x) => unstack(x)[example]);
        slopes(reals).forEach((g, i) =>
          expectAll(unstack(gs[i])[example], [...g.dataSync()], 1e-12),
        );
      }
    });
  });
}
