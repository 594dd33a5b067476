import {
  adam,
  compile,
  cond,
  explain,
  formatProgram,
  grad,
  greater,
  hessian,
  hvp,
  jvp,
  leaves,
  less,
  memory,
  ndarrayBackend,
  scan,
  type Program,
  setDefaultBackend,
  step,
  sum,
  tensor,
  type Tensor,
  trace,
  valueAndGrad,
  verify,
  vmap,
  wasmBackend,
  whileLoop,
  zeros,
} from "tapeloop";
import {
  type Backend,
  BackendError,
  type Machine,
  runCond,
  runWhile,
} from "@tapeloop/autograd/backend";
import type { NdArray } from "@tapeloop/backend-ndarray";
import { beforeAll, describe, expect, test } from "vitest";

const wasm = wasmBackend();
const backends = [
  ["ndarray", ndarrayBackend],
  ["wasm", wasm],
] as const;

/** x³ where the sum is above 1, else 5 x: with scale from around. */
const f = (x: Tensor, scale: Tensor): Tensor =>
  cond(
    greater(sum(x), 1),
    (a) => a.mul(a).mul(a).mul(scale),
    (a) => a.mul(5),
    x,
  );

/** The ops of a program, with those of bodies. */
function names({ nodes }: Program): string[] {
  return nodes.flatMap(({ primitive, params }) => [
    primitive.name,
    ...(primitive.bodies?.of(params) ?? []).flatMap(names),
  ]);
}

describe.each(backends)("cond on %s", (_, backend) => {
  beforeAll(() => setDefaultBackend(backend as never));

  const real = (data: number[]): Tensor => tensor(data, { backend, dtype: "float64" });
  const scale = real([2, 3]);
  const loss = (x: Tensor): Tensor => f(x, scale).sum();

  // By hand: x³ s has derivatives 3 x² s and 6 x s.
  test.each([
    ["the first branch", [1, 2], [2, 24], [6, 36], [12, 36]],
    ["the second branch", [-1, 0.5], [-5, 2.5], [5, 5], [0, 0]],
  ])("%s: values, gradients, second derivatives, eager and compiled", (_what, at, y, g, h) => {
    const x = real(at);
    type F<R> = (x: Tensor) => R;
    for (const run of [
      <R extends object>(q: F<R>) => q,
      <R extends object>(q: F<R>) => compile(q),
    ]) {
      expect(run((v: Tensor) => f(v, scale))(x).toArray()).toEqual(y);
      expect(run(grad(loss))(x).toArray()).toEqual(g);
      expect(run((v: Tensor) => hessian(loss)(v))(x).toArray()).toEqual([
        [h[0], 0],
        [0, h[1]],
      ]);
      const ones = real([1, 1]);
      expect(run((v: Tensor) => jvp(loss, v, ones).tangent)(x).item()).toBe(g[0] + g[1]);
      expect(run((v: Tensor) => hvp(loss, v, ones))(x).toArray()).toEqual(h);
    }
  });

  test("tensors from around have derivatives, and a branch without them gives zero", () => {
    const by = (x: Tensor) => compile(grad((s: Tensor) => f(x, s).sum()))(scale).toArray();
    const inside = compile((x: Tensor) => grad((s: Tensor) => f(x, s).sum())(scale));
    expect([by(real([1, 2])), by(real([0, 0.5]))]).toEqual([
      [1, 8],
      [0, 0],
    ]);
    expect(inside(real([1, 2])).toArray()).toEqual([1, 8]);
  });

  test("vmap chooses for each example, in and around programs and derivatives", () => {
    const xs = tensor(
      [
        [1, 2],
        [-1, 0.5],
      ],
      { backend, dtype: "float64" },
    );
    const want = [
      [6, 36],
      [5, 5],
    ];
    expect(vmap(grad(loss))(xs).toArray()).toEqual(want);
    expect(compile(vmap(grad(loss)))(xs).toArray()).toEqual(want);
    expect(compile(grad((all: Tensor) => vmap(loss)(all).sum()))(xs).toArray()).toEqual(want);
  });

  test("a loop decides at every step; its gradient is that of the loop written out", () => {
    const run = (h0: Tensor): Tensor =>
      scan(
        (w: Tensor, h: Tensor, x: Tensor) => {
          const next = cond(
            greater(h.sum(), 2),
            (a) => a.mul(0.5),
            (a) => a.mul(w).add(x),
            h,
          );
          return [next, next];
        },
        h0.add(1),
        h0,
        real([1, 2, 3, 4, 5]),
      )[1].sum();
    const x = tensor(0.3, { backend, dtype: "float64" });
    expect(compile(run)(x).item()).toBeCloseTo(run(x).item(), 12);
    expect(compile(grad(run))(x).item()).toBeCloseTo(grad(run)(x).item(), 12);
    expect(compile(grad(grad(run)))(x).item()).toBeCloseTo(grad(grad(run))(x).item(), 12);
  });

  test("results may be operands, and one another", () => {
    const g = compile((x: Tensor) => {
      const y = x.add(1);
      return cond(
        greater(sum(x), 0),
        (a) => ({ a, b: a, c: y, d: a.reshape([2, 1]) }),
        (a) => ({ d: a.mul(2).reshape([2, 1]), c: a, b: y, a: y }),
        y,
      );
    });
    const found = [real([1, 2]), real([-1, -2])].map((x) => {
      const all = g(x);
      return [all.a.toArray(), all.b.toArray(), all.c.toArray(), all.d.toArray()];
    });
    expect(found).toEqual([
      [
        [2, 3],
        [2, 3],
        [2, 3],
        [[2], [3]],
      ],
      [
        [0, -1],
        [0, -1],
        [0, -1],
        [[0], [-2]],
      ],
    ]);
  });
});

