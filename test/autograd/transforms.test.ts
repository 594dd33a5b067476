import { describe, expect, test } from "vitest";
import {
  concat,
  grad,
  hessian,
  hvp,
  jacobian,
  jvp,
  linearize,
  matmul,
  memory,
  scan,
  setDefaultBackend,
  split,
  sum,
  tensor,
  type Tensor,
  vjp,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";

setDefaultBackend(ndarrayBackend);

const at = (x: number | number[]): Tensor => tensor(x, { dtype: "float64" });

describe("jvp", () => {
  test("is the derivative along a direction", () => {
    const { value, tangent } = jvp(
      (p: { x: Tensor; y: Tensor }) => p.x.mul(p.y).exp(),
      { x: at(2), y: at(0.5) },
      { x: at(1), y: at(10) },
    );
    expect(value.item()).toBeCloseTo(Math.E, 12);
    expect(tangent.item()).toBeCloseTo(Math.E * (0.5 + 20), 10);
  });

  test("nests: d²(x³) by forward over forward", () => {
    const cube = (x: Tensor): Tensor => x.mul(x).mul(x);
    const first = (x: Tensor): Tensor => jvp(cube, x, at(1)).tangent;
    expect(jvp(first, at(2), at(1)).tangent.item()).toBe(12);
  });

  test("forward over reverse, reverse over forward and reverse over reverse agree", () => {
    const f = (x: Tensor): Tensor => sum(x.tanh().mul(x).mul(x.exp()));
    const x = at([0.3, -0.8]);
    const v = at([1.5, 0.5]);
    const forwardOverReverse = jvp(grad(f), x, v).tangent.toArray();
    const reverseOverForward = grad((y: Tensor) => jvp(f, y, v).tangent)(x).toArray();
    const reverseOverReverse = grad((y: Tensor) => sum(grad(f)(y).mul(v)))(x).toArray();
    expect(reverseOverForward).toEqual(
      (forwardOverReverse as number[]).map((z) => expect.closeTo(z, 12)),
    );
    expect(reverseOverReverse).toEqual(
      (forwardOverReverse as number[]).map((z) => expect.closeTo(z, 12)),
    );
  });

  test("does not confuse perturbations: d/dx x·(d/dy (x+y)) at 1 is 1", () => {
    // Siskind and Pearlmutter 2005: the inner derivative is 1, so the outer function is x.
    const f = (x: Tensor): Tensor => x.mul(jvp((y: Tensor) => x.add(y), at(1), at(1)).tangent);
    expect(jvp(f, at(1), at(1)).tangent.item()).toBe(1);
    expect(grad(f)(at(1)).item()).toBe(1);
  });

  test("passes through ops with several results and through scans", () => {
    const f = (x: Tensor): Tensor => {
      const [a, b] = split(x, 2);
      const [last] = scan(
        (w: Tensor, h: Tensor, u: Tensor) => [h.mul(w).add(u).tanh(), null],
        a,
        a,
        concat([x, b]).reshape([3, 2]),
      );
      return last;
    };
    const x = at([0.1, 0.2, 0.3, 0.4]);
    const v = at([1, -1, 0.5, 2]);
    const J = jacobian(f, { mode: "reverse" })(x);
    expect(jvp(f, x, v).tangent.toArray()).toEqual(
      (matmul(J, v).toArray() as number[]).map((z) => expect.closeTo(z, 12)),
    );
  });

  test("gives zeros where nothing depends on the argument, and leaves no memory behind", () => {
    const x = at([1, 2]);
    const before = memory().buffers;
    const { value, tangent } = jvp(() => at([5, 6]), x, at([1, 1]));
    expect(tangent.toArray()).toEqual([0, 0]);
    value.dispose();
    tangent.dispose();
    expect(memory().buffers).toBe(before + 1); // the direction, made here
  });

  test("refuses a direction of another type", () => {
    expect(() => jvp((x: Tensor) => x, at([1, 2]), at(1))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: linearize: each tangent must have the type of its value, got float64[2] and float64[].]`,
    );
  });
});

describe("vjp and linearize", () => {
  test("may be called again, and agree: ⟨u, J v⟩ = ⟨Jᵀ u, v⟩", () => {
    const f = (x: Tensor): Tensor => x.mul(x).sum({ axes: 1 }).exp();
    const x = tensor(
      [
        [0.1, 0.2],
        [0.3, 0.4],
        [0.5, 0.6],
      ],
      { dtype: "float64" },
    );
    const { pullback } = vjp(f, x);
    const { tangentOf } = linearize(f, x);
    for (const k of [1, 2]) {
      const u = at([k, 2, -1]);
      const v = x.mul(k);
      const left = sum(tangentOf(v).mul(u)).item();
      expect(sum(pullback(u).mul(v)).item()).toBeCloseTo(left, 12);
    }
  });
});

describe("jacobian and hessian", () => {
  const f = (x: Tensor): Tensor => concat([x.square(), x.mul(x.sum())]);

  test("both modes agree, in shape and value", () => {
    const x = at([1, 2, 3]);
    const forward = jacobian(f, { mode: "forward" })(x);
    const reverse = jacobian(f, { mode: "reverse" })(x);
    expect(forward.shape).toEqual([6, 3]);
    expect(forward.toArray()).toEqual(reverse.toArray());
  });

  test("the Hessian of x₀² x₁ is [[2x₁, 2x₀], [2x₀, 0]]", () => {
    const g = (x: Tensor): Tensor => {
      const [a, b] = split(x, 2);
      return a.mul(a).mul(b).sum();
    };
    expect(hessian(g)(at([3, 5])).toArray()).toEqual([
      [10, 6],
      [6, 0],
    ]);
    expect(hvp(g, at([3, 5]), at([1, 2])).toArray()).toEqual([22, 6]);
  });

  test("of a matrix by a matrix has both shapes", () => {
    const x = tensor(
      [
        [1, 2],
        [3, 4],
      ],
      { dtype: "float64" },
    );
    const J = jacobian((y: Tensor) => y.transpose())(x);
    expect(J.shape).toEqual([2, 2, 2, 2]);
    expect(
      J.slice([{ start: 0, stop: 1 }, { start: 1 }])
        .reshape([2, 2])
        .toArray(),
    ).toEqual([
      [0, 0],
      [1, 0],
    ]);
  });

  test("empty results and arguments give empty derivatives", () => {
    expect(jacobian((x: Tensor) => x)(tensor([], { dtype: "float64" })).shape).toEqual([0, 0]);
  });
});
