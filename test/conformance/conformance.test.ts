/**
 * @file Every primitive on every backend: values, layouts, special values, derivatives, refusals. To test
 * another backend, add it to the list; to test another primitive, add its row to `samples.ts`.
 */
import {
  checkGradients,
  concat,
  grad,
  jvp,
  mul,
  reshape,
  setDefaultBackend,
  sum,
  type Tensor,
  tensor,
  vjp,
} from "@tapeloop/autograd";
import {
  allocate,
  type AnyPrimitive,
  apply,
  applyMany,
  type Backend,
  type ManyPrimitive,
  type PrimitiveName,
  primitives,
  type TensorType,
} from "@tapeloop/autograd/backend";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { beforeAll, describe, expect, test } from "vitest";
import { layouts } from "./layouts.ts";
import { indicesOf, real, reals, sizeOf, typed } from "./plain.ts";
import { expectClose, floats, type Run, runKernel, typeIn, upload, uploadAs } from "./runs.ts";
import { type Row, rows } from "./samples.ts";

const backends: readonly (readonly [name: string, backend: Backend])[] = [
  ["ndarray", ndarrayBackend],
];

/** Zeros, infinities, NaN, the least and the greatest numbers of each float type. */
const specialValues = [0, -0, 1, -1, 0.5, -2.5, Infinity, -Infinity, NaN];
const extremes = {
  float32: [2 ** -149, -(2 ** -140), 3e38, -3e38].map(Math.fround),
  float64: [2 ** -1074, -(2 ** -1050), 1e308, -1e308],
};

/** The runs in which differences say something about derivatives. Large ones would only take long. */
function smoothRuns(runs: readonly Run[], float: Run["float"]): Run[] {
  return runs.filter(({ row, sample: { inputs, kink }, ...run }) => {
    const isReal = inputs.some((x) => x.dtype === "real");
    const isSmall = inputs.every((x) => x.data.length < 500);
    return run.float === float && row.smooth && kink !== true && isReal && isSmall;
  });
}

/**
 * A run's op as a function of its real inputs, and these as tensors. Several results are joined in reverse
 * order, so that none can be taken for another.
 */
function asFunction(run: Run): { f: (x: readonly Tensor[]) => Tensor; x: readonly Tensor[] } {
  const { name, sample } = run;
  const all = sample.inputs.map((x) => {
    const type = typeIn(x, run);
    return tensor(typed(x.data, type.dtype), { ...type, backend: run.backend });
  });
  const isReal = sample.inputs.map((x) => x.dtype === "real");
  const f = (watched: readonly Tensor[]): Tensor => {
    let next = 0;
    const inputs = all.map((x, i) => (isReal[i] ? watched[next++] : x));
    const primitive: AnyPrimitive = primitives[name];
    if (primitive.results === "one") return apply(primitive, inputs, sample.params);
    const many = primitive as ManyPrimitive<string, unknown, unknown>;
    const pieces = applyMany(many, inputs, sample.params).toReversed();
    return concat(
      pieces.map((piece) => reshape(piece, [-1])),
      { axis: 0 },
    );
  };
  return { f, x: all.filter((_, i) => isReal[i]) };
}

/** A fixed direction in the type of a tensor. */
function directionLike({ shape, dtype }: TensorType, turn: number): Tensor {
  return tensor(typed(real(shape, -1, 1, turn).data, dtype), { shape, dtype });
}

/** Σ x y over the pairs of two lists. */
function inner(x: readonly Tensor[], y: readonly Tensor[]): Tensor {
  return x.map((each, i) => sum(mul(each, y[i]))).reduce((a, b) => a.add(b));
}

/** The derivative by x of ⟨f(x), w⟩ with fixed weights w. */
function gradientOf(f: (x: readonly Tensor[]) => Tensor): (x: readonly Tensor[]) => Tensor[] {
  return (x) => [
    ...grad((at: readonly Tensor[]) => {
      const y = f(at);
      return inner([y], [directionLike(y, 0.7)]);
    })(x),
  ];
}

/** Fails unless ⟨v, J u⟩ = ⟨Jᵀ v, u⟩. */
function expectAdjoint(f: (x: readonly Tensor[]) => Tensor[], x: readonly Tensor[]): void {
  const u = x.map((each, i) => directionLike(each, 0.1 + i / 5));
  const { tangent } = jvp(f, x, u);
  const v = tangent.map((each, i) => directionLike(each, 0.6 + i / 5));
  const { pullback } = vjp(f, x);
  const [left, right] = [inner(v, tangent).item(), inner(pullback(v), u).item()];
  expect(Math.abs(left - right)).toBeLessThanOrEqual(1e-8 * Math.max(1, Math.abs(left)));
}

