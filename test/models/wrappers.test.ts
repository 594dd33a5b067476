import {
  checkGradients,
  compile,
  concat,
  flip,
  grad,
  key,
  leaves,
  mapTree,
  matmul,
  memory,
  normal,
  scan,
  select,
  setDefaultBackend,
  sigmoid,
  softmax,
  split,
  splitKey,
  stack,
  sub,
  tanh,
  type Tensor,
  tensor,
  type Tree,
  variance,
  where,
  zeros,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import {
  bidirectional,
  chained,
  dilated,
  fastSlow,
  gruCell,
  highway,
  learnedInitialState,
  linear,
  lstmCell,
  multiplicative,
  multiplicativeLstmCell,
  multiplicativeRnnCell,
  projection,
  type RecurrentCell,
  recurrentDropout,
  reset,
  residual,
  rnn,
  rnnCell,
  stacked,
  timeDistributed,
  variationalDropout,
  weightDrop,
  withAttention,
  layerNorm,
  zoneout,
} from "@tapeloop/nn";
import { describe, expect, test } from "vitest";
import { distance } from "./distance.ts";

setDefaultBackend(ndarrayBackend);

const float64 = { dtype: "float64" } as const;
const H = 3;
const random = (shape: number[], seed: number): Tensor =>
  normal(shape, { key: key(seed), ...float64 });
const lstm = lstmCell(H, H, float64);
const gru = gruCell(H, H, float64);
const simple = rnnCell(H, H, float64);
const xs = random([4, 2, H], 9);

/** Differences need a normalization that is not too steep. */
const smooth = { epsilon: 0.1, ...float64 };

/** Cells with a wrapper around them, known as trees only. */
type AnyTree = RecurrentCell<Tree, Tree>;
const wrapped: Record<string, AnyTree> = Object.fromEntries(
  Object.entries({ lstm, gru, rnn: simple }).flatMap(([name, cell]) =>
    Object.entries({
      stacked: stacked(cell, cell),
      residual: residual(cell),
      highway: highway(cell, float64),
      layerNorm: layerNorm(cell, smooth),
      zoneout: zoneout(cell, 0.3),
      variationalDropout: variationalDropout(cell, { inputs: 0.3, state: 0.3, outputs: 0.3 }),
      weightDrop: weightDrop(cell, 0.4),
      ...(name === "rnn" ? {} : { recurrentDropout: recurrentDropout(cell as typeof lstm, 0.4) }),
      projection: projection(cell, 2, { bias: true, ...float64 }),
      learnedInitialState: learnedInitialState(cell),
      fastSlow: fastSlow([zoneout(cell, 0.2), zoneout(cell, 0.1), zoneout(cell, 0.3)], cell),
      multiplicative: multiplicative(cell, float64),
      dilated: dilated(zoneout(cell, 0.2), 2),
      all: stacked(
        zoneout(layerNorm(cell, smooth), 0.2),
        residual(variationalDropout(learnedInitialState(cell), 0.2)),
        highway(weightDrop(stacked(cell, cell), 0.3), float64),
      ),
    }).map(([wrapper, made]) => [`${wrapper} around ${name}`, made as unknown as AnyTree]),
  ),
);

describe.each(Object.entries(wrapped))("%s", (_, cell) => {
  const model = rnn(cell);
  // Away from first values, where biases and learned states are 0.
  const parameters = mapTree(
    (x) => x.add(normal(x.shape, { key: key(3), ...float64 }).mul(0.3)),
    model.init(key(0)),
  );
  const run = (p: Tree, k: Tensor | null, x: Tensor = xs): Tensor =>
    model.apply(p, x, k === null ? {} : { key: k }).outputs;

  test("runs with a batch axis and without, in evaluation to the same outputs", () => {
    const outputs = run(parameters, null);
    expect(outputs.shape).toEqual([4, 2, cell.hiddenSize]);
    const one = run(parameters, null, select(xs, 1, { axis: 1 }));
    expect(distance(select(outputs, 1, { axis: 1 }), one)).toBeLessThan(1e-12);
  });

  test("has the derivatives that differences have, in evaluation and in training", () => {
    for (const k of [null, key(7)]) {
      const f = (at: { p: Tree; x: Tensor }): Tensor => run(at.p, k, at.x);
      const short = { p: parameters, x: xs.slice([{ stop: 2 }]) };
      // Normalizations bend sharply: the differences need a shorter step.
      expect(checkGradients(f, short, { order: 1, step: 5e-5 }).first).toBeLessThan(1e-8);
    }
  });

  test("draws from its key alone, and nothing without one", () => {
    const [a, b] = [run(parameters, key(1)), run(parameters, key(1))];
    expect(distance(a, b)).toBe(0);
    const isRandom = distance(a, run(parameters, key(2))) > 0;
    expect(isRandom).toBe(distance(a, run(parameters, null)) > 0);
    const state = model.apply(parameters, xs).state;
    expect(leaves(state).every(({ dtype }) => dtype === "float64")).toBe(true);
  });

  test("compiled is the same as it is written, in evaluation and in training", () => {
    const loss = (p: Tree, k: Tensor | null): Tensor => run(p, k).square().sum();
    expect(
      distance(compile(grad(loss))(parameters, null), grad(loss)(parameters, null)),
    ).toBeLessThan(1e-12);
    expect(
      distance(compile(grad(loss))(parameters, key(5)), grad(loss)(parameters, key(5))),
    ).toBeLessThan(1e-12);
  });

  test("goes on from a state as if it had not stopped", () => {
    const whole = model.apply(parameters, xs, { key: key(5) });
    const first = model.apply(parameters, xs.slice([{ stop: 2 }]), { key: key(5) });
    const rest = model.apply(parameters, xs.slice([{ start: 2 }]), { initialState: first.state });
    expect(distance(concat([first.outputs, rest.outputs], { axis: 0 }), whole.outputs)).toBe(0);
    expect(distance(rest.state, whole.state)).toBe(0);
  });

  test("leaves nothing behind but parameters and states", () => {
    const k = key(0);
    const before = memory().buffers;
    const p = cell.init(k);
    const state = cell.initialState(2, { parameters: p, key: k });
    // Learned parts of a state look at parameters; parts that are alike may be one.
    const buffers = memory().buffers - before;
    expect(buffers).toBeLessThanOrEqual(leaves(p).length + leaves(state).length);
  });
});

describe("stacked", () => {
  test("is one cell over the outputs of the other, with keys of their own", () => {
    const model = rnn(stacked(lstm, gru));
    const p = model.init(key(0));
    const { outputs, state } = model.apply(p, xs);
    const below = scan(lstm.step, p.layers[0], lstm.initialState(2), xs);
    const above = scan(gru.step, p.layers[1], gru.initialState(2), below[1]);
    expect(distance(outputs, above[1])).toBe(0);
    expect(distance(state, { layers: [below[0], above[0]] })).toBe(0);
    const twins = stacked(gru, gru).init(key(0)).layers;
    expect(distance(twins[0], twins[1])).toBeGreaterThan(0.1);
  });

  test("refuses layers that do not fit, and none", () => {
    expect(() => stacked(lstmCell(2, 4), lstmCell(3, 4))).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: stacked: layer 1 must take what layer 0 makes, got inputs of size 3 and outputs of size 4.]`,
    );
    expect(() => stacked()).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: stacked: needs at least one layer, got none.]`,
    );
  });
});

