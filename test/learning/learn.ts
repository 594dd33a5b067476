/** @file A recurrent model that learns a task: compiled steps of Adam behind a clipped gradient. */
import {
  compile,
  key as keyOf,
  memory,
  type MemoryReport,
  oneHot,
  scope,
  select,
  splitKey,
  step,
  type Tensor,
  type Tree,
  valueAndGrad,
} from "@tapeloop/autograd";
import {
  gradientThroughTime,
  linear,
  type LinearParameters,
  type RecurrentCell,
  rnn,
} from "@tapeloop/nn";
import { adam, chain, clipByGlobalNorm, type Schedule } from "@tapeloop/optim";
import type { Batch, Task } from "./tasks.ts";

/** A cell by the size of its inputs and of its state. */
export type CellMaker = (inputSize: number, hiddenSize: number) => RecurrentCell<Tree, Tree>;

/** How long and with what a model learns. */
export interface LearnOptions {
  readonly hiddenSize: number;
  readonly batchSize: number;
  readonly steps: number;
  readonly learningRate: number | Schedule;
  /** Everything random comes from it. Default: 0. */
  readonly seed?: number;
  /** Examples that are asked for at the end. Default: 200. */
  readonly asked?: number;
}

/** What came of it. */
export interface Learned {
  /** The loss of every step. */
  readonly losses: readonly number[];
  /** The task's measure on examples that are held out. */
  readonly score: number;
  /** The parameters after the last step. */
  readonly parameters: Parameters;
  /** Memory in use after the first step, and after the last. */
  readonly settled: MemoryReport;
  readonly ended: MemoryReport;
}

/** Parameters of a cell and of the answers. */
export interface Parameters {
  readonly cell: Tree;
  readonly head: LinearParameters;
}

/** Trains a cell on a task. */
export function learn(task: Task, make: CellMaker, options: LearnOptions): Learned {
  const { hiddenSize, batchSize, steps, learningRate, seed = 0, asked = 200 } = options;
  const model = rnn(make(task.inputs, hiddenSize));
  const head = linear(hiddenSize, task.outputs);
  const answers = (p: Parameters, { xs, lengths }: Batch): Tensor => {
    const features = xs.dtype === "int32" ? oneHot(xs, task.inputs) : xs;
    const run = model.apply(p.cell, features, lengths === undefined ? {} : { lengths });
    return head.apply(p.head, task.answers === "every" ? run.outputs : run.last);
  };
  const loss = valueAndGrad((p: Parameters, batch: Batch) => task.loss(answers(p, batch), batch));
  const optimizer = chain(clipByGlobalNorm(1), adam({ learningRate }));
  const train = compile((state: { params: Parameters; optimizer: Tree }, batch: Batch) => {
    const { value, grads } = loss(state.params, batch);
    const { params, state: next } = optimizer.update(grads, state.optimizer, state.params);
    return { value, next: { params, optimizer: next } };
  });

  const [forCell, forHead, forData, forTest] = splitKey(keyOf(seed), 4);
  const params: Parameters = { cell: model.init(forCell), head: head.init(forHead) };
  let state = { params, optimizer: optimizer.init(params), key: forData };
  const losses: number[] = [];
  let settled = memory();
  for (let i = 0; i < steps; i++) {
    state = step(state, (now) => {
      const [own, key] = splitKey(now.key);
      const { value, next } = train(now, task.batch(own, batchSize));
      losses.push(value.item());
      return { ...next, key };
    });
    if (i === 0) settled = memory();
  }
  const ended = memory();
  const score = scope(() => {
    const batch = task.held(forTest, asked);
    return task.score(answers(state.params, batch), batch).item();
  });
  return { losses, score, parameters: state.params, settled, ended };
}

/**
 * How much of a mistake in the last answer comes back to each step: norms of the derivative by the whole state, as
 * parts of that after the last step.
 */
export function backThroughTime(
  task: Task,
  make: CellMaker,
  { hiddenSize, batchSize, seed = 0 }: LearnOptions,
  { cell: parameters, head }: Parameters,
): number[] {
  const cell = make(task.inputs, hiddenSize);
  const batch = task.batch(keyOf(seed), batchSize);
  const answers = linear(hiddenSize, task.outputs);
  const loss = (ys: Tensor): Tensor => task.loss(answers.apply(head, select(ys, -1)), batch);
  const start = cell.initialState(batchSize);
  const norms = Object.values(gradientThroughTime(cell, parameters, start, batch.xs, loss));
  const whole = norms
    .map((norm) => norm.square())
    .reduce((a, b) => a.add(b))
    .sqrt();
  return Array.from(whole.div(select(whole, -1)).dataSync());
}
