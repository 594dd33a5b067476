/** @file A browser without WebGL: it says so, and nothing else runs in the device's place. */
import { setDefaultBackend, tensor } from "@tapeloop/autograd";
import { gpuBackend } from "@tapeloop/backend-gpu";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { wasmBackend } from "@tapeloop/backend-wasm";
import { expect, test, vi } from "vitest";

test.each(["webgl2", "webgl", "webgpu", "gpu"] as const)("%s is refused", async (mode) => {
  const choice = gpuBackend({ mode, elsewhere: ndarrayBackend });
  await expect(choice).rejects.toMatchObject({ code: "unavailable" });
});

test("auto takes the WASM backend, and says so", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  const wasm = wasmBackend();
  const chosen = await gpuBackend({ mode: "auto", elsewhere: wasm });
  expect(chosen).toBe(wasm);
  expect(warn.mock.calls.join()).toMatch(/The backend "wasm" runs in its place\.$/);
  setDefaultBackend(chosen);
  expect(tensor([1, 2]).mul(3).toArray()).toEqual([3, 6]);
});
