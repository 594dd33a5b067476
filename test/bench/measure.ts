/**
 * @file Compares ways to do one thing, by the processor time that one operation takes.
 *
 * Processor time (of the whole process, with its compiler and collector threads) and not the clock:
 * on a machine that does other work as well, it is the steadier of the two. What a machine does in
 * bursts (frequency, other processes, memory traffic) still shows, so candidates take turns in
 * rounds, and are compared by the ratio of their times within a round.
 */

/** One way to do it. A candidate that returns a promise is awaited in every operation. */
export type Candidate = () => unknown;

export interface MeasureOptions {
  /** Operations per sample; by default as many as take 20 ms. */
  batch?: number;
  /** Seconds of processor time for each candidate after warming up; default 1. */
  seconds?: number;
}

/** Microseconds per operation, one number for each round. */
export type Samples = readonly number[];

/** The value below which the share `q` of the samples lies, interpolated between neighbours. */
export function quantile(samples: Samples, q: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

/** Results go here, so that no candidate is work without a reader. */
let sink: unknown;

/** Microseconds of processor time that so many operations take together. */
export async function sample(candidate: Candidate, batch: number): Promise<number> {
  const start = process.cpuUsage();
  for (let i = 0; i < batch; i++) {
    sink = candidate();
    if (sink instanceof Promise) sink = await sink;
  }
  const { user, system } = process.cpuUsage(start);
  return user + system;
}

/** Operations that take 20 ms: long beside the microseconds of the clock's tick and the call. */
export async function batchOf(candidate: Candidate): Promise<number> {
  for (let batch = 1; ; batch *= 2) {
    const micros = await sample(candidate, batch);
    if (micros >= 20_000) return batch;
  }
}

/**
 * Measures the candidates in turns and prints one line for each: microseconds per operation (best,
 * median, and the middle 80 %), and its time as a multiple of the first candidate's.
 */
export async function measure(
  title: string,
  candidates: Readonly<Record<string, Candidate>>,
  { batch, seconds = 1 }: MeasureOptions = {},
): Promise<Record<string, Samples>> {
  const entrants = [];
  for (const [name, candidate] of Object.entries(candidates)) {
    // Finding the batch also warms up: the compiler has seen at least 40 ms of it.
    const size = batch ?? (await batchOf(candidate));
    await sample(candidate, size);
    entrants.push({ name, candidate, size, samples: [] as number[] });
  }
  let left = seconds * 1e6 * entrants.length;
  for (let round = 0; left > 0 || round < 5; round++) {
    // Each round begins with another one: nobody always comes after the same neighbour.
    for (let i = 0; i < entrants.length; i++) {
      const entrant = entrants[(round + i) % entrants.length];
      if (!entrant) continue;
      const micros = await sample(entrant.candidate, entrant.size);
      entrant.samples.push(micros / entrant.size);
      left -= micros;
    }
  }
  const first = entrants[0]?.samples ?? [];
  const rows = entrants.map(({ name, samples, size }) => {
    const ratios = samples.map((micros, round) => micros / (first[round] ?? Number.NaN));
    return [
      name,
      ...[0, 0.5, 0.1, 0.9].map((q) => quantile(samples, q).toPrecision(4)),
      `× ${quantile(ratios, 0.5).toFixed(3)}`,
      `${samples.length} × ${size}`,
    ];
  });
  const head = [title, "min µs", "median µs", "10 %", "90 %", "ratio", "samples"];
  console.log(`\n${table([head, ...rows])}`);
  return Object.fromEntries(entrants.map(({ name, samples }) => [name, samples]));
}

/** Columns as wide as their longest cell: the first to the left, numbers to the right. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join("  "),
    )
    .join("\n");
}
