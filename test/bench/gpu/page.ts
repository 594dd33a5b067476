/**
 * @file What `bench gpu` runs in the browser: what a launch and a read cost, and the same work on the GPU and on
 * WASM in growing sizes. Times are of the clock, since a device has no processor time: the least of all rounds.
 */
import { gpuBackend, type GpuJsMode } from "@tapeloop/backend-gpu";
import {
  adam,
  compile,
  defaultBackend,
  key,
  lstmCell,
  mapTree,
  matmul,
  normal,
  scan,
  scope,
  setDefaultBackend,
  step,
  tensor,
  type Tensor,
  to,
  valueAndGrad,
} from "tapeloop";

type AnyBackend = ReturnType<typeof defaultBackend>;

/** Does so many of something, and returns when the last one is done. */
type Repeated = (times: number) => Promise<void>;

/** Work of some kind on a backend, in a size. */
type Work = (backend: AnyBackend, size: number) => Repeated;

/** The same work in one size: milliseconds. */
export interface Row {
  readonly size: number;
  readonly gpu: number;
  readonly wasm: number;
}

/** What was found. */
export interface Findings {
  readonly renderer: string;
  readonly isSoftware: boolean;
  /** Microseconds until a launch returns, until it is done among many others, and for the read of one number. */
  readonly launch: { readonly returned: number; readonly done: number; readonly read: number };
  readonly series: Readonly<Record<string, readonly Row[]>>;
}

/** So long is a round, and nothing larger is tried of what takes ten times as long: milliseconds. */
const round = 100;

/** Milliseconds of one operation. */
async function timeOf(run: Repeated): Promise<number> {
  await run(1);
  let best = Infinity;
  let times = 1;
  for (let rounds = 0; rounds < 5;) {
    const start = performance.now();
    await run(times);
    const took = performance.now() - start;
    // Clocks of browsers tick too rarely for shorter rounds.
    if (took < round) {
      times *= 2;
      continue;
    }
    best = Math.min(best, took / times);
    rounds++;
    if (took > 10 * round) break;
  }
  return best;
}

const random = (shape: number[], seed: number): Tensor => normal(shape, { key: key(seed) });

/** y = f(x), again and again; the last y is waited for. */
function again(f: (x: Tensor) => Tensor, x: Tensor): Repeated {
  const compiled = compile(f);
  return async (times) => {
    const y = scope(() => {
      let last = compiled(x);
      for (let i = 1; i < times; i++) last = compiled(x);
      return last;
    });
    await y.data();
    y.dispose();
  };
}

const works: Readonly<Record<string, { readonly of: Work; readonly sizes: readonly number[] }>> = {
  // The sum is what is read back: one number.
  "elements: tanh(x) · 0.5 + x, summed": {
    sizes: [10, 12, 14, 16, 18, 20, 22, 23].map((power) => 2 ** power),
    of: (_, size) => again((x) => x.tanh().mul(0.5).add(x).sum(), random([size], 1)),
  },
  "product: n × n by n × n, summed": {
    sizes: [32, 64, 128, 256, 512, 1024, 2048],
    of: (_, size) => again((x) => matmul(x, x).sum(), random([size, size], 1)),
  },
  "LSTM: a training step of 16 steps, batch 32, of H states, with Adam": {
    sizes: [16, 32, 64, 128, 256, 512, 1024],
    of: training,
  },
};

/** A training step of an LSTM of H states. */
function training(backend: AnyBackend, H: number): Repeated {
  const [T, B] = [16, 32];
  const [cell, optimizer] = [lstmCell(H, H), adam({ learningRate: 1e-3 })];
  // First values are made by reading, which is another matter.
  setDefaultBackend(wasm);
  const params = mapTree((w) => to(w, backend), cell.init(key(0)));
  setDefaultBackend(backend);
  const loss = valueAndGrad((p: typeof params, x: Tensor) =>
    scan(cell.step, p, cell.initialState(B), x)[1].square().mean(),
  );
  const x = random([T, B, H], 2);
  let model = { params, state: optimizer.init(params), value: tensor(0) };
  const next = compile((m: typeof model, input: Tensor) => {
    const { value, grads } = loss(m.params, input);
    return { ...optimizer.update(grads, m.state, m.params), value };
  });
  return async (times) => {
    for (let i = 0; i < times; i++) model = step(model, (m) => next(m, x));
    await model.value.data();
  };
}

const wasm = defaultBackend();

/** Measures everything. */
async function measure(mode: GpuJsMode): Promise<Findings> {
  const gpu = await gpuBackend({ mode, elsewhere: wasm });
  const { renderer, isSoftware } = gpu.report();

  setDefaultBackend(gpu);
  const x = random([64], 1);
  await x.data();
  const launches = 1000;
  const all = scope(() => {
    let y = x.add(1);
    const start = performance.now();
    for (let i = 0; i < launches; i++) y = y.add(1);
    return { y, start, returned: performance.now() - start };
  });
  await all.y.data();
  const done = performance.now() - all.start;
  const read = await timeOf(async (times) => {
    for (let i = 0; i < times; i++) await all.y.data();
  });
  const micros = (time: number, of = launches): number => (1000 * time) / of;
  const launch = { returned: micros(all.returned), done: micros(done), read: micros(read, 1) };

  const series: Record<string, Row[]> = {};
  for (const [title, { of, sizes }] of Object.entries(works)) {
    const rows: Row[] = (series[title] = []);
    for (const size of sizes) {
      const times: number[] = [];
      for (const backend of [gpu as AnyBackend, wasm]) {
        setDefaultBackend(backend);
        times.push(await timeOf(of(backend, size)));
      }
      rows.push({ size, gpu: times[0], wasm: times[1] });
      if (times[0] > 10 * round) break;
    }
  }
  return { renderer, isSoftware, launch, series };
}

Object.assign(globalThis, { measure });
