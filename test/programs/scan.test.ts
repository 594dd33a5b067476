import {
  checkpoint,
  compile,
  customJvp,
  customVjp,
  formatProgram,
  grad,
  gradientHook,
  hvp,
  jvp,
  key,
  leaves,
  logSoftmax,
  matmul,
  noGrad,
  normal,
  type Program,
  scan,
  type ScanOptions,
  setDefaultBackend,
  stack,
  stopGradient,
  tensor,
  type Tensor,
  trace,
  valueAndGrad,
  vmap,
  zeros,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { gruCell, linear, lstmCell, type RecurrentCell, softmaxCrossEntropy } from "@tapeloop/nn";
import { adam, chain, clipByGlobalNorm } from "@tapeloop/optim";
import { describe, expect, test, vi } from "vitest";
import { Tracer } from "../../packages/autograd/src/interpreters/trace.ts";

setDefaultBackend(ndarrayBackend);

const random = (shape: number[], seed: number): Tensor =>
  normal(shape, { key: key(seed), dtype: "float64" });

/** The greatest difference of two trees, relative to the greatest element. */
function difference(a: object, b: object): number {
  const [xs, ys] = [leaves(a), leaves(b)];
  expect(xs.map(({ shape }) => shape)).toEqual(ys.map(({ shape }) => shape));
  return Math.max(
    0,
    ...xs.map((x, i) => {
      const [p, q] = [x.dataSync(), ys[i].dataSync()];
      const scale = Math.max(1e-300, ...Array.from(p, Math.abs));
      return Math.max(0, ...Array.from(p, (v, k) => Math.abs(v - q[k]))) / scale;
    }),
  );
}

/** Expects a compiled function to agree with the eager one to rounding in float64. */
function expectSame<A extends readonly object[]>(f: (...args: A) => object, ...args: A): void {
  expect(difference(f(...args), compile(f)(...args))).toBeLessThan(1e-12);
}

/** The sum of all squares. */
function total(tree: object): Tensor {
  return leaves(tree)
    .map((x) => x.square().sum())
    .reduce((a, b) => a.add(b));
}

/** The bodies of a program's loops. */
function loopsOf({ nodes }: Program): Program[] {
  return nodes.flatMap(({ primitive, params }) => primitive.bodies?.of(params) ?? []);
}

/** The ops of a program by name, bodies of loops apart. */
const names = ({ nodes }: Program): string[] => nodes.map(({ primitive }) => primitive.name);

const cells = {
  lstm: lstmCell(3, 4, { dtype: "float64" }),
  gru: gruCell(3, 4, { dtype: "float64" }),
};
const xs = random([5, 2, 3], 9);

describe.each(["lstm", "gru"] as const)("a compiled %s", (name) => {
  const cell = cells[name] as unknown as RecurrentCell<{ Wx: Tensor }, { h: Tensor }>;
  const params = cell.init(key(0));
  const loss = (p: typeof params, x: Tensor): Tensor => {
    const [last, ys] = scan(cell.step, p, cell.initialState(2), x);
    return ys.square().sum().add(leaves(last)[0].sum());
  };

  test.each([
    ["forward", (p, x) => ({ loss: loss(p, x) })],
    ["the gradient by parameters", (p, x) => grad(loss)(p, x)],
    ["the gradient by inputs", (p, x) => grad((y: Tensor) => loss(p, y))(x)],
    ["the derivative along a direction", (p, x) => jvp((q: typeof p) => loss(q, x), p, p)],
    ["forward over reverse", (p, x) => hvp((q: typeof p) => loss(q, x), p, p)],
    [
      "reverse over reverse",
      (p, x) => grad((q: typeof p) => total(grad((r: typeof p) => loss(r, x))(q)))(p),
    ],
    [
      "reverse over forward",
      (p, x) => grad((q: typeof p) => jvp((r: typeof p) => loss(r, x), q, p).tangent)(p),
    ],
    [
      "gradients of many examples",
      (p, x) => vmap((y: Tensor) => grad(loss)(p, y))(stack([x, x.mul(2)], { axis: 0 })),
    ],
    [
      "the gradient of many examples",
      (p, x) =>
        grad((q: typeof p) =>
          vmap((y: Tensor) => loss(q, y))(stack([x, x.mul(2)], { axis: 0 })).sum(),
        )(p),
    ],
    [
      "the last step first",
      (p, x) =>
        grad((q: typeof p) =>
          scan(cell.step, q, cell.initialState(2), x, { reverse: true })[1].square().sum(),
        )(p),
    ],
  ] as [string, (p: typeof params, x: Tensor) => object][])(
    "%s: agrees with the loop written out",
    (_, f) => {
      expectSame(f, params, xs);
      expectSame(f, params, xs.slice([{ stop: 1 }]));
    },
  );
});

describe("a loop in a program", () => {
  const cell = cells.lstm;
  const params = cell.init(key(0));
  const loss = (p: typeof params, x: Tensor): Tensor =>
    scan(cell.step, p, cell.initialState(2), x)[1].square().sum();
  const program = trace(grad(loss), params, xs);

  test("has as many ops for 1000 steps as for 10", () => {
    const at = (steps: number): Program =>
      trace(grad(loss), params, zeros([steps, 2, 3], { dtype: "float64" }));
    expect(names(at(1000))).toEqual(names(at(10)));
    expect(loopsOf(at(1000)).map(names)).toEqual(loopsOf(at(10)).map(names));
  });

  test("keeps one product per step and direction: the others run once, for all steps", () => {
    expect(names(program).filter((name) => name === "dotGeneral")).toHaveLength(3);
    expect(
      loopsOf(program).map((body) => names(body).filter((name) => name === "dotGeneral")),
    ).toEqual([["dotGeneral"], ["dotGeneral"]]);
  });

  test("an output layer and a loss in the cell leave it, and so do their gradients", () => {
    const V = random([4, 6], 3);
    const withLoss = (p: { cell: typeof params; V: Tensor }, x: Tensor): Tensor =>
      scan(
        (q: typeof p, state: ReturnType<typeof cell.initialState>, row: Tensor) => {
          const [next, y] = cell.step(q.cell, state, row);
          return [next, logSoftmax(matmul(y, q.V)).sum()] as const;
        },
        p,
        cell.initialState(2),
        x,
      )[1].sum();
    const traced = trace(grad(withLoss), { cell: params, V }, xs);
    expect(
      loopsOf(traced).map((body) => names(body).filter((name) => name === "dotGeneral")),
    ).toEqual([["dotGeneral"], ["dotGeneral"]]);
    expectSame((p: object, x: Tensor) => grad(withLoss)(p as never, x), { cell: params, V }, xs);
  });

  describe("in a whole training step, with cross entropy at every step in the cell", () => {
    const output = linear(4, 6, { dtype: "float64" });
    const optimizer = chain(clipByGlobalNorm(1), adam({ learningRate: 0.05 }));
    const start = { cell: params, output: output.init(key(1)) };
    const model = { params: start, state: optimizer.init(start) };
    const train = (m: typeof model, x: Tensor, labels: Tensor): object => {
      const { value, grads } = valueAndGrad((p: typeof start) => {
        const [, losses] = scan(
          (q: typeof p, s: ReturnType<typeof cell.initialState>, row: { x: Tensor; l: Tensor }) => {
            const [next, y] = cell.step(q.cell, s, row.x);
            return [next, softmaxCrossEntropy(output.apply(q.output, y), row.l)] as const;
          },
          p,
          cell.initialState(2),
          { x, l: labels },
        );
        return losses.mean();
      })(m.params);
      return { value, next: optimizer.update(grads, m.state, m.params) };
    };
    const batch = (steps: number): [Tensor, Tensor] => [
      random([steps, 2, 3], 9),
      tensor(
        Int32Array.from({ length: 2 * steps }, (_, i) => (7 * i) % 6),
        { shape: [steps, 2] },
      ),
    ];
    /** The program, and how many ops were written down until it was there. */
    const at = (steps: number): { program: Program; written: number } => {
      const write = vi.spyOn(Tracer.prototype, "write");
      const step = trace(train, model, ...batch(steps));
      const written = write.mock.calls.length;
      write.mockRestore();
      return { program: step, written };
    };

    test("as many ops are traced, and stay, for 1000 steps as for 10", () => {
      const [few, many] = [at(10), at(1000)];
      expect(many.written).toBe(few.written);
      expect(many.written).toBeGreaterThan(200);
      expect(names(many.program)).toEqual(names(few.program));
      expect(loopsOf(many.program).map(names)).toEqual(loopsOf(few.program).map(names));
    });

    test("one product and no sum stays in each loop: weight and bias gradients are made behind it", () => {
      const { program: step } = at(10);
      const bodies = loopsOf(step).map(names);
      expect(bodies.map((body) => body.filter((name) => name === "dotGeneral").length)).toEqual([
        1, 1,
      ]);
      for (const name of ["sum", "max", "exp", "log", "gather", "scatterAdd"]) {
        expect(bodies.flat()).not.toContain(name);
      }
      // x Wx, h V, and the gradients of Wx, Wh, V and h.
      expect(names(step).filter((name) => name === "dotGeneral")).toHaveLength(6);
    });

    test("gives what it gives as it is", () => {
      expectSame(train, model, ...batch(5));
    });
  });

  test("what the cell computes from its parameters alone is done once", () => {
    const f = (w: Tensor, x: Tensor): Tensor =>
      scan((_, s: Tensor, row: Tensor) => [s.mul(w.exp()).add(row), null], null, zeros([2]), x)[0];
    const traced = trace(f, zeros([2]), zeros([7, 2]));
    expect(names(traced)).toContain("exp");
    expect(loopsOf(traced).flatMap(names)).not.toContain("exp");
  });

  test("a part of the state that every step hands on is not carried", () => {
    const f = (s: { w: Tensor; x: Tensor }, rows: Tensor): object => {
      const run = (from: typeof s): [typeof s, Tensor] =>
        scan(
          (_, { w, x }: typeof s, row: Tensor) => [{ w, x: x.mul(w.exp()).add(row) }, x.mul(w)],
          null,
          from,
          rows,
        );
      const size = (from: typeof s): Tensor => total(run(from));
      return { run: run(s), grads: grad(size)(s), tangent: jvp(size, s, s).tangent };
    };
    const start = { w: random([2], 3), x: random([2], 4) };
    const rows = random([7, 2], 5);
    expectSame(f, start, rows);
    const traced = trace(f, start, rows);
    expect(loopsOf(traced).flatMap(names)).not.toContain("exp");
    const loop = traced.nodes.find(({ primitive }) => primitive.name === "scan");
    expect(loop?.params).toMatchObject({ carries: 1 });
    expectSame(
      (x: Tensor) => scan((_, s: Tensor) => [s, s.mul(2)], null, x, null, { length: 3 }),
      random([2], 6),
    );
  });

  test("carries trees, whole numbers too, without inputs", () => {
    const f = (x: Tensor): object => {
      const [last, ys] = scan(
        (_, s: { n: Tensor; x: Tensor }) => [{ n: s.n.add(1), x: s.x.mul(s.n) }, { x: s.x }],
        null,
        { x, n: tensor(1, { dtype: "int32" }) },
        null,
        { length: 5 },
      );
      return {
        last,
        ys,
        grads: grad((y: Tensor) =>
          scan((_, s: Tensor) => [s.mul(s), null], null, y, null, { length: 3 })[0].sum(),
        )(x),
      };
    };
    expectSame(f, random([3], 2));
  });

  test("of no steps gives the first state, and outputs without elements", () => {
    const f = (x: Tensor): object =>
      scan(
        (_, s: Tensor, row: Tensor) => [s.add(row), s.mul(2)],
        null,
        x,
        zeros([0, 3], { dtype: "float64" }),
      );
    const [last, ys] = f(random([3], 2)) as [Tensor, Tensor];
    expect([last.shape, ys.shape, ys.dtype]).toEqual([[3], [0, 3], "float64"]);
    expectSame(f, random([3], 2));
    expectSame(
      (x: Tensor) => grad((y: Tensor) => (f(y) as Tensor[])[0].square().sum())(x),
      random([3], 2),
    );
  });

  test("nests: a loop in a loop, and its gradient", () => {
    const f = (w: Tensor, x: Tensor): Tensor =>
      scan(
        (_, s: Tensor, block: Tensor) =>
          scan((__, r: Tensor, row: Tensor) => [r.mul(w).add(row).tanh(), r], null, s, block),
        null,
        zeros([2], { dtype: "float64" }),
        x,
      )[1]
        .square()
        .sum();
    expectSame((w: Tensor, x: Tensor) => grad(f)(w, x), random([2], 1), random([4, 3, 2], 2));
    expectSame(
      (w: Tensor, x: Tensor) => hvp((v: Tensor) => f(v, x), w, w),
      random([2], 1),
      random([4, 3, 2], 2),
    );
  });

  test("keeps the rules of functions that have their own", () => {
    const gentle = customVjp(
      (x: Tensor) => x.mul(2),
      (g) => [g.mul(0.5)],
    );
    const slope = customJvp(
      (x: Tensor) => x.mul(x),
      ([t]) => t.mul(7),
    );
    const seen = (g: Tensor): Tensor => g.mul(3);
    const through: Record<string, (x: Tensor) => Tensor> = {
      customVjp: (x) => gentle(x),
      customJvp: (x) => slope(x),
      gradientHook: (x) => gradientHook(x, seen),
      stopGradient: (x) => stopGradient(x).mul(x),
      noGrad: (x) => noGrad(() => x.exp()).mul(x),
      checkpoint: (x) => checkpoint((y: Tensor) => y.exp().mul(y))(x),
      "grad inside": (x) => grad((y: Tensor) => y.exp().mul(y).sum())(x),
      "vmap inside": (x) => vmap((y: Tensor) => y.mul(y).sum())(x.reshape([2, 1])),
    };
    for (const f of Object.values(through)) {
      const run = (w: Tensor, x: Tensor): Tensor =>
        scan(
          (_, s: Tensor, row: Tensor) => [f(s.mul(w)).add(f(row)).tanh(), s],
          null,
          zeros([2], { dtype: "float64" }),
          x,
        )[1]
          .square()
          .sum();
      expectSame((w: Tensor, x: Tensor) => grad(run)(w, x), random([2], 1), random([4, 2], 2));
    }
  });

  test.each(["carries", "sqrt", { every: 2 }, { every: 5 }, { every: 7 }] as const)(
    "keeping %j changes no value and no derivative, in either direction",
    (save) => {
      for (const reverse of [false, true]) {
        const run = (p: typeof params, x: Tensor, options: ScanOptions): Tensor =>
          total(scan(cell.step, p, cell.initialState(2), x, { reverse, ...options }));
        const all = grad((p: typeof params) => run(p, xs, {}))(params);
        const eager = grad((p: typeof params) => run(p, xs, { save }))(params);
        const compiled = compile(grad((p: typeof params) => run(p, xs, { save })))(params);
        expect(difference(all, eager)).toBeLessThan(1e-13);
        expect(difference(all, compiled)).toBeLessThan(1e-12);
        const second = (p: typeof params): object =>
          hvp((q: typeof params) => run(q, xs, { save }), p, p);
        expect(
          difference(
            hvp((q: typeof params) => run(q, xs, {}), params, params),
            compile(second)(params),
          ),
        ).toBeLessThan(1e-11);
      }
    },
  );

  test("prints its body below it", () => {
    const sums = trace(
      (x: Tensor) => scan((_, s: Tensor, row: Tensor) => [s.add(row), s], null, tensor(0), x),
      zeros([3]),
    );
    expect(formatProgram(sums)).toMatchInlineSnapshot(`
      "program (x0: float32[3]) {
        x1: float32[] = constant
        x2: float32[], x3: float32[3] = scan x1 x0 steps=3 reverse=false consts=0 carries=1 save=all
          program (x0: float32[], x1: float32[]) {
            x2: float32[] = add x0 x1
            return x2, x0
          }
        return x2, x3
      }"
    `);
  });

  test("errors name the first step", () => {
    const wrong = (x: Tensor): unknown =>
      scan((_, s: Tensor, row: Tensor) => [s.matmul(row), null], null, zeros([2]), x);
    expect(() => trace(wrong, zeros([4, 3]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: matmul: inner axes must agree, got float32[2] and float32[3] (2 ≠ 3). (in step 0)]`,
    );
  });
});
