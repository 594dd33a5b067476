/** @file What the example page does, without the page. */
import { expect, test, vi } from "vitest";
import { start } from "../../packages/backend-gpu/examples/browser/train.ts";

test("the example learns on the GPU", async () => {
  vi.spyOn(console, "warn").mockImplementation(() => {});
  const { backend, run } = await start("webgl2");
  expect(backend.name).toBe("gpu");
  const first = await run(1);
  expect(await run(24)).toBeLessThan(first / 2);
});
