/**
 * @file One entrant at one task, in a process of its own: ten results to compare with those of the others,
 * then times, then the most memory the process ever had; as one line of JSON. torch.py does the same.
 */
import { readFileSync } from "node:fs";
import { batchOf, quantile, sample } from "../../measure.ts";

/** What an entrant is asked: `node entrant task folder seconds variant`. */
export const [task = "", folder = "", seconds = "1", variant = ""] = process.argv.slice(2);

/** One operation. It returns a number that the others must find too: the loss, for a training step. */
export type Operation = () => number | Promise<number>;

export interface Options {
  /** Further numbers of the report. */
  readonly notes?: () => Readonly<Record<string, unknown>>;
  /** Measures by the clock: what several threads do counts once. */
  readonly byClock?: boolean;
  /** Operations that one call does. Default: 1. */
  readonly operations?: number;
}

/** Runs the operation, and prints the report. */
export async function enter(operation: Operation, options: Options = {}): Promise<void> {
  const { notes, byClock = false, operations = 1 } = options;
  const checked: number[] = [];
  for (let i = 0; i < 10; i++) checked.push(await operation());
  const batch = byClock ? 1 : await batchOf(operation);
  const samples: number[] = [];
  for (const end = performance.now() + 1000 * Number(seconds); performance.now() < end;) {
    // Threads start while this one waits for nothing.
    if (byClock) await new Promise((resolve) => setTimeout(resolve, 20));
    const start = performance.now();
    const micros = await sample(operation, batch);
    const clock = 1000 * (performance.now() - start);
    samples.push((byClock ? clock : micros) / batch / operations);
  }
  if (samples.length === 0) samples.push((await sample(operation, batch)) / batch / operations);
  console.log(
    JSON.stringify({
      checked,
      micros: quantile(samples, 0.5),
      peak: peakMebibytes(),
      ...notes?.(),
    }),
  );
}

/** The most memory that this process ever had, in MiB; NaN where the system is not Linux. */
function peakMebibytes(): number {
  try {
    const status = readFileSync("/proc/self/status", "utf8");
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
  } catch {
    return Number.NaN;
  }
}