describe("fastSlow", () => {
  const [large, inner] = [lstmCell(2, 4, float64), lstmCell(4, 4, float64)];
  const slow = gruCell(4, 5, float64);
  const second = lstmCell(5, 4, float64);
  const model = rnn(fastSlow([large, second, inner], slow));
  const p = model.init(key(0));

  test("hands one state through its fast cells, and the slow one sees the first, written out", () => {
    const x = random([3, 2, 2], 1);
    const run = model.apply(p, x, { record: ["fast[1].gates.f", "slow.h"] });
    let s = large.initialState(2);
    let t = slow.initialState(2);
    for (let i = 0; i < 3; i++) {
      let y: Tensor;
      let z: Tensor;
      [s, y] = large.step(p.fast[0], s, select(x, i));
      [t, z] = slow.step(p.slow, t, y);
      [s, y] = second.step(p.fast[1], s, z);
      [s, y] = inner.step(p.fast[2], s, zeros([2, 4], float64));
      expect(distance(select(run.outputs, i), y)).toBeLessThan(1e-12);
      expect(distance(select(run.recorded["slow.h"], i), t.h)).toBeLessThan(1e-12);
    }
    expect(distance(run.state, { fast: s, slow: t })).toBeLessThan(1e-12);
    expect(run.recorded["fast[1].gates.f"].shape).toEqual([3, 2, 4]);
  });

  test("refuses cells that do not fit", () => {
    expect(() => fastSlow([large] as never, slow)).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: fastSlow: needs two fast cells or more, got 1.]`,
    );
    expect(() => fastSlow([large, inner], slow)).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: fastSlow: fast cell 1 must take what the slow cell makes, got inputs of size 4 and outputs of size 5.]`,
    );
    expect(() =>
      fastSlow([large, lstmCell(5, 3, float64)], slow),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: fastSlow: fast cells share one state, and must have one size, got 4 and 3.]`,
    );
    expect(() =>
      fastSlow([large, second, lstmCell(5, 4)], slow),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: fastSlow: fast cell 2 must take what fast cell 1 makes, got inputs of size 5 and outputs of size 4.]`,
    );
    expect(() =>
      fastSlow([large, gruCell(5, 4, float64)], slow).initialState(2),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: fastSlow: fast cells share one state, of one kind, got h float64[2,4], c float64[2,4] and h float64[2,4].]`,
    );
  });
});

describe("multiplicative", () => {
  test("around a plain cell and an LSTM is the multiplicative one", () => {
    const known = [
      [rnnCell(2, H, float64), multiplicativeRnnCell(2, H, float64)],
      [lstmCell(2, H, float64), multiplicativeLstmCell(2, H, float64)],
    ] as unknown as [AnyTree, AnyTree][];
    const x = random([4, 2, 2], 1);
    for (const [plain, whole] of known) {
      const { Wmx, Wmh, ...cell } = whole.init(key(0)) as Record<string, Tensor>;
      const { outputs } = rnn(multiplicative(plain, float64)).apply({ cell, Wmx, Wmh }, x);
      expect(distance(outputs, rnn(whole).apply({ Wmx, Wmh, ...cell }, x).outputs)).toBeLessThan(
        1e-12,
      );
    }
  });

  test("needs one h", () => {
    const start = (): unknown => multiplicative(stacked(lstm, lstm)).initialState(2);
    expect(start).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: multiplicative: the state needs one part "h" of size 3, got layers[0].h [2,3], layers[0].c [2,3], layers[1].h [2,3], layers[1].c [2,3]. Put multiplicative() around the cells of a stack, not around the stack.]`,
    );
    expect(() => multiplicative(lstm, { rate: 1 } as object)).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: multiplicative: options are inputWeights, recurrentWeights, dtype, got "rate". Remove or correct it.]`,
    );
  });
});

describe("dilated", () => {
  test("is a run over every d-th step, d times", () => {
    const p = lstm.init(key(0));
    const x = random([7, 2, H], 1);
    const { outputs } = rnn(dilated(lstm, 3)).apply(p, x);
    for (const start of [0, 1, 2]) {
      const every = (all: Tensor): Tensor => all.slice([{ start, step: 3 }]);
      expect(distance(every(outputs), rnn(lstm).apply(p, every(x)).outputs)).toBeLessThan(1e-12);
    }
  });

  test("needs a whole number from 1", () => {
    expect(() => dilated(lstm, 0)).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: dilated: dilation is a whole number from 1, got 0.]`,
    );
  });
});

