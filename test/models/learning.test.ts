/** @file Small tasks that models must learn, from fixed keys, with memory that does not grow. */
import {
  argmax,
  cast,
  equal,
  key,
  mean,
  memory,
  setDefaultBackend,
  splitKey,
  step,
  type Tensor,
  uniform,
  valueAndGrad,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { gruCell, linear, lstmCell, rnnCell, scan, softmaxCrossEntropy } from "@tapeloop/nn";
import { adam, chain, clipByGlobalNorm } from "@tapeloop/optim";
import { expect, test } from "vitest";

setDefaultBackend(ndarrayBackend);

/** Sequences [T, B, 1] of numbers in [−1, 1), and whether the first of each was above 0. */
function memoryTask(from: Tensor): { xs: Tensor; labels: Tensor } {
  const xs = uniform([8, 16, 1], -1, 1, { key: from });
  const first = xs.slice([{ stop: 1 }]).reshape([16]);
  return { xs, labels: cast(first.greater(0), "int32") };
}

const cells = { rnn: rnnCell(1, 8), lstm: lstmCell(1, 8), gru: gruCell(1, 8) };

test.each(Object.entries(cells) as unknown as [string, typeof cells.rnn][])(
  "%s learns to remember the first of 8 inputs",
  (_, cell) => {
    const head = linear(8, 2);
    const [k1, k2, k3] = splitKey(key(0), 3);
    const first = { cell: cell.init(k1), head: head.init(k2) };
    const { xs, labels } = memoryTask(k3);
    const predict = (p: typeof first): Tensor =>
      head.apply(p.head, scan(cell.step, p.cell, cell.initialState(16), xs)[0].h);
    const loss = valueAndGrad((p: typeof first) => softmaxCrossEntropy(predict(p), labels));

    const optimizer = chain(clipByGlobalNorm(1), adam({ learningRate: 0.02 }));
    let model = { params: first, state: optimizer.init(first) };
    const losses: number[] = [];
    let settled = memory();
    for (let i = 0; i < 100; i++) {
      model = step(model, ({ params, state }) => {
        const { value, grads } = loss(params);
        losses.push(value.item());
        return optimizer.update(grads, state, params);
      });
      if (i === 0) settled = memory();
    }
    expect(memory()).toMatchObject({ buffers: settled.buffers, bytes: settled.bytes });
    expect(losses[0]).toBeGreaterThan(0.5);
    expect(losses.at(-1)).toBeLessThan(0.1);
    expect(mean(equal(argmax(predict(model.params)), labels)).item()).toBeGreaterThan(0.9);
  },
);
