/** @file Wrappers around optimizers: what they promise beyond the paths of references. */
import { setDefaultBackend, type Tensor, tensor, valueAndGrad } from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import {
  accumulate,
  adam,
  asgd,
  chain,
  clipByGlobalNorm,
  exponentialAverage,
  frozen,
  lookahead,
  type Optimizer,
  partition,
  reduceOnPlateau,
  scheduleFreeSgd,
  sgd,
  sharpnessAware,
  skipNonFinite,
  stochasticWeightAverage,
} from "@tapeloop/optim";
import { describe, expect, test } from "vitest";

setDefaultBackend(ndarrayBackend);

interface Weights {
  readonly w: Tensor;
}
const weights = (...w: number[]): Weights => ({ w: tensor(w, { dtype: "float64" }) });
const descent = sgd({ learningRate: 1 });

/** Parameters and state after updates by the given gradients. */
function after(
  optimizer: Optimizer,
  grads: readonly Weights[],
  first = weights(0),
): ReturnType<typeof optimizer.update<Weights>> {
  return grads.reduce((last, g) => optimizer.update(g, last.state, last.params), {
    params: first,
    state: optimizer.init(first),
  });
}
const ones = (count: number): Weights[] => Array.from({ length: count }, () => weights(-1));

describe("accumulate", () => {
  test("makes one update by the mean of its gradients", () => {
    const grads = [1, 2, 6, -3, 0, 6].map((g) => weights(g, -g));
    const first = weights(1, 2);
    const { params, state } = after(accumulate(adam({ learningRate: 0.1 }), 3), grads, first);
    const means = [weights(3, -3), weights(1, -1)];
    const expected = after(adam({ learningRate: 0.1 }), means, first);
    params.w.dataSync().forEach((x, i) => {
      expect(x).toBeCloseTo(expected.params.w.dataSync()[i], 14);
    });
    expect((state as { count: Tensor }).count.item()).toBe(0);
  });

  test("leaves parameters and state as they are in between", () => {
    const optimizer = accumulate(adam(), 3);
    const first = weights(1, 2);
    const { params, state } = after(optimizer, [weights(5, 5), weights(5, 5)], first);
    expect(params.w.toArray()).toEqual([1, 2]);
    expect(String((state as { count: Tensor }).count)).toBe("int32[] 2");
    const inner = (state as unknown as { optimizer: [unknown, { step: Tensor }] }).optimizer;
    expect(inner[1].step.item()).toBe(0);
  });

  test("does not carry what was not finite into the next update", () => {
    const optimizer = accumulate(skipNonFinite(descent), 2);
    const { params } = after(optimizer, [weights(NaN), weights(1), weights(1), weights(3)]);
    expect(params.w.toArray()).toEqual([-2]);
  });
});

describe("skipNonFinite", () => {
  const counts = (state: object): [number, number] => {
    const { inRow, skipped } = state as { inRow: Tensor; skipped: Tensor };
    return [inRow.item(), skipped.item()];
  };

  test.each([NaN, Infinity, -Infinity])("leaves out an update by %s", (bad) => {
    const optimizer = skipNonFinite(adam({ learningRate: 0.1 }));
    const good = [weights(1, 2), weights(2, 1)];
    const { params, state } = after(optimizer, [good[0], weights(bad, 1), good[1]], weights(0, 0));
    const expected = after(adam({ learningRate: 0.1 }), good, weights(0, 0));
    expect(params.w.dataSync()).toEqual(expected.params.w.dataSync());
    expect(counts(state)).toEqual([0, 1]);
  });

  test("lets them through after so many in a row", () => {
    const optimizer = skipNonFinite(descent, { limit: 2 });
    const bad = weights(NaN);
    const twice = after(optimizer, [bad, weights(1), bad, bad]);
    expect(twice.params.w.toArray()).toEqual([-1]);
    expect(counts(twice.state)).toEqual([2, 3]);
    const next = optimizer.update(bad, twice.state, twice.params);
    expect(next.params.w.item()).toBeNaN();
    expect(counts(next.state)).toEqual([3, 3]);
  });

  test("takes parameters without elements, and none", () => {
    expect(after(skipNonFinite(descent), [weights()], weights()).params.w.shape).toEqual([0]);
    const optimizer = skipNonFinite(descent);
    expect(optimizer.update({}, optimizer.init({}), {}).params).toEqual({});
  });
});

