/** @file Two cells as a user writes them, in plain ops. */
import {
  type Cell,
  type LstmParameters,
  type LstmState,
  matmul,
  sigmoid,
  split,
  tanh,
  type Tensor,
  variance,
} from "tapeloop";

/** The equations of `lstmCell`. */
export const twin: Cell<LstmParameters, LstmState, Tensor, Tensor> = (p, { h, c }, x) => {
  const [i, f, g, o] = split(matmul(x, p.Wx).add(p.b).add(matmul(h, p.Wh)), 4);
  const memory = sigmoid(f)
    .mul(c)
    .add(sigmoid(i).mul(tanh(g)));
  const shown = sigmoid(o).mul(tanh(memory));
  return [{ h: shown, c: memory }, shown];
};

/** Parameters of {@link peephole}. */
type PeepholeParameters = LstmParameters &
  Readonly<Record<"pi" | "pf" | "po" | "gain" | "bias" | "gainC" | "biasC", Tensor>>;

/** (x − mean) / √(variance + ε), times a gain, plus a bias. */
function layerNorm(x: Tensor, gain: Tensor, bias: Tensor): Tensor {
  const centred = x.sub(x.mean({ axes: -1, keepAxes: true }));
  const scale = variance(x, { axes: -1, keepAxes: true }).add(1e-5).sqrt();
  return centred.div(scale).mul(gain).add(bias);
}

/** An LSTM with peepholes, and layer norm of its gates and of its memory. */
export const peephole: Cell<PeepholeParameters, LstmState, Tensor, Tensor> = (p, { h, c }, x) => {
  const gates = layerNorm(matmul(x, p.Wx).add(matmul(h, p.Wh)).add(p.b), p.gain, p.bias);
  const [i, f, g, o] = split(gates, 4);
  const kept = sigmoid(f.add(p.pf.mul(c))).mul(c);
  const next = kept.add(sigmoid(i.add(p.pi.mul(c))).mul(tanh(g)));
  const shown = sigmoid(o.add(p.po.mul(next))).mul(tanh(layerNorm(next, p.gainC, p.biasC)));
  return [{ h: shown, c: next }, shown];
};
