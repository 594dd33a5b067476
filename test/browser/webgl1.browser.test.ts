/** @file The GPU backend on WebGL 1: every primitive at its first sample, and the limits of devices. */
import { setDefaultBackend, tensor } from "@tapeloop/autograd";
import type { PrimitiveName } from "@tapeloop/autograd/backend";
import { gpuBackend } from "@tapeloop/backend-gpu";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { beforeAll, expect, test, vi } from "vitest";
import { rows } from "../conformance/samples.ts";
import { testLimits } from "./chains.ts";
import { expectDefinition, ordinary } from "./definitions.ts";

vi.spyOn(console, "warn").mockImplementation(() => {});
const backend = await gpuBackend({ mode: "webgl", elsewhere: ndarrayBackend });
beforeAll(() => setDefaultBackend(backend));

test("it is WebGL 1 that runs", async () => {
  const draw = vi.spyOn(WebGLRenderingContext.prototype, "drawArrays");
  const other = vi.spyOn(WebGL2RenderingContext.prototype, "drawArrays");
  expect([...(await tensor([1, 2]).mul(3).data())]).toEqual([3, 6]);
  expect(draw).toHaveBeenCalled();
  expect(other).not.toHaveBeenCalled();
  expect(backend.report()).toMatchObject({ mode: "webgl" });
});

test.each(Object.keys(rows) as PrimitiveName[])("%s agrees with its definition", async (name) => {
  for (const run of ordinary(backend, name).slice(0, 1)) await expectDefinition(run);
});

testLimits(backend);
