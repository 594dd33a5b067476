/** @file The GPU backend on WebGPU, where kernels are queued: every primitive at its samples. */
import {
  argmax,
  cast,
  compile,
  cond,
  gather,
  greater,
  less,
  memory,
  pad,
  scope,
  setDefaultBackend,
  sort,
  tensor,
  type Tensor,
  whileLoop,
} from "@tapeloop/autograd";
import type { PrimitiveName } from "@tapeloop/autograd/backend";
import { gpuBackend } from "@tapeloop/backend-gpu";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { expectDerived } from "../conformance/properties.ts";
import type { Run } from "../conformance/runs.ts";
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

test.each(Object.keys(rows) as PrimitiveName[])(
  "%s has derivatives of orders 1 and 2, and of many examples, close to those in float64",
  async (name) => {
    // Real numbers of the device become others on the host, which cannot read them at once here.
    const isRead = (run: Run): boolean => name === "cast" && run.sample.inputs[0].dtype === "real";
    const runs = ordinary(backend, name).filter((run) => !isRead(run));
    for (const run of runs.slice(0, 1)) await expectDerived(run, 1e-5);
  },
);

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

describe("what must be known at once", () => {
  const needs: readonly (readonly [op: string, says: string, f: (x: Tensor) => Tensor])[] = [
    [
      "cond",
      "Use where()",
      (x) =>
        cond(
          greater(x.sum(), 0),
          (y) => y,
          (y) => y.neg(),
          x,
        ),
    ],
    [
      "whileLoop",
      "Use scan()",
      (x) =>
        whileLoop(
          (y) => less(y.sum(), 9),
          (y) => y.mul(2),
          x,
        ),
    ],
    ["gather", "maximum() and minimum()", (x) => gather(x, argmax(x).add(1))],
    ["cast", "await the data() of its inputs", (x) => cast(x, "int32")],
  ];

  test.each(needs)("is refused by name: %s, %s", (op, says, f) => {
    for (const run of [f, compile(f)]) {
      const refused = expect.objectContaining({
        code: "backend",
        op,
        message: expect.stringContaining(says),
      });
      expect(() => run(tensor([1, 2, 0]).mul(1))).toThrow(refused);
    }
  });

  test("is nothing where whole numbers of the device are known to be right", async () => {
    const f = (x: Tensor): Tensor => gather(x, argmax(x).add(1).minimum(2)).add(sort(x));
    for (const run of [f, compile(f)]) {
      expect([...(await run(tensor([1, 3, 0]).mul(2)).data())]).toEqual([0, 2, 6]);
    }
  });
});

describe("the device", () => {
  test("knows infinity, also where a kernel has it written in", async () => {
    const padded = compile((x: Tensor) => pad(x, [[1, 1]], { value: -Infinity }).maximum(-5));
    expect([...(await padded(tensor([1, 2])).data())]).toEqual([-5, 1, 2, -5]);
  });

  testLimits(backend);
});
