/** @file Loops compiled for the GPU: their kernels run as plain JavaScript here. */
import {
  compile,
  cond,
  grad,
  greater,
  key,
  normal,
  scan,
  setDefaultBackend,
  tensor,
  type Tensor,
  zeros,
} from "@tapeloop/autograd";
import { gpuBackend } from "@tapeloop/backend-gpu";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { wasmBackend } from "@tapeloop/backend-wasm";
import { gruCell, lstmCell } from "@tapeloop/nn";
import { describe, expect, test, vi } from "vitest";
import { type AnyCell, testLoops } from "./loops.ts";

const backend = await gpuBackend({ mode: "cpu", elsewhere: ndarrayBackend });
setDefaultBackend(backend);
const cells = [
  ["lstm of 3 → 5", lstmCell(3, 5) as unknown as AnyCell],
  ["gru of 3 → 4", gruCell(3, 4) as unknown as AnyCell],
  ["gru of 3 → 4, reset before", gruCell(3, 4, { resetAfter: false }) as unknown as AnyCell],
] as const;

/** How many launches a step takes, forward and backward. */
const counts: Readonly<Record<string, { compiled: number; opByOp: number }>> = {
  "lstm of 3 → 5": { compiled: 6.44, opByOp: 44.12 },
  "gru of 3 → 4": { compiled: 4.44, opByOp: 45.1 },
  "gru of 3 → 4, reset before": { compiled: 8.84, opByOp: 47.1 },
};

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

describe.each(cells)("%s", (name, cell) => {
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

  test("takes at most 10 launches per step, forward and backward, and 44 or more op by op", () => {
    const eager = (T: number): number => {
      const x = normal([T, 2, 3], { key: key(1) });
      const before = backend.report().launches;
      slopes(params, x);
      return backend.report().launches - before;
    };
    const [few, many] = [work(10), work(60)];
    expect([few.moved, many.moved]).toEqual([0, 0]);
    // What is left over joins what was kept of the steps, twelve pieces at a time.
    const perStep = {
      compiled: (many.launches - few.launches) / 50,
      opByOp: (eager(60) - eager(10)) / 50,
    };
    expect(perStep).toEqual(counts[name]);
    expect(perStep.compiled).toBeLessThanOrEqual(10);
  });

  test("needs as many kernels for many steps as for few, but for what is of all steps", () => {
    expect(work(201).kernels).toBeLessThanOrEqual(work(41).kernels + 10);
  });
});

test("a step is one kernel, and the product with the inputs runs once for all steps", () => {
  const last = compile((W: Tensor, U: Tensor, x: Tensor): Tensor => {
    const step = (U1: Tensor, h: Tensor, u: Tensor): readonly [Tensor, null] => [
      u.matmul(W).add(h.matmul(U1)).tanh(),
      null,
    ];
    return scan(step, U, zeros([2, 4]), x)[0];
  });
  const [W, U] = [normal([3, 4], { key: key(1) }), normal([4, 4], { key: key(2) })];
  const launchesFor = (T: number): number => {
    const x = normal([T, 2, 3], { key: key(3) });
    last(W, U, x);
    const before = backend.report().launches;
    last(W, U, x);
    return backend.report().launches - before;
  };
  const extra = launchesFor(10) - 10;
  expect([launchesFor(25) - 25, launchesFor(80) - 80]).toEqual([extra, extra]);
  expect(extra).toBeLessThanOrEqual(2);
});

test("numbers that change with every step are given to kernels: nothing is copied, nothing is made", () => {
  const next = compile((w: Tensor, x: Tensor, rate: Tensor) => w.sub(w.mul(x).tanh().mul(rate)));
  const x = tensor([1, -2]);
  let w = next(next(tensor([0.5, 0.5]), x, tensor(0.1)), x, tensor(0.1));
  const rates = Array.from({ length: 10 }, (_, i) => 0.1 / (i + 1));
  let expected = [...w.dataSync()];
  const before = backend.report();
  for (const rate of rates) {
    w = next(w, x, tensor(rate));
    expected = expected.map((v, i) => v - Math.tanh(v * [1, -2][i]) * rate);
  }
  const { kernels, launches, uploads, reads } = backend.report();
  expect({ kernels, uploads, reads }).toEqual({
    kernels: before.kernels,
    uploads: before.uploads,
    reads: before.reads,
  });
  expect(launches - before.launches).toBe(10);
  w.dataSync().forEach((v, i) => expect(v).toBeCloseTo(expected[i], 5));
});

test("auto takes the WASM backend itself where there is no GPU, says so, and it trains", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  const wasm = wasmBackend();
  const chosen = await gpuBackend({ mode: "auto", elsewhere: wasm });
  const said = warn.mock.calls.join();
  warn.mockRestore();
  expect(chosen).toBe(wasm);
  expect(said).toMatch(
    /^gpuBackend: needs graphics hardware .*webgl2.*The backend "wasm" runs in its place\.$/s,
  );
  setDefaultBackend(chosen);
  const descend = compile((w: Tensor) => w.sub(grad((v: Tensor) => v.square().sum())(w).mul(0.25)));
  const w = descend(tensor([1, -2]));
  setDefaultBackend(backend);
  expect([w.backend.name, w.toArray()]).toEqual(["wasm", [0.5, -1]]);
});

test("a branch runs on the device, and only its predicate is read", () => {
  const f = compile((x: Tensor) =>
    cond(
      greater(x.sum(), 0),
      (y) => y.mul(2).tanh(),
      (y) => y.mul(3),
      x,
    ),
  );
  const x = tensor([1, 2]).mul(1);
  f(x);
  const before = backend.report();
  expect(f(x).dataSync()[0]).toBeCloseTo(Math.tanh(2), 6);
  const after = backend.report();
  expect(after.elsewhere).toEqual(before.elsewhere);
  expect(after.uploads).toBe(before.uploads);
  // The predicate, and what is compared here.
  expect(after.reads - before.reads).toBe(2);
});