describe("shortcuts", () => {
  const [x, state] = [random([2, H], 1), gru.initialState(2)];

  test("residual adds the input to the output and leaves the state", () => {
    const p = gru.init(key(0));
    const [{ h }, y] = residual(gru).step(p, state, x);
    const [bare] = gru.step(p, state, x);
    expect(distance(h, bare.h)).toBe(0);
    expect(distance(y, h.add(x))).toBe(0);
  });

  test("highway mixes input and output by its gate, and starts near the input", () => {
    const cell = highway(gru, float64);
    const p = cell.init(key(0));
    const [{ h }, y] = cell.step(p, state, x);
    const t = sigmoid(matmul(x, p.gate.W).add(p.gate.b as Tensor));
    expect(distance(y, t.mul(h).add(sub(1, t).mul(x)))).toBeLessThan(1e-12);
    expect(p.gate.b?.toArray()).toEqual([-1, -1, -1]);
  });

  test("need inputs and outputs of one size", () => {
    expect(() => residual(lstmCell(2, 4))).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: residual: inputs and outputs of the cell must have one size, got 2 and 4. Put projection() around the cell.]`,
    );
    expect(() => highway(lstmCell(2, 4))).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: highway: inputs and outputs of the cell must have one size, got 2 and 4. Put projection() around the cell.]`,
    );
  });

  test("projection maps the output alone; layers in between have no state", () => {
    const cell = stacked(projection(gru, 2, float64), timeDistributed(linear(2, 4, float64), 2, 4));
    const p = cell.init(key(0));
    const [next, y] = cell.step(p, cell.initialState(2), x);
    const [bare, h] = gru.step(p.layers[0].cell, state, x);
    expect(distance(next.layers[0], bare)).toBe(0);
    const { W, b } = p.layers[1];
    expect(
      distance(y, matmul(matmul(h, p.layers[0].projection.W), W).add(b as Tensor)),
    ).toBeLessThan(1e-12);
    expect(leaves(next.layers[1])).toEqual([]);
  });
});

