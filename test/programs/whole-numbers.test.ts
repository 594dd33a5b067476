/** @file Whole numbers that the GPU backend makes itself: they stay on the device, and are right. */
import {
  arange,
  argmax,
  argsort,
  cast,
  compile,
  concat,
  cond,
  cumsum,
  equal,
  explain,
  flip,
  gather,
  grad,
  greater,
  key,
  less,
  mapTree,
  normal,
  oneHot,
  scan,
  scatterAdd,
  setDefaultBackend,
  slice,
  sort,
  sum,
  takeAlongAxis,
  tensor,
  type Tensor,
  to,
  topK,
  trace,
  uniform,
  where,
  zeros,
} from "@tapeloop/autograd";
import { gpuBackend } from "@tapeloop/backend-gpu";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { lstmCell } from "@tapeloop/nn";
import * as fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";

const backend = await gpuBackend({ mode: "cpu", elsewhere: ndarrayBackend });
beforeEach(() => setDefaultBackend(backend));

/** What a run does beside its launches. */
function workOf(run: () => unknown): {
  reads: number;
  uploads: number;
  elsewhere: Readonly<Record<string, number>>;
} {
  const before = backend.report();
  run();
  const after = backend.report();
  const counts = Object.entries(after.elsewhere).map(
    ([name, count]) => [name, count - (before.elsewhere[name] ?? 0)] as const,
  );
  return {
    reads: after.reads - before.reads,
    uploads: after.uploads - before.uploads,
    elsewhere: Object.fromEntries(counts.filter(([, count]) => count > 0)),
  };
}

/** The same on the reference backend. */
function onReference<R>(run: () => R): R {
  setDefaultBackend(ndarrayBackend);
  try {
    return run();
  } finally {
    setDefaultBackend(backend);
  }
}

const none = { reads: 0, uploads: 0, elsewhere: {} };
const table = (): Tensor => normal([6, 4], { key: key(5) }).mul(1);
const logits = (): Tensor => normal([3, 6], { key: key(2) }).mul(1);

/** Functions of a table [6, 4] and logits [3, 6], whose indices come from the logits. */
const functions: Readonly<Record<string, (w: Tensor, x: Tensor) => Tensor>> = {
  "rows at the greatest places": (w, x) => gather(w, argmax(x)),
  "rows counted from the end": (w, x) => gather(w, argmax(x).neg().add(5)),
  "rows of neighbours, kept in range": (w, x) => gather(w, argmax(x).add(1).minimum(5)),
  "ones at the greatest places": (_, x) => oneHot(argmax(x), 6),
  "elements along an axis": (_, x) => takeAlongAxis(x, argmax(x).reshape([3, 1])),
  "rows in order": (_, x) => sort(x, { axis: 1 }),
  "rows in falling order": (_, x) => sort(x, { descending: true }),
  "the greatest of each row": (_, x) => topK(x, 2).values,
  "where one is more likely than another": (_, x) => where(equal(argmax(x), argmax(x.neg())), 1, 2),
  "sums at places": (_, x) => scatterAdd(x, argmax(x), { size: 6 }),
  "how many are positive, as numbers": (_, x) => cast(sum(greater(x, 0), { axes: 1 }), "float32"),
  "running counts": (_, x) => cast(cumsum(greater(x, 0), { axis: 1 }), "float32"),
};

describe.each(Object.entries(functions))("%s", (_, f) => {
  test("are those of the reference, and nothing is read, compiled and op by op", () => {
    const [w, x] = [table(), logits()];
    const expected = onReference(() => f(to(w, ndarrayBackend), to(x, ndarrayBackend)).toArray());
    const compiled = compile(f);
    compiled(w, x);
    expect(workOf(() => compiled(w, x))).toEqual(none);
    expect(compiled(w, x).toArray()).toEqual(expected);
    expect(workOf(() => f(w, x)).reads).toBe(0);
    expect(f(w, x).toArray()).toEqual(expected);
  });

  test("have the gradients of the reference, and nothing is read", () => {
    const slopes = (w: Tensor, x: Tensor): readonly Tensor[] =>
      grad(([a, b]: readonly Tensor[]) => f(a, b).add(a.sum().add(b.sum())).square().sum())([w, x]);
    const [w, x] = [table(), logits()];
    const expected = onReference(() => slopes(to(w, ndarrayBackend), to(x, ndarrayBackend)));
    const compiled = compile(slopes);
    compiled(w, x);
    expect(workOf(() => compiled(w, x))).toEqual(none);
    compiled(w, x).forEach((g, i) => {
      const want = expected[i].dataSync();
      g.dataSync().forEach((v, k) => expect(v).toBeCloseTo(want[k], 2));
    });
  });
});

