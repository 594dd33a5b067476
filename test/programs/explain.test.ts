import {
  compile,
  explain,
  grad,
  key,
  leaves,
  normal,
  reshape,
  scan,
  type ScanOptions,
  setDefaultBackend,
  split,
  tensor,
  type Tensor,
  trace,
  valueAndGrad,
  zeros,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { wasmBackend } from "@tapeloop/backend-wasm";
import { gruCell, linear, lstmCell, softmaxCrossEntropy } from "@tapeloop/nn";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { LinearMemory, type Part } from "../../packages/backend-wasm/src/memory.ts";

setDefaultBackend(ndarrayBackend);

describe("explain", () => {
  const [T, B, H] = [64, 8, 16];
  const cell = lstmCell(H, H);
  const of = (save: NonNullable<ScanOptions["save"]>) =>
    explain(
      trace(
        grad((p: Parameters<typeof cell.step>[0]) =>
          scan(cell.step, p, cell.initialState(B), zeros([T, B, H]), { save })[1].sum(),
        ),
        { Wx: zeros([H, 4 * H]), Wh: zeros([H, 4 * H]), b: zeros([4 * H]) },
      ),
    );
  const state = 4 * B * H;

  test("an LSTM keeps seven states of every step: four gates, tanh c, c and h before it", () => {
    const [forwards, backwards] = of("all").loops;
    expect([forwards.steps, forwards.reverse, backwards.reverse]).toEqual([T, false, true]);
    expect(forwards.keptBytes).toBe(7 * T * state);
    // The derivative of the gates, from which the gradients of the weights come.
    expect(backwards.keptBytes).toBe(4 * T * state);
  });

  test("fewer kept states take fewer bytes: all, the states alone, every eighth", () => {
    const kept = (["all", "carries", { every: 8 }] as const).map(
      (save) => of(save).loops[0].keptBytes,
    );
    expect(kept).toEqual([7 * T * state, 2 * T * state, 2 * (T / 8) * state]);
    const peaks = (["all", "carries", { every: 8 }] as const).map((save) => of(save).peakBytes);
    expect(peaks[0]).toBeGreaterThan(peaks[1]);
    expect(peaks[1]).toBeGreaterThan(peaks[2]);
  });

  test("says it in words", () => {
    expect(String(of("all"))).toMatchInlineSnapshot(`
      "51 ops, inputs 8.45 kB, at most 432 kB of results at a time
      loop of 64 steps forwards: 13 ops a step, keeps 229 kB
      loop of 64 steps backwards: 25 ops a step, keeps 131 kB"
    `);
  });
});

test("views take no memory of their own, and keep what they look at", () => {
  const peakOf = (f: (x: Tensor) => unknown): number => explain(trace(f, zeros([4, 6]))).peakBytes;
  const own = 4 * 24;
  expect(peakOf((x) => x.transpose().reshape([6, 4]))).toBe(0);
  expect(peakOf((x) => split(x.exp(), 2, { axis: 1 }))).toBe(own);
  expect(peakOf((x) => reshape(x.exp(), [24]).tanh())).toBe(2 * own);
  // What is looked at stays as long as a view of it is read.
  expect(peakOf((x) => x.exp().transpose().sum().add(x.exp().transpose().max()))).toBe(own + 8);
});

/** The most bytes that a run has asked the memory of WebAssembly for at one time, results included. */
function peakBytes(run: () => object): number {
  const taking = vi.spyOn(LinearMemory.prototype, "allocate");
  const giving = vi.spyOn(LinearMemory.prototype, "release");
  const results = leaves(run());
  const parts = new Map(taking.mock.results.map(({ value }, i) => [value as Part, i]));
  const sizes = taking.mock.calls.map(([bytes]) => bytes);
  const events = [
    ...sizes.map((bytes, i) => [taking.mock.invocationCallOrder[i], bytes]),
    ...giving.mock.calls.map(([part], i) => [
      giving.mock.invocationCallOrder[i],
      -(sizes[parts.get(part) ?? -1] ?? 0),
    ]),
  ].toSorted(([a], [b]) => a - b);
  taking.mockRestore();
  giving.mockRestore();
  let [now, peak] = [0, 0];
  for (const [, bytes] of events) {
    now += bytes;
    peak = Math.max(peak, now);
  }
  for (const x of results) x.dispose();
  return peak;
}

describe("the bytes of a training step on WebAssembly", () => {
  beforeAll(() => setDefaultBackend(wasmBackend()));
  afterAll(() => setDefaultBackend(ndarrayBackend));
  const [T, B, H] = [256, 8, 16];
  const saves = ["all", "carries", "sqrt", { every: 4 }, { every: 32 }] as const;
  const classes = Int32Array.from({ length: T * B }, (_, i) => (i * 7) % H);

  /** Training with cross entropy at every step, in the loop; and of the outputs behind it. */
  const steps = (save: NonNullable<ScanOptions["save"]>) => {
    const labels = tensor(classes, { shape: [T, B] });
    const [lstm, gru, output] = [lstmCell(H, H), gruCell(H, H), linear(H, H)];
    const withLoss = (p: { cell: ReturnType<typeof lstm.init>; out: object }, x: Tensor) =>
      scan(
        (
          q: typeof p,
          state: ReturnType<typeof lstm.initialState>,
          row: { x: Tensor; l: Tensor },
        ) => {
          const [next, y] = lstm.step(q.cell, state, row.x);
          return [next, softmaxCrossEntropy(output.apply(q.out as never, y), row.l)] as const;
        },
        p,
        lstm.initialState(B),
        { x, l: labels },
        { save },
      )[1].mean();
    const ofOutputs = (p: ReturnType<typeof gru.init>, x: Tensor) =>
      scan(gru.step, p, gru.initialState(B), x, { save })[1].square().sum();
    return [
      {
        f: (p: object, x: Tensor): object => {
          const { value, grads } = valueAndGrad(withLoss)(p as never, x);
          return { value, grads };
        },
        p: { cell: lstm.init(key(0)), out: output.init(key(1)) },
      },
      {
        f: (p: object, x: Tensor): object => grad(ofOutputs)(p as never, x),
        p: gru.init(key(0)),
      },
    ];
  };
  const peaksOf = (save: NonNullable<ScanOptions["save"]>) => {
    const x = normal([T, B, H], { key: key(3) });
    return steps(save).map(({ f, p }) => {
      const run = compile(f);
      // The first run makes the plan and its constants.
      leaves(run(p, x)).forEach((y) => y.dispose());
      const { peakBytes: predicted } = explain(trace(f, p, x));
      return { predicted, found: peakBytes(() => run(p, x)) };
    });
  };

  test.each(saves)("with %j are what was predicted, to 30 %", (save) => {
    for (const { predicted, found } of peaksOf(save)) {
      // Less where functions of kept values are computed where they are read, more by packed weights and by totals in float64.
      expect(found).toBeGreaterThan(0.7 * predicted);
      expect(found).toBeLessThan(1.3 * predicted);
    }
  });

  test("are the less, the fewer states are kept", () => {
    const [all, carries, sqrt, fourth] = saves.map(peaksOf);
    [0, 1].forEach((i) => {
      expect(carries[i].found).toBeLessThan(all[i].found / 2);
      expect(sqrt[i].found).toBeLessThan(carries[i].found);
      expect(fourth[i].found).toBeLessThan(all[i].found / 3);
    });
  });
});
