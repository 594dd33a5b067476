import {
  grad,
  key,
  leaves,
  memory,
  normal,
  parameter,
  setDefaultBackend,
  square,
  step,
  sub,
  tanh,
  type Tensor,
  tensor,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { adam, chain, clipByGlobalNorm, globalNorm, sgd } from "@tapeloop/optim";
import { describe, expect, test } from "vitest";

setDefaultBackend(ndarrayBackend);

interface Parameters {
  readonly W: Tensor;
  readonly b: Tensor;
}
describe("adam", () => {
  const minimum = tensor([1, -2, 3]);
  const gradient = grad(({ w }: { w: Tensor }) => square(sub(w, minimum)).sum());

  test("minimises a quadratic function", () => {
    const optimizer = adam({ learningRate: 0.1 });
    const first = { w: tensor([0, 0, 0]) };
    let model = { params: first, state: optimizer.init(first) };
    for (let i = 0; i < 400; i++) {
      model = step(model, ({ params, state }) => optimizer.update(gradient(params), state, params));
    }
    expect(model.params.w.sub(minimum).abs().max().item()).toBeLessThan(1e-3);
  });

  test("steps by the learning rate at first, whatever the gradient, in float32 too", () => {
    const optimizer = adam({ learningRate: 0.25, beta2: 0.999_999 });
    const params = { w: tensor([1, 1, 1]) };
    const grads = { w: tensor([1e-3, -1, 1e4]) };
    const next = optimizer.update(grads, optimizer.init(params), params);
    for (const [i, w] of [0.75, 1.25, 0.75].entries()) {
      // 1 − β₂ is 1e-6: by 1 − βᵗ in float32 it would be wrong by 5 %.
      expect(next.params.w.dataSync()[i]).toBeCloseTo(w, 4);
    }
  });

  test("counts its steps in whole numbers", () => {
    const optimizer = adam();
    const params = { w: tensor([0, 0, 0]) };
    let state = optimizer.init(params);
    for (let i = 0; i < 3; i++) ({ state } = optimizer.update(params, state, params));
    const [direction, descent] = state as readonly { readonly step: Tensor }[];
    expect([direction.step, descent.step].map(String)).toEqual(["int32[] 3", "int32[] 3"]);
  });

  test("keeps the element type of every parameter", () => {
    const optimizer = chain(clipByGlobalNorm(1), adam());
    const params = { a: tensor([1]), b: tensor([1], { dtype: "float64" }) };
    const next = optimizer.update(params, optimizer.init(params), params);
    expect(leaves(next.params).map(({ dtype }) => dtype)).toEqual(["float32", "float64"]);
    expect(leaves(next.state).map(({ dtype }) => dtype)).toEqual([
      "int32",
      "float32",
      "float64",
      "float32",
      "float64",
      "int32",
    ]);
  });
});

describe("clipByGlobalNorm", () => {
  const clip = (grads: { a: Tensor; b: Tensor }) => clipByGlobalNorm(1).transform(grads, {}, grads);

  test("scales all gradients by one factor to the norm", () => {
    const { grads } = clip({ a: tensor([3]), b: tensor([[0, 4]]) });
    expect(grads.a.item()).toBeCloseTo(0.6, 6);
    expect(grads.b.toArray()).toEqual([[0, expect.closeTo(0.8, 6)]]);
    expect(globalNorm(grads).item()).toBeCloseTo(1, 6);
  });

  test("leaves small gradients as they are, also zeros", () => {
    expect(clip({ a: tensor([0.3]), b: tensor([0]) }).grads.a.item()).toBe(Math.fround(0.3));
    expect(clip({ a: tensor([0]), b: tensor([0]) }).grads.b.item()).toBe(0);
  });

  test("does not hide what is not finite", () => {
    expect(clip({ a: tensor([Infinity]), b: tensor([1]) }).grads.a.item()).toBeNaN();
    expect(clip({ a: tensor([NaN]), b: tensor([1]) }).grads.b.item()).toBeNaN();
  });
});

describe("an update", () => {
  const optimizer = chain(clipByGlobalNorm(1), adam({ learningRate: 0.01 }));
  const gradient = grad(({ W, b }: Parameters) => square(tanh(W).sum().add(b)).sum());
  const start = (): Parameters => ({ W: normal([2, 2], { key: key(0) }), b: tensor([1]) });

  test("is not recorded", () => {
    const w = parameter(2);
    const { params } = sgd({ learningRate: 1 }).update(
      { w: w.mul(3) },
      sgd({ learningRate: 1 }).init({ w: w.value }),
      { w: w.value },
    );
    expect(params.w.node).toBeNull();
  });

  test("leaves parameters, state and gradients as they were", () => {
    const params = start();
    const grads = gradient(params);
    const state = optimizer.init(params);
    const before = [params, grads, state].flatMap(leaves).map(String);
    optimizer.update(grads, state, params);
    expect([params, grads, state].flatMap(leaves).map(String)).toEqual(before);
  });

  test("gives back all but its result, in a step or not", () => {
    const params = start();
    const state = optimizer.init(params);
    const grads = gradient(params);
    const before = memory().buffers;
    const next = optimizer.update(grads, state, params);
    expect(memory().buffers - before).toBe(leaves(next).length);
  });

  test("uses the same memory however often it is made", { timeout: 60_000 }, () => {
    const first = start();
    let model = { params: first, state: optimizer.init(first) };
    const train = (steps: number): void => {
      for (let i = 0; i < steps; i++) {
        model = step(model, ({ params, state }) =>
          optimizer.update(gradient(params), state, params),
        );
      }
    };
    train(10);
    const { buffers, bytes } = memory();
    train(10_000);
    expect(memory()).toMatchObject({ buffers, bytes });
  });

  test("takes no parameters at all", () => {
    expect(optimizer.update({}, optimizer.init({}), {}).params).toEqual({});
  });
});

test("a number out of its range is refused", () => {
  expect(() => sgd({ learningRate: -1 })).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: sgd: learningRate is a finite number from 0, got -1.]`,
  );
  expect(() => sgd({ learningRate: NaN })).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: sgd: learningRate is a finite number from 0, got NaN.]`,
  );
  expect(() => sgd({ learningRate: 1, momentum: 1 })).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: sgd: momentum is in [0, 1), got 1.]`,
  );
  expect(() => sgd({ learningRate: 1, nesterov: true })).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: sgd: nesterov needs momentum above 0 and no dampening, got 0 and 0.]`,
  );
  expect(() => adam({ beta2: 2 })).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: adam: beta2 is in [0, 1), got 2.]`,
  );
  expect(() => adam({ epsilon: -1 })).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: adam: epsilon is a finite number from 0, got -1.]`,
  );
  expect(() => clipByGlobalNorm(0)).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: clipByGlobalNorm: maxNorm is a finite number above 0, got 0.]`,
  );
});

test("a chain without an optimizer at its end is refused", () => {
  const [clip, descent] = [clipByGlobalNorm(1), sgd({ learningRate: 1 })];
  const swapped = [descent, clip] as unknown as [typeof clip, typeof descent];
  expect(() => chain(...swapped)).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: chain: takes transformations, and an optimizer as the last, got another order.]`,
  );
});