test("greedy decoding in a compiled loop reads nothing", () => {
  const cell = lstmCell(4, 5);
  const params = { cell: cell.init(key(0)), table: table(), out: normal([5, 6], { key: key(9) }) };
  type State = { readonly [name in "h" | "c"]: Tensor };
  const decode = (p: typeof params, start: Tensor): Tensor =>
    scan(
      (q: typeof params, [state, last]: readonly [State, Tensor]) => {
        const [next, y] = cell.step(q.cell, state, gather(q.table, last));
        const symbol = argmax(y.matmul(q.out));
        return [[next, symbol] as const, symbol];
      },
      p,
      [cell.initialState(2) as State, start] as const,
      null,
      { length: 9 },
    )[1] as Tensor;
  const start = tensor([1, 0], { dtype: "int32" });
  const run = compile(decode);
  run(params, start);
  const work = workOf(() => run(params, start));
  expect(work).toMatchObject({ reads: 0, elsewhere: {} });
  const said = run(params, start).toArray();
  const expected = onReference(() => {
    const there = mapTree((w) => to(w, ndarrayBackend), params);
    return decode(there, tensor([1, 0], { dtype: "int32" })).toArray();
  });
  expect(said).toEqual(expected);
});

describe("explain tells beforehand", () => {
  const ints = (): Tensor => tensor([[2, 0, 1]], { dtype: "int32" });
  const programs: Readonly<
    Record<string, readonly [f: (x: Tensor, i: Tensor) => Tensor, counts: Record<string, number>]>
  > = {
    nothing: [(x, i) => gather(x.tanh(), i.reshape([3])).sum(), {}],
    "what has no kernel": [
      (x) => cast(x.mul(3), "int32").add(1),
      // Then the sum is on the host, too, with the 1 that is everywhere.
      { cast: 1, add: 1 },
    ],
    "rows that are too long to sort, and what follows": [
      (x) => sort(zeros([4100]).add(x.sum())),
      { add: 1, argsort: 1, iota: 1, mul: 1 },
    ],
    "random numbers": [
      (x, i) => uniform([4], 0, 1, { key: i.reshape([3]).slice([{ stop: 2 }]) }).add(x.sum()),
      { random: 1 },
    ],
    "whole numbers from outside": [(_, i) => i.mul(2).add(i), { mul: 1, add: 1 }],
    "whole numbers that meet those of the device": [(x, i) => argmax(x).add(i), {}],
    "what both can make, where it is wanted": [(_, i) => oneHot(i, 5), { iota: 1, equal: 1 }],
    "what both can make, on the device": [(x) => oneHot(argmax(x), 6), {}],
    float64: [(x) => cast(x, "float64").exp(), { cast: 1, exp: 1 }],
  };

  test.each(Object.entries(programs))("%s", (_, [f, counts]) => {
    const [x, i] = [logits(), ints()];
    expect(explain(trace(f, x, i)).elsewhere).toEqual(counts);
    const compiled = compile(f);
    compiled(x, i);
    expect(workOf(() => compiled(x, i)).elsewhere).toEqual(counts);
  });

  test("in words, with what is in loops counted once", () => {
    const f = (x: Tensor): Tensor =>
      scan(
        (_, h: Tensor, u: Tensor) => [cast(cast(h.add(u), "int32"), "float32"), null],
        null,
        x.sum().mul(0),
        x.sum({ axes: 1 }),
      )[0];
    const told = explain(trace(f, logits()));
    expect(told.elsewhere).toEqual({ cast: 1 });
    expect(String(told).split("\n").at(-1)).toBe('not on "gpu" but elsewhere: 1 cast');
    expect(explain(trace(f, logits()), { backend: ndarrayBackend }).elsewhere).toEqual({});
  });

  test("and refuses options that it does not know", () => {
    const program = trace((x: Tensor) => x, logits());
    expect(() => explain(program, { on: "gpu" } as never)).toThrow(/options are backend/);
  });
});

describe("indices out of range", () => {
  const wrong = expect.objectContaining({ code: "index" });

  test("from the host are errors, compiled and op by op", () => {
    const f = (w: Tensor, i: Tensor): Tensor => gather(w, i);
    const i = tensor([0, 6], { dtype: "int32" });
    expect(() => f(table(), i)).toThrow(wrong);
    expect(() => compile(f)(table(), i)).toThrow(wrong);
  });

  test("from the device are errors: those that may be wrong are read", () => {
    const f = (w: Tensor, x: Tensor): Tensor => gather(w, argmax(x).add(3));
    const rising = tensor([[0, 1, 2, 3, 4, 5]]);
    const falling = tensor([[5, 4, 3, 2, 1, 0]]);
    for (const run of [f, compile(f)]) {
      expect(() => run(table(), rising)).toThrow(wrong);
      expect(run(table(), falling).toArray()).toEqual(
        table()
          .slice([{ start: 3, stop: 4 }])
          .toArray(),
      );
    }
  });

  test("along an axis are errors that name the op", () => {
    const places = tensor([[0], [6], [1]], { dtype: "int32" });
    expect(() => takeAlongAxis(logits(), places)).toThrow(/^takeAlongAxis: .* got 6 at place 1/);
  });
});

