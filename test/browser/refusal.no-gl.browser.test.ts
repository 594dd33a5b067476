/** @file A browser without WebGL: it says so, and nothing else runs in the device's place. */
import { gpuBackend } from "@tapeloop/backend-gpu";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { expect, test, vi } from "vitest";

test.each(["webgl2", "webgl", "webgpu", "gpu"] as const)("%s is refused", async (mode) => {
  const choice = gpuBackend({ mode, elsewhere: ndarrayBackend });
  await expect(choice).rejects.toMatchObject({ code: "unavailable" });
});

test("auto takes the other backend, and says so", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  expect(await gpuBackend({ mode: "auto", elsewhere: ndarrayBackend })).toBe(ndarrayBackend);
  expect(warn.mock.calls.join()).toMatch(/The backend "ndarray" runs in its place\.$/);
});
