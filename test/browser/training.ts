/** @file Compiled training on a device: the losses of the reference, with nothing read back but them. */
import {
  compile,
  key,
  mapTree,
  memory,
  normal,
  scan,
  setDefaultBackend,
  step,
  type Tensor,
  to,
  valueAndGrad,
} from "@tapeloop/autograd";
import type { Backend } from "@tapeloop/autograd/backend";
import { gpuBackend, type GpuJsMode } from "@tapeloop/backend-gpu";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { lstmCell } from "@tapeloop/nn";
import { adam } from "@tapeloop/optim";
import { expect, test, vi } from "vitest";

const [T, B] = [8, 4];
const cell = lstmCell(3, 6);
const optimizer = adam({ learningRate: 0.05 });
const start = (backend: Backend) => {
  // Orthogonal matrices are made of numbers that are read at once.
  setDefaultBackend(ndarrayBackend);
  const made = cell.init(key(0));
  setDefaultBackend(backend);
  const params = mapTree((x) => to(x, backend), made);
  return { params, state: optimizer.init(params) };
};
type Model = ReturnType<typeof start>;
const loss = valueAndGrad((p: Model["params"], x: Tensor) =>
  (scan(cell.step, p, cell.initialState(B), x)[1] as Tensor).sub(0.3).square().mean(),
);
const train = ({ params, state }: Model, x: Tensor) => {
  const { value, grads } = loss(params, x);
  return { ...optimizer.update(grads, state, params), value };
};

/** The losses of the first steps. */
async function losses(backend: Backend, steps: number): Promise<number[]> {
  const run = compile(train);
  setDefaultBackend(backend);
  const x = normal([T, B, 3], { key: key(1) });
  let model = start(backend);
  const found: number[] = [];
  for (let i = 0; i < steps; i++) {
    const { value, ...next } = run(model, x);
    model = next;
    found.push((await value.data())[0]);
  }
  return found;
}

/** Adds the tests. */
export function testTraining(mode: GpuJsMode): void {
  test("makes a loss fall, as the reference does", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => {});
    const backend = await gpuBackend({ mode, elsewhere: ndarrayBackend });
    const found = await losses(backend, 12);
    const expected = await losses(ndarrayBackend, 12);
    found.forEach((value, i) => expect(Math.abs(value - expected[i])).toBeLessThan(1e-4));
    expect(found[11]).toBeLessThan(found[0] / 2);
  });

  test(
    "keeps what it holds, and moves nothing to or from the host",
    { timeout: 60_000 },
    async () => {
      vi.spyOn(console, "warn").mockImplementation(() => {});
      const backend = await gpuBackend({ mode, elsewhere: ndarrayBackend });
      setDefaultBackend(backend);
      const run = compile(train);
      const x = normal([T, B, 3], { key: key(1) });
      const next = (model: Model): Model => {
        const { params, state } = run(model, x);
        return { params, state };
      };
      let model = step(start(backend), next);
      model = step(model, next);
      const held = (): number[] => {
        const { arrays, bytes, kernels, reads, uploads } = backend.report();
        return [memory().buffers, memory().bytes, arrays, bytes, kernels, reads, uploads];
      };
      const before = held();
      for (let i = 0; i < 30; i++) model = step(model, next);
      expect(held()).toEqual(before);
    },
  );
}
