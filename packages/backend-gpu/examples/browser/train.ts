/**
 * @file A small LSTM learns to continue waves, on a backend of the caller's choice. T time, B batch.
 *
 * Each example is a sum of two sines of random frequency and phase; at every step the model is asked for
 * the next value.
 */
import { gpuBackend, type GpuMode } from "@tapeloop/backend-gpu";
import {
  adam,
  compile,
  defaultBackend,
  linear,
  lstmCell,
  key,
  scan,
  setDefaultBackend,
  tensor,
  type Tensor,
  valueAndGrad,
} from "tapeloop";

type Backend = ReturnType<typeof defaultBackend>;

const [T, B, H] = [32, 16, 24];

/** A training that goes on as long as somebody asks. */
export interface Training {
  /** Where it runs. */
  readonly backend: Backend;
  /** So many steps, and the loss at the last of them: it alone is read back. */
  readonly run: (steps: number) => Promise<number>;
}

/** A batch of waves: x [T, B, 1], and the values that follow. */
function waves(seed: number): { x: Tensor; y: Tensor } {
  let state = seed;
  const next = (): number => (state = (state * 16807) % 2147483647) / 2147483647;
  const parts = Array.from({ length: B }, () =>
    [0, 1].map(() => ({ speed: 0.1 + 0.5 * next(), phase: 6.28 * next() })),
  );
  const at = (t: number): number[] =>
    parts.map((both) => both.reduce((sum, p) => sum + 0.4 * Math.sin(p.speed * t + p.phase), 0));
  const values = (first: number): Float32Array =>
    Float32Array.from(Array.from({ length: T }, (_, t) => at(first + t)).flat());
  const shape = [T, B, 1];
  return { x: tensor(values(0), { shape }), y: tensor(values(1), { shape }) };
}

/** Begins a training. */
export async function start(mode: GpuMode): Promise<Training> {
  const elsewhere = defaultBackend();
  const backend: Backend = await gpuBackend({ mode: mode as "auto", elsewhere });
  setDefaultBackend(backend);
  const [cell, output, optimizer] = [lstmCell(1, H), linear(H, 1), adam({ learningRate: 0.01 })];
  const params = { cell: cell.init(key(0)), output: output.init(key(1)) };
  const loss = valueAndGrad((p: typeof params, x: Tensor, y: Tensor) => {
    const [, hs] = scan(cell.step, p.cell, cell.initialState(B), x);
    return output.apply(p.output, hs).sub(y).square().mean();
  });
  let model = { params, state: optimizer.init(params) };
  const step = compile((m: typeof model, x: Tensor, y: Tensor) => {
    const { value, grads } = loss(m.params, x, y);
    return { value, model: optimizer.update(grads, m.state, m.params) };
  });
  let steps = 0;
  return {
    backend,
    run: async (count) => {
      let value = tensor(NaN);
      for (let i = 0; i < count; i++) {
        const { x, y } = waves(1 + steps++);
        const made = step(model, x, y);
        ({ model, value } = made);
      }
      return (await value.data())[0];
    },
  };
}
