/**
 * @file What the plain RNN, the LSTM and the GRU learn: the whole suite of tasks at sizes of the literature, with the
 * score on examples that are held out beside the one that is known to be good, and the processor time. It fails where
 * neither the LSTM nor the GRU comes to that. A quarter of an hour in all; a part of it: `pnpm bench learning` with
 * TASK=adding.
 */
import { setDefaultBackend } from "@tapeloop/autograd";
import { wasmBackend } from "@tapeloop/backend-wasm";
import { chronoBias, gruCell, lstmCell, rnnCell } from "@tapeloop/nn";
import { cosineDecay } from "@tapeloop/optim";
import { backThroughTime, type CellMaker, learn, type LearnOptions } from "../learning/learn.ts";
import * as tasks from "../learning/tasks.ts";

// The same bits on every machine: what is solved here is solved everywhere.
setDefaultBackend(wasmBackend({ deterministic: true }));

/** A task, how it is learned, and what is to be seen of it. */
interface Row extends LearnOptions {
  readonly task: tasks.Task;
  /** The longest lag, where the LSTM's first biases are chosen for it. */
  readonly lag?: number;
  /** Whether to look at how far derivatives come back. */
  readonly looksBack?: boolean;
}

/** Steps at a rate that falls to a twentieth. */
function falling(steps: number, from: number): LearnOptions {
  const learningRate = cosineDecay({ from, to: from / 20, steps });
  return { hiddenSize: 64, batchSize: 32, asked: 500, steps, learningRate };
}

const suite: Record<string, Row> = {
  "adding problem, 100 steps": {
    ...falling(2500, 0.01),
    task: tasks.adding(100),
    looksBack: true,
  },
  "copy memory, 5 symbols over 30 steps": {
    ...falling(3000, 0.015),
    task: tasks.copying(30, 5, 8),
    lag: 40,
  },
  "parity, 24 bits": { ...falling(2000, 0.01), task: tasks.parities(24) },
  "Dyck-2, 40 symbols, depth 6": { ...falling(3000, 0.015), task: tasks.brackets(40, 6) },
  "embedded Reber grammar": { ...falling(1200, 0.01), task: tasks.reber() },
  "Mackey-Glass, 6 ahead": { ...falling(2000, 0.01), task: tasks.chaos(100, 6), batchSize: 8 },
  "digits by rows": { ...falling(2500, 0.01), task: tasks.digits("rows") },
  "digits by pixels": { ...falling(2500, 0.01), task: tasks.digits("pixels") },
  "region names, 20 languages": { ...falling(2000, 0.01), task: tasks.languages() },
  "sums in words": { ...falling(1500, 0.01), task: tasks.characters(50, 5000) },
};

/** Cells by their names; the LSTM with first biases for a lag. */
function cellsFor(lag: number | undefined): Readonly<Record<string, CellMaker>> {
  const biases = lag === undefined ? {} : { biases: chronoBias(lag) };
  const lstm = (F: number, H: number) => lstmCell(F, H, biases);
  return { rnn: rnnCell, lstm, gru: gruCell } as unknown as Record<string, CellMaker>;
}

const shown = (value: number): string => value.toPrecision(3).padStart(9);
const wanted = process.env["TASK"] ?? "";
const heads = ["chance", "known good", "rnn", "lstm", "gru"].map((head) => head.padStart(9));
console.log(`\n${"task".padEnd(38)} ${heads.join(" ")}`);
const missed: string[] = [];
const back: string[] = [];
for (const [name, { task, lag, looksBack = false, ...options }] of Object.entries(suite)) {
  if (!name.includes(wanted)) continue;
  const start = process.cpuUsage();
  const scores = Object.entries(cellsFor(lag)).map(([cell, make]) => {
    const { score, parameters } = learn(task, make, options);
    if (looksBack) {
      const parts = backThroughTime(task, make, options, parameters);
      const [first, quarter, half] = [0, 0.25, 0.5].map(
        (at) => parts[Math.floor(at * parts.length)],
      );
      back.push(`  ${cell.padEnd(5)} ${[half, quarter, first].map(shown).join(" ")}`);
    }
    return score;
  });
  const isGood = (score: number): boolean =>
    task.chance > task.good ? score <= task.good : score >= task.good;
  if (!scores.slice(1).some(isGood)) missed.push(name);
  const marked = scores.map((score) => `${shown(score)}${isGood(score) ? "*" : " "}`).join("");
  const { user, system } = process.cpuUsage(start);
  const seconds = ((user + system) / 1e6).toFixed(0);
  const numbers = [task.chance, task.good].map(shown).join("  ");
  console.log(`${name.padEnd(38)} ${numbers} ${marked} ${seconds.padStart(4)} s  ${task.measure}`);
}
console.log("* as good as what is known, or better");
if (back.length > 0) {
  console.log(
    "\nadding problem, learned: the derivative by the state, as a part of that after the last step",
  );
  console.log(`        half way  a quarter     step 1\n${back.join("\n")}`);
}
if (missed.length > 0) {
  console.error(`\nneither LSTM nor GRU comes to what is known to be good: ${missed.join("; ")}`);
  process.exitCode = 1;
}
