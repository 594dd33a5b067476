/**
 * @file The GPU backend on WebGL 2, as a browser has it: every primitive at its samples, to the accuracy
 * that shading languages promise; and what happens when the device goes away.
 */
import { key, memory, normal, pad, scope, setDefaultBackend, tensor } from "@tapeloop/autograd";
import type { PrimitiveName } from "@tapeloop/autograd/backend";
import { type GpuBackend, gpuBackend } from "@tapeloop/backend-gpu";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { Device } from "../../packages/backend-gpu/src/device.ts";
import { loadGpuJs } from "../../packages/backend-gpu/src/gpujs.ts";
import { layouts } from "../conformance/layouts.ts";
import { expectDerived } from "../conformance/properties.ts";
import { uploadAs } from "../conformance/runs.ts";
import { rows } from "../conformance/samples.ts";
import { testLimits } from "./chains.ts";
import { expectDefinition, ordinary } from "./definitions.ts";

const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
const backend: GpuBackend = await gpuBackend({ mode: "webgl2", elsewhere: ndarrayBackend });
const warned = warn.mock.calls.join();
warn.mockRestore();
beforeAll(() => setDefaultBackend(backend));

describe.each(Object.keys(rows) as PrimitiveName[])("%s", (name) => {
  test("agrees with its definition", async () => {
    for (const run of ordinary(backend, name)) await expectDefinition(run);
  });

  test("has derivatives of orders 1 and 2, and of many examples, close to those in float64", async () => {
    for (const [i, run] of ordinary(backend, name).entries()) {
      // Kernels are compiled for each: two samples have it all, the others their gradients.
      await expectDerived(run, 1e-5, i < 2 ? null : "gradient");
    }
  });

  test("agrees with its definition however its inputs lie in memory", async () => {
    for (const run of ordinary(backend, name).slice(0, 1)) {
      for (const layOut of Object.values(layouts)) {
        const laidOut = run.sample.inputs.map(layOut);
        const arrays = laidOut.map((layout) => uploadAs(run, layout));
        await expectDefinition(
          run,
          laidOut.map(({ seen }) => seen),
          arrays,
        );
      }
    }
  });
});

describe("the device", () => {
  testLimits(backend);

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

  test("knows infinity", () => {
    const padded = pad(tensor([1, 2]), [[1, 1]], { value: -Infinity });
    expect(padded.toArray()).toEqual([-Infinity, 1, 2, -Infinity]);
    expect(padded.mul(-1).toArray()).toEqual([Infinity, -1, -2, Infinity]);
    expect(padded.max().item()).toBe(2);
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

  test("keeps what forgotten kernels have made, and makes them again", async () => {
    const { GPU } = await loadGpuJs();
    const gpu = new GPU({ mode: "webgl2" });
    const device = new Device("webgl2", gpu, null, 2);
    const kernel = (factor: number) =>
      device.kernel({
        source: `function (t0) {\nreturn t0[this.thread.x] * ${factor};\n}`,
        size: 2,
        arrays: [2],
        numbers: 0,
      });
    const x = new Float32Array([1, 2]);
    const made = [1, 2, 3, 4, 5, 6].map((factor) => kernel(factor)([x]));
    // All are there, so no kernel may go.
    made.forEach((y, i) => expect([...device.read(y)]).toEqual([i + 1, 2 * i + 2]));
    for (const y of made.slice(0, 5)) device.delete(y, 2);
    for (const factor of [7, 8, 1]) {
      const y = kernel(factor)([x]);
      expect([...device.read(y)]).toEqual([factor, 2 * factor]);
      device.delete(y, 2);
    }
    expect([...device.read(made[5])]).toEqual([6, 12]);
    expect(device.report().kernels).toBe(9);
  });

  test("gives memory back once", () => {
    const before = backend.report().arrays;
    const x = scope(() => tensor([1, 2]).mul(2));
    x.dispose();
    x.dispose();
    expect(backend.report().arrays).toBe(before);
    expect(() => x.dataSync()).toThrow(expect.objectContaining({ code: "disposed" }));
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
