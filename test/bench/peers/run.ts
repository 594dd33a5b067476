/**
 * @file `pnpm bench:peers [--rounds n] [--seconds s] [task…]`: the table of docs/guides/performance.md. Every
 * entrant is a process of its own on one core; they take turns, and what is compared are medians of medians.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { quantile } from "../measure.ts";
import { type Bar, type Entrant, type Row, rows } from "./rows.ts";

const { values: options, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "7" },
    seconds: { type: "string", default: "2" },
  },
});
const [rounds, seconds] = [Number(options.rounds), Number(options.seconds)];
if (!(Number.isInteger(rounds) && rounds > 0 && seconds > 0)) {
  throw new RangeError("--rounds is a whole number from 1, --seconds a number above 0");
}
const known = new Set([...rows.map(({ task }) => task), "steady"]);
const unknown = names.filter((name) => !known.has(name));
if (unknown.length > 0) {
  throw new RangeError(`no task ${unknown.join(", ")}; there are ${[...known].join(", ")}`);
}

/** What an entrant prints. */
interface Report {
  readonly checked: readonly number[];
  readonly micros: number;
  readonly peak: number;
  readonly flags?: readonly string[];
}

const here = import.meta.dirname;
const root = join(here, "../../..");
const python = "/usr/bin/python3";
const modern = join(here, "node_modules/node/bin/node");
const compiled = join(here, "dist/peers/ours");

// The peers are no dependency of anything: they are fetched here, at exact versions.
if (!existsSync(modern)) {
  execFileSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: here, stdio: "inherit" });
}
execFileSync("npm", ["run", "build"], { cwd: root, stdio: "inherit" });
execFileSync("tsc", ["-p", here], { cwd: root, stdio: "inherit" });
const asked = spawnSync(python, [join(here, "pytorch.py"), "versions"], { encoding: "utf8" });
const hasTorch = asked.status === 0;
const torch = (hasTorch ? JSON.parse(asked.stdout) : { torch: "", blas: "" }) as {
  torch: string;
  blas: string;
};
/** With the reference BLAS, PyTorch's products are ten times slower than they may be: no bar is judged by them. */
const isTorchFast = /openblas|mkl|blis/.test(torch.blas);
if (!hasTorch)
  console.log("PyTorch is not there (apt-get install python3-torch): its rows are empty");
else if (!isTorchFast) {
  console.log(`PyTorch computes with ${torch.blas}: no bar is judged by it.`);
  console.log("Install libopenblas0-pthread, or name its folder in LD_LIBRARY_PATH.");
}

/** The command of a process of an entrant. */
function commandOf(task: string, { by, flags = [] }: Entrant): readonly string[] {
  const ours = join(compiled, task === "first-step" ? "first-step.js" : "ours.js");
  switch (by) {
    case "ours":
      return [process.execPath, ...flags, ours];
    case "ours on Node 24":
      return [modern, ...flags, ours];
    case "PyTorch":
      return [python, join(here, "pytorch.py")];
    case "tfjs":
      return [process.execPath, join(here, "tfjs.mjs")];
    case "jax-js":
      return [process.execPath, join(here, "jax.mjs")];
    default:
      return by satisfies never;
  }
}

/** Runs a process on the last cores, and returns what it printed last, with the time it took. */
function run(command: readonly string[], cores: number): Report {
  const count = cpus().length;
  const list = Array.from({ length: Math.min(cores, count) }, (_, i) => count - 1 - i).join(",");
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync("taskset", ["-c", list, ...command], {
    encoding: "utf8",
    // PyTorch has one thread; its BLAS would have as many as there are cores.
    env: { ...process.env, OPENBLAS_NUM_THREADS: "1", OMP_NUM_THREADS: "1" },
  });
  const micros = 1000 * (performance.now() - start);
  if (status !== 0) throw new Error(`${command.join(" ")} failed:\n${stdout}${stderr}`);
  const last = stdout.trim().split("\n").at(-1) ?? "";
  return { micros, peak: Number.NaN, ...(JSON.parse(last) as Partial<Report>) } as Report;
}

