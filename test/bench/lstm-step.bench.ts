/**
 * @file One training step of an LSTM (64 → 128, batch 32, 32 steps, cross-entropy at each, Adam): compiled
 * for WebAssembly against eager, and against a twin of the cell that is written here, as a user would.
 * The same model in PyTorch: peers/torch-lstm.py.
 */
import {
  type Cell,
  compile,
  key,
  matmul,
  normal,
  scan,
  setDefaultBackend,
  sigmoid,
  split,
  step,
  tanh,
  tensor,
  type Tensor,
  valueAndGrad,
} from "@tapeloop/autograd";
import { wasmBackend } from "@tapeloop/backend-wasm";
import { linear, lstmCell, type LstmParameters, softmaxCrossEntropy } from "@tapeloop/nn";
import { adam } from "@tapeloop/optim";
import { measure } from "./measure.ts";

setDefaultBackend(wasmBackend());
const [V, H, B, T] = [64, 128, 32, 32];
const [cell, output] = [lstmCell(V, H), linear(H, V)];
const optimizer = adam({ learningRate: 0.01 });

const twin: Cell<LstmParameters, { h: Tensor; c: Tensor }, Tensor, Tensor> = (p, { h, c }, x) => {
  const [i, f, g, o] = split(matmul(x, p.Wx).add(p.b).add(matmul(h, p.Wh)), 4);
  const memory = sigmoid(f)
    .mul(c)
    .add(sigmoid(i).mul(tanh(g)));
  const shown = sigmoid(o).mul(tanh(memory));
  return [{ h: shown, c: memory }, shown];
};

const start = () => {
  const params = { cell: cell.init(key(0)), output: output.init(key(1)) };
  return { params, state: optimizer.init(params) };
};
type Model = ReturnType<typeof start>;
const xs = normal([T, B, V], { key: key(3) });
const labels = tensor(
  Int32Array.from({ length: T * B }, (_, i) => (i * 7919) % V),
  { shape: [T, B] },
);

/** A training step with one of the cells. */
function trainer(run: typeof twin): (model: Model, x: Tensor) => Model {
  const loss = valueAndGrad((p: Model["params"], x: Tensor) => {
    const [, ys] = scan(run, p.cell, cell.initialState(B), x);
    return softmaxCrossEntropy(output.apply(p.output, ys), labels);
  });
  return ({ params, state }, x) => optimizer.update(loss(params, x).grads, state, params);
}

/** A loop of training steps, one per call. */
function loop(train: (model: Model, x: Tensor) => Model): () => void {
  let model: Model = start();
  return () => {
    model = step(model, (m) => train(m, xs));
  };
}

const shipped = cell.step as typeof twin;
await measure(
  "LSTM training step",
  {
    compiled: loop(compile(trainer(shipped))),
    "compiled, the cell written here": loop(compile(trainer(twin))),
    eager: loop(trainer(shipped)),
  },
  { seconds: 3 },
);
