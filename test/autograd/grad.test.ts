import { describe, expect, test } from "vitest";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import {
  GradientError,
  grad,
  memory,
  noGrad,
  parameter,
  scope,
  setDefaultBackend,
  stopGradient,
  sum,
  tensor,
  type Tensor,
  TreeError,
  valueAndGrad,
} from "@tapeloop/autograd";

setDefaultBackend(ndarrayBackend);

const at = (x: number): Tensor => tensor(x, { dtype: "float64" });
const derivative = (f: (x: Tensor) => Tensor) => (x: Tensor) => grad(f)(x);

describe("grad", () => {
  test("adds up every use of an input: d(x·x) is 2x", () => {
    expect(grad((x: Tensor) => x.mul(x))(at(3)).item()).toBe(6);
  });

  test("nests to the third order: d³(x⁴) is 24x", () => {
    const f = (x: Tensor): Tensor => x.mul(x).mul(x).mul(x);
    expect(derivative(derivative(derivative(f)))(at(2)).item()).toBe(48);
  });

  test("differentiates saved outputs again: d²(tanh), d²(exp), d²(sigmoid)", () => {
    const [t, s] = [Math.tanh(0.7), 1 / (1 + Math.exp(-0.7))];
    const second = (f: (x: Tensor) => Tensor): number => derivative(derivative(f))(at(0.7)).item();
    expect(second((x) => x.tanh())).toBeCloseTo(-2 * t * (1 - t * t), 12);
    expect(second((x) => x.exp())).toBeCloseTo(Math.exp(0.7), 12);
    expect(second((x) => x.sigmoid())).toBeCloseTo(s * (1 - s) * (1 - 2 * s), 12);
  });

  test("does not confuse perturbations: d/dx (x · d/dy (x·y)) at y = x is 2x", () => {
    // The inner derivative by y is x, whatever y is; x·x then gives 2x. Confusing x and y gives 4x.
    const f = (x: Tensor): Tensor => x.mul(grad((y: Tensor) => x.mul(y))(x));
    expect(grad(f)(at(3)).item()).toBe(6);
  });

  test("an inner derivative of a constant of the inner function is zero", () => {
    const f = (x: Tensor): Tensor => x.mul(grad((_y: Tensor) => x.mul(x))(x));
    expect(grad(f)(at(3)).item()).toBe(0);
  });

  test("d/dx of x · d/dy(x² y²) at y = x is 8x³", () => {
    // ∂/∂y (x² y²) at y = x is 2x³; times x it is 2x⁴.
    const f = (x: Tensor): Tensor => x.mul(grad((y: Tensor) => x.mul(x).mul(y).mul(y))(x));
    expect(grad(f)(at(2)).item()).toBe(64);
  });

  test("walks trees, in the structure of the parameters", () => {
    const parameters = { b: at(1), layers: [{ w: at(2) }, { w: at(5) }] };
    const f = valueAndGrad((p: typeof parameters, x: Tensor) =>
      p.layers.reduce((h, { w }) => h.mul(w), x).add(p.b),
    );
    const { value, grads } = f(parameters, at(3));
    expect(value.item()).toBe(31);
    expect([grads.b, grads.layers[0]?.w, grads.layers[1]?.w].map((g) => g?.item())).toEqual([
      1, 15, 6,
    ]);
  });

  test("gives zeros to parameters that the loss does not depend on", () => {
    const { grads } = valueAndGrad((p: { a: Tensor; b: Tensor }) => p.a.mul(2))({
      a: at(1),
      b: tensor([1, 2], { dtype: "float64" }),
    });
    expect(grads.b.toArray()).toEqual([0, 0]);
  });

  test("gives each leaf a tensor of its own, even where the derivatives are the same", () => {
    const { grads } = valueAndGrad((p: { a: Tensor; b: Tensor }) => p.a.add(p.b))({
      a: at(1),
      b: at(2),
    });
    grads.a.dispose();
    expect(grads.b.item()).toBe(1);
  });

  test("hands through what stands beside the loss, as constants", () => {
    const { aux } = valueAndGrad((x: Tensor) => [x.mul(x), { y: x.add(1), note: "n" }] as const)(
      at(2),
    );
    expect(aux.y.item()).toBe(3);
    expect(aux.y.node).toBeNull();
    expect(aux.note).toBe("n");
  });

  test("stopGradient and noGrad make constants", () => {
    expect(grad((x: Tensor) => x.mul(stopGradient(x)))(at(3)).item()).toBe(3);
    expect(grad((x: Tensor) => x.mul(noGrad(() => x.mul(x))))(at(3)).item()).toBe(9);
  });

  test("grad inside noGrad still differentiates", () => {
    const f = (x: Tensor): Tensor => x.mul(noGrad(() => grad((y: Tensor) => y.mul(y))(x)));
    expect(grad(f)(at(3)).item()).toBe(6);
  });

  test("integer and bool leaves are refused by name", () => {
    const f = grad((p: { w: Tensor }) => p.w.sum());
    expect(() => f({ w: tensor([1], { dtype: "int32" }) })).toThrow(TreeError);
    expect(() => f({ w: tensor([1], { dtype: "int32" }) })).toThrowErrorMatchingInlineSnapshot(
      `[TreeError: grad: the first argument must hold floating-point tensors, got int32[1] at "w". Pass whole numbers as further arguments.]`,
    );
  });

  test("a loss that is not one number is refused", () => {
    expect(() => grad((x: Tensor) => x)(tensor([1, 2]))).toThrow(GradientError);
    expect(() => grad((x: Tensor) => x)(tensor([1, 2]))).toThrowErrorMatchingInlineSnapshot(
      `[GradientError: grad: the result must be one floating-point number, got float32[2]. Use sum() for a total, or mean().]`,
    );
    expect(() => grad((() => 3) as never)(tensor([1]))).toThrowErrorMatchingInlineSnapshot(
      `[GradientError: grad: the function must return one number, or [number, aux], got number 3.]`,
    );
    const later = (async () => tensor(1)) as never;
    expect(() => grad(later)(tensor([1]))).toThrowErrorMatchingInlineSnapshot(
      `[GradientError: grad: the function must return one number, or [number, aux], got a promise.]`,
    );
  });
});

