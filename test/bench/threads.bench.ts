/**
 * @file One compiled training step of an LSTM of 256 on one thread and on two, by the clock: processor time would
 * count both. They take turns; wait for a quiet machine.
 */
import {
  type Cell,
  compile,
  key,
  leaves,
  normal,
  scan,
  setDefaultBackend,
  step,
  type Tensor,
  valueAndGrad,
} from "@tapeloop/autograd";
import { wasmBackend } from "@tapeloop/backend-wasm";
import { lstmCell } from "@tapeloop/nn";
import { adam } from "@tapeloop/optim";
import { quantile } from "./measure.ts";

/** A training step on so many threads, and the sum of its parameters. */
function training(threads: number): { run: () => void; sum: () => number } {
  setDefaultBackend(wasmBackend({ threads }));
  const lstm = lstmCell(128, 256);
  const cell = lstm.step as Cell<object, object, Tensor, Tensor>;
  const params: object = lstm.init(key(0));
  const [state, xs] = [lstm.initialState(64), normal([64, 64, 128], { key: key(1) })];
  const loss = valueAndGrad((p: object, x: Tensor) =>
    scan(cell, p, state, x)[1]
      .slice([{ start: -1 }])
      .square()
      .mean(),
  );
  const optimizer = adam({ learningRate: 0.001 });
  const train = compile((model: { params: object; state: object }, x: Tensor) =>
    optimizer.update(loss(model.params, x).grads, model.state, model.params),
  );
  let model: { params: object; state: object } = { params, state: optimizer.init(params) };
  return {
    run: () => {
      model = step(model, (m) => train(m, xs));
    },
    sum: () => leaves(model.params).reduce((total, x) => total + x.sum().item(), 0),
  };
}

const candidates = [1, 2].map(training);
const samples: number[][] = candidates.map(() => []);
for (let round = 0; round < 15; round++) {
  // Threads start while this one waits for nothing.
  await new Promise((resolve) => setTimeout(resolve, 20));
  candidates.forEach(({ run }, i) => {
    const start = performance.now();
    run();
    if (round >= 3) samples[i].push(performance.now() - start);
  });
}
const [one, two] = samples;
const ratios = one.map((time, i) => time / two[i]);
const ms = (times: readonly number[]): string =>
  `${quantile(times, 0.5).toFixed(0)} ms (best ${quantile(times, 0).toFixed(0)})`;
console.log(`LSTM 128 → 256, batch 64, 64 steps: 1 thread ${ms(one)}, 2 threads ${ms(two)}`);
console.log(`2 threads are ${quantile(ratios, 0.5).toFixed(2)} times faster (median of ratios)`);
console.log(`the same bits: ${candidates[0].sum() === candidates[1].sum()}`);