test("numbers that float32 does not have are computed on the host", () => {
  const f = (x: Tensor): Tensor => argmax(x).mul(5_000_001).add(1);
  const x = tensor([[0, 1, 2, 3, 4, 5]]);
  expect(compile(f)(x).toArray()).toEqual([25_000_006]);
  expect(f(x).toArray()).toEqual([25_000_006]);
});

describe("sorting", () => {
  test("keeps equal elements in order, and puts NaN last", () => {
    const x = tensor([2, NaN, 1, 2, -Infinity, NaN, 1, -0, 0, Infinity]);
    expect(workOf(() => argsort(x))).toMatchObject({ reads: 0, elsewhere: {} });
    expect(argsort(x).toArray()).toEqual([4, 7, 8, 2, 6, 0, 3, 9, 1, 5]);
    expect(argsort(x, { descending: true }).toArray()).toEqual([1, 5, 9, 0, 3, 2, 6, 7, 8, 4]);
  });

  test("takes two launches for rows of 4096 elements, and longer ones go elsewhere", () => {
    const x = normal([4096], { key: key(4) });
    const before = backend.report().launches;
    const places = argsort(x);
    expect(backend.report().launches - before).toBe(2);
    expect(places.toArray()).toEqual(argsort(to(x, ndarrayBackend)).toArray());
    const long = normal([4097], { key: key(4) });
    expect(workOf(() => argsort(long)).elsewhere).toEqual({ argsort: 1 });
  });
});

test("a branch whose choice is known to come from the device still reads its predicate alone", () => {
  const f = compile((x: Tensor) =>
    cond(
      equal(argmax(x), 0),
      (y) => y.mul(2),
      (y) => y,
      x,
    ),
  );
  const x = zeros([4]).add(1);
  f(x);
  expect(workOf(() => f(x))).toEqual({ ...none, reads: 1 });
});

describe("random programs of whole numbers", () => {
  /** What is made of two arrays [3, 4]. */
  const ops: readonly ((a: Tensor, b: Tensor) => Tensor)[] = [
    (a, b) => a.add(b),
    (a, b) => a.sub(b),
    (a, b) => a.mul(b),
    (a) => a.neg().add(1),
    (a, b) => a.abs().maximum(b),
    (a, b) => a.minimum(b.mul(2)),
    (a, b) => where(less(a, b), a, b),
    (a, b) => cast(equal(a, b), "int32"),
    (a) => sum(a, { axes: 1, keepAxes: true }).add(zeros([3, 4], { dtype: "int32" })),
    (a) => cumsum(a, { axis: 0 }),
    (a) => flip(a, { axes: 1 }),
    (a, b) => takeAlongAxis(a, b.maximum(0).minimum(3), { axis: 1 }),
    (a, b) => concat([slice(a, [{ stop: 1 }]), slice(b, [{ start: 1 }])], { axis: 0 }),
    (a, b) => gather(a, argmax(b, { axis: 1 }).minimum(2)),
    (a) => argsort(a, { axis: 1 }),
  ];

  test("have the numbers of the reference, compiled and op by op", () => {
    const gene = fc.tuple(fc.nat(ops.length - 1), fc.nat(30), fc.nat(30));
    const x = normal([3, 4], { key: key(11) });
    // Some are close to what float32 has, so that sums of them are beyond it.
    const numbers = [0, 1, 2, 3, -1, 5_000_000, 2 ** 24, -7, 4, 9, 2, 3];
    const i = tensor(numbers, { dtype: "int32" }).reshape([3, 4]);
    const run = fc.property(fc.array(gene, { minLength: 1, maxLength: 8 }), (genes) => {
      const f = (y: Tensor, j: Tensor): Tensor[] => {
        const count = arange(0, 12, 1, { dtype: "int32" }).reshape([3, 4]);
        const pool = [argsort(y, { axis: 1 }), cast(greater(y, 0), "int32"), j, count];
        for (const [op, a, b] of genes) {
          pool.push(ops[op](pool[a % pool.length], pool[b % pool.length]));
        }
        return pool;
      };
      const expected = onReference(() =>
        f(to(x, ndarrayBackend), to(i, ndarrayBackend)).map((y) => y.toArray()),
      );
      expect(f(x, i).map((y) => y.toArray())).toEqual(expected);
      expect(compile(f)(x, i).map((y) => y.toArray())).toEqual(expected);
    });
    fc.assert(run, { numRuns: 100, seed: 7 });
  });
});