/** Runs a check of derivatives; if it fails, says of what, and where to look. */
function checked({ name, sample, row }: Run, check: () => unknown): void {
  try {
    check();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `${name}, sample "${sample.what}": ${reason}\nLook at packages/autograd/src/primitives/${row.family}.ts`,
      { cause },
    );
  }
}

const names = Object.keys(rows) as PrimitiveName[];
const withInputs = names.filter((name) => rows[name].samples.some((s) => s.inputs.length > 0));
const ofNumbers = names.filter((name) => rows[name].elementwise !== undefined);
const smooth = names.filter((name) => rows[name].smooth);
const refusals = names.flatMap((name) => rows[name].refuses);

describe.each(backends)("backend %s", (_, backend) => {
  beforeAll(() => setDefaultBackend(backend));

  /** Every sample of a primitive, in every float type. */
  const runsOf = (name: PrimitiveName): Run[] => {
    const row: Row<unknown> = rows[name];
    return floats.flatMap((float) =>
      row.samples.map((sample) => ({ backend, name, row, sample, float })),
    );
  };

  describe.each(names)("%s", (name) => {
    test("agrees with its definition, in the type that its rule infers", () => {
      for (const run of runsOf(name)) {
        const { inputs, params } = run.sample;
        runKernel(run).forEach((result, slot) => {
          const { shape, dtype } = result.type;
          expect(result.data.constructor).toBe(allocate(dtype, 0).constructor);
          expect(result.data.length).toBe(sizeOf(shape));
          const expected = indicesOf(shape).map((at) => run.row.value(at, inputs, params, slot));
          expectClose(run, "value against definition", result, expected);
        });
      }
    });

    test("leaves its inputs as they are", () => {
      for (const run of runsOf(name)) {
        const arrays = run.sample.inputs.map((x) => upload(run, x));
        runKernel(run, run.sample.inputs, arrays);
        run.sample.inputs.forEach((x, i) => {
          const type = typeIn(x, run);
          expect(backend.readSync(arrays[i], type)).toEqual(typed(x.data, type.dtype));
        });
      }
    });
  });

  describe.each(withInputs)("%s", (name) => {
    test.each(Object.keys(layouts))("gives the same for %s", (way) => {
      for (const run of runsOf(name)) {
        const laidOut = run.sample.inputs.map(layouts[way]);
        const inputs = laidOut.map(({ seen }) => seen);
        const arrays = laidOut.map((layout) => uploadAs(run, layout));
        const expected = runKernel(run, inputs);
        runKernel(run, inputs, arrays).forEach((result, slot) =>
          expectClose(run, way, result, expected[slot].data),
        );
      }
    });
  });

  describe.each(ofNumbers)("%s", (name) => {
    test.each(floats)("is right at special values of %s", (float) => {
      const row: Row<unknown> = rows[name];
      const f = row.elementwise as NonNullable<typeof row.elementwise>;
      const values = [...specialValues, ...extremes[float]];
      const points = indicesOf(row.samples[0].inputs.map(() => values.length)).map((index) =>
        index.map((i) => values[i]),
      );
      const inputs = row.samples[0].inputs.map((_each, input) =>
        reals(
          [points.length],
          points.map((point) => point[input]),
        ),
      );
      const sample = { what: "special values", inputs, params: null };
      const run: Run = { backend, name, row, float, sample };
      const expected = points.map((point) => f(...point));
      const comparison = { signedZeros: true };
      expectClose(run, "value against definition", runKernel(run)[0], expected, comparison);
    });
  });

  describe.each(smooth)("%s", (name) => {
    const runs = smoothRuns(runsOf(name), "float64");

    test("has derivatives of order 1 and 2 that agree with differences", () => {
      for (const run of runs) {
        const { f, x } = asFunction(run);
        checked(run, () => checkGradients(f, x, { order: 2, tolerance: [1e-8, 1e-6] }));
      }
    });

    test("pulls back and pushes forward with one Jacobian, at order 1 and 2", () => {
      for (const run of runs) {
        const { f, x } = asFunction(run);
        checked(run, () => expectAdjoint((at) => [f(at)], x));
        checked(run, () => expectAdjoint(gradientOf(f), x));
      }
    });

    test("has derivatives in float32 close to those in float64", () => {
      smoothRuns(runsOf(name), "float32").forEach((run, i) => {
        const functions = [run, runs[i]].map(asFunction);
        const [single, double] = functions.map(({ f, x }) => gradientOf(f)(x));
        const look = `packages/autograd/src/primitives/${run.row.family}.ts`;
        const comparison = { ulps: 16 + 2 * run.row.ulps, each: false, look };
        single.forEach((g, input) => {
          const result = { type: g, data: g.dataSync() };
          const what = `derivative by input ${input} against float64`;
          expectClose(run, what, result, double[input].dataSync(), comparison);
        });
      });
    });
  });

  test.each(refusals)("refuses: $message", ({ call, message }) => {
    expect(call).toThrow(expect.objectContaining({ message }));
  });
});
