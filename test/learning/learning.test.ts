/** @file Cells must learn: every task in small, from fixed keys, with memory that does not grow. */
import { key, normal, select, setDefaultBackend } from "@tapeloop/autograd";
import { wasmBackend } from "@tapeloop/backend-wasm";
import { gradientThroughTime, gruCell, lstmCell, rnnCell } from "@tapeloop/nn";
import { describe, expect, test } from "vitest";
import { type CellMaker, learn, type LearnOptions } from "./learn.ts";
import * as tasks from "./tasks.ts";

// The same bits on every machine: a run that learns here learns everywhere.
setDefaultBackend(wasmBackend({ deterministic: true }));

const gated = { lstm: lstmCell, gru: gruCell } as unknown as Record<string, CellMaker>;
const plain = rnnCell as unknown as CellMaker;

/** A task in small, how long to learn it, and the score that must be reached. */
interface Row extends LearnOptions {
  readonly task: tasks.Task;
  readonly reaches: number;
}

const small: Record<string, Row> = {
  adding: {
    task: tasks.adding(16),
    reaches: 0.01,
    hiddenSize: 16,
    batchSize: 32,
    steps: 300,
    learningRate: 0.02,
  },
  "copy memory": {
    task: tasks.copying(4, 2, 3),
    reaches: 0.99,
    hiddenSize: 24,
    batchSize: 32,
    steps: 250,
    learningRate: 0.02,
  },
  parity: {
    task: tasks.parities(8),
    reaches: 0.99,
    hiddenSize: 12,
    batchSize: 32,
    steps: 300,
    learningRate: 0.03,
  },
  "Dyck-2": {
    task: tasks.brackets(10, 3),
    reaches: 0.95,
    hiddenSize: 20,
    batchSize: 32,
    steps: 250,
    learningRate: 0.03,
  },
  "embedded Reber grammar": {
    task: tasks.reber(14),
    reaches: 0.95,
    hiddenSize: 20,
    batchSize: 32,
    steps: 250,
    learningRate: 0.06,
  },
  "Mackey-Glass": {
    task: tasks.chaos(40, 6),
    reaches: 0.5,
    hiddenSize: 16,
    batchSize: 4,
    steps: 300,
    learningRate: 0.03,
  },
  "digits by rows": {
    task: tasks.digits("rows"),
    reaches: 0.75,
    hiddenSize: 32,
    batchSize: 32,
    steps: 300,
    learningRate: 0.01,
  },
  "languages of region names": {
    task: tasks.languages(["en", "fi", "hu", "tr"]),
    reaches: 0.6,
    hiddenSize: 24,
    batchSize: 32,
    steps: 200,
    learningRate: 0.01,
  },
  characters: {
    task: tasks.characters(20, 600),
    reaches: 0.8,
    hiddenSize: 24,
    batchSize: 16,
    steps: 250,
    learningRate: 0.02,
  },
};

describe.each(Object.entries(small))("%s", (_, { task, reaches, ...options }) => {
  test.each(Object.entries(gated))("is learned by %s", { timeout: 60_000 }, (__, cell) => {
    const { score, settled, ended } = learn(task, cell, options);
    if (task.chance > task.good) expect(score).toBeLessThan(reaches);
    else expect(score).toBeGreaterThan(reaches);
    expect(ended).toMatchObject({ buffers: settled.buffers, bytes: settled.bytes });
  });
});

describe("a long lag", () => {
  test("is bridged by gated cells and not by the plain one", { timeout: 60_000 }, () => {
    const { task, reaches: _, ...options } = small["adding"];
    const [lstm, gru, simple] = [gated["lstm"], gated["gru"], plain].map(
      (cell) => learn(task, cell, options).score,
    );
    expect(lstm).toBeLessThan(0.2 * simple);
    expect(gru).toBeLessThan(0.2 * simple);
    expect(simple).toBeGreaterThan(0.03);
  });

  test("shows in the gradient, which vanishes on the way back through a plain cell", () => {
    const [T, H] = [50, 16];
    const xs = normal([T, 8, 2], { key: key(1) });
    /** The derivative by the state after the first step, as a part of that after the last. */
    const left = (make: CellMaker, name: string): number => {
      const cell = make(2, H);
      const norms = gradientThroughTime(cell, cell.init(key(0)), cell.initialState(8), xs, (ys) =>
        select(ys, -1).square().sum(),
      );
      const values = norms[name].dataSync();
      return values[0] / values[T - 1];
    };
    const [simple, byMemory] = [left(plain, "h"), left(gated["lstm"], "c")];
    expect(simple).toBeLessThan(1e-4);
    expect(byMemory).toBeGreaterThan(100 * simple);
  });
});
