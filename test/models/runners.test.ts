/** @file Cells run over sequences: of different lengths, in pieces, one step at a time. */
import {
  checkGradients,
  compile,
  concat,
  explain,
  grad,
  any,
  isNaN,
  key,
  leaves,
  mapTree,
  memory,
  normal,
  select,
  setDefaultBackend,
  stack,
  step as stepOnce,
  stopGradient,
  sum,
  tensor,
  type Tensor,
  type Tree,
  trace,
  valueAndGrad,
  where,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import {
  bidirectional,
  bucketBatches,
  gradientThroughTime,
  gruCell,
  lstmCell,
  padSequences,
  type RecurrentCell,
  residual,
  rnn,
  rnnCell,
  stacked,
  stream,
  truncatedBptt,
  withAttention,
  zoneout,
} from "@tapeloop/nn";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { distance } from "./distance.ts";

setDefaultBackend(ndarrayBackend);

const float64 = { dtype: "float64" } as const;
const H = 3;
const random = (shape: number[], seed: number): Tensor =>
  normal(shape, { key: key(seed), ...float64 });

type AnyTree = RecurrentCell<Tree, Tree>;
const cells = Object.fromEntries(
  Object.entries({
    rnn: rnnCell(H, H, float64),
    lstm: lstmCell(H, H, float64),
    gru: gruCell(H, H, float64),
    "zoneout around stacked": zoneout(
      stacked(lstmCell(H, H, float64), residual(gruCell(H, H, float64))),
      0.3,
    ),
  }).map(([name, cell]) => [name, cell as unknown as AnyTree]),
);

describe.each(Object.entries(cells))("rnn around %s", (_, cell) => {
  const model = rnn(cell);
  const parameters = model.init(key(0));

  test("is blind for what stands behind the ends of sequences, in values and derivatives", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        fc.constantFrom(Number.NaN, Infinity, 1e30),
        (lengths, reverse, filling) => {
          const [T, B] = [5, lengths.length];
          const inside = random([T, B, H], 1);
          const isReal = tensor(Array.from({ length: T }, (__, t) => lengths.map((n) => [t < n])));
          const padded = where(isReal, inside, filling);
          const loss = ([p, xs]: [Tree, Tensor]): [Tensor, { outputs: Tensor; state: Tree }] => {
            const { outputs, last, state } = model.apply(p, xs, { lengths, reverse });
            const parts = [outputs, last, ...leaves(state)].map((y, i) =>
              y
                .square()
                .sum()
                .mul(i + 1),
            );
            return [parts.reduce((a, b) => a.add(b)), { outputs, state }];
          };
          const both = valueAndGrad(loss);
          const [clean, dirty] = [both([parameters, inside]), both([parameters, padded])];
          expect(distance(clean.aux, dirty.aux)).toBe(0);
          expect(distance(clean.grads, dirty.grads)).toBe(0);
          const [, byInputs] = dirty.grads;
          expect(where(isReal, 0, byInputs).abs().max().item()).toBe(0);
          expect(where(isReal, 0, dirty.aux.outputs).abs().max().item()).toBe(0);
        },
      ),
      { numRuns: 15, seed: 1 },
    );
  });

  test.each([false, true])("gives each sequence what it gets alone, reversed: %s", (reverse) => {
    const lengths = [4, 0, 1, 5];
    const xs = random([5, 4, H], 2);
    const { outputs, last, state } = model.apply(parameters, xs, { lengths, reverse });
    lengths.forEach((n, b) => {
      if (n === 0) {
        const first = leaves(cell.initialState());
        leaves(state).forEach((s, i) => expect(distance([select(s, b)], [first[i]])).toBe(0));
        expect(select(last, b).abs().max().item()).toBe(0);
        return;
      }
      const alone = model.apply(parameters, select(xs, b, { axis: 1 }).slice([{ stop: n }]), {
        reverse,
      });
      const here = select(outputs, b, { axis: 1 }).slice([{ stop: n }]);
      expect(distance([here], [alone.outputs])).toBeLessThan(1e-14);
      expect(distance([select(last, b)], [alone.last])).toBeLessThan(1e-14);
      const parts = leaves(state).map((s) => select(s, b));
      expect(distance(parts, leaves(alone.state))).toBeLessThan(1e-14);
    });
  });

  test.each([false, true])("passes over steps that a mask leaves out, reversed: %s", (reverse) => {
    const kept = [[0, 2, 3], [3, 4], [], [0, 1, 2, 3, 4]];
    const mask = tensor([0, 1, 2, 3, 4].map((t) => kept.map((steps) => steps.includes(t))));
    const xs = random([5, 4, H], 2);
    const dirty = where(mask.reshape([5, 4, 1]), xs, Number.NaN);
    const { outputs, last, state } = model.apply(parameters, dirty, { mask, reverse });
    kept.forEach((steps, b) => {
      if (steps.length === 0) {
        const first = leaves(cell.initialState());
        leaves(state).forEach((s, i) => expect(distance([select(s, b)], [first[i]])).toBe(0));
        expect(select(last, b).abs().max().item()).toBe(0);
        return;
      }
      const own = select(xs, b, { axis: 1 });
      const alone = model.apply(
        parameters,
        stack(
          steps.map((t) => select(own, t)),
          { axis: 0 },
        ),
        { reverse },
      );
      steps.forEach((t, i) => {
        const here = select(select(outputs, t), b);
        expect(distance([here], [select(alone.outputs, i)])).toBeLessThan(1e-14);
      });
      expect(distance([select(last, b)], [alone.last])).toBeLessThan(1e-14);
      const parts = leaves(state).map((s) => select(s, b));
      expect(distance(parts, leaves(alone.state))).toBeLessThan(1e-14);
    });
  });

  test("is one program for all lengths, and gives the same compiled", () => {
    let traced = 0;
    const run = (p: Tree, xs: Tensor, lengths: Tensor): Tensor => {
      traced++;
      return model.apply(p, xs, { lengths }).last.square().sum();
    };
    const compiled = compile(grad(run));
    const xs = random([5, 2, H], 3);
    for (const lengths of [
      [5, 2],
      [1, 0],
      [3, 3],
    ]) {
      const n = tensor(Int32Array.from(lengths));
      const found = compiled(parameters, xs, n);
      expect(distance(found, grad(run)(parameters, xs, n))).toBeLessThan(1e-14);
    }
    expect(traced).toBe(1 + 3);
  });

  test("has the same derivatives whatever is kept of each step", () => {
    const xs = random([6, 2, H], 4);
    const by = (save: "all" | "carries" | "sqrt" | { every: number }): Tree =>
      grad((p: Tree) =>
        model
          .apply(p, xs, { lengths: [6, 3], save })
          .outputs.square()
          .sum(),
      )(parameters);
    for (const save of ["carries", "sqrt", { every: 2 }] as const) {
      expect(distance(by(save), by("all"))).toBeLessThan(1e-14);
    }
  });
});

