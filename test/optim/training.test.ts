/** @file Every optimizer in training: types, memory, and a small recurrent model. */
import {
  arange,
  compile,
  key,
  leaves,
  mapTree,
  mean,
  memory,
  setDefaultBackend,
  sin,
  square,
  step,
  sub,
  type Tensor,
  valueAndGrad,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { linear, rnnCell, scan } from "@tapeloop/nn";
import type { OptimizerState } from "@tapeloop/optim";
import { describe, expect, test } from "vitest";
import { gradient, optimizers, start } from "./problem.ts";

setDefaultBackend(ndarrayBackend);

describe.each(Object.entries(optimizers))("%s", (_, make) => {
  test("keeps shapes and element types, its state too", () => {
    const optimizer = make();
    const types = (tree: object): string[] =>
      leaves(tree).map(({ dtype, shape }) => `${dtype}[${shape.join(",")}]`);
    const [params, problem] = start();
    const { layer } = start("float64")[0];
    const mixed = { ...params, layer };
    const grads = { ...gradient(params, problem), layer: mapTree((x) => x.mul(0.1), layer) };
    const state = optimizer.init(mixed);
    const next = optimizer.update(grads, state, mixed);
    expect(types(next.params)).toEqual(types(mixed));
    expect(types(next.state)).toEqual(types(state));
  });

  test("uses the same memory however often it is made", () => {
    const optimizer = make();
    const [first, problem] = start();
    let model = { params: first, state: optimizer.init(first) };
    const train = (): void => {
      model = step(model, ({ params, state }) =>
        optimizer.update(gradient(params, problem), state, params),
      );
    };
    for (let i = 0; i < 4; i++) train();
    const { buffers, bytes } = memory();
    for (let i = 0; i < 12; i++) train();
    expect(memory()).toMatchObject({ buffers, bytes });
  });

  test("makes the loss of a small recurrent model fall", () => {
    const optimizer = make();
    const [cell, head] = [rnnCell(1, 4), linear(4, 1)];
    const first = { s: cell.init(key(1)), head: head.init(key(2)) };
    const wave = sin(arange(0, 12, 0.5)).reshape([24, 1]);
    const [xs, ys] = [wave.slice([{ stop: -1 }]), wave.slice([{ start: 1 }])];
    const loss = ({ s, head: last }: typeof first, x: Tensor, y: Tensor): Tensor => {
      const hs = scan(cell.step, s, cell.initialState(), x)[1];
      return mean(square(sub(head.apply(last, hs), y)));
    };
    const gradients = valueAndGrad(loss);
    const train = compile((params: typeof first, state: OptimizerState, x: Tensor, y: Tensor) =>
      optimizer.update(gradients(params, x, y).grads, state, params),
    );
    const before = loss(first, xs, ys).item();
    let model = { params: first, state: optimizer.init(first) };
    for (let i = 0; i < 30; i++) {
      model = step(model, ({ params, state }) => train(params, state, xs, ys));
    }
    expect(loss(model.params, xs, ys).item()).toBeLessThan(0.6 * before);
  });
});