test("chains can be parts of chains", () => {
  const inner = chain(clipByGlobalNorm(1), sgd({ learningRate: 1 }));
  const params = { w: tensor([0, 0]) };
  const outer = chain(clipByGlobalNorm(100), inner);
  const next = outer.update({ w: tensor([3, 4]) }, outer.init(params), params);
  expect(next.params.w.toArray()).toEqual([expect.closeTo(-0.6, 6), expect.closeTo(-0.8, 6)]);
});

test("an unknown option is refused", () => {
  const misspelt = { learningrate: 1 } as object as { learningRate: number };
  expect(() => sgd(misspelt)).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: sgd: options are learningRate, momentum, dampening, nesterov, weightDecay, decayed, got "learningrate". Remove or correct it.]`,
  );
  expect(() => adam(misspelt)).toThrowErrorMatchingInlineSnapshot(
    `[ArgumentError: adam: options are learningRate, beta1, beta2, epsilon, amsgrad, weightDecay, decayed, got "learningrate". Remove or correct it.]`,
  );
});

test("gradients of another structure are refused, naming the place", () => {
  const optimizer = sgd({ learningRate: 1 });
  const params = { cell: { W: tensor([1]), b: tensor([1]) } };
  const grads = { cell: { W: tensor([1]) } } as typeof params;
  expect(() =>
    optimizer.update(grads, optimizer.init(params), params),
  ).toThrowErrorMatchingInlineSnapshot(
    `[TreeError: tree: structures must be the same at "cell", got an object with the keys W, b and an object with the keys W.]`,
  );
});
