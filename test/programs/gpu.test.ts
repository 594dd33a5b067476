/** @file Loops compiled for the GPU: their kernels run as plain JavaScript here. */
import {
  compile,
  grad,
  key,
  normal,
  scan,
  setDefaultBackend,
  type Tensor,
} from "@tapeloop/autograd";
import { gpuBackend } from "@tapeloop/backend-gpu";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { gruCell, lstmCell } from "@tapeloop/nn";
import { describe, expect, test } from "vitest";
import { type AnyCell, testLoops } from "./loops.ts";

const backend = await gpuBackend({ mode: "cpu", elsewhere: ndarrayBackend });
setDefaultBackend(backend);
const cells: readonly (readonly [string, AnyCell])[] = [
  ["lstm of 3 → 5", lstmCell(3, 5) as unknown as AnyCell],
  ["gru of 3 → 4, reset before", gruCell(3, 4, { resetAfter: false }) as unknown as AnyCell],
];

testLoops({
  backend,
  cells,
  // Kernels are written for every size.
  sizes: [[7, 3]],
  held: () => {
    const { arrays, bytes, kernels } = backend.report();
    return { arrays, bytes, kernels };
  },
});

describe.each(cells)("%s", (_, cell) => {
  const params = cell.init(key(0));
  const slopes = (p: typeof params, x: Tensor): typeof params =>
    grad((q: typeof params) =>
      (scan(cell.step, q, cell.initialState(2), x)[1] as Tensor).square().mean(),
    )(p);

  /** What a compiled gradient through so many steps does, once its kernels are there. */
  function work(T: number): { launches: number; moved: number; kernels: number } {
    const run = compile(slopes);
    const x = normal([T, 2, 3], { key: key(1) });
    const first = backend.report();
    run(params, x);
    const before = backend.report();
    run(params, x);
    const after = backend.report();
    return {
      launches: after.launches - before.launches,
      moved: after.reads + after.uploads - before.reads - before.uploads,
      kernels: before.kernels - first.kernels,
    };
  }

  test("takes at most 10 launches per step, forward and backward, and moves nothing to or from the host", () => {
    const [few, many] = [work(10), work(60)];
    expect((many.launches - few.launches) / 50).toBeLessThanOrEqual(10);
    expect([few.moved, many.moved]).toEqual([0, 0]);
  });

  test("needs as many kernels for many steps as for few, but for what is of all steps", () => {
    expect(work(201).kernels).toBeLessThanOrEqual(work(41).kernels + 10);
  });
});