describe("a choice in a program", () => {
  beforeAll(() => setDefaultBackend(ndarrayBackend));

  test("is printed with both branches, valid, and without what nobody reads", () => {
    const program = trace(
      (x: Tensor, y: Tensor) =>
        cond(
          greater(x, 0),
          (v) => ({ a: v.add(0).mul(2), b: y.exp() }),
          (v) => ({ a: v.neg().neg(), b: y }),
          x,
        ).a,
      zeros([]),
      zeros([]),
    );
    expect(() => verify(program)).not.toThrow();
    expect(names(program)).not.toContain("exp");
    expect(formatProgram(program)).toMatchInlineSnapshot(`
      "program (x0: float32[], x1: float32[]) {
        x2: float32[] = fill shape=[] dtype=float32 value=0
        x3: bool[] = less x2 x0
        x4: float32[] = cond x3 x0
          ifTrue: program (x0: float32[]) {
            x1: float32[] = fill shape=[] dtype=float32 value=0
            x2: float32[] = add x0 x1
            x3: float32[] = fill shape=[] dtype=float32 value=2
            x4: float32[] = mul x2 x3
            return x4
          }
          ifFalse: program (x0: float32[]) {
            return x0
          }
        return x4
      }"
    `);
  });

  test("only the branch that is chosen runs", () => {
    let exps = 0;
    const { exp } = ndarrayBackend.kernels;
    const kernels = { ...ndarrayBackend.kernels };
    const counting = {
      ...ndarrayBackend,
      kernels: {
        ...kernels,
        exp: ((...args) => (exps++, exp(...args))) as typeof exp,
        cond: ((inputs, params) =>
          runCond(counting as Machine<NdArray>, inputs, params)) as typeof kernels.cond,
      },
    };
    const pick = (v: Tensor): Tensor =>
      cond(
        greater(v, 1),
        (a) => a.exp(),
        (a) => a,
        v,
      );
    const both = [pick, compile(pick), compile(grad(pick))];
    const counts = both.map((run) =>
      [0, 2].map((value) => {
        exps = 0;
        setDefaultBackend(counting);
        run(tensor(value));
        setDefaultBackend(ndarrayBackend);
        return exps;
      }),
    );
    expect(counts).toEqual([
      [0, 1],
      [0, 1],
      [0, 1],
    ]);
  });

  test("is explained: ops of each branch", () => {
    const program = trace((x: Tensor) => f(x, zeros([2])), zeros([2]));
    const { choices, loops } = explain(program);
    expect({ choices, loops }).toEqual({ choices: [{ ops: [3, 2] }], loops: [] });
    expect(String(explain(program))).toMatchInlineSnapshot(`
      "11 ops, inputs 8 B, at most 33 B of results at a time
      choice of branches with 3 or 2 ops"
    `);
  });

  test("refuses branches that do not agree, and an if names it", () => {
    const wrong = compile((x: Tensor) =>
      cond<[Tensor], Tensor>(
        greater(sum(x), 0),
        (a) => a,
        (a) => sum(a),
        x,
      ),
    );
    expect(() => wrong(zeros([2]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: cond: both branches must return the same types, got float32[2] and float32[]. Use broadcastTo() or cast() in one of them.]`,
    );
    const other = compile((x: Tensor) =>
      cond<[Tensor], object>(
        greater(sum(x), 0),
        (a) => [a],
        (a) => ({ x: a }),
        x,
      ),
    );
    expect(() => other(zeros([2]))).toThrowErrorMatchingInlineSnapshot(
      `[TreeError: tree: structures must be the same, got an array of 1 and an object with the keys x.]`,
    );
    expect(() =>
      compile((x: Tensor) => (x.item() > 0 ? x : x.neg()))(zeros([])),
    ).toThrowErrorMatchingInlineSnapshot(
      `[TracingError: trace: a value is not known while a program is being written, got float32[]. Use where() or cond() in place of if, or return it and read it outside of compile().]`,
    );
  });
});

describe.each(backends)("a compiled training step on %s", (_, backend) => {
  beforeAll(() => setDefaultBackend(backend as never));

  test("holds the same buffers and bytes after every step, once it is warm", () => {
    const optimizer = adam({ learningRate: 0.1 });
    const loss = valueAndGrad((p: { w: Tensor; b: Tensor }, x: Tensor) =>
      scan(
        (q: typeof p, h: Tensor, u: Tensor) => [h.mul(q.w).add(u).add(q.b).tanh(), null],
        p,
        p.b,
        x,
      )[0]
        .square()
        .sum(),
    );
    const train = compile((m: { params: { w: Tensor; b: Tensor }; state: object }, x: Tensor) =>
      optimizer.update(loss(m.params, x).grads, m.state, m.params),
    );
    const params = { w: tensor([0.1, 0.2]), b: tensor([0.3, 0.4]) };
    let model: Parameters<typeof train>[0] = { params, state: optimizer.init(params) };
    const x = tensor([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    const counts: string[] = [];
    for (let i = 0; i < 50; i++) {
      model = step(model, (m) => train(m, x));
      const { buffers, bytes } = memory();
      counts.push(`${buffers} buffers, ${bytes} bytes`);
    }
    expect(leaves(model.params)).toHaveLength(2);
    expect(new Set(counts.slice(2)).size).toBe(1);
  });
});

describe("where values come later", () => {
  const later: Backend = {
    ...(ndarrayBackend as Backend),
    name: "later",
    kernels: {
      ...(ndarrayBackend as Backend).kernels,
      cond: (inputs, params) => runCond(later, inputs, params),
      whileLoop: (inputs, params) => runWhile(later, inputs, params),
    },
    readSync: () => {
      throw new BackendError("later", "values come later", "a read at once");
    },
  };
  const choose = (x: Tensor): Tensor =>
    cond(
      greater(sum(x), 1),
      (a) => a.mul(2),
      (a) => a,
      x,
    );
  const loop = (x: Tensor): Tensor =>
    whileLoop(
      (a) => less(sum(a), 10),
      (a) => a.mul(2),
      x,
    );

  test.each([
    ["cond", "op by op", choose],
    ["cond", "compiled", compile(choose)],
    ["whileLoop", "op by op", loop],
    ["whileLoop", "compiled", compile(loop)],
  ] as const)("%s says so, and what to write: %s", (op, _, run) => {
    setDefaultBackend(later);
    const x = tensor([1, 2]);
    expect(() => run(x)).toThrow(expect.objectContaining({ code: "backend", op }));
    expect(() => run(x)).toThrow(
      op === "cond"
        ? "cond: what decides must be known at once, got a value that comes later. Use where(), which computes both sides; or await the predicate's data() and write an if."
        : "whileLoop: what decides must be known at once, got a value that comes later. Use scan() for a fixed number of steps; or await the condition's data() in a loop of your own.",
    );
  });
});