describe("rnn", () => {
  const cell = lstmCell(2, H, float64);
  const model = rnn(cell);
  const parameters = model.init(key(0));
  const xs = random([4, 2, 2], 5);

  test("records states and gates of every step, as a loop by hand finds them", () => {
    const { recorded, outputs } = model.apply(parameters, xs, {
      record: ["c", "h", "gates.f", "candidate", "sums.o"],
    });
    let state = cell.initialState(2);
    for (let t = 0; t < 4; t++) {
      const x = select(xs, t);
      const sums = x.matmul(parameters.Wx).add(parameters.b).add(state.h.matmul(parameters.Wh));
      const part = (k: number): Tensor => sums.slice([{}, { start: k * H, stop: (k + 1) * H }]);
      const [next] = cell.step(parameters, state, x);
      const wanted = {
        c: next.c,
        h: next.h,
        "gates.f": part(1).neg().exp().add(1).pow(-1),
        candidate: part(2).tanh(),
        "sums.o": part(3),
      };
      const found = mapTree((y) => select(y, t), recorded);
      expect(distance(found, wanted)).toBeLessThan(1e-14);
      state = next;
    }
    expect(distance([recorded.h], [outputs])).toBe(0);
  });

  test("differentiates what it records", () => {
    const f = (p: typeof parameters): Tensor => {
      const { recorded } = model.apply(p, xs, { lengths: [4, 2], record: ["c", "gates.f"] });
      return recorded.c.square().sum().add(recorded["gates.f"].sum());
    };
    expect(checkGradients(f, parameters, { order: 1 }).first).toBeLessThan(1e-8);
  });

  test("names what could be recorded", () => {
    expect(() =>
      model.apply(parameters, xs, { record: ["gates.z"] }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: rnn: record takes c, candidate, gates.f, gates.i, gates.o, h, sums.c, sums.f, sums.g, sums.i, sums.o, got "gates.z". (in step 0)]`,
    );
  });

  test("refuses lengths that do not fit, unknown options, and no steps", () => {
    const bad: (() => unknown)[] = [
      () => model.apply(parameters, xs, { lengths: [4, 5] }),
      () => model.apply(parameters, xs, { lengths: [4, 1.5] }),
      () => model.apply(parameters, xs, { lengths: [4, 1, 2] }),
      () => model.apply(parameters, xs, { lengths: tensor([1, 2]) }),
      () => model.apply(parameters, xs, { length: [4, 4] } as object),
      () => model.apply(parameters, xs, { mask: tensor([true, true, true, true]) }),
      () => model.apply(parameters, xs, { mask: tensor([[true]]), lengths: [1, 1] }),
      () => model.apply(parameters, xs.slice([{ stop: 0 }])),
      () => model.apply(parameters, xs, { initialState: cell.initialState(2), key: key(0) }),
    ];
    const messages = bad.map((f) => {
      try {
        f();
      } catch (error) {
        return (error as Error).message;
      }
      return "nothing";
    });
    expect(messages).toMatchInlineSnapshot(`
      [
        "rnn: lengths are whole numbers from 0 to the 4 steps there are, got [4, 5].",
        "rnn: lengths are whole numbers from 0 to the 4 steps there are, got [4, 1.5].",
        "rnn: lengths are int32[2], one for each sequence, got int32[3].",
        "rnn: lengths are int32[2], one for each sequence, got float32[2].",
        "rnn: options are lengths, mask, initialState, key, memory, memoryMask, reverse, record, save, got "length". Remove or correct it.",
        "rnn: the mask is bool[4,2], one for each step, got bool[4].",
        "rnn: takes lengths or a mask, got both. Give one of them.",
        "rnn: inputs need a first axis of at least one step, got float64[0,2,2].",
        "rnn: a state that is given carries its keys and its memory on, got initialState and key. Give one or the other.",
      ]
    `);
  });

  test("has programs of one size, however many steps", () => {
    const ops = (T: number): number => {
      const f = grad((p: typeof parameters, x: Tensor, n: Tensor) =>
        model.apply(p, x, { lengths: n }).outputs.square().sum(),
      );
      return trace(f, parameters, random([T, 2, 2], 6), tensor([T, 1], { dtype: "int32" })).nodes
        .length;
    };
    expect(ops(200)).toBe(ops(10));
  });

  test("with padded steps takes no more memory in its derivative than T states of what a step keeps", () => {
    const f = grad((p: typeof parameters, x: Tensor) =>
      model
        .apply(p, x, { lengths: [10, 4] })
        .outputs.square()
        .sum(),
    );
    const bytes = (T: number): number =>
      explain(trace(f, parameters, random([T, 2, 2], 6))).peakBytes;
    expect((bytes(40) - bytes(20)) / (bytes(20) - bytes(10))).toBeCloseTo(2, 1);
  });
});

describe("padSequences", () => {
  test("fills up behind the ends, and counts the steps", () => {
    const { xs, lengths } = padSequences(
      [
        [[1, 2]],
        [
          [3, 4],
          [5, 6],
        ],
      ],
      { value: 9, length: 3 },
    );
    expect(xs.toArray()).toEqual([
      [
        [1, 2],
        [3, 4],
      ],
      [
        [9, 9],
        [5, 6],
      ],
      [
        [9, 9],
        [9, 9],
      ],
    ]);
    expect(lengths.toArray()).toEqual([1, 2]);
    expect(lengths.dtype).toBe("int32");
  });

  test("refuses none, and those that are too long", () => {
    expect(() => padSequences([])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: padSequences: needs a sequence, got none.]`,
    );
    expect(() => padSequences([[1], [1, 2]], { length: 1 })).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: padSequences: no sequence is longer than 1 steps, got 2 steps in sequence 1.]`,
    );
  });
});

describe("bucketBatches", () => {
  test("puts every sequence into one batch, of like length, filled up to no more than needed", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 30 }),
        fc.integer({ min: 1, max: 6 }),
        fc.option(fc.integer({ min: 0, max: 9 })),
        fc.boolean(),
        (lengths, batchSize, seed, isBounded) => {
          const bounds = [4, 10, 20];
          const batches = bucketBatches(lengths, {
            batchSize,
            ...(seed === null ? {} : { key: key(seed) }),
            ...(isBounded ? { bounds } : {}),
          });
          const all = batches.flatMap(({ indices }) => indices);
          expect(all.toSorted((a, b) => a - b)).toEqual(lengths.map((__, i) => i));
          for (const { indices, length } of batches) {
            expect(indices.length).toBeLessThanOrEqual(batchSize);
            const longest = Math.max(...indices.map((i) => lengths[i]));
            const bound = bounds.find((b) => b >= longest);
            expect(length).toBe(isBounded ? bound : longest);
          }
          // Without bounds no batch reaches into the lengths of the next one.
          if (!isBounded && seed === null) {
            const sorted = all.map((i) => lengths[i]);
            expect(sorted).toEqual(sorted.toSorted((a, b) => a - b));
          }
        },
      ),
      { numRuns: 50, seed: 2 },
    );
  });

  test("shuffles by its key, leaves out rests, and refuses bounds that are too low", () => {
    const lengths = Array.from({ length: 20 }, (_, i) => i % 7);
    const order = (seed: number): string =>
      JSON.stringify(bucketBatches(lengths, { batchSize: 3, key: key(seed) }));
    expect(order(1)).toBe(order(1));
    expect(order(1)).not.toBe(order(2));
    const whole = bucketBatches(lengths, { batchSize: 3, dropRest: true });
    expect(whole.map(({ indices }) => indices.length)).toEqual([3, 3, 3, 3, 3, 3]);
    expect(() =>
      bucketBatches(lengths, { batchSize: 3, bounds: [5] }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: bucketBatches: bounds rise to the greatest length, 6, got [5].]`,
    );
    expect(() =>
      bucketBatches(lengths, { batchSize: 3, bounds: [6, 6] }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: bucketBatches: bounds rise to the greatest length, 6, got [6, 6].]`,
    );
    expect(() => bucketBatches([3, NaN], { batchSize: 2 })).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: bucketBatches: lengths are whole numbers from 0, got NaN.]`,
    );
  });
});

