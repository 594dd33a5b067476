/** @file A WebGPU device that goes away: an error at the next read, and a new backend. */
import { setDefaultBackend, tensor } from "@tapeloop/autograd";
import { gpuBackend } from "@tapeloop/backend-gpu";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { expect, test, vi } from "vitest";

/** What is used of the browser's WebGPU. */
interface Adapter {
  requestDevice(...o: unknown[]): Promise<{ destroy(): void }>;
}

test("is an error, for what waits and for what comes later, and a new backend works again", async () => {
  vi.spyOn(console, "warn").mockImplementation(() => {});
  // gpu.js asks for its device itself.
  const { prototype } = Reflect.get(globalThis, "GPUAdapter") as { prototype: Adapter };
  const requested = vi.spyOn(prototype, "requestDevice");
  const open = () => gpuBackend({ mode: "webgpu", elsewhere: ndarrayBackend });
  setDefaultBackend(await open());
  const x = tensor([1, 2]).mul(3);
  expect([...(await x.data())]).toEqual([3, 6]);
  const waiting = x.add(1).data();
  const device = await requested.mock.results[0].value;
  (device as { destroy(): void }).destroy();
  await expect(waiting).rejects.toMatchObject({ code: "lost" });
  await expect(x.data()).rejects.toMatchObject({ code: "lost" });
  await expect(x.mul(2).data()).rejects.toMatchObject({ code: "lost" });

  setDefaultBackend(await open());
  expect([...(await tensor([1, 2]).mul(3).data())]).toEqual([3, 6]);
});
