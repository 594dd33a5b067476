import { describe, expect, test } from "vitest";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import {
  DisposedError,
  grad,
  memory,
  Scope,
  scope,
  setDefaultBackend,
  step,
  tensor,
  type Tensor,
  valueAndGrad,
} from "@tapeloop/autograd";

setDefaultBackend(ndarrayBackend);

describe("scope", () => {
  test("gives back everything but what is returned, in any nesting", () => {
    const before = memory().buffers;
    const kept = scope(() => {
      const x = tensor([1, 2]).mul(2);
      return { a: [x.add(1)], b: scope(() => x.mul(3).exp()) };
    });
    expect(memory().buffers - before).toBe(2);
    kept.a[0]?.dispose();
    kept.b.dispose();
    expect(memory().buffers).toBe(before);
  });

  test("keeps the memory of a returned view", () => {
    const before = memory().buffers;
    const view = scope(() =>
      tensor([
        [1, 2],
        [3, 4],
      ]).transpose(),
    );
    expect(memory().buffers - before).toBe(1);
    expect(view.toArray()).toEqual([
      [1, 3],
      [2, 4],
    ]);
    view.dispose();
    expect(memory().buffers).toBe(before);
  });

  test("a tensor used after its scope is an error that says so", () => {
    let leaked: Tensor | undefined;
    scope(() => {
      leaked = tensor([1, 2, 3]);
    });
    expect(() => leaked?.mul(2)).toThrow(DisposedError);
    expect(() => leaked?.mul(2)).toThrowErrorMatchingInlineSnapshot(
      `[DisposedError: tensor: a tensor may be used until its scope ends, got float32[3], given back by scope. Return it from the function given to the scope to keep it.]`,
    );
  });

  test("gives everything back when the function throws", () => {
    const before = memory().buffers;
    expect(() =>
      scope(() => {
        tensor([1]).mul(2);
        throw new Error("stop");
      }),
    ).toThrow("stop");
    expect(memory().buffers).toBe(before);
  });

  test("refuses a promise, whose tensors would be gone when it goes on", () => {
    expect(() => scope(async () => tensor(1))).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: scope: the function must be synchronous, got a promise. Use new Scope(), scope.run() between the awaits, and scope.end().]`,
    );
  });

  test("as an object it lives across an await, and tensors made meanwhile are not its own", async () => {
    const s = new Scope();
    const x = s.run(() => tensor([1, 2]).mul(2));
    const waiting = x.data();
    const other = tensor([7]);
    expect([...(await waiting)]).toEqual([2, 4]);
    s.end();
    expect(x.isDisposed).toBe(true);
    expect(other.item()).toBe(7);
    expect(() => s.run(() => 1)).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: scope: run() needs an open scope, got one that has ended.]`,
    );
  });

  test("`using` ends it", () => {
    const before = memory().buffers;
    {
      using s = new Scope();
      s.run(() => tensor([1]).mul(2));
    }
    expect(memory().buffers).toBe(before);
  });

  test("inside a function that is being differentiated it does not take what the tape needs", () => {
    const f = (x: Tensor): Tensor => scope(() => x.mul(x).exp());
    expect(grad(f)(tensor(0, { dtype: "float64" })).item()).toBe(0);
    expect(grad(f)(tensor(1, { dtype: "float64" })).item()).toBeCloseTo(2 * Math.E, 12);
  });
});

describe("step", () => {
  test("keeps what old and new state share", () => {
    const start = { a: tensor([1]), b: tensor([2]) };
    const next = step(start, ({ a, b }) => ({ a, b: b.add(1) }));
    expect(start.b.isDisposed).toBe(true);
    expect(next.a.item()).toBe(1);
  });

  test("10,000 training steps keep buffers and bytes constant", () => {
    const loss = valueAndGrad((w: Tensor, x: Tensor) => w.mul(x).tanh().square().sum());
    const x = tensor([1, 2, 3, 4]);
    let w = tensor([0.1, 0.2, 0.3, 0.4]);
    const once = (v: Tensor): Tensor => v.sub(loss(v, x).grads.mul(0.01));
    w = step(w, once);
    const before = memory();
    for (let i = 0; i < 10_000; i++) w = step(w, once);
    expect({ ...memory(), allocations: 0 }).toEqual({ ...before, allocations: 0 });
  });

  test("grad gives back all but the gradient", () => {
    const x = tensor([1, 2, 3]);
    const before = memory().buffers;
    const g = grad((v: Tensor) => v.exp().sum())(x);
    expect(memory().buffers - before).toBe(1);
    g.dispose();
  });
});
