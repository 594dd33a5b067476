/** @file jax-js on its WebAssembly backend at some tasks of ours/ours.ts, under its jit. */
import {
  blockUntilReady,
  init,
  defaultDevice,
  jit,
  nn,
  numpy as np,
  tree,
  valueAndGrad,
} from "@jax-js/jax";
import { readArrays } from "./arrays.mjs";
import { enter, folder, task } from "./dist/peers/ours/entrant.js";

await init("wasm");
defaultDevice("wasm");

const given = Object.fromEntries(
  Object.entries(readArrays(folder, task)).map(([name, { data, shape }]) => [
    name,
    np.array(data).reshape(shape),
  ]),
);

/** The arrays of a tree, kept alive for another use: functions of jax-js consume what they are given. */
const kept = (arrays) => tree.map((x) => x.ref, arrays);

/** Outputs [T * B, H] of an LSTM in plain ops; jax-js has no loop that it differentiates. */
function lstm({ Wx, Wh, b }, xs) {
  const [T, B, H] = [xs.shape[0], xs.shape[1], Wh.shape[0]];
  let [h, c] = [np.zeros([B, H]), np.zeros([B, H])];
  const ys = [];
  for (let t = 0; t < T; t++) {
    const sums = np.matmul(xs.ref.slice(t), Wx.ref).add(np.matmul(h, Wh.ref)).add(b.ref);
    const gate = (n) => sums.ref.slice([], [n * H, (n + 1) * H]);
    const [i, f, g, o] = [gate(0), gate(1), gate(2), gate(3)];
    sums.dispose();
    c = nn
      .sigmoid(f)
      .mul(c)
      .add(nn.sigmoid(i).mul(np.tanh(g)));
    h = nn.sigmoid(o).mul(np.tanh(c.ref));
    ys.push(h.ref);
  }
  for (const x of [h, c, xs, Wx, Wh, b]) x.dispose();
  return np.concatenate(ys, 0);
}

const operations = {
  lstm: () => {
    const { xs, labels, ...first } = given;
    const [V, count] = [first.bo.shape[0], labels.size];
    const classes = nn.oneHot(labels.reshape([count]), V);
    const loss = (p, x, wanted) => {
      const { Wo, bo, ...cell } = p;
      const logits = np.matmul(lstm(cell, x), Wo).add(bo);
      return nn
        .logSoftmax(logits, -1)
        .mul(wanted)
        .sum()
        .mul(-1 / count);
    };
    const [beta1, beta2] = [0.9, 0.999];
    const train = jit((p, m, v, scales, x, wanted) => {
      const [value, grads] = valueAndGrad(loss)(kept(p), x, wanted);
      const next = { p: {}, m: {}, v: {} };
      for (const name of Object.keys(p)) {
        const g = grads[name];
        next.m[name] = m[name].mul(beta1).add(g.ref.mul(1 - beta1));
        next.v[name] = v[name].mul(beta2).add(np.square(g).mul(1 - beta2));
        const [a, b] = [scales.ref.slice(0), scales.ref.slice(1)];
        const root = np.sqrt(next.v[name].ref.mul(b)).add(1e-8);
        next.p[name] = p[name].sub(next.m[name].ref.mul(a).mul(0.01).div(root));
      }
      scales.dispose();
      return [value, next];
    });
    const zeros = () => tree.map((x) => np.zeros(x.shape), first);
    let [now, t] = [{ p: first, m: zeros(), v: zeros() }, 0];
    return async () => {
      t += 1;
      const scales = np.array(new Float32Array([1 / (1 - beta1 ** t), 1 / (1 - beta2 ** t)]));
      const [value, next] = train(now.p, now.m, now.v, scales, xs.ref, classes.ref);
      now = next;
      const [number] = await value.data();
      await blockUntilReady(now);
      return number;
    };
  },
  product: () => once(({ a, b }) => np.matmul(a, b)),
  pointwise: () => once(({ a, b, c, d }) => np.tanh(a.mul(b).add(c)).mul(nn.sigmoid(d))),
  softmax: () => once(({ x }) => nn.softmax(x, -1)),
};

/** One op per call; returns its first ten results in turn. */
async function once(f) {
  const compiled = jit(f);
  const first = await compiled(kept(given)).data();
  let calls = 0;
  return async () => {
    const result = compiled(kept(given));
    await result.blockUntilReady();
    result.dispose();
    return first[calls++ % 10];
  };
}

await enter(await operations[task]());
