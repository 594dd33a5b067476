/**
 * @file Compiled training steps of larger and of stranger models: a GRU over 100 steps, an LSTM of 256, and
 * a cell that no framework ships, an LSTM with peepholes and layer norm, in plain ops. Adam; mean squared
 * error at the end. The same in PyTorch: peers/torch-steps.py.
 */
import {
  type Cell,
  compile,
  key,
  matmul,
  normal,
  ones,
  scan,
  setDefaultBackend,
  sigmoid,
  split,
  splitKey,
  step,
  tanh,
  type Tensor,
  valueAndGrad,
  variance,
  zeros,
} from "@tapeloop/autograd";
import { wasmBackend } from "@tapeloop/backend-wasm";
import { gruCell, lstmCell } from "@tapeloop/nn";
import { adam } from "@tapeloop/optim";
import { measure } from "./measure.ts";

setDefaultBackend(wasmBackend());

/** One training step per call: of a cell over [T, B, I], by the mean square of its last outputs. */
function training<P extends object, S extends object>(
  cell: Cell<P, S, Tensor, Tensor>,
  params: P,
  state: S,
  xs: Tensor,
): () => void {
  const loss = valueAndGrad((p: P, x: Tensor) => {
    const [, ys] = scan(cell, p, state, x);
    return ys
      .slice([{ start: -1 }])
      .square()
      .mean();
  });
  const optimizer = adam({ learningRate: 0.001 });
  const train = compile((model: { params: P; state: object }, x: Tensor) =>
    optimizer.update(loss(model.params, x).grads, model.state, model.params),
  );
  let model: { params: P; state: object } = { params, state: optimizer.init(params) };
  return () => {
    model = step(model, (m) => train(m, xs));
  };
}

/** (x − mean) / √(variance + ε), times a gain, plus a bias. */
function layerNorm(x: Tensor, gain: Tensor, bias: Tensor): Tensor {
  const centred = x.sub(x.mean({ axes: -1, keepAxes: true }));
  const scale = variance(x, { axes: -1, keepAxes: true }).add(1e-5).sqrt();
  return centred.div(scale).mul(gain).add(bias);
}

/** Parameters of the cell below. */
function strangeParameters(I: number, H: number) {
  const [a, b] = splitKey(key(2));
  return {
    Wx: normal([I, 4 * H], { key: a }).mul(0.1),
    Wh: normal([H, 4 * H], { key: b }).mul(0.1),
    b: zeros([4 * H]),
    pi: zeros([H]),
    pf: zeros([H]),
    po: zeros([H]),
    gain: ones([4 * H]),
    bias: zeros([4 * H]),
    gainC: ones([H]),
    biasC: zeros([H]),
  };
}

/** An LSTM with peepholes, and layer norm of its gates and of its memory. */
const strange: Cell<
  ReturnType<typeof strangeParameters>,
  { h: Tensor; c: Tensor },
  Tensor,
  Tensor
> = (p, { h, c }, x) => {
  const gates = layerNorm(matmul(x, p.Wx).add(matmul(h, p.Wh)).add(p.b), p.gain, p.bias);
  const [i, f, g, o] = split(gates, 4);
  const kept = sigmoid(f.add(p.pf.mul(c))).mul(c);
  const next = kept.add(sigmoid(i.add(p.pi.mul(c))).mul(tanh(g)));
  const shown = sigmoid(o.add(p.po.mul(next))).mul(tanh(layerNorm(next, p.gainC, p.biasC)));
  return [{ h: shown, c: next }, shown];
};

const [gru, lstm] = [gruCell(32, 64), lstmCell(128, 256)];
await measure(
  "training step",
  {
    "GRU 32 → 64, batch 16, 100 steps": training(
      gru.step as Cell<object, object, Tensor, Tensor>,
      gru.init(key(0)),
      gru.initialState(16),
      normal([100, 16, 32], { key: key(1) }),
    ),
    "peephole layer-norm LSTM 32 → 64, batch 16, 50 steps": training(
      strange,
      strangeParameters(32, 64),
      { h: zeros([16, 64]), c: zeros([16, 64]) },
      normal([50, 16, 32], { key: key(1) }),
    ),
    "LSTM 128 → 256, batch 64, 64 steps": training(
      lstm.step as Cell<object, object, Tensor, Tensor>,
      lstm.init(key(0)),
      lstm.initialState(64),
      normal([64, 64, 128], { key: key(1) }),
    ),
  },
  { seconds: 3 },
);