describe("layerNorm", () => {
  /** (x − mean) / deviation, with gain and bias. */
  const norm = (x: Tensor, { gain, bias }: { gain: Tensor; bias: Tensor }): Tensor =>
    x
      .sub(x.mean({ axes: -1, keepAxes: true }))
      .div(variance(x, { axes: -1, keepAxes: true }).add(1e-5).sqrt())
      .mul(gain)
      .add(bias);
  const shaken = <P extends Tree>(p: P): P =>
    mapTree((x) => x.add(normal(x.shape, { key: key(8), ...float64 })), p);

  test("around an LSTM is the LSTM with normalized sums, written out", () => {
    const cell = layerNorm(lstm, float64);
    const p = shaken(cell.init(key(0)));
    const [h, c, x] = [1, 2, 3].map((seed) => random([2, H], seed));
    const sums = split(matmul(x, p.cell.Wx).add(p.cell.b).add(matmul(h, p.cell.Wh)), 4);
    const [i, f, g, o] = ["i", "f", "g", "o"].map((gate, k) => norm(sums[k], p.norms[gate]));
    const after = sigmoid(f)
      .mul(c)
      .add(sigmoid(i).mul(tanh(g)));
    const y = sigmoid(o).mul(tanh(norm(after, p.norms["c"])));
    expect(distance(cell.step(p, { h, c }, x), [{ h: y, c: after }, y])).toBeLessThan(1e-12);
  });

  test("normalizes the output of a cell that names no sums, and the state that it is", () => {
    const plain: RecurrentCell<Tree, { h: Tensor }> = {
      ...simple,
      init: () => ({}),
      step: (_, { h }, x) => {
        const y = h.add(x);
        return [{ h: y }, y];
      },
    };
    const cell = layerNorm(plain, float64);
    const p = shaken(cell.init(key(0)));
    const [h, x] = [random([2, H], 1), random([2, H], 2)];
    const y = norm(h.add(x), p.norms["output"]);
    expect(distance(cell.step(p, { h }, x), [{ h: y }, y])).toBeLessThan(1e-12);
  });

  test("reaches into layers", () => {
    const p = layerNorm(stacked(simple, gru), float64).init(key(0));
    expect(Object.keys(p.norms).toSorted()).toEqual([
      "layers[0].h",
      "layers[1].n",
      "layers[1].r",
      "layers[1].z",
    ]);
  });
});

