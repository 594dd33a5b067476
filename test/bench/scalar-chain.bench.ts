/**
 * @file The cost of eager differentiation itself: chains of 1000 ops on single numbers, built and
 * differentiated. The time per op holds two to four kernel calls on one element each.
 */
import { grad, setDefaultBackend, tensor, type Tensor } from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { measure, quantile } from "./measure.ts";

setDefaultBackend(ndarrayBackend);
const [a, b, start] = [tensor(0.999), tensor(0.001), tensor(0.5)];

/** A chain of 1000 ops that repeats the given ones. */
function chain(...ops: readonly ((x: Tensor) => Tensor)[]): () => void {
  const f = grad((x: Tensor) => {
    let y = x;
    for (let i = 0; i < 1000; i += ops.length) for (const op of ops) y = op(y);
    return y;
  });
  return () => f(start).dispose();
}

const samples = await measure("1000 scalar ops, built and differentiated", {
  "mul, add": chain(
    (x) => x.mul(a),
    (x) => x.add(b),
  ),
  "mul, add, tanh, sub": chain(
    (x) => x.mul(a),
    (x) => x.add(b),
    (x) => x.tanh(),
    (x) => x.sub(b),
  ),
});
for (const [name, micros] of Object.entries(samples)) {
  console.log(`${name}: ${(quantile(micros, 0.5) / 1000).toFixed(3)} µs per op`);
}