describe("backward", () => {
  test("adds to .grad of every parameter, until zeroGrad", () => {
    const w = parameter(at(3));
    w.mul(w).backward();
    w.mul(2).backward();
    expect(w.grad?.item()).toBe(8);
    w.zeroGrad();
    expect(w.grad).toBeNull();
  });

  test("differentiates the values that were used, not those assigned since", () => {
    const w = parameter(at(3));
    const loss = w.mul(w);
    w.assign(at(100));
    loss.backward();
    expect(w.grad?.item()).toBe(6);
  });

  test("refuses a number that depends on no parameter", () => {
    expect(() => at(1).backward()).toThrowErrorMatchingInlineSnapshot(
      `[GradientError: backward: the number must depend on a parameter(), got one that does not. Make the leaves with parameter(), or use grad(f) for plain tensors.]`,
    );
  });

  test("a loop of assignments inside scopes keeps the same memory", () => {
    const w = parameter(tensor([1, 2, 3]));
    const once = (): void =>
      scope(() => {
        const loss = sum(w.mul(w));
        loss.backward();
        w.assign(w.value.sub((w.grad as Tensor).mul(0.1)));
        w.zeroGrad();
      });
    once();
    const before = memory();
    for (let i = 0; i < 100; i++) once();
    expect(memory().buffers).toBe(before.buffers);
    expect(memory().bytes).toBe(before.bytes);
    expect(w.value.toArray()).toEqual([0, 0, 0].map(() => expect.closeTo(0, 6)));
  });
});

describe("depth", () => {
  test("a chain of 1,000,000 ops differentiates without overflow", () => {
    const f = grad((x: Tensor) => {
      let y = x;
      for (let i = 0; i < 500_000; i++) y = y.mul(1).add(0);
      return y;
    });
    expect(f(at(2)).item()).toBe(1);
  }, 120_000);
});
