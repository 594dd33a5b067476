/** @file The rows of the table: who runs which task, and what is aimed at. */

/** One entrant of a row. */
export interface Entrant {
  readonly name: string;
  readonly by: "ours" | "ours on Node 24" | "PyTorch" | "tfjs" | "jax-js";
  /** What the program is told apart from the task. */
  readonly variant?: string;
  /** Flags of Node. */
  readonly flags?: readonly string[];
  /** How many cores the process has. Default: 1. */
  readonly cores?: number;
  /** How far its results may lie from ours, relative to the larger of them and 1. Default: 1e-5. */
  readonly tolerance?: number;
}

/** An aim: one entrant's number, or its ratio to another's, lies below or above a limit. */
export type Bar = { readonly of: string; readonly over?: string } & (
  | { readonly atMost: number }
  | { readonly atLeast: number }
);

export interface Row {
  readonly task: string;
  readonly title: string;
  readonly unit: string;
  /** The number of the table from the microseconds of one operation, or from another part of the report. */
  readonly valueOf: (report: { readonly micros: number; readonly peak: number }) => number;
  readonly entrants: readonly Entrant[];
  readonly bars: readonly Bar[];
}

const milliseconds = {
  unit: "ms",
  valueOf: ({ micros }: { micros: number }) => micros / 1000,
} as const;
const micros = { unit: "µs", valueOf: ({ micros: time }: { micros: number }) => time } as const;

const plain: Entrant = { name: "plain", by: "ours", variant: "plain" };
/** Nothing before Node 22 has fused multiply-add by itself; where it does, the flag changes nothing. */
const fma: Entrant = {
  name: "FMA",
  by: "ours",
  variant: "fma",
  flags:
    Number.parseInt(process.versions.node, 10) < 22 ? ["--experimental-wasm-relaxed-simd"] : [],
};
const torch: Entrant = { name: "PyTorch", by: "PyTorch" };
const jax: Entrant = { name: "jax-js", by: "jax-js" };
const tfjs: Entrant = { name: "tfjs", by: "tfjs" };

export const rows: readonly Row[] = [
  {
    task: "lstm",
    title: "LSTM 64 → 128, batch 32, 32 steps, cross-entropy at each, Adam",
    ...milliseconds,
    entrants: [
      plain,
      { name: "twin", by: "ours", variant: "twin" },
      { name: "eager", by: "ours", variant: "eager" },
      fma,
      { name: "turbo, Node 24", by: "ours on Node 24", variant: "turbo" },
      torch,
      // Its Adam takes 1 − β₂ᵗ in float32, which is 6e-5 off.
      { ...tfjs, tolerance: 1e-4 },
      jax,
    ],
    bars: [
      { of: "plain", over: "PyTorch", atMost: 1 },
      { of: "FMA", over: "PyTorch", atMost: 0.8 },
      { of: "turbo, Node 24", over: "PyTorch", atMost: 0.5 },
      { of: "jax-js", over: "plain", atLeast: 4 },
      { of: "twin", over: "plain", atMost: 1.05 },
      { of: "eager", over: "plain", atMost: 4 },
    ],
  },
  {
    task: "gru",
    title: "GRU 32 → 64, batch 16, 100 steps, Adam",
    ...milliseconds,
    entrants: [plain, torch],
    bars: [{ of: "plain", over: "PyTorch", atMost: 0.5 }],
  },
  {
    task: "peephole",
    title: "LSTM with peepholes and layer norm, op by op, 32 → 64, batch 16, 50 steps, Adam",
    ...milliseconds,
    entrants: [plain, torch, { name: "PyTorch, fused", by: "PyTorch", variant: "fused" }],
    bars: [
      { of: "plain", over: "PyTorch", atMost: 0.25 },
      { of: "plain", over: "PyTorch, fused", atMost: 0.5 },
    ],
  },
  {
    task: "large",
    title: "LSTM 128 → 256, batch 64, 64 steps, Adam",
    ...milliseconds,
    entrants: [
      plain,
      fma,
      { name: "1 thread, clock", by: "ours", variant: "one thread", cores: 2 },
      { name: "2 threads, clock", by: "ours", variant: "threads", cores: 2 },
      torch,
    ],
    bars: [
      { of: "plain", over: "PyTorch", atMost: 1.5 },
      { of: "FMA", over: "PyTorch", atMost: 1.2 },
      { of: "1 thread, clock", over: "2 threads, clock", atLeast: 1.8 },
    ],
  },
  {
    task: "large",
    title: "Peak memory of the same",
    unit: "MiB",
    valueOf: ({ peak }) => peak,
    entrants: [plain, torch],
    bars: [{ of: "plain", over: "PyTorch", atMost: 1 }],
  },
  {
    task: "product",
    title: "Product 64 × 256 × 1024",
    unit: "GFLOP/s",
    valueOf: ({ micros: time }) => (2 * 64 * 256 * 1024) / time / 1000,
    entrants: [plain, fma, torch, tfjs, jax],
    bars: [
      { of: "plain", atLeast: 30 },
      { of: "FMA", atLeast: 42 },
    ],
  },
  {
    task: "pointwise",
    title: "tanh(a·b + c) · sigmoid(d), 1e6 elements",
    ...milliseconds,
    entrants: [plain, torch, tfjs, jax],
    bars: [{ of: "plain", over: "PyTorch", atMost: 0.8 }],
  },
  {
    task: "softmax",
    title: "Softmax of rows, 64 × 1000",
    ...micros,
    entrants: [plain, torch, tfjs, jax],
    bars: [{ of: "plain", over: "PyTorch", atMost: 1 }],
  },
  {
    task: "scalars",
    title: "1000 ops on single numbers, built and differentiated: one op",
    ...micros,
    entrants: [plain, torch],
    bars: [{ of: "plain", atMost: 1 }],
  },
  {
    task: "stream",
    title: "LSTM 64 → 128, batch 1, as a stream",
    unit: "steps/s",
    valueOf: ({ micros: time }) => 1e6 / time,
    entrants: [plain, torch],
    bars: [{ of: "plain", atLeast: 25_000 }],
  },
  {
    task: "first-step",
    title: "Start of the process to the end of the first training step, by the clock",
    unit: "s",
    valueOf: ({ micros: time }) => time / 1e6,
    entrants: [plain, torch],
    bars: [{ of: "plain", atMost: 0.5 }],
  },
];
