/** @file TensorFlow.js on its WebAssembly backend, one thread, at some tasks of ours/ours.ts. */
import { createRequire } from "node:module";
import { readArrays } from "./arrays.mjs";
import { enter, folder, task } from "./dist/peers/ours/entrant.js";

const require = createRequire(import.meta.url);
const tf = require("@tensorflow/tfjs");
const { setThreadsCount, setWasmPaths } = require("@tensorflow/tfjs-backend-wasm");

setThreadsCount(1);
setWasmPaths(require.resolve("@tensorflow/tfjs-backend-wasm").replace(/[^/]*$/, ""));
await tf.setBackend("wasm");
await tf.ready();

const given = Object.fromEntries(
  Object.entries(readArrays(folder, task)).map(([name, { data, shape }]) => [
    name,
    tf.tensor(data, shape),
  ]),
);

/** An LSTM in plain ops, which the layers of TensorFlow.js are made of as well. */
function lstm({ Wx, Wh, b }, xs) {
  const [B, H] = [xs.shape[1], Wh.shape[0]];
  let [h, c] = [tf.zeros([B, H]), tf.zeros([B, H])];
  return tf.unstack(xs).map((x) => {
    const [i, f, g, o] = tf.split(tf.add(tf.add(tf.matMul(x, Wx), tf.matMul(h, Wh)), b), 4, 1);
    c = tf.add(tf.mul(tf.sigmoid(f), c), tf.mul(tf.sigmoid(i), tf.tanh(g)));
    h = tf.mul(tf.sigmoid(o), tf.tanh(c));
    return h;
  });
}

const operations = {
  lstm: () => {
    const { xs, labels, ...first } = given;
    const p = Object.fromEntries(Object.entries(first).map(([name, x]) => [name, tf.variable(x)]));
    const optimizer = tf.train.adam(0.01, 0.9, 0.999, 1e-8);
    const classes = tf.oneHot(labels.flatten(), p.bo.shape[0]).toFloat();
    const loss = () => {
      const logits = tf.add(tf.matMul(tf.concat(lstm(p, xs)), p.Wo), p.bo);
      return tf.neg(tf.mean(tf.sum(tf.mul(classes, tf.logSoftmax(logits)), -1)));
    };
    return () => {
      const value = tf.tidy(() => optimizer.minimize(loss, true));
      const [number] = value.dataSync();
      value.dispose();
      return number;
    };
  },
  product: () => once(({ a, b }) => tf.matMul(a, b)),
  pointwise: () =>
    once(({ a, b, c, d }) => tf.mul(tf.tanh(tf.add(tf.mul(a, b), c)), tf.sigmoid(d))),
  softmax: () => once(({ x }) => tf.softmax(x)),
};

/** One op per call; returns its first ten results in turn. */
function once(f) {
  const result = f(given);
  const first = result.dataSync();
  result.dispose();
  let calls = 0;
  return () => {
    tf.dispose(tf.tidy(() => f(given)));
    return first[calls++ % 10];
  };
}

await enter(operations[task]());
