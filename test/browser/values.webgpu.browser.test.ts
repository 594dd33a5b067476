/** @file The GPU backend on WebGPU, where kernels are queued: every primitive at its samples. */
import {
  compile,
  memory,
  pad,
  scope,
  setDefaultBackend,
  tensor,
  type Tensor,
} from "@tapeloop/autograd";
import type { PrimitiveName } from "@tapeloop/autograd/backend";
import { gpuBackend } from "@tapeloop/backend-gpu";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { rows } from "../conformance/samples.ts";
import { testLimits } from "./chains.ts";
import { expectDefinition, ordinary } from "./definitions.ts";

const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
const backend = await gpuBackend({ mode: "webgpu", elsewhere: ndarrayBackend });
const warned = warn.mock.calls.join();
warn.mockRestore();
beforeAll(() => setDefaultBackend(backend));

test.each(Object.keys(rows) as PrimitiveName[])("%s agrees with its definition", async (name) => {
  for (const run of ordinary(backend, name)) await expectDefinition(run);
});

test("the device has a name, and one that is a program is told apart", () => {
  const { renderer, isSoftware } = backend.report();
  expect(renderer).not.toBe("");
  expect(warned.includes(renderer)).toBe(isSoftware);
});

describe("a queue", () => {
  test("does things in order, whoever waits", async () => {
    const x = tensor([1, 2, 3]);
    const y = scope(() => x.mul(2).add(1).square());
    const before = y.data();
    y.dispose();
    expect([...(await before)]).toEqual([9, 25, 49]);
  });

  test("has no values at once, and says so", () => {
    const x = tensor([1, 2]).mul(2);
    expect(() => x.dataSync()).toThrow(expect.objectContaining({ code: "backend" }));
  });

  test("holds nothing behind", async () => {
    const [held, before] = [backend.report().arrays, memory().buffers];
    const kept = scope(() => tensor([1, 2]).mul(2));
    expect([...(await kept.data())]).toEqual([2, 4]);
    kept.dispose();
    expect([backend.report().arrays, memory().buffers]).toEqual([held, before]);
  });
});

describe("the device", () => {
  test("knows infinity, also where a kernel has it written in", async () => {
    const padded = compile((x: Tensor) => pad(x, [[1, 1]], { value: -Infinity }).maximum(-5));
    expect([...(await padded(tensor([1, 2])).data())]).toEqual([-5, 1, 2, -5]);
  });

  testLimits(backend);
});