describe("zoneout", () => {
  const p = lstm.init(key(0));
  const wide = lstmCell(H, 500, float64);
  const many = wide.init(key(1));
  const before = { h: random([2, 500], 1), c: random([2, 500], 2) };
  const x = random([2, H], 3);

  test("in training leaves a part of the units as they were, and no other", () => {
    const cell = zoneout(wide, { c: 0.5, h: 0.2 });
    const [bare] = wide.step(many, before, x);
    const [next, y] = cell.step(many, { cell: before, key: key(4) }, x);
    for (const [name, rate] of [
      ["c", 0.5],
      ["h", 0.2],
    ] as const) {
      const stays = next.cell[name].equal(before[name]);
      expect(distance(next.cell[name], where(stays, before[name], bare[name]))).toBe(0);
      // Five standard deviations of 1,000 draws are below 0.08.
      expect(Math.abs(stays.mean().item() - rate)).toBeLessThan(0.08);
    }
    expect(y).toBe(next.cell.h);
  });

  test("in evaluation is the mean of training", () => {
    const cell = zoneout(lstm, { c: 0.5, h: 0.2 });
    const state = { h: random([2, H], 1), c: random([2, H], 2) };
    const [evaluated, y] = cell.step(p, { cell: state }, x);
    const [bare] = lstm.step(p, state, x);
    expect(distance(evaluated.cell.c, bare.c.add(state.c).mul(0.5))).toBeLessThan(1e-12);
    expect(distance(y, bare.h.mul(0.8).add(state.h.mul(0.2)))).toBeLessThan(1e-12);
    const runs = splitKey(key(5), 800).map((k) => cell.step(p, { cell: state, key: k }, x)[0].cell);
    const mean = mapTree(
      (...all) => stack(all, { axis: 0 }).mean({ axes: 0 }),
      runs[0],
      ...runs.slice(1),
    );
    expect(distance(mean, evaluated.cell)).toBeLessThan(0.15);
  });

  test("draws anew in every step", () => {
    const model = rnn(zoneout(wide, 0.5));
    const { recorded } = model.apply(many, random([3, 2, H], 6), { key: key(7), record: ["c"] });
    const [c0, c1, c2] = [0, 1, 2].map((t) => select(recorded.c, t));
    const both = c1.equal(c0).mul(c2.equal(c1)).mean().item();
    expect(Math.abs(both - 0.25)).toBeLessThan(0.08);
  });

  test("of rate 0 is the cell", () => {
    const model = rnn(zoneout(lstm, 0));
    expect(
      distance(model.apply(p, xs, { key: key(1) }).outputs, rnn(lstm).apply(p, xs).outputs),
    ).toBe(0);
  });

  test("refuses other rates and names", () => {
    expect(() => zoneout(lstm, 1)).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: zoneout: rate is from 0 and below 1, got 1.]`,
    );
    expect(() => zoneout(lstm, { c: -1 })).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: zoneout: rate of c is from 0 and below 1, got -1.]`,
    );
    expect(() => zoneout(lstm, { d: 0.1 }).initialState(2)).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: zoneout: rates are those of parts of the state, h, c, got "d".]`,
    );
  });
});

describe("variationalDropout", () => {
  /** Shows what it reads: [x, h]. */
  const mirror: RecurrentCell<Tree, { h: Tensor }> = {
    inputSize: 50,
    hiddenSize: 100,
    init: () => ({}),
    initialState: (batch = 1) => ({ h: zeros([batch, 50], float64).add(1) }),
    step: (_, { h }, x) => [{ h: h.mul(0).add(1) }, concat([x, h])],
  };
  const ones = zeros([5, 2, 50], float64).add(1);

  test("drops the same inputs and the same units of the state in all steps, and scales the rest", () => {
    const model = rnn(variationalDropout(mirror, { inputs: 0.5, state: 0.2 }));
    const { outputs } = model.apply({}, ones, { key: key(0) });
    for (let t = 1; t < 5; t++) expect(distance(select(outputs, t), select(outputs, 0))).toBe(0);
    const [ofX, ofH] = split(select(outputs, 0), 2).map((part) => new Set(part.dataSync()));
    expect(ofX).toEqual(new Set([0, 2]));
    expect(ofH).toEqual(new Set([0, 1.25]));
    const [a, b] = [0, 1].map((i) => select(outputs, i, { axis: 1 }));
    expect(distance(a, b)).toBe(2);
  });

  test("keeps the whole state for the next step, and drops outputs behind the cell", () => {
    const model = rnn(variationalDropout(mirror, { outputs: 0.5 }));
    const { outputs, state } = model.apply({}, ones, { key: key(0) });
    expect(new Set(outputs.dataSync())).toEqual(new Set([0, 2]));
    expect(distance(state.cell.h, zeros([2, 50]).add(1))).toBe(0);
  });

  test("is nothing without a key, and refuses what it cannot do", () => {
    const p = lstm.init(key(0));
    const model = rnn(variationalDropout(lstm, 0.5));
    expect(distance(model.apply(p, xs).outputs, rnn(lstm).apply(p, xs).outputs)).toBe(0);
    expect(() => variationalDropout(lstm, { inputs: 2 })).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: variationalDropout: the rate of inputs is from 0 and below 1, got 2.]`,
    );
    expect(() =>
      variationalDropout(lstm, { input: 0.5 } as object),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: variationalDropout: options are inputs, state, outputs, got "input". Remove or correct it.]`,
    );
    const layer = timeDistributed(linear(2, 2), 2, 2);
    const start = (): unknown => variationalDropout(layer, 0.5).initialState(2, { key: key(0) });
    expect(start).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: variationalDropout: the state needs a part "h" to drop from, got none. Set the rate of the state to 0.]`,
    );
  });
});

