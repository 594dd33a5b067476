/** @file L-BFGS and its line search. */
import {
  compile,
  leaves,
  memory,
  setDefaultBackend,
  sin,
  type Tensor,
  tensor,
  valueAndGrad,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { lbfgs, type LbfgsOptions, type OptimizerState } from "@tapeloop/optim";
import { describe, expect, test } from "vitest";
import { loss, type Parameters, start } from "./problem.ts";

setDefaultBackend(ndarrayBackend);

interface Point {
  readonly x: Tensor;
}
const at = (x: number): Point => ({ x: tensor(x, { dtype: "float64" }) });

/** Losses at the points that an update of f tries, one after the other, and the point that it takes. */
function tried(
  f: (x: Tensor) => Tensor,
  from: number,
  options: LbfgsOptions = {},
): { points: number[]; end: number } {
  const optimizer = lbfgs({ iterations: 1, evaluations: 100, ...options });
  const gradient = valueAndGrad(({ x }: Point) => f(x));
  const points: number[] = [];
  const first = at(from);
  const next = optimizer.update(
    (p: Point) => {
      points.push(p.x.item());
      return gradient(p);
    },
    optimizer.init(first),
    first,
  );
  return { points, end: next.params.x.item() };
}
describe("the line search", () => {
  const functions: Record<string, [f: (x: Tensor) => Tensor, from: number]> = {
    "a parabola": [(x) => x.square(), 3],
    "a wide parabola": [(x) => x.square().mul(1e-3), 3],
    "a narrow parabola": [(x) => x.square().mul(1e3), 3],
    "a steep well": [(x) => x.square().square().add(x.exp()), 4],
    "a wave": [(x) => sin(x.mul(3)).add(x.square().mul(0.1)), 0.2],
    "a flat end": [(x) => x.square().neg().exp().neg(), 1.5],
  };

  test.each(Object.entries(functions))(
    "ends where the strong Wolfe conditions hold: %s",
    (_, [f, from]) => {
      const gradient = valueAndGrad(({ x }: Point) => f(x));
      const { end } = tried(f, from);
      const [a, b] = [gradient(at(from)), gradient(at(end))];
      const slope = a.grads.x.item();
      expect(b.value.item()).toBeLessThanOrEqual(a.value.item() + 1e-4 * slope * (end - from));
      expect(Math.abs(b.grads.x.item())).toBeLessThanOrEqual(0.9 * Math.abs(slope));
    },
  );

  test("steps back from where the loss is not a number", () => {
    // √(1 − x²) is NaN beyond 1.
    const { points, end } = tried((x) => x.square().neg().add(1).sqrt().neg(), -0.9, {
      learningRate: 10,
    });
    expect(Math.max(...points.map(Math.abs))).toBeGreaterThan(1);
    expect(Math.abs(end)).toBeLessThan(0.9);
  });
});

describe("an update", () => {
  const [params, problem] = start("float64");
  const gradient = valueAndGrad((p: Parameters) => loss(p, problem));

  test("does not go on where the gradient is 0", () => {
    const { points, end } = tried((x) => x.square(), 0);
    expect([points, end]).toEqual([[0], 0]);
  });

  test("ends with its evaluations", () => {
    let calls = 0;
    const optimizer = lbfgs({ iterations: 100, evaluations: 7 });
    const counted = (p: Parameters) => {
      calls++;
      return gradient(p);
    };
    optimizer.update(counted, optimizer.init(params), params);
    expect(calls).toBeGreaterThanOrEqual(7);
    expect(calls).toBeLessThan(7 + 26);
  });

  test("tells the loss of the parameters that it was given", () => {
    const optimizer = lbfgs({ iterations: 3 });
    const next = optimizer.update(gradient, optimizer.init(params), params);
    expect(next.value).toBe(gradient(params).value.item());
    expect(gradient(next.params).value.item()).toBeLessThan(next.value);
  });

  test("is the same with a compiled function of value and gradients", () => {
    const optimizer = lbfgs({ iterations: 5 });
    const state = optimizer.init(params);
    const [a, b] = [gradient, compile(gradient)].map((g) => optimizer.update(g, state, params));
    expect(leaves(a.params).map(String)).toEqual(leaves(b.params).map(String));
  });

  test("keeps as many pairs as its history, and all shapes and element types", () => {
    const [single, other] = start("float32");
    const g = valueAndGrad((p: Parameters) => loss(p, other));
    const optimizer = lbfgs({ iterations: 8, history: 3 });
    const next = optimizer.update(g, optimizer.init(single), single);
    expect((next.state as unknown as { pairs: unknown[] }).pairs).toHaveLength(3);
    expect(leaves(next.params).map((x) => [x.dtype, x.shape])).toEqual(
      leaves(single).map((x) => [x.dtype, x.shape]),
    );
  });

  test("gives back all but its result", () => {
    const optimizer = lbfgs({ iterations: 4, history: 2 });
    const state = optimizer.init(params);
    const before = memory().buffers;
    const next = optimizer.update(gradient, state, params);
    // Parameters are views of one vector.
    expect(memory().buffers - before).toBeLessThanOrEqual(leaves(next.state).length + 1);
  });

  test("is refused while a program is being written", () => {
    const optimizer = lbfgs();
    const update = (p: Parameters, state: OptimizerState) =>
      optimizer.update(gradient, state, p).params;
    expect(() =>
      compile(update)(params, optimizer.init(params)),
    ).toThrowErrorMatchingInlineSnapshot(
      `[TracingError: lbfgs: an update reads losses to decide what to do next, so it cannot be compiled, got a tensor without a value. Compile the function of value and gradients, and call update() outside of compile().]`,
    );
  });
});

test("parameters of several element types, or none, are refused", () => {
  expect(() =>
    lbfgs().init({ a: tensor(1), b: tensor(1, { dtype: "float64" }) }),
  ).toThrowErrorMatchingInlineSnapshot(
    `[DTypeError: lbfgs: parameters are of one element type, got float32 and float64.]`,
  );
  expect(() => lbfgs().init({})).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: lbfgs: needs a parameter, got none.]`,
  );
});