describe("stream", () => {
  test.each(Object.entries(cells))("of %s gives what a run over all inputs gives", (_, cell) => {
    const parameters = cell.init(key(0));
    const xs = random([6, 2, H], 8);
    const { outputs, state } = rnn(cell).apply(parameters, xs);
    const live = stream(cell, parameters, { batch: 2 });
    for (let round = 0; round < 2; round++) {
      for (let t = 0; t < 6; t++) {
        expect(distance([live.step(select(xs, t))], [select(outputs, t)])).toBeLessThan(1e-14);
      }
      expect(distance(live.state, state)).toBeLessThan(1e-14);
      live.restart();
    }
    live.end();
  });

  test("holds its state and nothing else, however long it runs, also compiled", () => {
    const cell = lstmCell(2, H);
    const parameters = cell.init(key(0));
    const x = normal([2], { key: key(1) });
    for (const made of [cell, { ...cell, step: compile(cell.step) }]) {
      const before = memory().buffers;
      const live = stream(made, parameters);
      for (let t = 0; t < 3; t++) live.step(x).dispose();
      const { buffers, bytes } = memory();
      for (let t = 0; t < 500; t++) live.step(x).dispose();
      expect(memory()).toMatchObject({ buffers, bytes });
      live.end();
      expect(memory().buffers).toBe(before);
    }
  });

  test("goes on from a state, looks at a memory, and ends", () => {
    const cell = withAttention(gruCell(2 + 4, H, float64), { memorySize: 4, ...float64 });
    const parameters = cell.init(key(0));
    const [xs, seen] = [random([5, 2], 1), random([7, 4], 2)];
    const { outputs } = rnn(cell).apply(parameters, xs, { memory: seen });
    using live = stream(cell, parameters, { memory: seen });
    for (let t = 0; t < 3; t++) live.step(select(xs, t));
    const rest = stream(cell, parameters, { initialState: mapTree((s) => s.add(0), live.state) });
    for (let t = 3; t < 5; t++) {
      expect(distance([rest.step(select(xs, t))], [select(outputs, t)])).toBeLessThan(1e-14);
    }
    rest.end();
    expect(() => rest.step(select(xs, 0))).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: stream: step() needs a stream that goes on, got one that has ended.]`,
    );
  });
});

describe("truncatedBptt", () => {
  const cell = gruCell(2, H, float64);
  const model = rnn(cell);
  const parameters = model.init(key(0));
  type P = typeof parameters;
  type S = { readonly h: Tensor };
  const run = (p: P, xs: Tensor, state: S) => model.apply(p, xs, { initialState: state });
  const loss = (_: P, outputs: Tensor, targets: Tensor): Tensor =>
    outputs.sub(targets).square().sum();
  const T = 7;
  const xs = random([T, 2, 2], 1);
  const targets = random([T, 2, H], 2);
  const first: S = { h: random([2, H], 3) };

  /** What BPTT(k2; k1) means: one derivative for each k1 steps, on a sequence cut off before it. */
  function byDefinition(k1: number, k2: number): { value: number; grads: P } {
    const pieces: P[] = [];
    let value = 0;
    for (let t = 0; t < T; t += k1) {
      const end = Math.min(t + k1, T);
      const start = Math.max(0, t - (k2 - k1));
      const part = valueAndGrad((p: P) => {
        const before =
          start === 0 ? first : run(parameters, xs.slice([{ stop: start }]), first).state;
        const { outputs } = run(p, xs.slice([{ start, stop: end }]), mapTree(stopGradient, before));
        return loss(
          p,
          outputs.slice([{ start: t - start }]),
          targets.slice([{ start: t, stop: end }]),
        );
      })(parameters);
      value += part.value.item();
      pieces.push(part.grads);
    }
    return { value, grads: pieces.reduce((a, b) => mapTree((x, y) => x.add(y), a, b)) };
  }

  test.each([
    [1, 1],
    [1, 3],
    [2, 2],
    [2, 4],
    [2, 5],
    [3, 7],
    [7, 7],
    [20, 20],
  ])("k1 = %i, k2 = %i is its definition", (k1, k2) => {
    const { value, grads, state } = truncatedBptt(run, loss, { k1, k2 }).gradient(
      parameters,
      first,
      xs,
      targets,
    );
    const wanted = byDefinition(k1, k2);
    expect(value.item()).toBeCloseTo(wanted.value, 10);
    expect(distance(grads, wanted.grads)).toBeLessThan(1e-12);
    expect(distance(state, run(parameters, xs, first).state)).toBeLessThan(1e-14);
  });

  test("over all steps is the whole derivative", () => {
    const { grads } = truncatedBptt(run, loss, { k1: T }).gradient(parameters, first, xs, targets);
    const whole = grad((p: P) => loss(p, run(p, xs, first).outputs, targets))(parameters);
    expect(distance(grads, whole)).toBeLessThan(1e-13);
  });

  test("steps are values: compiled once per shape, with updates between them, in constant memory", () => {
    const bptt = truncatedBptt(run, loss, { k1: 1, k2: 3 });
    let traced = 0;
    const next = compile((p: P, window: Parameters<typeof bptt.step>[1], x: Tensor, y: Tensor) => {
      traced++;
      return bptt.step(p, window, x, y);
    });
    let trained = {
      p: mapTree((x) => x.add(0), parameters),
      window: bptt.start(mapTree((x) => x.add(0), first)),
    };
    const counts: number[] = [];
    for (let i = 0; i < 40; i++) {
      const t = i % T;
      const [x, y] = [xs, targets].map((all) => all.slice([{ start: t, stop: t + 1 }]));
      trained = stepOnce(trained, ({ p, window }) => {
        const made = next(p, window, x, y);
        return { p: mapTree((w, g) => w.sub(g.mul(0.01)), p, made.grads), window: made.window };
      });
      x.dispose();
      y.dispose();
      counts.push(memory().buffers);
    }
    expect(traced).toBe(3);
    expect(new Set(counts.slice(5)).size).toBe(1);
    expect(leaves(trained).every((x) => !any(isNaN(x)).item())).toBe(true);
  });

  test("refuses k2 below k1, and no steps", () => {
    expect(() => truncatedBptt(run, loss, { k1: 3, k2: 2 })).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: truncatedBptt: k2 is at least k1, got k1 = 3, k2 = 2.]`,
    );
    const none = xs.slice([{ stop: 0 }]);
    expect(() =>
      truncatedBptt(run, loss, { k1: 3 }).step(
        parameters,
        { state: first, past: null },
        none,
        none,
      ),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: truncatedBptt: inputs need at least one step, got none.]`,
    );
  });
});

describe("gradientThroughTime", () => {
  test("is the derivative by the state between two runs, for every step", () => {
    const cell = lstmCell(2, H, float64);
    const model = rnn(cell);
    const parameters = model.init(key(0));
    const xs = random([5, 2, 2], 1);
    const loss = (ys: Tensor): Tensor => ys.square().sum().add(select(ys, -1).sum());
    const norms = gradientThroughTime(cell, parameters, cell.initialState(2), xs, loss);
    expect(Object.keys(norms).toSorted()).toEqual(["c", "h"]);
    for (let t = 0; t < 5; t++) {
      const before = model.apply(parameters, xs.slice([{ stop: t + 1 }]));
      const g = grad((s: typeof before.state) => {
        // The output of step t is its h.
        const here = before.outputs.slice([{ stop: t }]);
        const own = s.h.reshape([1, 2, H]);
        const rest =
          t === 4
            ? []
            : [model.apply(parameters, xs.slice([{ start: t + 1 }]), { initialState: s }).outputs];
        return loss(concat([here, own, ...rest], { axis: 0 }));
      })(before.state);
      const norm = (x: Tensor): number => Math.sqrt(sum(x.square()).item());
      expect(select(norms["h"], t).item()).toBeCloseTo(norm(g.h), 12);
      expect(select(norms["c"], t).item()).toBeCloseTo(norm(g.c), 12);
    }
  });
});

test("bidirectional runs see each sequence to its own end", () => {
  const model = bidirectional(gruCell(2, H, float64));
  const parameters = model.init(key(0));
  const xs = random([4, 2, 2], 1);
  const dirty = where(
    tensor([
      [[true], [true]],
      [[true], [true]],
      [[true], [false]],
      [[true], [false]],
    ]),
    xs,
    Number.NaN,
  );
  const [a, b] = [xs, dirty].map((x) => model.apply(parameters, x, { lengths: [4, 2] }));
  expect(distance([a.outputs, a.last], [b.outputs, b.last])).toBe(0);
});