describe("weightDrop", () => {
  test("runs the cell with a part of its recurrent weights, the others scaled", () => {
    const model = rnn(weightDrop(lstm, 0.5));
    const p = lstm.init(key(0));
    const { outputs, state } = model.apply(p, xs, { key: key(1) });
    const kept = state.masks?.["Wh"] as Tensor;
    const thinned = { ...p, Wh: where(kept, p.Wh.mul(2), 0) };
    expect(distance(outputs, rnn(lstm).apply(thinned, xs).outputs)).toBe(0);
    expect(new Set(kept.dataSync())).toEqual(new Set([0, 1]));
  });

  test("takes names of weights, in all layers or in one", () => {
    const cell = stacked(lstm, gru);
    const options = { parameters: cell.init(key(0)), key: key(1) };
    const names = (weights: string[]): string[] =>
      Object.keys(weightDrop(cell, 0.5, { weights }).initialState(2, options).masks ?? {});
    expect(names(["Wh"])).toEqual(["layers[0].Wh", "layers[1].Wh"]);
    expect(names(["layers[1].Wx"])).toEqual(["layers[1].Wx"]);
    expect(() => names(["U"])).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: weightDrop: weights are those of the cell, layers[0].Wx, layers[0].Wh, layers[0].b, layers[1].Wx, layers[1].Wh, layers[1].b, layers[1].bn, got "U".]`,
    );
    expect(() =>
      weightDrop(lstm, 0.5).initialState(2, { key: key(0) }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: weightDrop: a state with a key needs the parameters, whose shapes the masks have, got none. Call initialState(batch, { key, parameters }).]`,
    );
    expect(() => weightDrop(lstm, NaN)).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: weightDrop: rate is from 0 and below 1, got NaN.]`,
    );
  });
});

describe("recurrentDropout", () => {
  test("drops candidates, new ones in every step, and never what is remembered", () => {
    const cell = lstmCell(H, 200, float64);
    const p = cell.init(key(0));
    const model = rnn(recurrentDropout(cell, 0.25));
    const names = ["c", "candidate", "gates.i", "gates.f"] as const;
    const { recorded } = model.apply(p, xs, { key: key(1), record: names });
    const [g0, g1] = [0, 1].map((t) => select(recorded.candidate, t));
    expect(Math.abs(g0.equal(0).mean().item() - 0.25)).toBeLessThan(0.11);
    expect(g0.equal(0).sub(g1.equal(0)).abs().mean().item()).toBeGreaterThan(0.2);
    const at = (name: (typeof names)[number], t: number): Tensor => select(recorded[name], t);
    const c1 = at("gates.f", 1).mul(at("c", 0)).add(at("gates.i", 1).mul(g1));
    expect(distance(c1, at("c", 1))).toBeLessThan(1e-12);
  });

  test("needs a candidate", () => {
    const model = rnn(recurrentDropout(simple, 0.5));
    expect(() =>
      model.apply(simple.init(key(0)), xs, { key: key(0) }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: recurrentDropout: the cell must name a candidate, got none. Write probe("candidate", …) in its step, or use variationalDropout(cell, { state }). (in step 0)]`,
    );
  });
});