/** Throws unless both came to the same numbers. */
function checkSame(row: Row, entrant: Entrant, report: Report, first: Report): void {
  const tolerance = entrant.tolerance ?? 1e-5;
  first.checked.forEach((ours, i) => {
    const theirs = report.checked[i] ?? Number.NaN;
    const distance = Math.abs(theirs - ours) / Math.max(1, Math.abs(ours));
    if (distance <= tolerance) return;
    const message = `${row.title}: result ${i} of ${entrant.name} is ${theirs}, ours is ${ours}`;
    throw new Error(`${message}; they may differ by ${tolerance}`);
  });
}

/** The medians of a row's entrants in every round, in the unit of the row. */
function race(row: Row, folder: string): ReadonlyMap<string, readonly number[]> {
  const entrants = row.entrants.filter(({ by }) => by !== "PyTorch" || hasTorch);
  const found = new Map<string, number[]>(entrants.map(({ name }) => [name, []]));
  let first: Report | undefined;
  for (let round = 0; round < rounds; round++) {
    for (const entrant of entrants) {
      const command = commandOf(row.task, entrant);
      const more = [row.task, folder, String(seconds), entrant.variant ?? ""];
      const report = run([...command, ...more], entrant.cores ?? 1);
      first ??= report;
      checkSame(row, entrant, report, first);
      if (
        entrant.variant === "turbo" &&
        !report.flags?.includes("--experimental-wasm-revectorize")
      ) {
        console.log(`turbo found nothing to gain in round ${round}: ${report.flags?.join(" ")}`);
      }
      found.get(entrant.name)?.push(row.valueOf(report));
    }
  }
  return found;
}

const show = (x: number): string => x.toPrecision(3);

/** A bar, what was found, and whether it is met. */
function judge(bar: Bar, medians: ReadonlyMap<string, number>): string {
  const value = medians.get(bar.of);
  const other = bar.over === undefined ? 1 : medians.get(bar.over);
  const what = bar.over === undefined ? bar.of : `${bar.of} / ${bar.over}`;
  if (value === undefined || other === undefined) return `${what}: not measured`;
  const ratio = value / other;
  if (bar.over?.startsWith("PyTorch") && !isTorchFast) {
    return `${what}: ${show(ratio)} (with the reference BLAS: not judged)`;
  }
  const [isMet, aim] =
    "atMost" in bar
      ? [ratio <= bar.atMost, `at most ${bar.atMost}`]
      : [ratio >= bar.atLeast, `at least ${bar.atLeast}`];
  return `${what}: ${show(ratio)} (${aim}: ${isMet ? "met" : "not met"})`;
}

/** The versions of what takes part; those of the peers are exact in their package.json. */
function machine(): string {
  const { dependencies } = JSON.parse(readFileSync(join(here, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  const peers = Object.entries(dependencies).map(([name, version]) => `${name} ${version}`);
  if (hasTorch) peers.push(`PyTorch ${torch.torch} with ${torch.blas}`);
  return `${cpus()[0]?.model}, ${cpus().length} cores; Node ${process.version}; ${peers.join(", ")}`;
}

const folder = mkdtempSync(join(tmpdir(), "tapeloop-peers-"));
try {
  const ours = join(compiled, "ours.js");
  execFileSync(process.execPath, [ours, "arrays", folder]);
  console.log(`${machine()}; pnpm bench:peers ${process.argv.slice(2).join(" ")}\n`);
  console.log("| what | medians of processes (best) | bars |\n| --- | --- | --- |");
  for (const row of rows) {
    if (names.length > 0 && !names.includes(row.task)) continue;
    const found = race(row, folder);
    const medians = new Map([...found].map(([name, values]) => [name, quantile(values, 0.5)]));
    // Of rates the highest is the best.
    const best = row.unit.endsWith("/s") ? 1 : 0;
    const numbers = [...found].map(
      ([name, values]) =>
        `${name}: ${show(quantile(values, 0.5))} ${row.unit} (${show(quantile(values, best))})`,
    );
    const bars = row.bars.map((bar) => judge(bar, medians));
    console.log(`| ${row.title} | ${numbers.join("<br>")} | ${bars.join("<br>")} |`);
  }
  if (names.length === 0 || names.includes("steady")) {
    const steps = String(Math.round(Math.min(1e5, 50_000 * seconds)));
    const steady = [process.execPath, "--expose-gc", ours, "steady", folder, steps, "plain"];
    console.log(`\ncompiled steps in a row: ${JSON.stringify(run(steady, 1))}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
