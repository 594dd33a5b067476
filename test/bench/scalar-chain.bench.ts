/**
 * @file The cost of eager differentiation itself: chains of 1000 ops on single numbers, built and
 * differentiated. The time per op holds two to four kernel calls on one element each.
 */
import { grad, tensor, type Tensor } from "@tapeloop/autograd";
import type { Backend } from "@tapeloop/autograd/backend";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { wasmBackend } from "@tapeloop/backend-wasm";
import { measure, quantile } from "./measure.ts";

const backends = { ndarray: ndarrayBackend, wasm: wasmBackend() };

/** A chain of 1000 ops on a backend, that repeats the given ones on x and two constants. */
function chain(
  backend: Backend,
  ...ops: readonly ((x: Tensor, a: Tensor, b: Tensor) => Tensor)[]
): () => void {
  const [a, b, start] = [0.999, 0.001, 0.5].map((x) => tensor(x, { backend }));
  const f = grad((x: Tensor) => {
    let y = x;
    for (let i = 0; i < 1000; i += ops.length) for (const op of ops) y = op(y, a, b);
    return y;
  });
  return () => f(start).dispose();
}

const candidates = Object.entries(backends).flatMap(([name, backend]) => [
  [
    `${name}: mul, add`,
    chain(
      backend as Backend,
      (x, a) => x.mul(a),
      (x, _, b) => x.add(b),
    ),
  ],
  [
    `${name}: mul, add, tanh, sub`,
    chain(
      backend as Backend,
      (x, a) => x.mul(a),
      (x, _, b) => x.add(b),
      (x) => x.tanh(),
      (x, _, b) => x.sub(b),
    ),
  ],
]);
const samples = await measure(
  "1000 scalar ops, built and differentiated",
  Object.fromEntries(candidates),
);
for (const [name, micros] of Object.entries(samples)) {
  console.log(`${name}: ${(quantile(micros, 0.5) / 1000).toFixed(3)} µs per op`);
}
