/**
 * @file Compiled training steps of recurrent models on the wasm backend: forward, backward, Adam. Compare
 * with `/usr/bin/python3 test/bench/peers/torch-recurrent.py`. `TURBO=1` turns on what V8 has not.
 */
import {
  compile,
  key,
  leaves,
  normal,
  scan,
  setDefaultBackend,
  sigmoid,
  split,
  sqrt,
  step,
  tanh,
  tensor,
  type Tensor,
  valueAndGrad,
  zeros,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { turbo, wasmBackend } from "@tapeloop/backend-wasm";
import { gruCell, linear, lstmCell, softmaxCrossEntropy } from "@tapeloop/nn";
import { adam } from "@tapeloop/optim";
import { type Candidate, measure } from "./measure.ts";

if (process.env["TURBO"] !== undefined) console.log(turbo());
setDefaultBackend(wasmBackend({ elsewhere: ndarrayBackend }));
const optimizer = adam({ learningRate: 0.01 });

/** Training steps of a model, one per call. */
function training<P extends object>(
  params: P,
  loss: (params: P, xs: Tensor) => Tensor,
  xs: Tensor,
): Candidate {
  const both = valueAndGrad(loss);
  type Model = { readonly params: P; readonly state: object };
  const train = compile(({ params: p, state }: Model, x: Tensor) => {
    const { value, grads } = both(p, x);
    return { ...optimizer.update(grads, state, p), value };
  });
  let now: Model = { params, state: optimizer.init(params) };
  return () => {
    now = step(now, (model) => {
      const { params: p, state } = train(model, xs);
      return { params: p, state };
    });
    return leaves(now.params)[0];
  };
}

const random = (shape: number[], seed: number): Tensor => normal(shape, { key: key(seed) });

/** An LSTM with cross-entropy in every step. */
function characters(V: number, H: number, B: number, T: number): Candidate {
  const [cell, output] = [lstmCell(V, H), linear(H, V)];
  const labels = tensor(
    Int32Array.from({ length: T * B }, (_, i) => (i * 7919) % V),
    { shape: [T, B] },
  );
  const params = { cell: cell.init(key(0)), output: output.init(key(1)) };
  const loss = (p: typeof params, xs: Tensor): Tensor => {
    const [, ys] = scan(cell.step, p.cell, cell.initialState(B), xs);
    return softmaxCrossEntropy(output.apply(p.output, ys), labels);
  };
  return training(params, loss, random([T, B, V], 2));
}

/** A net whose last state is compared with numbers. */
function regression(name: "lstm" | "gru", I: number, H: number, B: number, T: number): Candidate {
  const cell = (name === "lstm" ? lstmCell(I, H) : gruCell(I, H)) as ReturnType<typeof gruCell>;
  const output = linear(H, 1);
  const params = { cell: cell.init(key(0)), output: output.init(key(1)) };
  const target = random([B, 1], 3);
  const loss = (p: typeof params, xs: Tensor): Tensor => {
    const [{ h }] = scan(cell.step, p.cell, cell.initialState(B), xs);
    return output.apply(p.output, h).sub(target).square().mean();
  };
  return training(params, loss, random([T, B, I], 2));
}

/** A normalised row, scaled and shifted. */
function normalized(x: Tensor, gain: Tensor, bias: Tensor): Tensor {
  const centred = x.sub(x.mean({ axes: -1, keepAxes: true }));
  const variance = centred.square().mean({ axes: -1, keepAxes: true });
  return centred
    .div(sqrt(variance.add(1e-5)))
    .mul(gain)
    .add(bias);
}

/** A user's cell: an LSTM with peepholes and layer normalisation, op by op. */
function peephole(I: number, H: number, B: number, T: number): Candidate {
  const vector = (value: number): Tensor => zeros([H]).add(value);
  const params = {
    Wx: random([I, 4 * H], 1).mul(0.1),
    Wh: random([H, 4 * H], 2).mul(0.1),
    gains: Array.from({ length: 5 }, () => vector(1)),
    biases: Array.from({ length: 5 }, () => vector(0)),
    peepholes: Array.from({ length: 3 }, () => vector(0.1)),
  };
  type Params = typeof params;
  const cell = (
    { Wx, Wh, gains, biases, peepholes: [pi, pf, po] }: Params,
    [h, c]: readonly Tensor[],
    x: Tensor,
  ): [Tensor[], Tensor] => {
    const gates = split(x.matmul(Wx).add(h.matmul(Wh)), 4, { axis: 1 });
    const [i, f, g, o] = gates.map((z, k) => normalized(z, gains[k], biases[k]));
    const next = sigmoid(f.add(pf.mul(c)))
      .mul(c)
      .add(sigmoid(i.add(pi.mul(c))).mul(tanh(g)));
    const shown = sigmoid(o.add(po.mul(next))).mul(tanh(normalized(next, gains[4], biases[4])));
    return [[shown, next], shown];
  };
  const target = random([B, H], 3);
  const loss = (p: Params, xs: Tensor): Tensor => {
    const [[h]] = scan(cell, p, [zeros([B, H]), zeros([B, H])], xs);
    return h.sub(target).square().mean();
  };
  return training(params, loss, random([T, B, I], 4));
}

await measure(
  "one compiled training step",
  {
    "LSTM V=64 H=128 B=32 T=32, cross-entropy": characters(64, 128, 32, 32),
    "GRU I=32 H=64 B=16 T=100": regression("gru", 32, 64, 16, 100),
    "peephole + layer-norm LSTM I=32 H=64 B=16 T=50": peephole(32, 64, 16, 50),
    "LSTM I=128 H=256 B=64 T=64": regression("lstm", 128, 256, 64, 64),
  },
  { seconds: 3 },
);
