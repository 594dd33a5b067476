/**
 * @file `pnpm mutation [text…]`: makes every derivative rule and batching rule wrong in every way that we
 * could think of, and reports which of them the conformance properties do not notice. With arguments:
 * only mutants that contain one of them. About four minutes on two cores.
 */
import { type ChildProcess, fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { firstFailure, names } from "./check.ts";
import { reasonForRule, reasonForText } from "./equivalent.ts";
import { textMutants } from "./text.ts";
import type { Outcome, Task } from "./worker.ts";

/** A mutant that takes longer has made something endless: that is noticed, too. Rules are many in one task. */
const longest = { text: 120_000, rules: 900_000 };
/** Copies of the core are never unloaded; a process that has loaded so many makes room for another. */
const mostTasks = 60;

/** What became of a task. */
type Done = (outcomes: readonly Outcome[]) => void;

/** Gives tasks to one process after another, until there are none left. */
async function work(next: () => Task | undefined, done: (task: Task) => Done): Promise<void> {
  let child: ChildProcess | undefined;
  let count = 0;
  for (let task = next(); task !== undefined; task = next()) {
    if (child === undefined || count++ >= mostTasks) {
      child?.disconnect();
      child = fork(resolve(import.meta.dirname, "worker.ts"));
      count = 1;
    }
    const outcomes = await answer(child, task);
    if (outcomes === null) child = undefined;
    const what = JSON.stringify(task);
    done(task)(outcomes ?? [{ mutant: what, killedBy: "the process ended or took too long" }]);
  }
  child?.disconnect();
}

/** A process's answer to a task; null if there is none. */
function answer(child: ChildProcess, task: Task): Promise<Outcome[] | null> {
  return new Promise((settle) => {
    const end = (outcomes: Outcome[] | null): void => {
      clearTimeout(timer);
      child.removeAllListeners();
      if (outcomes === null) child.kill("SIGKILL");
      settle(outcomes);
    };
    const timer = setTimeout(() => end(null), longest[task.kind]);
    child.once("message", (outcomes: Outcome[]) => end(outcomes));
    child.once("exit", () => end(null));
    child.send(task);
  });
}

const wanted = process.argv.slice(2);
const isWanted = (mutant: string): boolean =>
  wanted.length === 0 || wanted.some((part) => mutant.includes(part));
const texts = textMutants();
const tasks: Task[] = [
  ...names
    .filter((name) => isWanted(`${name} `))
    .map((primitive): Task => ({ kind: "rules", primitive })),
  ...texts.flatMap(({ file, text }, index): Task[] =>
    isWanted(`${file} ${text}`) ? [{ kind: "text", index }] : [],
  ),
];

/** Killed, equivalent and surviving mutants of one group. */
interface Score {
  killed: number;
  equivalent: number;
  readonly survived: string[];
}

const scores = new Map<string, Score>();
const reasons = new Set<string>();
const started = performance.now();
const before = firstFailure(names);
if (before !== null) throw new Error(`without any mutant this does not hold: ${before}`);
let at = 0;
const next = (): Task | undefined => tasks[at++];
const done =
  (task: Task): Done =>
  (outcomes) => {
    const group = task.kind === "rules" ? task.primitive : `primitives/${texts[task.index].file}`;
    const score = scores.get(group) ?? { killed: 0, equivalent: 0, survived: [] };
    scores.set(group, score);
    for (const { mutant, killedBy } of outcomes) {
      const reason =
        task.kind === "rules" ? reasonForRule(mutant) : reasonForText(texts[task.index]);
      if (killedBy !== null) score.killed++;
      else if (reason === null) score.survived.push(mutant);
      else {
        score.equivalent++;
        reasons.add(`${mutant}: ${reason}`);
      }
    }
  };
await Promise.all(Array.from({ length: availableParallelism() }, () => work(next, done)));

const groups = [...scores].toSorted(
  ([a], [b]) =>
    tasks.length * (Number(a.includes("/")) - Number(b.includes("/"))) || a.localeCompare(b),
);
const row = (...cells: (string | number)[]): string =>
  String(cells[0]).padEnd(28) +
  cells
    .slice(1)
    .map((cell) => String(cell).padStart(12))
    .join("");
console.log(row("", "mutants", "killed", "equivalent", "survived"));
for (const [group, { killed, equivalent, survived }] of groups) {
  const all = killed + equivalent + survived.length;
  console.log(row(group, all, killed, equivalent, survived.length));
}
const sum = (count: (score: Score) => number): number =>
  [...scores.values()].reduce((total, score) => total + count(score), 0);
const [killed, equivalent] = [sum((s) => s.killed), sum((s) => s.equivalent)];
const survived = [...scores.values()].flatMap((score) => score.survived);
const share = (100 * killed) / Math.max(1, killed + survived.length);
console.log(row("all", killed + equivalent + survived.length, killed, equivalent, survived.length));
console.log(
  `\n${share.toFixed(2)} % killed, in ${Math.round((performance.now() - started) / 1000)} s`,
);
if (reasons.size > 0) console.log(`\nequivalent:\n  ${[...reasons].toSorted().join("\n  ")}`);
if (survived.length > 0) console.log(`\nsurvived:\n  ${survived.join("\n  ")}`);
// As many as this may be equivalent and not listed yet.
if (share < 99) process.exitCode = 1;
