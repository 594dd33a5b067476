/** @file What is about limits of a device: inputs of a kernel, sizes in kernels, kernels that are forgotten. */
import { compile, matmul, ones, tensor, type Tensor } from "@tapeloop/autograd";
import type { GpuBackend } from "@tapeloop/backend-gpu";
import { expect, test } from "vitest";

/** Adds the tests; the backend is the default by then. */
export function testLimits(backend: GpuBackend): void {
  test("splits a chain of 40 arrays where a kernel may read no more", async () => {
    const chain = compile((...x: Tensor[]) => x.reduce((sum, each) => sum.mul(0.5).add(each)));
    const inputs = Array.from({ length: 40 }, (_, i) => tensor([i, 40 - i, 1]));
    const found = await chain(...inputs).data();
    const expected = [(i: number) => i, (i: number) => 40 - i, () => 1].map((at) =>
      inputs.reduce((sum, _, i) => (i === 0 ? at(0) : sum * 0.5 + at(i)), 0),
    );
    expected.forEach((want, k) => expect(Math.abs(found[k] - want)).toBeLessThan(1e-3));
    const before = backend.report().launches;
    await chain(...inputs).data();
    const launches = backend.report().launches - before;
    // With 12 at a time, or 7, of which one is what the kernel before has made.
    expect(launches).toBeGreaterThanOrEqual(4);
    expect(launches).toBeLessThanOrEqual(7);
  });

  test("knows tanh of great numbers, which devices do not", async () => {
    const x = [-1e30, -100, -20, 20, 100, 1e30];
    const there = await tensor(x).tanh().data();
    x.forEach((v, i) => expect(there[i]).toBeCloseTo(Math.sign(v), 6));
  });

  test("tells products with results of one size apart by what is summed over", async () => {
    // Loops of gpu.js end after 1000 turns, unless they are told not to.
    for (const inner of [2, 300, 5, 3000]) {
      const y = matmul(ones([3, inner]), ones([inner, 4]));
      expect([...(await y.data())]).toEqual(Array.from({ length: 12 }, () => inner));
    }
  });
}
