/** @file Very many compiled training steps: nothing grows, neither on the heap nor in the backend's memory. */
import {
  compile,
  key,
  memory,
  normal,
  scan,
  setDefaultBackend,
  step,
  tensor,
  type Tensor,
  valueAndGrad,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { wasmBackend } from "@tapeloop/backend-wasm";
import { linear, lstmCell, softmaxCrossEntropy } from "@tapeloop/nn";
import { adam, chain, clipByGlobalNorm } from "@tapeloop/optim";
import { afterAll, beforeAll, expect, test } from "vitest";

const collect = (globalThis as { gc?: () => void }).gc as () => void;
beforeAll(() => setDefaultBackend(wasmBackend({ threads: 1 })));
afterAll(() => setDefaultBackend(ndarrayBackend));

/** Bytes on the heap and outside of it, after what nobody reaches has been collected. */
async function heapBytes(): Promise<number> {
  for (let i = 0; i < 5; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Forward, backward, clipping and update of a small LSTM with cross entropy at every step. */
function training() {
  const [T, B, V, H] = [3, 2, 4, 4];
  const [cell, output] = [lstmCell(V, H), linear(H, V)];
  const optimizer = chain(clipByGlobalNorm(1), adam({ learningRate: 0.01 }));
  const params = { cell: cell.init(key(0)), output: output.init(key(1)) };
  const model = { params, state: optimizer.init(params) };
  const labels = tensor(
    Int32Array.from({ length: T * B }, (_, i) => i % V),
    { shape: [T, B] },
  );
  const loss = valueAndGrad((p: typeof params, x: Tensor) => {
    const [, ys] = scan(cell.step, p.cell, cell.initialState(B), x);
    return softmaxCrossEntropy(output.apply(p.output, ys), labels);
  });
  const train = (m: typeof model, x: Tensor): typeof model =>
    optimizer.update(loss(m.params, x).grads, m.state, m.params);
  return { model, train, x: normal([T, B, V], { key: key(2) }) };
}

// A hundred bytes that each step left behind would be 1.5 MB.
const [warmUp, steps, mostBytes] = [5000, 15_000, 300_000];

test(
  "compiled steps with a donated model leave heap, buffers, bytes and allocations as they are",
  { timeout: 120_000 },
  async () => {
    const { model, train, x } = training();
    const run = compile(train, { donate: [0] });
    let now = model;
    for (let i = 0; i < warmUp; i++) now = run(now, x);
    const before = { heap: await heapBytes(), memory: memory() };
    for (let i = 0; i < steps; i++) now = run(now, x);
    expect(memory()).toEqual(before.memory);
    expect((await heapBytes()) - before.heap).toBeLessThan(mostBytes);
  },
);

test(
  "compiled steps in step() leave heap, buffers and bytes as they are",
  { timeout: 120_000 },
  async () => {
    const { model, train, x } = training();
    const run = compile(train);
    let now = model;
    const next = (m: typeof model): typeof model => run(m, x);
    for (let i = 0; i < warmUp; i++) now = step(now, next);
    const before = { heap: await heapBytes(), memory: memory() };
    for (let i = 0; i < steps; i++) now = step(now, next);
    const { buffers, bytes } = before.memory;
    expect(memory()).toMatchObject({ buffers, bytes });
    expect((await heapBytes()) - before.heap).toBeLessThan(mostBytes);
  },
);