describe("learnedInitialState", () => {
  test("starts every sequence from the parameter, which has a derivative", () => {
    const model = rnn(learnedInitialState(lstm));
    const p = model.init(key(0));
    const learned = { h: random([H], 1), c: random([H], 2) };
    const { outputs } = model.apply({ ...p, state: learned }, xs);
    const initialState = mapTree((s) => stack([s, s], { axis: 0 }), learned);
    expect(distance(outputs, rnn(lstm).apply(p.cell, xs, { initialState }).outputs)).toBe(0);
    expect(leaves(p.state).map(({ dtype }) => dtype)).toEqual(["float64", "float64"]);
  });

  test("needs its parameters", () => {
    expect(() => learnedInitialState(lstm).initialState(2)).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: learnedInitialState: the first state is a parameter, got no parameters. Call initialState(batch, { parameters }).]`,
    );
  });
});

describe("withAttention", () => {
  const cell = withAttention(gruCell(2 + 4, H, float64), {
    memorySize: 4,
    attentionSize: 5,
    ...float64,
  });
  const model = rnn(cell);
  const p = model.init(key(0));
  const [x, rows] = [random([3, 2, 2], 1), random([6, 2, 4], 2)];

  test("is attention by scores of the last output, written out", () => {
    const { outputs, recorded } = model.apply(p, x, {
      memory: rows,
      record: ["attention", "context"],
    });
    const y = select(outputs, 0);
    const e = tanh(matmul(rows, p.Wm).add(matmul(y, p.Wq)));
    const a = softmax(matmul(e, p.v).squeeze({ axes: -1 }), { axis: 0 });
    expect(distance(select(recorded.attention, 1), a.transpose())).toBeLessThan(1e-12);
    const context = a.reshape([6, 2, 1]).mul(rows).sum({ axes: 0 });
    expect(distance(select(recorded.context, 1), context)).toBeLessThan(1e-12);
    const inner = gruCell(2 + 4, H, float64);
    const [, next] = inner.step(p.cell, { h: y }, concat([select(x, 1), context]));
    expect(distance(select(outputs, 1), next)).toBeLessThan(1e-12);
  });

  test("looks at the rows of its mask alone, whatever the others hold", () => {
    const there = tensor(
      [true, true, false, true, false, true, false, false, false, false, false, false],
      {
        shape: [6, 2],
      },
    );
    const run = (rowsOf: Tensor): Tensor =>
      model.apply(p, x, { memory: rowsOf, memoryMask: there }).outputs;
    const spoilt = where(there.reshape([6, 2, 1]), rows, NaN);
    expect(distance(run(spoilt), run(rows))).toBe(0);
    const short = rows.slice([{ stop: 1 }, { stop: 1 }]);
    const first = model.apply(p, x.slice([null, { stop: 1 }]), { memory: short }).outputs;
    expect(distance(run(rows).slice([null, { stop: 1 }]), first)).toBeLessThan(1e-12);
    const grads = grad((m: Tensor) => run(m).sum())(spoilt);
    expect(distance(where(there.reshape([6, 2, 1]), 0, grads), zeros([6, 2, 4]))).toBe(0);
  });

  test("has the derivatives that differences have, and the same compiled", () => {
    const f = (at: { p: typeof p; x: Tensor; rows: Tensor }): Tensor =>
      model.apply(at.p, at.x, { memory: at.rows, lengths: [3, 2] }).outputs;
    expect(checkGradients(f, { p, x, rows }, { order: 1 }).first).toBeLessThan(1e-8);
    const loss = (q: typeof p, m: Tensor): Tensor => f({ p: q, x, rows: m }).square().sum();
    expect(distance(compile(grad(loss))(p, rows), grad(loss)(p, rows))).toBeLessThan(1e-12);
  });

  test("refuses sizes that do not fit, and to start without a memory", () => {
    expect(() => withAttention(gru, { memorySize: H })).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: withAttention: the cell must take an input and a row of the memory, got 3 features in all and rows of 3.]`,
    );
    expect(() => model.apply(p, x)).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: withAttention: the first state needs parameters and a memory, got no memory. Call initialState(batch, { parameters, memory }), or give rnn the option memory.]`,
    );
    expect(() =>
      model.apply(p, x, { memory: zeros([6, 2, 5]) }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: withAttention: the last axis of the memory must have size 4, got float32[6,2,5].]`,
    );
  });
});

describe("reset", () => {
  const model = rnn(reset(zoneout(learnedInitialState(lstm), 0.1)));
  const p = mapTree((x) => x.add(0.1), model.init(key(0)));
  const starts = tensor([false, false, true, false, false, false, false, false], { shape: [4, 2] });

  test("begins anew where the mask says so, with no gradient beyond", () => {
    const { outputs } = model.apply(p, { x: xs, reset: starts });
    const alone = rnn(zoneout(learnedInitialState(lstm), 0.1));
    const [first, second] = [0, 1].map((i) => xs.slice([null, { start: i, stop: i + 1 }]));
    const rest = alone.apply(p, first.slice([{ start: 1 }])).outputs;
    expect(distance(outputs.slice([{ start: 1 }, { stop: 1 }]), rest)).toBeLessThan(1e-12);
    expect(distance(outputs.slice([null, { start: 1 }]), alone.apply(p, second).outputs)).toBe(0);
    const g = grad((x: Tensor) => select(model.apply(p, { x, reset: starts }).outputs, 3).sum())(
      xs,
    );
    expect(
      g
        .slice([{ stop: 1 }, { stop: 1 }])
        .abs()
        .max()
        .item(),
    ).toBe(0);
    expect(
      g
        .slice([{ stop: 1 }, { start: 1 }])
        .abs()
        .min()
        .item(),
    ).toBeGreaterThan(0);
  });

  test("goes on drawing from other keys in training", () => {
    const { state } = model.apply(p, { x: xs, reset: starts }, { key: key(0) });
    expect(distance(state.cell.key as Tensor, state.first.key as Tensor)).toBeGreaterThan(0);
  });
});

