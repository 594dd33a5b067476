/** @file Several threads on one kernel: the same bits, and work that is really shared. */
import {
  compile,
  grad,
  key,
  logSoftmax,
  logSumExp,
  mean,
  normal,
  scan,
  setDefaultBackend,
  sigmoid,
  softmax,
  split,
  tanh,
  type Tensor,
  zeros,
} from "@tapeloop/autograd";
import { wasmBackend } from "@tapeloop/backend-wasm";
import { availableParallelism } from "node:os";
import { describe, expect, test, vi } from "vitest";
import { Crew, Patience } from "../src/crew.ts";
import { Machine } from "../src/machine.ts";
import { product } from "../src/products/product.ts";
import { type Threads, threadsFor } from "../src/threads.ts";

/** Does some work again and again until threads have taken part in it; they start meanwhile. */
async function untilShared(machine: Machine, work: () => void): Promise<void> {
  for (let i = 0; i < 1000 && machine.crew?.elsewhere === 0; i++) {
    work();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(machine.crew?.elsewhere).toBeGreaterThan(0);
}

describe("a product", () => {
  const sizes: [number, number, number][] = [
    [64, 256, 512],
    [17, 300, 130],
    [1, 512, 640],
    [130, 70, 65],
  ];

  test.each(sizes)("of %i × %i × %i is the same bits on 1, 2 and 3 threads", async (m, k, n) => {
    const found: Float32Array[] = [];
    for (const threads of [1, 2, 3]) {
      const machine = new Machine(false, threadsFor(threads));
      const { memory } = machine;
      const { run, scratch } = product(machine, {
        dtype: "float32",
        sizes: [m, k, n],
        left: { down: 4 * k, across: 4 },
        right: { down: 4 * n, across: 4 },
        isRightKept: false,
        down: 4 * n,
        addendDown: null,
      });
      const [a, b, c] = [m * k, k * n, m * n].map((count) => memory.allocate(4 * count).pointer);
      const space = memory.allocate(scratch).pointer;
      for (const [at, count] of [
        [a, m * k],
        [b, k * n],
      ]) {
        const values = memory.view("float32", at, count);
        for (let i = 0; i < count; i++) values[i] = Math.sin(i + at);
      }
      const work = (): void => run(c, a, b, 0, space);
      work();
      if (threads > 1) await untilShared(machine, work);
      // Once more into zeros, by all of them.
      memory.view("float32", c, m * n).fill(0);
      work();
      found.push(memory.view("float32", c, m * n).slice() as Float32Array);
    }
    expect(found[1]).toEqual(found[0]);
    expect(found[2]).toEqual(found[0]);
    expect(found[0].some((x) => x !== 0)).toBe(true);
  });
});

test("small work stays on one thread, which none are started for", () => {
  const machine = new Machine(false, threadsFor(4));
  expect(machine.cut(100, 1000)).toEqual([[0, 100]]);
  expect(machine.cut(3, 1e9)).toEqual([
    [0, 1],
    [1, 1],
    [2, 1],
  ]);
  const sizes = machine.cut(40, 1e9).map(([, count]) => count);
  expect(sizes).toEqual(Array.from({ length: 16 }, (_, i) => (i % 2 === 0 ? 2 : 3)));
  expect(machine.crew?.elsewhere).toBe(0);
});

test("a compiled derivative of an LSTM is the same bits on 1 and 2 threads", async () => {
  const [H, B, T] = [64, 64, 3];
  const cell = (W: Tensor, [h, c]: Tensor[], x: Tensor): [Tensor[], Tensor] => {
    const [i, f, g, o] = split(x.add(h.matmul(W)), 4, { axis: 1 });
    const next = sigmoid(f)
      .mul(c)
      .add(sigmoid(i).mul(tanh(g)));
    const shown = sigmoid(o).mul(tanh(next));
    return [[shown, next], shown];
  };
  const results: ArrayLike<number>[] = [];
  for (const threads of [1, 2]) {
    const backend = wasmBackend({ deterministic: true, threads });
    setDefaultBackend(backend);
    const W = normal([H, 4 * H], { key: key(0) }).mul(0.1);
    const xs = normal([T, B, 4 * H], { key: key(1) });
    const start = [zeros([B, H]), zeros([B, H])];
    const train = compile(grad((w: Tensor) => scan(cell, w, start, xs)[1].square().sum()));
    let result = train(W);
    // Threads start while this one waits for nothing.
    for (let i = 0; i < 20; i++) {
      result = train(W);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    results.push(result.dataSync());
  }
  expect(results[1]).toEqual(results[0]);
});

test("work is cut by its size: small parts for threads that were asked for, large ones by default", () => {
  const pieces = (threads: Threads, operations: number): number =>
    new Machine(false, threads).cut(1000, operations).length;
  const asked = threadsFor(4);
  expect([99_999, 250_000, 400_000, 1e9].map((n) => pieces(asked, n))).toEqual([1, 2, 4, 16]);
  const byDefault = threadsFor(undefined);
  expect(byDefault.count).toBe(Math.min(4, availableParallelism()));
  const most = byDefault.count;
  expect([1e6, 8e6, 1e9].map((n) => pieces(byDefault, n))).toEqual([
    1,
    1,
    most === 1 ? 1 : 4 * most,
  ]);
});

describe("rows", () => {
  const over = { axes: [-1], keepAxes: true };
  const normalised = (a: Tensor): Tensor => {
    const centred = a.sub(mean(a, over));
    return centred.div(mean(centred.square(), over).add(1e-5).sqrt());
  };
  /** Each is one kernel, which reduces rows: that is what plan.test.ts shows. */
  const kernels: readonly (readonly [title: string, f: (x: Tensor) => Tensor])[] = [
    ["softmax", (x) => softmax(x)],
    ["its derivative, which keeps values", grad((x: Tensor) => softmax(x).square().sum())],
    ["log softmax", (x) => logSoftmax(x)],
    ["log of the sum of exponentials", (x) => logSumExp(x, { axes: [-1] })],
    ["layer normalisation", normalised],
  ];

  test.each(kernels)(
    "of %s: other threads take part, and the bits are those of one",
    async (_, f) => {
      const results: ArrayLike<number>[] = [];
      for (const threads of [1, 2, 3]) {
        setDefaultBackend(wasmBackend({ deterministic: true, threads }));
        const x = normal([64, 1001], { key: key(2) });
        const run = compile(f);
        let crew: Crew | null = null;
        const share = vi.spyOn(Crew.prototype, "run");
        const tries = threads > 1 ? 1000 : 1;
        for (let i = 0; i < tries && (crew?.elsewhere ?? 0) === 0; i++) {
          run(x).dispose();
          crew = (share.mock.contexts.at(-1) as Crew | undefined) ?? null;
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        if (threads > 1) expect(crew?.elsewhere).toBeGreaterThan(0);
        // Once more, all of it by this one kernel: whoever is free takes the next piece.
        share.mockClear();
        results.push(run(x).dataSync());
        const pieces = share.mock.calls.map(([jobs]) => jobs.length);
        expect(pieces).toHaveLength(threads > 1 ? 1 : 0);
        for (const count of pieces) expect(count).toBeGreaterThanOrEqual(threads);
        share.mockRestore();
      }
      expect(results[1]).toEqual(results[0]);
      expect(results[2]).toEqual(results[0]);
    },
  );
});

test("after a list that others were waited for, lists are done alone for a while: longer each time", () => {
  const patience = new Patience();
  const alone = (): number => {
    let lists = 0;
    while (!patience.isThere()) lists++;
    return lists;
  };
  expect(alone()).toBe(0);
  patience.note(1, 0.9);
  expect(alone()).toBe(0);
  patience.note(1, 3);
  expect(alone()).toBe(16);
  patience.note(1, 3);
  expect(alone()).toBe(32);
  for (let i = 0; i < 64 + 32; i++) patience.note(1, 0);
  patience.note(1, 3);
  expect(alone()).toBe(16);
  for (let i = 0; i < 20; i++) patience.note(1, 3);
  expect(alone()).toBe(256);
});

test("a number of threads that is none is refused", () => {
  const made = (threads: number) => () => wasmBackend({ threads });
  expect(made(0)).toThrowErrorMatchingInlineSnapshot(
    `[BackendError: wasmBackend: threads is a whole number from 1, got 0.]`,
  );
  expect(made(1.5)).toThrowErrorMatchingInlineSnapshot(
    `[BackendError: wasmBackend: threads is a whole number from 1, got 1.5.]`,
  );
});
