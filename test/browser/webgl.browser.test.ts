/**
 * @file The GPU backend on WebGL 2, as a browser has it: every primitive at its samples, to the accuracy
 * that shading languages promise; and what happens when the device goes away.
 */
import { key, memory, normal, scope, setDefaultBackend, tensor } from "@tapeloop/autograd";
import type { PrimitiveName } from "@tapeloop/autograd/backend";
import { type GpuBackend, gpuBackend } from "@tapeloop/backend-gpu";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { layouts } from "../conformance/layouts.ts";
import { indicesOf, type Input } from "../conformance/plain.ts";
import { runsOf } from "../conformance/properties.ts";
import { type Run, runKernel, uploadAs } from "../conformance/runs.ts";
import { rows } from "../conformance/samples.ts";

const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
const backend: GpuBackend = await gpuBackend({ mode: "webgl2", elsewhere: ndarrayBackend });
const warned = warn.mock.calls.join();
warn.mockRestore();
beforeAll(() => setDefaultBackend(backend));

/** Devices keep no NaN, no infinities, no signs of 0 and no numbers below 2⁻¹²⁶, and add in float32. */
function isOrdinary({ sample }: Run): boolean {
  const isPlain = (v: number): boolean =>
    Object.is(v, 0) || (Math.abs(v) > 1e-37 && Math.abs(v) < 1e37);
  const isExact = sample.what.endsWith("kept in float64");
  return !isExact && sample.inputs.every(({ data }) => data.every(isPlain));
}

/** The samples that the device is asked of. */
function ordinary(name: PrimitiveName): Run[] {
  return runsOf(backend, name).filter((run) => run.float === "float32" && isOrdinary(run));
}

/** Fails unless the results are those of the definition. */
function expectDefinition(run: Run, inputs: readonly Input[], arrays?: readonly unknown[]): void {
  runKernel(run, inputs, arrays).forEach(({ type, data }, slot) => {
    const expected = indicesOf(type.shape).map((at) =>
      run.row.value(at, inputs, run.sample.params, slot),
    );
    const greatest = Math.max(1, ...expected.filter(Number.isFinite).map(Math.abs));
    const isFloat = type.dtype === "float32";
    expected.forEach((want, i) => {
      if (!Number.isFinite(want)) return;
      const allowed = isFloat ? 1e-5 * Math.abs(want) + 2e-6 * greatest : 0;
      expect(Math.abs(data[i] - want), `${run.sample.what}, element ${i}`).toBeLessThanOrEqual(
        allowed,
      );
    });
  });
}

describe.each(Object.keys(rows) as PrimitiveName[])("%s", (name) => {
  test("agrees with its definition", () => {
    for (const run of ordinary(name)) expectDefinition(run, run.sample.inputs);
  });

  test("agrees with its definition however its inputs lie in memory", () => {
    for (const run of ordinary(name).slice(0, 1)) {
      for (const layOut of Object.values(layouts)) {
        const laidOut = run.sample.inputs.map(layOut);
        const arrays = laidOut.map((layout) => uploadAs(run, layout));
        expectDefinition(
          run,
          laidOut.map(({ seen }) => seen),
          arrays,
        );
      }
    }
  });
});

describe("the device", () => {
  test("is told apart from hardware", () => {
    const { renderer, isSoftware, mode } = backend.report();
    expect(mode).toBe("webgl2");
    expect(renderer).not.toBe("");
    if (isSoftware) expect(warned).toContain(renderer);
    else expect(warned).toBe("");
  });

  test("brings every number back as it was", async () => {
    const data = Float32Array.from({ length: 5000 }, (_, i) =>
      Math.fround(Math.sin(i) * 10 ** (i % 30)),
    );
    const x = tensor(data.slice());
    expect(await x.reshape([50, 100]).transpose().transpose().data()).toEqual(data);
  });

  test("is read while the page goes on, also what is given back meanwhile", async () => {
    const x = tensor(Float32Array.from({ length: 300 }, (_, i) => i)).mul(2);
    const [all, part] = [x.data(), x.slice([{ start: 10, stop: 12 }]).data()];
    x.dispose();
    expect((await all)[299]).toBe(598);
    expect([...(await part)]).toEqual([20, 22]);
  });

  test("counts places exactly as far as it takes them", () => {
    const n = 4_000_037;
    const x = tensor(Float32Array.from({ length: n }, (_, i) => i % 4093));
    const turned = x
      .slice([{ stop: 4_000_035 }])
      .reshape([-1, 5])
      .transpose()
      .add(1)
      .dataSync();
    const columns = 800_007;
    for (let k = 0; k < 500; k++) {
      const [i, j] = [k % 5, (k * 1_599) % columns];
      expect(turned[i * columns + j]).toBe(((j * 5 + i) % 4093) + 1);
    }
  });

  test("holds nothing behind", () => {
    const [held, before] = [backend.report().arrays, memory().buffers];
    scope(() =>
      normal([8, 8], { key: key(0) })
        .matmul(normal([8, 8], { key: key(1) }))
        .tanh()
        .dataSync(),
    );
    expect([backend.report().arrays, memory().buffers]).toEqual([held, before]);
  });
});
