import {
  checkGradients,
  concat,
  fullLike,
  key,
  leaves,
  mapTree,
  matmul,
  memory,
  normal,
  setDefaultBackend,
  splitKey,
  tanh,
  type Tensor,
  tensor,
  transpose,
  type Tree,
  zeros,
  zerosLike,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import {
  type CellOptions,
  glorotNormal,
  gruCell,
  type GruParameters,
  type GruState,
  lstmCell,
  type LstmParameters,
  type LstmState,
  type RecurrentCell,
  rnnCell,
  type RnnParameters,
  type RnnState,
  scan,
  zerosInit,
} from "@tapeloop/nn";
import { describe, expect, test } from "vitest";

setDefaultBackend(ndarrayBackend);

/** A cell of any kind, with its parameters and states known only as trees. */
type AnyCell = RecurrentCell<Tree, { readonly h: Tensor }>;
const cells: Record<string, (F: number, H: number, options?: CellOptions) => AnyCell> = {
  rnn: (F, H, options) => rnnCell(F, H, options) as AnyCell,
  rnnRelu: (F, H, options) => rnnCell(F, H, { ...options, activation: "relu" }) as AnyCell,
  lstm: (F, H, options) => lstmCell(F, H, options) as unknown as AnyCell,
  gru: (F, H, options) => gruCell(F, H, options) as AnyCell,
  gruResetBefore: (F, H, options) => gruCell(F, H, { ...options, resetAfter: false }) as AnyCell,
};

describe.each(Object.entries(cells))("%s", (name, make) => {
  const [F, H] = [3, 4];
  const gates = { rnn: 1, rnnRelu: 1, lstm: 4, gru: 3, gruResetBefore: 3 }[name] as number;

  test("has the number of parameters that its documentation says", () => {
    const count = leaves(make(F, H).init(key(0))).reduce((n, { size }) => n + size, 0);
    expect(count).toBe(gates * (F * H + H * H + H) + (name === "gru" ? H : 0));
  });

  test("runs over a sequence, with a batch axis and without", () => {
    const cell = make(F, H);
    const parameters = cell.init(key(0));
    const xs = normal([5, 2, F], { key: key(1) });
    const [last, ys] = scan(cell.step, parameters, cell.initialState(2), xs);
    expect(ys.shape).toEqual([5, 2, H]);
    expect(last.h.shape).toEqual([2, H]);

    const single = xs.slice([null, { start: 1 }]).squeeze({ axes: 1 });
    const [, rows] = scan(cell.step, parameters, cell.initialState(), single);
    expect(rows.shape).toEqual([5, H]);
    expect(
      ys
        .slice([null, { start: 1 }])
        .squeeze()
        .sub(rows)
        .abs()
        .max()
        .item(),
    ).toBeLessThan(1e-6);
  });

  test("has the first and second derivatives that differences have, through 3 steps", () => {
    const cell = make(F, H, { dtype: "float64" });
    const [k1, k2, k3] = splitKey(key(5), 3);
    // Away from the first values: biases are 0 there.
    const parameters = mapTree(
      (x) => normal(x.shape, { key: k1, dtype: "float64" }).mul(0.5),
      cell.init(k1),
    );
    const state = mapTree(
      (x) => normal(x.shape, { key: k2, dtype: "float64" }),
      cell.initialState(2),
    );
    const xs = normal([3, 2, F], { key: k3, dtype: "float64" });
    const run = (at: { parameters: Tree; state: typeof state; xs: Tensor }): Tensor => {
      const [last, ys] = scan(cell.step, at.parameters, at.state, at.xs);
      return concat([ys, ...leaves(last)].map((y) => y.reshape([-1])));
    };
    const report = checkGradients(run, { parameters, state, xs });
    expect(report.first).toBeLessThan(1e-8);
    expect(report.second).toBeLessThan(1e-6);
  });

  test("starts with orthonormal rows in Wh and zeros in the state", () => {
    const cell = make(F, H);
    const { Wh } = cell.init(key(0)) as { Wh: Tensor };
    expect(Wh.shape).toEqual([H, gates * H]);
    const product = matmul(Wh, transpose(Wh)).dataSync();
    product.forEach((x, i) => expect(x).toBeCloseTo(i % (H + 1) === 0 ? 1 : 0, 5));
    expect(leaves(cell.initialState(2)).every((x) => x.abs().max().item() === 0)).toBe(true);
  });

  test("starts from its key alone, with the given initializers and element type", () => {
    const first = (k: number, options: CellOptions = {}): string[] =>
      leaves(make(F, H, options).init(key(k))).map(String);
    expect(first(0)).toEqual(first(0));
    expect(first(0)).not.toEqual(first(1));
    const cell = make(F, H, {
      dtype: "float64",
      inputWeights: glorotNormal,
      recurrentWeights: zerosInit,
    });
    const parameters = cell.init(key(0)) as { Wx: Tensor; Wh: Tensor };
    expect(String(parameters.Wh)).toBe(String(zerosLike(parameters.Wh)));
    const tensors = [parameters, cell.initialState()].flatMap(leaves);
    expect(tensors.every(({ dtype }) => dtype === "float64")).toBe(true);
  });

  test("gives back what it made on the way to its first parameters", () => {
    const k = key(0);
    const before = memory().buffers;
    const parameters = make(F, H).init(k);
    expect(memory().buffers - before).toBe(leaves(parameters).length);
  });
});

describe("lstmCell", () => {
  const cell = lstmCell(1, 1);
  /** Parameters that do not look at x or h: gates i, f, g, o by their biases alone. */
  const fixed = (...b: number[]): LstmParameters => ({
    Wx: zeros([1, 4]),
    Wh: zeros([1, 4]),
    b: tensor(b),
  });
  const xs = zeros([3, 1]);

  test("counts with all gates open", () => {
    const [{ h, c }] = scan(cell.step, fixed(50, 50, 50, 50), cell.initialState(), xs);
    expect(c.item()).toBe(3);
    expect(h.item()).toBeCloseTo(Math.tanh(3), 6);
  });

  test("remembers with the forget gate open and the input gate closed", () => {
    const state = { h: tensor([0]), c: tensor([0.7]) };
    const [{ c }] = scan(cell.step, fixed(-50, 50, 50, 50), state, xs);
    expect(c.item()).toBeCloseTo(0.7, 6);
  });

  test("shows nothing with the output gate closed", () => {
    const [, ys] = scan(cell.step, fixed(50, 50, 50, -50), cell.initialState(), xs);
    expect(ys.abs().max().item()).toBeLessThan(1e-6);
  });

  test("starts with a bias of 1 for the forget gate, or another", () => {
    expect(lstmCell(2, 2).init(key(0)).b.toArray()).toEqual([0, 0, 1, 1, 0, 0, 0, 0]);
    const { b } = lstmCell(2, 1, { forgetBias: 3 }).init(key(0));
    expect(b.toArray()).toEqual([0, 3, 0, 0]);
  });
});

describe("gruCell", () => {
  const before = gruCell(2, 3, { resetAfter: false });
  const after = gruCell(2, 3);
  const h = normal([4, 3], { key: key(1) });
  const x = normal([4, 2], { key: key(2) });
  const distance = (a: Tensor, b: Tensor): number => a.sub(b).abs().max().item();
  const withBias = (r: number, z: number): GruParameters => ({
    ...after.init(key(0)),
    b: tensor([r, r, r, z, z, z, 0, 0, 0]),
  });

  test("keeps its state with the update gate open", () => {
    for (const { step } of [before, after]) {
      expect(distance(step(withBias(0, 50), { h }, x)[1], h)).toBe(0);
    }
  });

  test("sees x alone with both gates closed", () => {
    const parameters = withBias(-50, -50);
    const n = tanh(matmul(x, parameters.Wx.slice([null, { start: 6 }])));
    for (const { step } of [before, after]) {
      expect(distance(step(parameters, { h }, x)[1], n)).toBeLessThan(1e-6);
    }
  });

  test("is the same for a reset before and after the product only where nothing is reset", () => {
    const [open, half] = [withBias(50, 0), withBias(0, 0)];
    const both = (p: GruParameters): number =>
      distance(before.step(p, { h }, x)[1], after.step(p, { h }, x)[1]);
    expect(both(open)).toBeLessThan(1e-6);
    expect(both(half)).toBeGreaterThan(1e-3);
  });

  test("resets its inner bias only with a reset after the product", () => {
    const parameters = withBias(-50, -50);
    const { bn } = after.init(key(0)) as Required<GruParameters>;
    const shifted = { ...parameters, bn: fullLike(bn, 1) };
    expect(distance(after.step(shifted, { h }, x)[1], after.step(parameters, { h }, x)[1])).toBe(0);
    expect(before.init(key(0))).not.toHaveProperty("bn");
  });
});

describe("wrong sizes", () => {
  const cell: RecurrentCell<LstmParameters, LstmState> = lstmCell(3, 4);
  const parameters = cell.init(key(0));

  test("of the cell are refused", () => {
    expect(() => lstmCell(0, 4)).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: lstmCell: inputSize is a whole number from 1, got 0.]`,
    );
    expect(() => gruCell(3, 1.5)).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: gruCell: hiddenSize is a whole number from 1, got 1.5.]`,
    );
    expect(() => rnnCell(3, NaN)).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: rnnCell: hiddenSize is a whole number from 1, got NaN.]`,
    );
  });

  test("of an input are refused by the name of the cell", () => {
    const state = cell.initialState(2);
    expect(() => cell.step(parameters, state, zeros([2, 5]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: lstmCell: the last axis of x must have size 3, got float32[2,5].]`,
    );
    expect(() =>
      scan(cell.step, parameters, state, zeros([7, 2])),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: lstmCell: the last axis of x must have size 3, got float32[2]. (in step 0)]`,
    );
    expect(() => cell.step(parameters, state, zeros([6, 3]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: add: shapes must agree or be 1 along each axis, aligned at the last, got float32[6,16] and float32[2,16] (6 ≠ 2). Use reshape() or expandDims() to line the axes up. (in lstmCell)]`,
    );
  });

  test("of a state are refused by the name of the cell", () => {
    const x = zeros([2, 3]);
    const other = lstmCell(3, 5).initialState(2);
    expect(() => cell.step(parameters, other, x)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: lstmCell: the last axis of h must have size 4, got float32[2,5].]`,
    );
    expect(() =>
      cell.step(parameters, { ...cell.initialState(2), c: other.c }, x),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: lstmCell: the last axis of c must have size 4, got float32[2,5].]`,
    );
    const gru: RecurrentCell<GruParameters, GruState> = gruCell(3, 4);
    expect(() => gru.step(gru.init(key(0)), other, x)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: gruCell: the last axis of h must have size 4, got float32[2,5].]`,
    );
    const rnn: RecurrentCell<RnnParameters, RnnState> = rnnCell(3, 4);
    expect(() => rnn.step(rnn.init(key(0)), other, x)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: rnnCell: the last axis of h must have size 4, got float32[2,5].]`,
    );
  });

  test("of the batch are refused by scan", () => {
    expect(() =>
      scan(cell.step, parameters, cell.initialState(1), zeros([7, 2, 3])),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: scan: step 0 must return a state of the types it was given, got float32[1,4] and float32[2,4]. Give the initial state the types of the later ones.]`,
    );
  });
});

test("unknown options are refused", () => {
  const misspelt = { forgetbias: 2, activation: "gelu" } as object;
  expect(() => lstmCell(1, 1, misspelt)).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: lstmCell: options are inputWeights, recurrentWeights, dtype, forgetBias, biases, got "forgetbias". Remove or correct it.]`,
  );
  expect(() => gruCell(1, 1, misspelt)).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: gruCell: options are inputWeights, recurrentWeights, dtype, resetAfter, biases, got "forgetbias". Remove or correct it.]`,
  );
  expect(() => rnnCell(1, 1, misspelt)).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: rnnCell: options are inputWeights, recurrentWeights, dtype, activation, got "forgetbias". Remove or correct it.]`,
  );
  expect(() => rnnCell(1, 1, { activation: "gelu" as "relu" })).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: rnnCell: activation is "tanh" or "relu", got gelu.]`,
  );
});
