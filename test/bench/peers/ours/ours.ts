/** @file Tapeloop at every task. Variants: plain, fma, turbo, twin, eager, one thread, threads. */
import { turbo } from "@tapeloop/backend-wasm";
import {
  adam,
  type Cell,
  compile,
  grad,
  gruCell,
  key,
  leaves,
  lstmCell,
  matmul,
  memory,
  scan,
  select,
  setDefaultBackend,
  sigmoid,
  softmax,
  softmaxCrossEntropy,
  step,
  stream,
  tanh,
  type Tensor,
  tensor,
  valueAndGrad,
  wasmBackend,
  zeros,
} from "tapeloop";
import { readArrays, sizes, writeArrays } from "./arrays.ts";
import { peephole, twin } from "./cells.ts";
import { enter, folder, seconds, task, variant } from "./entrant.ts";

type Parameters = Record<string, Tensor>;
type Step = Cell<Parameters, Parameters, Tensor, Tensor>;

const tuned = variant === "turbo" ? turbo() : undefined;
setDefaultBackend(
  wasmBackend({
    // Without fused multiply-add, whatever the engine has.
    deterministic: variant !== "fma" && variant !== "turbo",
    threads: variant === "threads" ? 2 : 1,
  }),
);

/** Training steps with Adam, one for each call; returns the loss before the step. */
function training(
  parameters: Parameters,
  lossOf: (p: Parameters, ...data: readonly Tensor[]) => Tensor,
  data: readonly Tensor[],
  learningRate: number,
): () => number {
  const optimizer = adam({ learningRate });
  const loss = valueAndGrad(lossOf);
  interface Model {
    readonly parameters: Parameters;
    readonly state: object;
    readonly loss: Tensor;
  }
  // Inputs and labels are arguments: what a program has by itself, it may work out beforehand.
  const written = ({ parameters: p, state }: Model, ...given: readonly Tensor[]): Model => {
    const { value, grads } = loss(p, ...given);
    const next = optimizer.update(grads, state, p);
    return { parameters: next.params, state: next.state, loss: value };
  };
  const train = variant === "eager" ? written : compile(written, { donate: [0] });
  let model: Model = { parameters, state: optimizer.init(parameters), loss: tensor(0) };
  return () => {
    model = step(model, (m) => train(m, ...data));
    return model.loss.item();
  };
}

/** Training on the mean square of a cell's last output. */
function lastOutput(arrays: Parameters, cell: Step, state: Parameters): () => number {
  const { xs, ...parameters } = arrays;
  const loss = (p: Parameters, x: Tensor): Tensor =>
    scan(cell, p, state, x)[1]
      .slice([{ start: -1 }])
      .square()
      .mean();
  return training(parameters, loss, [xs], 0.001);
}

/** h and c of zeros. */
const lstmState = ({ B, H }: { B: number; H: number }): Parameters => ({
  h: zeros([B, H]),
  c: zeros([B, H]),
});

/** The compiled function of a task, once per call; returns its first ten results in turn. */
async function once(f: (...operands: Tensor[]) => Tensor): Promise<() => number> {
  const operands = Object.values(await readArrays(folder, task));
  const compiled = compile(f);
  const first = compiled(...operands).dataSync() as Float32Array;
  let calls = 0;
  return () => {
    compiled(...operands).dispose();
    return first[calls++ % 10];
  };
}

const tasks: Record<string, () => Promise<void>> = {
  arrays: () => writeArrays(folder),
  lstm: async () => {
    const { xs, labels, ...parameters } = await readArrays(folder, task);
    const { I, H } = sizes.lstm;
    const cell = (variant === "twin" ? twin : lstmCell(I, H).step) as unknown as Step;
    const state = lstmState(sizes.lstm);
    const loss = (p: Parameters, ...[x, right]: readonly Tensor[]): Tensor => {
      const [, ys] = scan(cell, p, state, x);
      return softmaxCrossEntropy(matmul(ys, p["Wo"]).add(p["bo"]), right);
    };
    const run = training(parameters, loss, [xs, labels], 0.01);
    await enter(run, { notes: () => ({ flags: tuned?.flags }) });
  },
  gru: async () => {
    const { I, H, B } = sizes.gru;
    const state = { h: zeros([B, H]) };
    const cell = gruCell(I, H).step as unknown as Step;
    await enter(lastOutput(await readArrays(folder, task), cell, state));
  },
  peephole: async () => {
    const arrays = await readArrays(folder, task);
    await enter(lastOutput(arrays, peephole as unknown as Step, lstmState(sizes.peephole)));
  },
  large: async () => {
    const { I, H } = sizes.large;
    const cell = lstmCell(I, H).step as unknown as Step;
    const run = lastOutput(await readArrays(folder, task), cell, lstmState(sizes.large));
    await enter(run, { byClock: variant === "threads" || variant === "one thread" });
  },
  product: async () => enter(await once((a, b) => matmul(a, b))),
  pointwise: async () => enter(await once((a, b, c, d) => tanh(a.mul(b).add(c)).mul(sigmoid(d)))),
  softmax: async () => enter(await once((x) => softmax(x))),
  scalars: async () => {
    const [a, b, start] = [0.999, 0.001, 0.5].map((x) => tensor(x));
    const f = grad((x: Tensor) => {
      let y = x;
      for (let i = 0; i < 500; i++) y = y.mul(a).add(b);
      return y;
    });
    const run = (): number => {
      const slope = f(start);
      const value = slope.item();
      slope.dispose();
      return value;
    };
    await enter(run, { operations: 1000 });
  },
  stream: async () => {
    const { xs, Wx, Wh, b } = await readArrays(folder, task);
    const { I, H, T } = sizes.stream;
    const cell = lstmCell(I, H);
    const live = stream({ ...cell, step: compile(cell.step) }, { Wx, Wh, b }, { batch: 1 });
    const inputs = Array.from({ length: T }, (_, t) => select(xs, t));
    let t = 0;
    await enter(() => {
      const y = live.step(inputs[t++ % T] as never);
      const first = (y.dataSync() as Float32Array)[0];
      y.dispose();
      return first;
    });
  },
  steady: () => {
    const [V, H, B, T] = [8, 16, 4, 8];
    const parameters = { ...lstmCell(V, H).init(key(0)) };
    const run = training(
      { ...parameters },
      (p, x) =>
        scan(lstmCell(V, H).step as unknown as Step, p, lstmState({ B, H }), x)[1]
          .square()
          .mean(),
      [zeros([T, B, V]).add(0.5)],
      0.001,
    );
    const steps = Number(seconds);
    for (let i = 0; i < 1000; i++) run();
    globalThis.gc?.();
    const [before, residentBefore] = [memory(), process.memoryUsage()];
    for (let i = 0; i < steps; i++) run();
    globalThis.gc?.();
    const [after, residentAfter] = [memory(), process.memoryUsage()];
    const grown = (name: "rss" | "heapUsed" | "arrayBuffers"): number =>
      (residentAfter[name] - residentBefore[name]) / 2 ** 20;
    console.log(
      JSON.stringify({
        steps,
        buffers: after.buffers - before.buffers,
        bytes: after.bytes - before.bytes,
        allocationsPerStep: (after.allocations - before.allocations) / steps,
        resultsPerStep: leaves(parameters).length,
        residentMebibytes: grown("rss"),
        heapMebibytes: grown("heapUsed"),
        arrayBufferMebibytes: grown("arrayBuffers"),
      }),
    );
    return Promise.resolve();
  },
};

const run = tasks[task];
if (run === undefined)
  throw new Error(`no task "${task}", there are: ${Object.keys(tasks).join()}`);
await run();
