/** @file Linear and exponential cells: first values, extremes, and what is refused. */
import {
  add,
  exp,
  key,
  leaves,
  mapTree,
  normal,
  scan,
  setDefaultBackend,
  softplus,
  sub,
  type Tensor,
  tensor,
  uniform,
  zeros,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import {
  convGruCell,
  convLstmCell,
  lruCell,
  minGruCell,
  type MinGruParameters,
  type MinGruState,
  minLstmCell,
  mlstmCell,
  qrnnCell,
  type RecurrentCell,
  rnn,
  rwkvCell,
  s4dCell,
  s5Cell,
  selectiveScanCell,
  slstmCell,
  sruCell,
  layerNorm,
  zoneout,
} from "@tapeloop/nn";
import { describe, expect, test } from "vitest";

setDefaultBackend(ndarrayBackend);

const float64 = { dtype: "float64" } as const;
const values = (x: Tensor): number[] => Array.from(x.dataSync());
const farthest = (a: Tensor, b: Tensor): number => sub(a, b).abs().max().item();

describe("first values", () => {
  test("of biases are 0, but for forget gates", () => {
    for (const { b } of [
      minGruCell(2, 2).init(key(0)),
      minLstmCell(2, 2).init(key(0)),
      sruCell(2, 2).init(key(0)),
      qrnnCell(2, 2).init(key(0)),
      convGruCell(2, 2, [3]).init(key(0)),
    ]) {
      expect(values(b).every((x) => x === 0)).toBe(true);
    }
    expect(values(slstmCell(2, 1).init(key(0)).b)).toEqual([0, 1, 0, 0]);
    expect(values(slstmCell(2, 1, { forgetBias: 4 }).init(key(0)).b)).toEqual([0, 4, 0, 0]);
    expect(values(mlstmCell(2, 2, { heads: 2 }).init(key(0)).b)).toEqual([
      ...Array.from({ length: 10 }, () => 0),
      3,
      3,
    ]);
    expect(values(convLstmCell(2, 1, [3], { forgetBias: 2 }).init(key(0)).b)).toEqual([0, 2, 0, 0]);
  });

  test("of the LRU lie in the ring, spread evenly over its area, with inputs normalized", () => {
    const cell = lruCell(2, 2, { stateSize: 4000, radius: [0.5, 0.9], maxPhase: 1, ...float64 });
    const { nu, theta, gamma } = cell.init(key(0));
    const radius = values(exp(exp(nu).mul(-1)));
    expect(Math.min(...radius)).toBeGreaterThan(0.5);
    expect(Math.max(...radius)).toBeLessThan(0.9);
    // Half of the area lies within √((0.25 + 0.81) / 2); five standard deviations are below 0.04.
    const middle = Math.sqrt((0.25 + 0.81) / 2);
    const inner = radius.filter((r) => r < middle).length / 4000;
    expect(Math.abs(inner - 0.5)).toBeLessThan(0.04);
    const phases = values(exp(theta));
    expect(Math.max(...phases)).toBeLessThan(1);
    expect(Math.abs(phases.reduce((a, b) => a + b) / 4000 - 0.5)).toBeLessThan(0.03);
    values(exp(gamma)).forEach((g, n) => expect(g).toBeCloseTo(Math.sqrt(1 - radius[n] ** 2), 10));
  });

  test("of state spaces are the spectra of the paper, and steps in their range", () => {
    const ofS4d = s4dCell(3, { stateSize: 4, timeSteps: [0.01, 0.02], ...float64 }).init(key(0));
    expect(values(exp(ofS4d.decay)).every((x) => Math.abs(x - 0.5) < 1e-12)).toBe(true);
    expect(ofS4d.frequency.toArray()).toEqual(
      [0, 1, 2].map(() => [0, 1, 2, 3].map((n) => Math.PI * n)),
    );
    const steps = values(exp(ofS4d.logStep));
    expect(steps.every((x) => x > 0.01 && x < 0.02)).toBe(true);
    const { frequency } = s5Cell(2, 3, float64).init(key(0));
    values(frequency).forEach((x, n) =>
      expect(x).toBeCloseTo((6 / Math.PI) * (6 / (2 * n + 1) - 1), 12),
    );
  });

  test("of the selective scan are −1 to −N, with steps in their range", () => {
    const { decay, bdt, D } = selectiveScanCell(20, { stateSize: 3, ...float64 }).init(key(0));
    values(exp(decay)).forEach((x, i) => expect(x).toBeCloseTo(1 + (i % 3), 12));
    const steps = values(softplus(bdt));
    expect(steps.every((x) => x > 0.001 && x < 0.1)).toBe(true);
    expect(values(D).every((x) => x === 1)).toBe(true);
  });

  test("of RWKV are those of the first of many layers", () => {
    const { decay, bonus, mixR, mixK, mixV } = rwkvCell(4, 3, float64).init(key(0));
    expect(values(decay)).toEqual([-5, -5 + 8 * 0.5 ** 0.7, 3]);
    const third = Math.log(0.3);
    expect(values(bonus)).toEqual([third, third + 0.5, third - 0.5]);
    expect(values(mixK)).toEqual([0, 0.25, 0.5, 0.75]);
    expect(values(mixV)).toEqual([0, 0.25, 0.5, 0.75]);
    expect(values(mixR)).toEqual([0, 0.25, 0.5, 0.75].map(Math.sqrt));
  });
});

describe("extremes", () => {
  test("minLSTM shares out 1 with both gates closed", () => {
    const cell = minLstmCell(1, 1);
    const p = { Wx: zeros([1, 3]), b: tensor([-300, -300, 4]) };
    const [{ h }] = cell.step(p, { h: tensor([2]) }, tensor([0]));
    expect(h.item()).toBe(3);
  });

  test.each([
    ["rwkv", (o: object) => rwkvCell(2, 3, o)],
    ["slstm", (o: object) => slstmCell(2, 3, { ...o, forgetGate: "exp" })],
    ["mlstm", (o: object) => mlstmCell(2, 3, { ...o, forgetGate: "exp" })],
  ])("weights of e^±500 stay finite in float32, and are what float64 says: %s", (_, make) => {
    const run = (dtype: "float32" | "float64") => {
      const cell = make({ dtype }) as ReturnType<typeof mlstmCell>;
      // Numbers of few bits, so that sums of products are the same in both types.
      const rounded = (x: Tensor): Tensor =>
        tensor(
          values(x).map((v) => Math.round(v * 64) / 64),
          { shape: x.shape, dtype },
        );
      const parameters = make(float64).init(key(0)) as ReturnType<typeof cell.init>;
      const xs = tensor([[[250, -500]], [[-250, 125]], [[500, 500]], [[0, 0]]], { dtype });
      return scan(cell.step, mapTree(rounded, parameters), cell.initialState(1), xs);
    };
    const [[state, ys], [, exact]] = [run("float32"), run("float64")];
    expect(leaves({ ys, state }).flatMap(values).every(Number.isFinite)).toBe(true);
    expect(farthest(ys, exact)).toBeLessThan(1e-4);
  });

  test("outputs do not depend on the stabilizer", () => {
    const shift = 3;
    const scaled = (x: Tensor): Tensor => x.mul(Math.exp(-shift));
    const x = normal([2, 2], { key: key(1), ...float64 });
    const draw = (shape: number[]): Tensor => uniform(shape, 0.2, 1, { key: key(2), ...float64 });
    const sl = slstmCell(2, 3, float64);
    const [h, c, n, m] = [0, 1, 2, 3].map(() => draw([2, 3]));
    const [, one] = sl.step(sl.init(key(0)), { h, c, n, m }, x);
    const [, other] = sl.step(
      sl.init(key(0)),
      { h, c: scaled(c), n: scaled(n), m: add(m, shift) },
      x,
    );
    expect(farthest(one, other)).toBeLessThan(1e-12);
    const ml = mlstmCell(2, 3, float64);
    const memory = { C: draw([2, 1, 3, 3]), n: draw([2, 1, 3]), m: draw([2, 1]) };
    const [, before] = ml.step(ml.init(key(0)), memory, x);
    const moved = { C: scaled(memory.C), n: scaled(memory.n), m: add(memory.m, shift) };
    const [, after] = ml.step(ml.init(key(0)), moved, x);
    expect(farthest(before, after)).toBeLessThan(1e-12);
  });

  test("QRNN reads inputs before the first as 0, in a window longer than the sequence", () => {
    const cell = qrnnCell(1, 1, { window: 5, pooling: "f", ...float64 });
    const p = {
      Wx: tensor(
        [
          [9, 0],
          [9, 0],
          [9, 0],
          [1, 0],
          [2, 0],
        ],
        float64,
      ),
      b: tensor([0, -99], float64),
    };
    const { outputs } = rnn(cell).apply(p, tensor([[3], [5]], float64));
    const [first, second] = values(outputs);
    expect(first).toBeCloseTo(Math.tanh(6), 12);
    expect(second).toBeCloseTo(Math.tanh(3 + 10), 12);
  });
});

describe("wrappers", () => {
  test("see the gates and the channels of these cells", () => {
    const names = (cell: Parameters<typeof layerNorm>[0]): string[] =>
      Object.keys(layerNorm(cell).init(key(0)).norms);
    expect(names(minGruCell(2, 3))).toEqual(["z"]);
    expect(names(slstmCell(2, 3))).toEqual(["i", "f", "z", "o"]);
    expect(names(rwkvCell(2, 3))).toEqual(["r"]);
    const images = normal([3, 2, 4, 4, 1], { key: key(0) });
    const model = rnn(zoneout(convLstmCell(1, 2, [4, 4]), 0.2));
    const run = model.apply(model.init(key(1)), images, {
      key: key(2),
      lengths: [3, 1],
      record: ["gates.f", "c"],
    });
    expect(run.recorded.c.shape).toEqual([3, 2, 4, 4, 2]);
    expect(run.recorded["gates.f"].shape).toEqual([3, 2, 4, 4, 2]);
    expect(values(run.outputs.slice([{ start: 1 }, { start: 1 }])).every((x) => x === 0)).toBe(
      true,
    );
  });
});

describe("wrong options", () => {
  test("are refused by the name of the cell", () => {
    const message = (f: () => unknown): string => {
      try {
        f();
      } catch (error) {
        return String(error);
      }
      return "nothing";
    };
    expect(
      [
        () => minGruCell(0, 4),
        () => minLstmCell(3, 1.5),
        () => sruCell(3, 4, { activation: "gelu" as "relu" }),
        () => qrnnCell(3, 4, { window: 0 }),
        () => qrnnCell(3, 4, { pooling: "max" as "f" }),
        () => lruCell(3, 4, { radius: [0.9, 0.5] }),
        () => lruCell(3, 4, { maxPhase: 0 }),
        () => lruCell(3, 4, { stateSize: 0 }),
        () => s4dCell(3, { spectrum: "legs" as "linear" }),
        () => s4dCell(3, { timeSteps: [0, 1] }),
        () => s4dCell(3, { inputWeights: null } as object),
        () => s5Cell(3, 4, { timeSteps: [0.1, Infinity] }),
        () => selectiveScanCell(3, { rank: -1 }),
        () => rwkvCell(NaN, 3),
        () => slstmCell(3, 4, { forgetGate: "tanh" as "exp" }),
        () => slstmCell(3, 4, { heads: 3 }),
        () => mlstmCell(3, 4, { heads: 3 }),
        () => mlstmCell(3, 4, { forgetGate: "toString" as "exp" }),
        () => convLstmCell(3, 4, [2, 2, 2]),
        () => convLstmCell(3, 4, [8, 0]),
        () => convGruCell(3, 4, [8], { kernelSize: [3, 3] }),
        () => convGruCell(3, 4, [8], { kernelSize: 0 }),
      ].map(message),
    ).toMatchInlineSnapshot(`
      [
        "ArgumentError: minGruCell: inputSize is a whole number from 1, got 0.",
        "ArgumentError: minLstmCell: hiddenSize is a whole number from 1, got 1.5.",
        "ArgumentError: sruCell: activation is "tanh", "relu" or "identity", got gelu.",
        "ArgumentError: qrnnCell: window is a whole number from 1, got 0.",
        "ArgumentError: qrnnCell: pooling is "f", "fo" or "ifo", got max.",
        "ArgumentError: lruCell: radius is 0 ≤ min < max ≤ 1, got [0.9, 0.5].",
        "ArgumentError: lruCell: maxPhase is above 0, got 0.",
        "ArgumentError: lruCell: stateSize is a whole number from 1, got 0.",
        "ArgumentError: s4dCell: spectrum is "linear" or "inverse", got legs.",
        "ArgumentError: s4dCell: timeSteps are 0 < min < max, got [0, 1].",
        "ArgumentError: s4dCell: options are dtype, stateSize, spectrum, timeSteps, got "inputWeights". Remove or correct it.",
        "ArgumentError: s5Cell: timeSteps are 0 < min < max, got [0.1, Infinity].",
        "ArgumentError: selectiveScanCell: rank is a whole number from 1, got -1.",
        "ArgumentError: rwkvCell: inputSize is a whole number from 1, got NaN.",
        "ArgumentError: slstmCell: forgetGate is "sigmoid" or "exp", got tanh.",
        "ArgumentError: slstmCell: the heads must divide the hidden size, got 3 heads and 4 units.",
        "ArgumentError: mlstmCell: the heads must divide the hidden size, got 3 heads and 4 units.",
        "ArgumentError: mlstmCell: forgetGate is "sigmoid" or "exp", got toString.",
        "ArgumentError: convLstmCell: space is [length] or [height, width], got [2, 2, 2].",
        "ArgumentError: convLstmCell: space[1] is a whole number from 1, got 0.",
        "ArgumentError: convGruCell: kernelSize is one number, or one for each axis of space, got [3, 3] for [8].",
        "ArgumentError: convGruCell: kernelSize is a whole number from 1, got 0.",
      ]
    `);
  });

  test("sizes of inputs and states are, in the step", () => {
    const cell: RecurrentCell<MinGruParameters, MinGruState> = minGruCell(3, 4);
    const p = cell.init(key(0));
    expect(() =>
      cell.step(p, cell.initialState(2), zeros([2, 5])),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: minGruCell: the last axis of x must have size 3, got float32[2,5].]`,
    );
    expect(() =>
      cell.step(p, { h: zeros([2, 5]) }, zeros([2, 3])),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: minGruCell: the last axis of h must have size 4, got float32[2,5].]`,
    );
    expect(() =>
      scan(cell.step, p, cell.initialState(1), zeros([7, 2, 3])),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: scan: step 0 must return a state of the types it was given, got float32[1,4] and float32[2,4]. Give the initial state the types of the later ones.]`,
    );
    const lru = lruCell(3, 4);
    expect(() =>
      lru.step(lru.init(key(0)), { s: { re: zeros([2, 3]), im: zeros([2, 4]) } }, zeros([2, 3])),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: lruCell: the last axis of s.re must have size 4, got float32[2,3].]`,
    );
    const conv = convLstmCell(1, 2, [4, 4]);
    expect(() =>
      conv.step(conv.init(key(0)), conv.initialState(2), zeros([2, 4, 5, 1])),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: add: shapes must agree or be 1 along each axis, aligned at the last, got float32[2,4,5,8] and float32[2,4,4,8] (5 ≠ 4). Use reshape() or expandDims() to line the axes up. (in convLstmCell)]`,
    );
  });
});
