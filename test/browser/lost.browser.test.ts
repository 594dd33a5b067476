/** @file A device that goes away: an error at the next read, and never zeros. */
import { setDefaultBackend, tensor } from "@tapeloop/autograd";
import { gpuBackend } from "@tapeloop/backend-gpu";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { expect, test, vi } from "vitest";

test("is an error, and a new backend works again", async () => {
  vi.spyOn(console, "warn").mockImplementation(() => {});
  // gpu.js makes its canvases itself.
  const contexts: WebGL2RenderingContext[] = [];
  for (const canvas of [HTMLCanvasElement, OffscreenCanvas]) {
    const getContext = Reflect.get(canvas.prototype, "getContext") as (...o: unknown[]) => unknown;
    vi.spyOn(canvas.prototype, "getContext").mockImplementation(function (
      this: HTMLCanvasElement,
      ...options: unknown[]
    ) {
      const context = getContext.apply(this, options);
      if (context instanceof WebGL2RenderingContext) contexts.push(context);
      return context as never;
    } as never);
  }
  const open = () => gpuBackend({ mode: "webgl2", elsewhere: ndarrayBackend });
  const backend = await open();
  setDefaultBackend(backend);
  const x = tensor([1, 2]).mul(3);
  expect([...x.dataSync()]).toEqual([3, 6]);
  for (const context of contexts) context.getExtension("WEBGL_lose_context")?.loseContext();
  expect(() => x.dataSync()).toThrow(expect.objectContaining({ code: "lost" }));
  await expect(x.data()).rejects.toMatchObject({ code: "lost" });

  setDefaultBackend(await open());
  expect([...tensor([1, 2]).mul(3).dataSync()]).toEqual([3, 6]);
});