describe("bidirectional", () => {
  test("is a run from each end of each sequence, side by side", () => {
    const model = bidirectional(lstm, gru);
    const p = model.init(key(0));
    const { outputs, last, state } = model.apply(p, xs, { lengths: [4, 2] });
    const one = select(xs, 1, { axis: 1 }).slice([{ stop: 2 }]);
    const [, ahead] = scan(lstm.step, p.forward, lstm.initialState(), one);
    const [end, back] = scan(gru.step, p.backward, gru.initialState(), flip(one, { axes: 0 }));
    const both = concat([ahead, flip(back, { axes: 0 })]);
    const found = select(outputs, 1, { axis: 1 });
    expect(distance(found.slice([{ stop: 2 }]), both)).toBeLessThan(1e-12);
    expect(
      found
        .slice([{ start: 2 }])
        .abs()
        .max()
        .item(),
    ).toBe(0);
    expect(distance(select(last, 1), concat([select(ahead, -1), select(back, -1)]))).toBeLessThan(
      1e-12,
    );
    expect(distance(select(state.backward.h, 1), end.h)).toBeLessThan(1e-12);
  });

  test.each([
    ["sum", (a: Tensor, b: Tensor) => a.add(b)],
    ["mean", (a: Tensor, b: Tensor) => a.add(b).div(2)],
    ["product", (a: Tensor, b: Tensor) => a.mul(b)],
  ] as const)("merges by %s", (merge, f) => {
    const p = bidirectional(gru).init(key(0));
    const [a, b] = split(bidirectional(gru).apply(p, xs).outputs, 2);
    expect(distance(bidirectional(gru, gru, { merge }).apply(p, xs).outputs, f(a, b))).toBeLessThan(
      1e-12,
    );
  });

  test("goes through layers, from states, with keys and names of their own", () => {
    const model = chained(
      bidirectional(zoneout(lstm, 0.2)),
      bidirectional(gruCell(2 * H, H, float64), undefined, { merge: "sum" }),
    );
    const p = model.init(key(0));
    const record = ["layers[0].backward.gates.f", "layers[1].forward.h"] as const;
    const run = model.apply(p, xs, { lengths: [4, 2], key: key(1), record });
    expect(run.recorded["layers[0].backward.gates.f"].shape).toEqual([4, 2, H]);
    expect(run.outputs.shape).toEqual([4, 2, H]);
    expect(distance(run.outputs, model.apply(p, xs, { lengths: [4, 2] }).outputs)).toBeGreaterThan(
      0,
    );
    const again = model.apply(p, xs, { initialState: run.state }).outputs;
    const [below, above] = [
      bidirectional(zoneout(lstm, 0.2)),
      bidirectional(gruCell(2 * H, H, float64), undefined, { merge: "sum" }),
    ];
    const first = below.apply(p.layers[0], xs, { initialState: run.state.layers[0] }).outputs;
    expect(
      distance(
        again,
        above.apply(p.layers[1], first, { initialState: run.state.layers[1] }).outputs,
      ),
    ).toBe(0);
    expect(() => model.apply(p, xs, { record: ["c"] })).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: chained: names to record begin with layers[0]., layers[1]., got "c".]`,
    );
  });

  test("refuses sizes and merges that do not fit", () => {
    expect(() =>
      bidirectional(gruCell(2, 3), gruCell(2, 4), { merge: "sum" }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: bidirectional: sizes of the cells must fit, got 2 → 3 and 2 → 4.]`,
    );
    expect(() =>
      bidirectional(gru, gru, { merge: "max" as "sum" }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: bidirectional: merge is one of concat, sum, mean, product, got max.]`,
    );
    expect(() =>
      chained(bidirectional(gru), bidirectional(gru)),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: chained: layer 1 must take what layer 0 makes, got inputs of size 3 and outputs of size 6.]`,
    );
  });
});
