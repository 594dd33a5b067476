import { describe, expect, test } from "vitest";
import {
  checkGradients,
  checkpoint,
  customJvp,
  customVjp,
  grad,
  gradientHook,
  jvp,
  memory,
  parameter,
  scope,
  setDefaultBackend,
  sum,
  tensor,
  type Tensor,
  vmap,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";

setDefaultBackend(ndarrayBackend);

const at = (x: number | number[]): Tensor => tensor(x, { dtype: "float64" });
const numbers = (x: Tensor): number[] => x.toArray() as number[];

describe("customVjp", () => {
  const sine: (x: Tensor) => Tensor = customVjp(
    (x: Tensor) => x.mul(0).add(tensor(Math.sin(x.item()), { dtype: "float64" })),
    (g, [x]) => [g.mul(cosine(x))],
  );
  const cosine: (x: Tensor) => Tensor = customVjp(
    (x: Tensor) => x.mul(0).add(tensor(Math.cos(x.item()), { dtype: "float64" })),
    (g, [x]) => [g.mul(sine(x)).neg()],
  );

  test("rules are differentiated again: sin has right derivatives to the fourth order", () => {
    let f: (x: Tensor) => Tensor = sine;
    const expected = [Math.sin, Math.cos, (x: number) => -Math.sin(x), (x: number) => -Math.cos(x)];
    for (const d of expected) {
      expect(f(at(0.4)).item()).toBeCloseTo(d(0.4), 12);
      const last = f;
      f = (x) => grad(last)(x);
    }
  });

  test("gives null as zero, and each argument its own", () => {
    const f = customVjp(
      (x: Tensor, y: Tensor) => x.mul(y),
      (g, [x]) => [null, g.mul(x).mul(100)],
    );
    const { a, b } = grad((p: { a: Tensor; b: Tensor }) => f(p.a, p.b))({ a: at(2), b: at(3) });
    expect([a.item(), b.item()]).toEqual([0, 200]);
  });

  test("refuses a rule that returns another type, and forward mode", () => {
    const wrong = customVjp(
      (x: Tensor) => x.sum(),
      () => [at(1)],
    );
    expect(() => grad((x: Tensor) => wrong(x))(at([1, 2]))).toThrowErrorMatchingInlineSnapshot(
      `[GradientError: customVjp: the rule must return float64[2] for an argument of that type, got float64[]. Sum over the axes that were broadcast.]`,
    );
    expect(() => jvp(sine, at(1), at(1))).toThrowErrorMatchingInlineSnapshot(
      `[GradientError: customVjp: forward mode needs a forward rule, got jvp. Use customJvp(), which serves both directions.]`,
    );
  });
});

describe("customJvp", () => {
  test("serves both directions, to second order", () => {
    const product = customJvp(
      (x: Tensor, y: Tensor) => x.mul(y),
      ([tx, ty], [x, y]) => tx.mul(y).add(x.mul(ty)),
    );
    const f = (p: { x: Tensor; y: Tensor }): Tensor => product(p.x, product(p.x, p.y));
    const point = { x: at(2), y: at(5) };
    expect(checkGradients(f, point).second).toBeLessThan(1e-6);
    expect(jvp(f, point, { x: at(1), y: at(0) }).tangent.item()).toBe(20);
    expect(grad(f)(point).x.item()).toBe(20);
  });
});

describe("gradientHook", () => {
  test("sees the cotangent, and may replace it", () => {
    const seen: number[] = [];
    const f = (x: Tensor): Tensor =>
      gradientHook(x.mul(3), (g) => {
        seen.push(g.item());
        return g.mul(10);
      }).mul(2);
    expect(grad(f)(at(1)).item()).toBe(60);
    expect(seen).toEqual([2]);
  });
});

describe("checkpoint", () => {
  const block = (x: Tensor): Tensor => x.tanh().mul(x).exp().sub(x.sigmoid());
  const chain = (f: (x: Tensor) => Tensor) => (x: Tensor) => sum(f(f(f(x))));

  test("values, first and second derivatives in both directions are the same, bit for bit", () => {
    const [x, v] = [at([0.2, -0.3]), at([1, 2])];
    const [plain, less] = [chain(block), chain(checkpoint(block))];
    expect(less(x).item()).toBe(plain(x).item());
    expect(numbers(grad(less)(x))).toEqual(numbers(grad(plain)(x)));
    expect(jvp(less, x, v).tangent.item()).toBe(jvp(plain, x, v).tangent.item());
    const second = (f: (x: Tensor) => Tensor): Tensor =>
      grad((y: Tensor) => sum(grad(f)(y).mul(v)))(x);
    expect(numbers(second(less))).toEqual(numbers(second(plain)));
    expect(numbers(jvp(grad(less), x, v).tangent)).toEqual(numbers(jvp(grad(plain), x, v).tangent));
  });

  test("tensors that the function takes from around it get their gradients, also in between", () => {
    const f = (wrap: typeof checkpoint) => (p: { w: Tensor; x: Tensor }) => {
      const inner = wrap((x: Tensor) => x.mul(p.w).tanh().mul(p.w));
      return sum(inner(inner(p.x)).mul(p.w));
    };
    const point = { w: at([0.5, 2]), x: at([1, -1]) };
    const plain = grad(f(((g: unknown) => g) as typeof checkpoint))(point);
    const less = grad(f(checkpoint))(point);
    expect(numbers(less.w)).toEqual(numbers(plain.w));
    expect(numbers(less.x)).toEqual(numbers(plain.x));
  });

  test("works with parameters and backward()", () => {
    const w = parameter(at(2));
    checkpoint((x: Tensor) => x.mul(w).mul(w))(at(3)).backward();
    expect(w.grad?.item()).toBe(12);
  });

  test("nests", () => {
    const inner = checkpoint(block);
    const outer = checkpoint((x: Tensor) => inner(inner(x)));
    const x = at([0.1, 0.7]);
    expect(numbers(grad((y: Tensor) => sum(outer(y)))(x))).toEqual(
      numbers(grad((y: Tensor) => sum(block(block(y))))(x)),
    );
  });

  test("keeps only inputs and outputs between forward and backward", () => {
    const live = (f: (x: Tensor) => Tensor): number =>
      scope(() => {
        let [most, start] = [0, memory().buffers];
        grad((x: Tensor) => {
          let y = x;
          for (let i = 0; i < 10; i++) y = f(y);
          most = memory().buffers - start;
          return y.sum();
        })(at([1, 2]));
        return most;
      });
    const wide = (x: Tensor): Tensor => {
      let y = x;
      for (let i = 0; i < 20; i++) y = y.tanh().exp();
      return y;
    };
    expect(live(wide)).toBeGreaterThan(400);
    expect(live(checkpoint(wide))).toBeLessThan(15);
  });

  test("passes structures, and what is not differentiated, through", () => {
    const f = checkpoint(({ x }: { x: Tensor }, k: number) => ({ y: x.mul(k), n: x.greater(0) }));
    const g = grad((x: Tensor) => {
      const { y, n } = f({ x }, 3);
      return sum(y.mul(n));
    });
    expect(numbers(g(at([1, -1])))).toEqual([3, 0]);
  });
});

describe("functions with rules of their own, on many examples", () => {
  const doubled = customVjp(
    (x: Tensor, w: Tensor) => x.mul(w),
    (g, [x, w]) => [g.mul(w).mul(2), g.mul(x).mul(3)],
  );
  const tripled = customJvp(
    (x: Tensor) => x.mul(x),
    ([t], [x]) => t.mul(x).mul(6),
  );
  const xs = tensor([1, 2, 3]);
  const w = tensor(5);

  test("keep their rules inside and outside of vmap", () => {
    const many = vmap(doubled, { inAxes: [0, null] });
    expect(grad((x: Tensor) => many(x, w).sum())(xs).toArray()).toEqual([10, 10, 10]);
    // The same for all examples: their cotangents are summed.
    expect(grad((v: Tensor) => many(xs, v).sum())(w).item()).toBe(18);
    expect(vmap(grad((x: Tensor) => doubled(x, w)))(xs).toArray()).toEqual([10, 10, 10]);
    expect(grad((x: Tensor) => vmap(tripled)(x).sum())(xs).toArray()).toEqual([6, 12, 18]);
    expect(jvp(vmap(tripled), xs, tensor([1, 1, 1])).tangent.toArray()).toEqual([6, 12, 18]);
  });

  test("hooks see the cotangents of each example", () => {
    const f = vmap((x: Tensor) => gradientHook(x, (g) => g.mul(g)));
    expect(grad((x: Tensor) => f(x).mul(x).sum())(xs).toArray()).toEqual([2, 6, 12]);
  });
});
