/**
 * @file What the plain RNN, the LSTM and the GRU learn: the whole suite of tasks at sizes of the literature,
 * with the score on examples that are held out, and how long it took. A quarter of an hour in all; a part of
 * it: `pnpm bench learning` with TASK=adding.
 */
import { setDefaultBackend } from "@tapeloop/autograd";
import { wasmBackend } from "@tapeloop/backend-wasm";
import { gruCell, lstmCell, rnnCell } from "@tapeloop/nn";
import { type CellMaker, learn, type LearnOptions } from "../learning/learn.ts";
import * as tasks from "../learning/tasks.ts";

setDefaultBackend(wasmBackend());

const cells = { rnn: rnnCell, lstm: lstmCell, gru: gruCell } as unknown as Record<
  string,
  CellMaker
>;

const usual = { hiddenSize: 64, batchSize: 32, steps: 2000, learningRate: 0.005, asked: 500 };
const suite: Record<string, LearnOptions & { task: tasks.Task }> = {
  "adding problem, 100 steps": { ...usual, task: tasks.adding(100), steps: 3000 },
  "copy memory, 5 symbols over 20 steps": { ...usual, task: tasks.copying(20, 5, 8), steps: 4000 },
  "parity, 24 bits": { ...usual, task: tasks.parities(24), steps: 3000 },
  "Dyck-2, 40 symbols, depth 6": { ...usual, task: tasks.brackets(40, 6), steps: 3000 },
  "embedded Reber grammar": { ...usual, task: tasks.reber() },
  "Mackey-Glass, 6 ahead": { ...usual, task: tasks.chaos(100, 6), batchSize: 8 },
  "digits by rows": { ...usual, task: tasks.digits("rows"), steps: 4000 },
  "digits by pixels": { ...usual, task: tasks.digits("pixels"), steps: 4000 },
  "region names, 20 languages": { ...usual, task: tasks.languages() },
  "sums in words": { ...usual, task: tasks.characters(50, 5000) },
};

const wanted = process.env["TASK"] ?? "";
for (const [name, { task, ...options }] of Object.entries(suite)) {
  if (!name.includes(wanted)) continue;
  console.log(`\n${name}: ${task.measure}; chance ${task.chance.toPrecision(2)}`);
  for (const [cell, make] of Object.entries(cells)) {
    const start = performance.now();
    const { score } = learn(task, make, options);
    const isSolved = task.chance > task.solved ? score <= task.solved : score >= task.solved;
    const seconds = ((performance.now() - start) / 1000).toFixed(0);
    const mark = isSolved ? "solved" : "";
    console.log(
      `  ${cell.padEnd(5)} ${score.toPrecision(3).padStart(8)}  ${mark.padEnd(7)} ${seconds} s`,
    );
  }
}
