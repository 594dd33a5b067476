/** @file What plans do: which steps, and where their buffers lie. */
import {
  grad,
  logSoftmax,
  logSumExp,
  mean,
  type Program,
  scan,
  setDefaultBackend,
  sigmoid,
  softmax,
  split,
  tanh,
  type Tensor,
  trace,
  zeros,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { describe, expect, test } from "vitest";
import { kernelsOn } from "../src/kernels.ts";
import { Machine } from "../src/machine.ts";
import { Host } from "../src/plan/host.ts";
import { lowerProgram } from "../src/plan/lower.ts";
import { Lowering } from "../src/plan/lowering.ts";
import { Buffer, bytesFor, placeOf } from "../src/plan/place.ts";
import { layOut } from "../src/plan/step.ts";
import { Products } from "../src/products/contraction.ts";

setDefaultBackend(ndarrayBackend);

/** The plan of a program. */
function planOf(program: Program): Lowering {
  const machine = new Machine(false);
  const products = new Products(machine);
  const host = new Host(machine, products, kernelsOn(machine, products));
  const lowering = new Lowering(host, program);
  for (const v of program.inputs) {
    lowering.set(v, placeOf(v.type, new Buffer(bytesFor(v.type), lowering, host.slot())));
  }
  lowerProgram(lowering, program);
  for (const v of program.outputs) lowering.place(v);
  return lowering;
}

/** The names of a function's steps. */
function stepsOf<A extends readonly object[]>(f: (...args: A) => unknown, ...args: A): string[] {
  return planOf(trace(f as (...args: readonly unknown[]) => unknown, ...args)).steps.map(
    ({ what }) => what,
  );
}

/** h and c of an LSTM after a step, by the sums of its gates. */
function lstmOf(sums: Tensor, c: Tensor): [Tensor, Tensor] {
  const [i, f, g, o] = split(sums, 4, { axis: 1 });
  const next = sigmoid(f)
    .mul(c)
    .add(sigmoid(i).mul(tanh(g)));
  return [sigmoid(o).mul(tanh(next)), next];
}

describe("steps", () => {
  test("a chain with movements is one kernel", () => {
    const f = (a: Tensor, b: Tensor): Tensor =>
      tanh(a.mul(b).transpose()).add(sigmoid(b.transpose())).reshape([6]);
    expect(stepsOf(f, zeros([2, 3]), zeros([2, 3]))).toMatchInlineSnapshot(`
      [
        "fused [3, 2] 2 → 1",
      ]
    `);
  });

  test("a product is written transposed, and with what is added to it", () => {
    const f = (a: Tensor, b: Tensor, c: Tensor): Tensor => a.matmul(b).add(c);
    expect(stepsOf(f, zeros([2, 3]), zeros([3, 4]), zeros([4]))).toMatchInlineSnapshot(`
      [
        "product 2×3×4",
      ]
    `);
    const g = (a: Tensor, b: Tensor): Tensor => a.matmul(b).transpose().mul(2);
    expect(stepsOf(g, zeros([2, 3]), zeros([3, 4]))).toMatchInlineSnapshot(`
      [
        "product 4×3×2",
        "fused [4, 2] 1 → 1",
      ]
    `);
  });

  test("training an LSTM is one product and one kernel per step and direction, however many steps", () => {
    const cell = (w: { x: Tensor; h: Tensor }, [h, c]: Tensor[], x: Tensor): [Tensor[], Tensor] => {
      const [shown, next] = lstmOf(x.matmul(w.x).add(h.matmul(w.h)), c);
      return [[shown, next], shown];
    };
    const loss = grad((w: { x: Tensor; h: Tensor }, xs: Tensor) => {
      const [, ys] = scan(cell, w, [zeros([2, 8]), zeros([2, 8])], xs);
      return ys.square().sum();
    });
    const steps = (T: number): string[] => {
      const w = { x: zeros([4, 32]), h: zeros([8, 32]) };
      return stepsOf((v: typeof w, xs: Tensor) => loss(v, xs), w, zeros([T, 2, 4]));
    };
    expect(steps(1000)).toHaveLength(steps(10).length);
    expect(steps(10)).toMatchInlineSnapshot(`
      [
        "product 20×4×32",
        "fused [2, 8] 0 → 1",
        "fused [2, 8] 0 → 1",
        "pack 8×32",
        "10 × (product 2×8×32; fused [2, 8] 5 → 7)",
        "fused [2, 8] 0 → 1",
        "fused [2, 8] 0 → 1",
        "fused [10, 2, 8] 1 → 1",
        "pack 32×8",
        "10 × (fused [2, 8] 9 → 5; product 2×32×8)",
        "product 8×20×32",
        "product 4×20×32",
      ]
    `);
  });
});

test("a whole training step with cross entropy at every step is as many kernels, however many steps", () => {
  const [B, H, V] = [2, 8, 12];
  type Weights = { x: Tensor; h: Tensor; out: Tensor; bias: Tensor };
  const loss = (w: Weights, xs: Tensor, wanted: Tensor): Tensor =>
    scan(
      (p: Weights, [h, c]: Tensor[], row: { x: Tensor; y: Tensor }): [Tensor[], Tensor] => {
        const [shown, next] = lstmOf(row.x.matmul(p.x).add(h.matmul(p.h)), c);
        const scores = logSoftmax(shown.matmul(p.out).add(p.bias));
        return [[shown, next], scores.mul(row.y).sum().neg()];
      },
      w,
      [zeros([B, H]), zeros([B, H])],
      { x: xs, y: wanted },
    )[1].mean();
  const train = (w: Weights, xs: Tensor, wanted: Tensor): Weights => {
    const g = grad((at: Weights) => loss(at, xs, wanted))(w);
    return {
      x: w.x.sub(g.x.mul(0.1)),
      h: w.h.sub(g.h.mul(0.1)),
      out: w.out.sub(g.out.mul(0.1)),
      bias: w.bias.sub(g.bias.mul(0.1)),
    };
  };
  const steps = (T: number): string[] => {
    const w = { x: zeros([4, 4 * H]), h: zeros([H, 4 * H]), out: zeros([H, V]), bias: zeros([V]) };
    return stepsOf(train, w, zeros([T, B, 4]), zeros([T, B, V]));
  };
  expect(steps(1000)).toHaveLength(steps(10).length);
  // Cross entropy, its derivative, and all gradients of weights are outside of the loops.
  expect(steps(10)).toMatchInlineSnapshot(`
    [
      "product 20×4×32",
      "fused [2, 8] 0 → 1",
      "fused [2, 8] 0 → 1",
      "pack 8×32",
      "10 × (product 2×8×32; fused [2, 8] 5 → 7)",
      "product 20×8×12",
      "fused [10, 2, 12] 2 → 1 with sum, max",
      "sum 1×10×24",
      "product 20×12×8",
      "product 8×20×12",
      "fused [2, 8] 0 → 1",
      "fused [2, 8] 0 → 1",
      "pack 32×8",
      "10 × (fused [2, 8] 9 → 5; product 2×32×8)",
      "product 8×20×32",
      "product 4×20×32",
      "sum 1×2×12",
      "fused [4, 32] 2 → 1",
      "fused [8, 32] 2 → 1",
      "fused [8, 12] 2 → 1",
      "fused [12] 2 → 1",
    ]
  `);
});

test("buffers share memory unless they are in use at the same time", () => {
  const home = {};
  const [a, b, c] = [100, 500, 100].map((bytes) => new Buffer(bytes, home));
  const step = (reads: Buffer[], writes: Buffer[]) => ({
    what: "",
    reads,
    writes,
    build: () => () => undefined,
  });
  const { starts, bytes } = layOut([step([], [a]), step([a], [b]), step([b], [c])], home);
  expect(starts.get(a)).toBe(starts.get(c));
  expect(bytes).toBe(128 + 576);
});

describe("rows", () => {
  const over = { axes: [-1], keepAxes: true };
  const normalised = (x: Tensor): Tensor => {
    const centred = x.sub(mean(x, over));
    return centred.div(mean(centred.square(), over).add(1e-5).sqrt());
  };
  const rms = (x: Tensor): Tensor => x.div(mean(x.square(), over).add(1e-5).sqrt());
  const x = zeros([8, 12]);

  test("softmax and its kind are one kernel", () => {
    expect(stepsOf((a: Tensor) => softmax(a), x)).toEqual(["fused [8, 12] 1 → 1 with max, sum"]);
    expect(stepsOf((a: Tensor) => logSoftmax(a), x)).toEqual(["fused [8, 12] 1 → 1 with max, sum"]);
    const logSum = (a: Tensor): Tensor => logSumExp(a, { axes: [-1] });
    expect(stepsOf(logSum, x)).toEqual(["fused [8, 12] 1 → 1 with max, sum"]);
  });

  test("normalisation is one kernel, and its derivative with it", () => {
    for (const f of [normalised, rms]) {
      expect(stepsOf(f, x)).toEqual(["fused [8, 12] 1 → 1 with sum"]);
      const derivative = grad((a: Tensor, by: Tensor) => f(a).mul(by).sum());
      expect(stepsOf((a: Tensor, by: Tensor) => derivative(a, by), x, x)).toEqual([
        "fused [8, 12] 2 → 1 with sum",
      ]);
    }
  });

  test("cross entropy of probabilities is one kernel and the mean, and its derivative one", () => {
    const loss = (a: Tensor, p: Tensor): Tensor =>
      logSoftmax(a)
        .mul(p)
        .sum({ axes: [-1] })
        .mean()
        .neg();
    expect(stepsOf(loss, x, x)).toMatchInlineSnapshot(`
      [
        "fused [8, 12] 2 → 1 with max, sum",
        "fused [8] 1 → 1 with sum",
      ]
    `);
    const derivative = grad(loss);
    expect(stepsOf((a: Tensor, p: Tensor) => derivative(a, p), x, x)).toMatchInlineSnapshot(`
      [
        "fused [8, 12] 2 → 1 with sum, max",
      ]
    `);
  });
});