describe("averages", () => {
  test("an exponential average begins with the first parameters", () => {
    const optimizer = exponentialAverage(descent, { decay: 0.5 });
    const first = weights(8);
    expect(optimizer.average(optimizer.init(first), first).w.toArray()).toEqual([8]);
    const { params, state } = after(optimizer, [weights(4), weights(4)], first);
    expect(params.w.item()).toBe(0);
    // (8 + 4) / 2 = 6, (6 + 0) / 2 = 3
    expect(optimizer.average(state, params).w.item()).toBe(3);
  });

  test("its decay may be a schedule, of the updates before", () => {
    const optimizer = exponentialAverage(descent, { decay: (step) => step.mul(0.5) });
    const { params, state } = after(optimizer, ones(2));
    expect(optimizer.average(state, params).w.item()).toBe(1.5);
  });

  test("a plain average is the parameters until it begins, and counts every so many", () => {
    const optimizer = stochasticWeightAverage(descent, { start: 3, every: 2 });
    const means = [1, 2, 3, 4, 5, 6, 7].map((count) => {
      const { params, state } = after(optimizer, ones(count));
      return optimizer.average(state, params).w.item();
    });
    // Of 3; of 3 and 5; of 3, 5 and 7.
    expect(means).toEqual([1, 2, 3, 3, 4, 4, 5]);
  });

  test("the mean of averaged gradient descent is the parameters until it begins", () => {
    const optimizer = asgd({ learningRate: 1, lambda: 0, start: 2 });
    const { params, state } = after(optimizer, ones(3));
    expect(optimizer.average(state, params).w.toArray()).toEqual(params.w.toArray());
  });

  test("is handed through by chains, of chains too", () => {
    const inner = chain(clipByGlobalNorm(1), exponentialAverage(descent, { decay: 0.5 }));
    const optimizer = chain(clipByGlobalNorm(100), inner);
    const { params, state } = after(optimizer, [weights(-8)]);
    expect(optimizer.average(state, params).w.item()).toBe(0.5);
    expect("average" in chain(clipByGlobalNorm(1), descent)).toBe(false);
  });

  test("observations are handed through by chains as well", () => {
    const inner = reduceOnPlateau(descent, { patience: 0, factor: 0.5 });
    const optimizer = chain(clipByGlobalNorm(1), inner);
    let state = optimizer.init(weights(0));
    for (const metric of [1, 1]) state = optimizer.observe(state, metric);
    expect(optimizer.update(weights(-8), state, weights(0)).params.w.item()).toBe(0.5);
    expect("observe" in chain(clipByGlobalNorm(1), descent)).toBe(false);
  });

  test("can hold one another", () => {
    const optimizer = exponentialAverage(lookahead(descent, { steps: 1 }), { decay: 0.5 });
    const { params, state } = after(optimizer, [weights(-4)]);
    expect(params.w.item()).toBe(2);
    expect(optimizer.average(state, params).w.item()).toBe(1);
  });

  test("a schedule-free learning rate may begin at 0", () => {
    const optimizer = scheduleFreeSgd({ learningRate: (step) => step, momentum: 0.5 });
    const { params, state } = after(optimizer, ones(2));
    expect(params.w.toArray()).toEqual([1]);
    expect(optimizer.average(state, params).w.toArray()).toEqual([1]);
  });
});

describe("partition", () => {
  const tree = () => ({ layers: [{ W: tensor([[1]]), b: tensor([1]) }, { W: tensor([[1]]) }] });

  test("gives a parameter to the first group that selects it", () => {
    const optimizer = partition([
      { where: /layers\[0\]/, optimizer: sgd({ learningRate: 0.5 }) },
      { where: /W/, optimizer: sgd({ learningRate: 0.25 }) },
    ]);
    const { params } = optimizer.update(tree(), optimizer.init(tree()), tree());
    expect(params.layers[0].W.item()).toBe(0.5);
    expect(params.layers[0].b?.item()).toBe(0.5);
    expect(params.layers[1].W.item()).toBe(0.75);
  });

  test("takes regular expressions that remember where they were", () => {
    const optimizer = partition([{ where: /layers/g, optimizer: descent }]);
    const { params } = optimizer.update(tree(), optimizer.init(tree()), tree());
    expect(params.layers[1].W.item()).toBe(0);
  });

  test("takes norms over a group inside of it", () => {
    const params = { a: tensor([0]), b: tensor([0]) };
    const grads = { a: tensor([3]), b: tensor([4]) };
    const clipped = chain(clipByGlobalNorm(1), descent);
    const optimizer = partition([{ where: /a/, optimizer: clipped }, { optimizer: descent }]);
    const next = optimizer.update(grads, optimizer.init(params), params).params;
    expect([next.a.item(), next.b.item()]).toEqual([-1, -4]);
    const around = chain(clipByGlobalNorm(1), partition([{ optimizer: descent }]));
    expect(around.update(grads, around.init(params), params).params.a.item()).toBeCloseTo(-0.6, 6);
  });

  test("keeps no state for what is frozen", () => {
    const optimizer = partition([{ optimizer: frozen() }]);
    const first = weights(1);
    expect(optimizer.init(first)).toEqual([{}]);
    expect(optimizer.update(weights(5), [{}], first).params.w).toBe(first.w);
  });

  test("refuses parameters that belong to no group", () => {
    expect(() =>
      partition([{ where: /W/, optimizer: descent }]).init(tree()),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: partition: every parameter belongs to a group, got "layers[0].b", which none selects. Add { optimizer: frozen() } as the last group.]`,
    );
  });

  test("refuses gradients of another structure", () => {
    const optimizer = partition([{ optimizer: descent }]);
    const first = { a: tensor(1), b: tensor(2) };
    const grads = { a: tensor(1) } as typeof first;
    expect(() =>
      optimizer.update(grads, optimizer.init(first), first),
    ).toThrowErrorMatchingInlineSnapshot(
      `[TreeError: tree: structures must be the same, got an object with the keys a, b and an object with the keys a.]`,
    );
  });
});

describe("sharpnessAware", () => {
  test("hands value and aux of the parameters themselves through", () => {
    const loss = valueAndGrad(({ w }: Weights, scale: Tensor) => [
      w.square().sum().mul(scale),
      "x",
    ]);
    const { value, aux, grads } = sharpnessAware(loss, { radius: 1 })(weights(3), tensor(1));
    expect([value.item(), aux, grads.w.item()]).toEqual([9, "x", 8]);
  });

  test("stays where the gradient is 0", () => {
    const loss = valueAndGrad(({ w }: Weights) => w.square().sum());
    expect(sharpnessAware(loss)(weights(0)).grads.w.item()).toBe(0);
  });
});
