/** @file Tensors of the GPU backend that nobody holds any more: the garbage collector gives their memory back. */
import {
  grad,
  key,
  memory,
  normal,
  setDefaultBackend,
  tensor,
  type Tensor,
} from "@tapeloop/autograd";
import { gpuBackend } from "@tapeloop/backend-gpu";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { expect, test } from "vitest";

const collect = (globalThis as { gc?: () => void }).gc;
const backend = await gpuBackend({ mode: "cpu", elsewhere: ndarrayBackend });
setDefaultBackend(backend);

/** What the device holds, once the collector finds no more. */
async function settled(): Promise<{ arrays: number; bytes: number; buffers: number }> {
  let last = Infinity;
  for (let quiet = 0; quiet < 3;) {
    collect?.();
    await new Promise((resolve) => setTimeout(resolve, 5));
    const { arrays } = backend.report();
    quiet = arrays < last ? 0 : quiet + 1;
    last = arrays;
  }
  const { arrays, bytes } = backend.report();
  return { arrays, bytes, buffers: memory().buffers };
}

test("dropped tensors and their tapes leave the device as it was", async () => {
  expect(collect).toBeTypeOf("function");
  const before = await settled();
  (() => {
    const w = normal([50, 20], { key: key(0) });
    for (let i = 0; i < 40; i++) {
      w.mul(i).tanh().sum();
      grad((x: Tensor) => x.matmul(x.transpose()).tanh().sum())(w);
    }
  })();
  expect(backend.report().arrays).toBeGreaterThan(before.arrays + 100);
  expect(await settled()).toEqual(before);
});

test("what somebody holds, or a view of it, stays", async () => {
  const before = await settled();
  const view = (() => tensor([1, 2, 3, 4]).mul(2).reshape([2, 2]).transpose())();
  const held = await settled();
  expect(held.arrays).toBe(before.arrays + 1);
  expect(view.toArray()).toEqual([
    [2, 6],
    [4, 8],
  ]);
  view.dispose();
  expect(await settled()).toEqual(before);
});
