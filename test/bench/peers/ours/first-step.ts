/** @file A user's program: one training step of an LSTM, from nothing. The runner times the whole process. */
import {
  adam,
  compile,
  key,
  lstmCell,
  linear,
  normal,
  scan,
  softmaxCrossEntropy,
  tensor,
  type Tensor,
  valueAndGrad,
} from "tapeloop";

const [V, H, B, T] = [64, 128, 32, 32];
const [cell, output] = [lstmCell(V, H), linear(H, V)];
const params = { cell: cell.init(key(0)), output: output.init(key(1)) };
const optimizer = adam({ learningRate: 0.01 });
const xs = normal([T, B, V], { key: key(2) });
const labels = tensor(
  Int32Array.from({ length: T * B }, (_, i) => (i * 7919) % V),
  { shape: [T, B] },
);
const loss = valueAndGrad((p: typeof params, x: Tensor) => {
  const [, ys] = scan(cell.step, p.cell, cell.initialState(B), x);
  return softmaxCrossEntropy(output.apply(p.output, ys), labels);
});
const train = compile((p: typeof params, state: ReturnType<typeof optimizer.init>, x: Tensor) => {
  const { value, grads } = loss(p, x);
  return { ...optimizer.update(grads, state, p), loss: value };
});
const result = train(params, optimizer.init(params), xs);
console.log(JSON.stringify({ checked: [], loss: result.loss.item() }));
