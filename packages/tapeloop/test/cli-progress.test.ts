import { expect, test } from "vitest";
import { plotLosses, thin, ticks } from "../src/cli/plot.ts";
import { formatBar, formatDuration, Progress, type ProgressOptions } from "../src/cli/progress.ts";

const clear = "\r\u001B[2K";

/** A stream that keeps what is written, and a clock that is set by hand. */
class Recorder {
  written: string[] = [];
  time = 0;
  readonly isTTY: boolean;
  columns = 100;

  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }

  write(text: string): void {
    this.written.push(text);
  }

  progress(options: Partial<ProgressOptions> = {}): Progress {
    return new Progress({ stream: this, total: 100, now: () => this.time, ...options });
  }

  /** What is on the screen, after all that was written. */
  get screen(): string[] {
    const lines = this.written.join("").split("\n");
    return lines.map((line) => line.split(clear).at(-1) ?? "");
  }
}
const figures = { loss: Math.log(4), characters: 1000 };

test("on a terminal one line is redrawn in place", () => {
  const out = new Recorder(true);
  const progress = out.progress({ isAnimated: true });
  out.time = 2000;
  progress.update(1, figures);
  out.time = 4000;
  progress.update(25, figures);
  // ln 4 nats are 2 bits; 2000 characters in 4 s; 25 steps in 4 s leave 12 s for 75 steps.
  expect(out.screen).toEqual([
    "[#####...............] step 25/100  loss 1.3863  2.000 bpc  500 chars/s  ETA 12s",
  ]);
  progress.end();
  expect(out.screen.at(-1)).toBe("");
});

