/**
 * @file What the garbage collector gives back: tensors that no scope owns, and tapes. These tests call it,
 * and wait for its finalizers.
 */
import {
  grad,
  jvp,
  memory,
  parameter,
  Scope,
  setDefaultBackend,
  tensor,
  type Tensor,
  vjp,
  vmap,
  zeros,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { beforeEach, describe, expect, test } from "vitest";

const collect = (globalThis as { gc?: () => void }).gc;

/** Collects, and lets finalizers run, until the count of buffers no longer falls. */
async function settled(): Promise<number> {
  let last = Infinity;
  for (let quiet = 0; quiet < 3;) {
    collect?.();
    await new Promise((resolve) => setTimeout(resolve, 5));
    const { buffers } = memory();
    quiet = buffers < last ? 0 : quiet + 1;
    last = buffers;
  }
  return last;
}

/** Collects until the object is gone. Looking at it keeps it until the turn ends. */
async function isCollected(reference: WeakRef<object>): Promise<boolean> {
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    collect?.();
    if (reference.deref() === undefined) return true;
  }
  return false;
}

beforeEach(() => setDefaultBackend(ndarrayBackend));

test("the collector can be called", () => {
  expect(collect).toBeTypeOf("function");
});

describe("tensors made outside of scopes", () => {
  test("are collected, and memory() goes back", async () => {
    const before = { buffers: await settled(), bytes: memory().bytes };
    (() => {
      for (let i = 0; i < 100; i++) zeros([1000]).add(i).mul(2);
    })();
    expect(memory().buffers).toBeGreaterThanOrEqual(before.buffers + 300);
    expect(await settled()).toBe(before.buffers);
    expect(memory().bytes).toBe(before.bytes);
  });

  test("stay as long as somebody holds them, or a view of them", async () => {
    const before = await settled();
    const held = (() => zeros([2, 3]).add(1).transpose())();
    expect(await settled()).toBe(before + 1);
    expect(held.toArray()).toEqual([
      [1, 1],
      [1, 1],
      [1, 1],
    ]);
    held.dispose();
    expect(await settled()).toBe(before);
  });

  test("are not counted twice when they are given back by hand and then collected", async () => {
    const before = await settled();
    (() => {
      for (let i = 0; i < 20; i++) zeros([4]).dispose();
    })();
    expect(memory().buffers).toBe(before);
    expect(await settled()).toBe(before);
  });

  test("are collected when they were results of grad, jvp, vjp and vmap", async () => {
    const before = await settled();
    (() => {
      const x = tensor([1, 2, 3]);
      const f = (at: Tensor): Tensor => at.tanh().mul(at).sum();
      for (let i = 0; i < 10; i++) {
        grad(f)(x);
        jvp(f, x, x);
        vjp(f, x).pullback(tensor(1));
        vmap((at: Tensor) => at.exp())(x);
      }
    })();
    expect(await settled()).toBe(before);
  });
});

describe("tapes", () => {
  test("are collected after backward(), and leave the gradients", async () => {
    const w = parameter(tensor([1, 2]));
    const before = await settled();
    const nodes = (() => {
      const loss = w.mul(w).exp().tanh().sum();
      loss.backward();
      return new WeakRef(loss.node as object);
    })();
    expect(await isCollected(nodes)).toBe(true);
    expect(await settled()).toBe(before + 1);
    expect(w.grad?.shape).toEqual([2]);
    w.zeroGrad();
  });

  test("are collected when nobody asks for the derivative", async () => {
    const w = parameter(tensor([1, 2]));
    const before = await settled();
    (() => {
      for (let i = 0; i < 20; i++) w.mul(i).exp().sum();
    })();
    expect(await settled()).toBe(before);
    expect(w.value.toArray()).toEqual([1, 2]);
  });

  test("do not grow with the steps of a training loop by backward()", async () => {
    const w = parameter(tensor([0.5, -0.5]));
    const step = (): void => {
      using s = new Scope("step");
      s.run(() => {
        w.zeroGrad();
        w.mul(w).sum().backward();
        w.assign(w.value.sub((w.grad as Tensor).mul(0.1)));
      });
    };
    step();
    const before = await settled();
    for (let i = 0; i < 200; i++) step();
    expect(await settled()).toBe(before);
  });

  test("are collected after grad() of a long chain", async () => {
    const before = await settled();
    const first = (() => {
      let mark: WeakRef<object> | undefined;
      const g = grad((x: Tensor) => {
        let y = x;
        for (let i = 0; i < 1000; i++) y = y.mul(0.999).add(0.001);
        mark = new WeakRef(y.node as object);
        return y.sum();
      })(tensor([1]));
      g.dispose();
      return mark as WeakRef<object>;
    })();
    expect(await isCollected(first)).toBe(true);
    expect(await settled()).toBe(before);
  });
});

test("a scope that is forgotten without its end leaves its tensors to the collector", async () => {
  const before = await settled();
  const kept = (() => {
    const forgotten = new Scope("forgotten");
    return forgotten.run(() => {
      for (let i = 0; i < 50; i++) zeros([10]).add(i);
      return tensor([1, 2]);
    });
  })();
  expect(memory().buffers).toBeGreaterThan(before + 100);
  // What somebody still holds stays; the rest goes.
  expect(await settled()).toBe(before + 1);
  expect(kept.toArray()).toEqual([1, 2]);
});
