import { describe, expect, test } from "vitest";
import {
  concat,
  gather,
  grad,
  jvp,
  key,
  leaves,
  logSoftmax,
  matmul,
  memory,
  noGrad,
  normal,
  scan,
  scatterAdd,
  setDefaultBackend,
  slice,
  splitKey,
  stack,
  sum,
  tensor,
  type Tensor,
  uniform,
  unstack,
  vmap,
  where,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";

setDefaultBackend(ndarrayBackend);

const random = (shape: number[], seed = 0): Tensor =>
  normal(shape, { key: key(seed), dtype: "float64" });

/** The same as `vmap(f)`, by a loop. */
const loop =
  (f: (...xs: Tensor[]) => Tensor) =>
  (...xs: Tensor[]): Tensor =>
    stack(
      unstack(xs[0]).map((_, i) => f(...xs.map((x) => unstack(x)[i]))),
      { axis: 0 },
    );

const close = (a: Tensor, b: Tensor): void => {
  expect(a.shape).toEqual(b.shape);
  expect([...a.dataSync()]).toEqual([...b.dataSync()].map((z) => expect.closeTo(z, 12)));
};

describe("vmap equals a loop", () => {
  const w = random([4, 5], 9);
  const index = tensor([2, 0, 1, 2], { dtype: "int32" });
  const cases: Record<string, readonly [(...xs: Tensor[]) => Tensor, ...Tensor[]]> = {
    "elementwise, with a shared operand": [(x) => x.mul(w).tanh().add(1), random([3, 4, 5])],
    "matmul, shared on the right": [(x) => matmul(x, w), random([3, 2, 4])],
    "matmul, shared on the left": [(x) => matmul(w, x), random([3, 5, 2])],
    "matmul, both": [(x, y) => matmul(x, y), random([3, 2, 4]), random([3, 4, 2], 1)],
    vectors: [(x, y) => matmul(x, y), random([3, 4]), random([3, 4], 1)],
    "batched matmul inside": [(x) => matmul(x, random([2, 5, 3], 2)), random([3, 2, 4, 5])],
    reductions: [
      (x) =>
        sum(x, { axes: 1 })
          .add(x.max({ axes: 1 }))
          .sub(x.mean()),
      random([3, 4, 5]),
    ],
    argmax: [(x) => x.argmax().cast("float64"), random([3, 4, 5])],
    movement: [
      (x) => slice(x.transpose().reshape([2, 10]), [null, { start: 8, stop: 1, step: -2 }]),
      random([3, 4, 5]),
    ],
    broadcastTo: [(x) => x.broadcastTo([2, 4, 5]).mul(2), random([3, 5])],
    "concat with a shared operand": [(x) => concat([w, x], { axis: 0 }), random([3, 2, 5])],
    "where with a shared mask": [(x) => where(w.greater(0), x, 0), random([3, 4, 5])],
    softmax: [(x) => logSoftmax(x), random([3, 4, 5])],
    "gather, shared indices": [(x) => gather(x, index, { axis: 1 }), random([3, 2, 4])],
    "gather, shared table": [
      (i) => gather(w, i.cast("int32"), { axis: 1 }),
      tensor([[[0, 4]], [[1, 1]], [[2, 3]]], { dtype: "float64" }),
    ],
    "gather, both": [
      (x, i) => gather(x, i.cast("int32"), { axis: 1 }),
      random([2, 3, 4, 5]),
      tensor(
        [
          [
            [0, 3],
            [1, 1],
          ],
          [
            [2, 2],
            [3, 0],
          ],
        ],
        { dtype: "float64" },
      ),
    ],
    "scatterAdd, shared indices": [(x) => scatterAdd(x, index, { size: 3 }), random([2, 4, 5])],
    "scatterAdd, both": [
      (x, i) => scatterAdd(x, i.cast("int32"), { axis: 1, size: 4 }),
      random([2, 3, 2, 2, 5]),
      tensor(
        [
          [
            [0, 3],
            [1, 1],
          ],
          [
            [2, 2],
            [3, 0],
          ],
        ],
        { dtype: "float64" },
      ),
    ],
    "a scan": [
      (x) =>
        scan(
          (p: Tensor, h: Tensor, u: Tensor) => [h.mul(p).add(u).tanh(), h],
          random([5], 3),
          random([5], 4),
          x,
        )[1],
      random([3, 4, 5]),
    ],
  };
  for (const [name, [f, ...xs]] of Object.entries(cases)) {
    test(`${name}: value, gradient inside and gradient outside`, () => {
      close(vmap(f)(...xs), loop(f)(...xs));
      const g = (...ys: Tensor[]): Tensor =>
        grad((y: Tensor) => sum(f(y, ...ys.slice(1)).mul(y.sum())))(ys[0]);
      close(vmap(g)(...xs), loop(g)(...xs));
      const outside = (run: typeof loop) => (x: Tensor) => sum(run(f)(x, ...xs.slice(1)).square());
      close(grad(outside(vmap as typeof loop))(xs[0]), grad(outside(loop))(xs[0]));
    });
  }
});

describe("vmap", () => {
  test("gives a gradient per example, over trees", () => {
    const loss = (p: { w: Tensor; b: Tensor }, x: Tensor): Tensor =>
      x.mul(p.w).sum().add(p.b).square();
    const p = { w: random([4]), b: random([]) };
    const xs = random([5, 4], 1);
    const each = vmap((q: typeof p, x: Tensor) => grad(loss)(q, x), { inAxes: [null, 0] })(p, xs);
    expect(each.w.shape).toEqual([5, 4]);
    const total = grad((q: typeof p) => sum(vmap((x: Tensor) => loss(q, x))(xs)))(p);
    close(sum(each.w, { axes: 0 }), total.w);
    close(sum(each.b, { axes: 0 }), total.b);
  });

  test("nests: all pairs of two sets", () => {
    const [a, b] = [random([3, 4]), random([2, 4], 1)];
    const pairs = vmap((x: Tensor) => vmap((y: Tensor) => x.mul(y).sum())(b))(a);
    close(pairs, matmul(a, b.transpose()));
  });

  test("of a second derivative: diagonal of Hessians, both ways", () => {
    const f = (x: Tensor): Tensor => x.tanh().mul(x);
    const xs = random([6]);
    const twice = vmap((x: Tensor) => grad((y: Tensor) => grad(f)(y))(x))(xs);
    const one = tensor(1, { dtype: "float64" });
    const forward = vmap((x: Tensor) => jvp(grad(f), x, one).tangent)(xs);
    close(twice, forward);
  });

  test("axes: in at any place, out at any place", () => {
    const x = random([4, 3]);
    close(vmap((u: Tensor) => u.mul(2), { inAxes: [1], outAxis: 1 })(x), x.mul(2));
    expect(vmap((u: Tensor) => u.sum(), { inAxes: [-1] })(x).shape).toEqual([3]);
  });

  test("a result that does not differ is repeated", () => {
    expect(vmap((_x: Tensor) => tensor([7]))(random([3, 2])).toArray()).toEqual([[7], [7], [7]]);
  });

  test("random numbers follow the keys", () => {
    const keys = splitKey(key(1), 3);
    const drawn = vmap((k: Tensor) => uniform([2], 0, 1, { key: k }))(stack(keys, { axis: 0 }));
    keys.forEach((k, i) =>
      expect(unstack(drawn)[i].toArray()).toEqual(uniform([2], 0, 1, { key: k }).toArray()),
    );
  });

  test("constants to derivatives stay constants", () => {
    const f = (x: Tensor): Tensor => x.mul(noGrad(() => x.mul(x)));
    close(grad((xs: Tensor) => sum(vmap(f)(xs)))(random([3])), random([3]).square());
  });

  test("leaves no memory behind", () => {
    const x = random([3, 4]);
    const f = vmap((u: Tensor) => grad((v: Tensor) => v.exp().sum())(u));
    f(x).dispose();
    const before = memory().buffers;
    const y = f(x);
    expect(memory().buffers - before).toBe(1);
    expect(leaves(y).length).toBe(1);
    y.dispose();
  });

  test("errors speak of one example, and of values that cannot be read", () => {
    const x = random([3, 2]);
    expect(() =>
      vmap((u: Tensor) => matmul(u, random([3, 1])))(x),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: matmul: inner axes must agree, got float64[2] and float64[3,1] (2 ≠ 3).]`,
    );
    expect(() =>
      vmap((u: Tensor) => (u.sum().item() > 0 ? u : u.neg()))(x),
    ).toThrowErrorMatchingInlineSnapshot(
      `[TracingError: vmap: a value that differs between examples cannot be read, got float64[]. Use where() or cond() in place of if, or read it outside of vmap().]`,
    );
    expect(() =>
      vmap((u: Tensor, v: Tensor) => u.add(v))(x, random([2, 2])),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: vmap: all arguments must have the same number of examples, got float64[3,2] and float64[2,2] (3 ≠ 2).]`,
    );
    expect(() => vmap((u: Tensor) => u, { inAxes: [null] })(x)).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: vmap: at least one argument must have examples, got none.]`,
    );
  });
});