test("the line is not redrawn more than ten times a second, but at the end", () => {
  const out = new Recorder(true);
  const progress = out.progress({ isAnimated: true });
  for (let step = 1; step <= 100; step++) {
    out.time += 10;
    progress.update(step, figures);
  }
  expect(out.written.length).toBe(11);
  expect(out.screen[0]).toMatch(/^\[#{20}\] step 100\/100 .* in 1s$/);
});

test("a message takes the place of the line, which is drawn again below", () => {
  const out = new Recorder(true);
  const progress = out.progress({ isAnimated: true });
  progress.log("before");
  out.time = 1000;
  progress.update(1, figures);
  const [, line] = out.screen;
  progress.log("saved");
  expect(out.screen).toEqual(["before", "saved", line]);
  progress.end();
  progress.end();
  progress.log("after");
  expect(out.screen).toEqual(["before", "saved", line, "after", ""]);
});

test("the line never fills the terminal, so that it can be cleared", () => {
  const out = new Recorder(true);
  const progress = out.progress({ isAnimated: true });
  for (const columns of [60, 20, 1]) {
    out.columns = columns;
    out.time += 1000;
    progress.update(1, figures);
    expect(out.screen[0]?.length).toBe(columns - 1);
  }
});

test("elsewhere there are plain lines, every few seconds and at the end", () => {
  const out = new Recorder(false);
  const progress = out.progress({ everySeconds: 10 });
  for (let step = 1; step <= 100; step++) {
    out.time += 500;
    progress.update(step, figures);
  }
  progress.log("done");
  progress.end();
  const text = out.written.join("");
  expect(text).not.toContain("\u001B");
  expect(text).not.toContain("\r");
  expect(out.screen.map((line) => line.split("  ")[0])).toEqual([
    "step 20/100",
    "step 40/100",
    "step 60/100",
    "step 80/100",
    "step 100/100",
    "done",
    "",
  ]);
  expect(out.screen[0]).toBe("step 20/100  loss 1.3863  2.000 bpc  2000 chars/s  ETA 40s");
});

test("plain lines can come by steps instead", () => {
  const out = new Recorder(false);
  const progress = out.progress({ everySteps: 40 });
  for (let step = 1; step <= 100; step++) progress.update(step, figures);
  expect(out.screen.map((line) => line.split("  ")[0])).toEqual([
    "step 40/100",
    "step 80/100",
    "step 100/100",
    "",
  ]);
});

test("a resumed run reckons with its own steps only", () => {
  const out = new Recorder(false);
  const progress = out.progress({ start: 90, everySteps: 1 });
  out.time = 3000;
  progress.update(91, figures); // 9 more steps of 3 s
  expect(out.screen[0]).toMatch(/ETA 27s$/);
});

test("durations and bars are short", () => {
  expect([0, 59.4, 65, 3599.6, 7380, Number.NaN].map(formatDuration)).toEqual([
    "0s",
    "59s",
    "1m05s",
    "1h00m",
    "2h03m",
    "?",
  ]);
  expect([-1, 0, 0.55, 1, 2].map((fraction) => formatBar(fraction, 4))).toEqual([
    "[....]",
    "[....]",
    "[##..]",
    "[####]",
    "[####]",
  ]);
});

const curves = {
  training: Array.from({ length: 1000 }, (_, i): [number, number] => [i, 5 - i / 250]),
  validation: [
    [500, 4],
    [999, 2],
  ] as [number, number][],
};

test("the plot has axes, marks and a legend, in plain ASCII", () => {
  const text = plotLosses(curves, { columns: 70, rows: 10 });
  const lines = text.split("\n");
  expect(lines[0]).toBe("bits per character   . training   o validation");
  expect(text).toMatch(/^[\n -~]*$/);
  expect(lines.at(-1)?.trim()).toBe("step");
  expect(lines.at(-2)?.trim().split(/ +/)).toEqual(["500"]);
  const labels = lines.flatMap((line) => /^(\d)\+/.exec(line)?.[1] ?? []);
  expect(labels).toEqual(["5", "4", "3", "2", "1"]);
  // Training falls from 5 to 1: from the top left to the bottom right.
  expect(lines.find((line) => line.startsWith("5+"))).toMatch(/^5\+\./);
  expect(lines.find((line) => line.startsWith("1+"))).toMatch(/\.$/);
  expect(lines.filter((line) => line.slice(2).includes("o")).length).toBe(3); // legend, two marks
  for (const columns of [48, 70, 120]) {
    const widths = plotLosses(curves, { columns })
      .split("\n")
      .map((line) => line.length);
    expect(Math.max(...widths)).toBeLessThanOrEqual(columns);
  }
});

test("on a rich terminal the curves are lines in colours", () => {
  const text = plotLosses(curves, { isRich: true });
  expect(text).toContain("\u001B[36m━");
  expect(text).toContain("\u001B[33m━");
});

test("a plot of one point, of equal values, or of none is drawn too", () => {
  expect(plotLosses({ training: [], validation: [] })).toBe("");
  expect(plotLosses({ training: [[1, Number.NaN]], validation: [] })).toBe("");
  expect(plotLosses({ training: [[1, 3]], validation: [] })).toContain(".");
  const flat = plotLosses({
    training: [
      [1, 3],
      [2, 3],
    ],
    validation: [[2, Infinity]],
  });
  expect(flat).toMatch(/^bits per character {3}\. training$/m);
});

test("long curves are thinned to means of neighbours", () => {
  const points = [1, 2, 3, 4, 5].map((x): [number, number] => [x, 10 * x]);
  expect(thin(points, 3)).toEqual([
    [2, 15],
    [4, 35],
    [5, 50],
  ]);
  expect(thin(points, 5)).toEqual(points);
  expect(
    thin(
      [
        [1, Infinity],
        [2, 1],
      ],
      5,
    ),
  ).toEqual([[2, 1]]);
});

test("ticks are round and enclose the values", () => {
  expect(ticks(0, 1990, 5)).toEqual([0, 500, 1000, 1500, 2000]);
  expect(ticks(1.55, 1.62, 6)).toEqual([1.54, 1.56, 1.58, 1.6, 1.62]);
  expect(ticks(3, 3, 6)).toEqual([3, 3.5]);
  expect(ticks(0, 0, 3)).toEqual([0, 0.5]);
});
