/** @file The curves of a training run, drawn with characters. */
import { styleText } from "node:util";
import { plot, type Point, type Settings } from "simple-ascii-chart";

/** The losses of a run, in bits per character by step. */
export interface LossCurves {
  /** Of the text that is learned. */
  readonly training: readonly Point[];
  /** Of the text that is not. */
  readonly validation: readonly Point[];
}

/** How a plot is drawn. */
export interface PlotOptions {
  /** The width of the terminal. */
  readonly columns?: number | undefined;
  /** The lines of the curves themselves. */
  readonly rows?: number;
  /** Whether the output is a terminal that shows colours and box-drawing characters. */
  readonly isRich?: boolean;
}

/**
 * Draws the curves, with axes and a legend. On a rich terminal they are coloured lines; elsewhere
 * `.` marks training and `o` validation. Values that are not finite are left out; without any value
 * the result is empty.
 */
export function plotLosses(
  { training, validation }: LossCurves,
  { columns = 80, rows = 15, isRich = false }: PlotOptions = {},
): string {
  const width = Math.min(120, Math.max(48, columns)) - 12; // less the labels of the axis
  const series = [
    { name: "training", points: thin(training, width), color: "cyan", ansi: "ansiCyan", mark: "." },
    {
      name: "validation",
      points: thin(validation, width),
      color: "yellow",
      ansi: "ansiYellow",
      mark: "o",
    },
  ] as const;
  const drawn = series.filter(({ points }) => points.length > 0);
  if (drawn.length === 0) return "";
  const all = drawn.flatMap(({ points }) => points);
  const xs = all.map(([x]) => x);
  const ys = all.map(([, y]) => y);
  const yTicks = ticks(Math.min(...ys), Math.max(...ys), 6);
  const xMost = Math.max(...xs);
  const digits = decimals(yTicks);
  const settings: Settings = {
    width,
    height: rows,
    yRange: [yTicks[0], yTicks.at(-1)!],
    customYAxisTicks: yTicks,
    customXAxisTicks: ticks(Math.min(...xs), xMost, width / 15).filter((x) => x <= xMost),
    formatter: (value, { axis }) => (axis === "y" ? value.toFixed(digits) : String(value)),
    xLabel: "step",
    showTickLabel: true,
  };
  const style: Settings = isRich
    ? { color: drawn.map(({ ansi }) => ansi) }
    : { symbols: { axis: plainAxis }, lineFormatter: marker(drawn.map(({ mark }) => mark)) };
  const chart = plot(
    drawn.map(({ points }) => points),
    { ...settings, ...style },
  );
  const legend = drawn.map(({ name, color, mark }) =>
    isRich ? `${styleText(color, "━")} ${name}` : `${mark} ${name}`,
  );
  const lines = chart.split("\n").map((line) => line.trimEnd());
  const body = lines.filter((line) => line !== "");
  return [`bits per character   ${legend.join("   ")}`, ...body].join("\n");
}

const plainAxis = {
  n: "^",
  ns: "|",
  y: "+",
  nse: "+",
  x: "+",
  we: "-",
  e: ">",
  intersectionXY: "+",
  intersectionX: "+",
  intersectionY: "+",
};

/** Draws each series with its own mark. The chart goes through them in order, each from index 0. */
function marker(marks: readonly string[]): NonNullable<Settings["lineFormatter"]> {
  let series = -1;
  return ({ plotX, plotY, index }) => {
    if (index === 0) series++;
    return { x: plotX, y: plotY, symbol: marks[series] ?? "?" };
  };
}

/** At most `most` points: neighbours become their mean. */
export function thin(points: readonly Point[], most: number): Point[] {
  const finite = points.filter(([, y]) => Number.isFinite(y));
  const group = Math.ceil(finite.length / most);
  const thinned: Point[] = [];
  for (let start = 0; start < finite.length; start += group) {
    const part = finite.slice(start, start + group);
    const sum = part.reduce((total, [, y]) => total + y, 0);
    thinned.push([part.at(-1)![0], sum / part.length]);
  }
  return thinned;
}

/** Two or more, about `count` round numbers (1, 2 or 5 times a power of ten apart) from below `least` to above `most`. */
export function ticks(least: number, most: number, count: number): number[] {
  const rough = (most - least || Math.abs(most) || 1) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= rough)!;
  const first = Math.floor(least / step);
  const last = Math.max(first + 1, Math.ceil(most / step));
  // Multiples, rounded: 3 · 0.1 is 0.30000000000000004.
  return Array.from({ length: last - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
}

/** The digits after the point that the ticks need. */
function decimals(values: readonly number[]): number {
  return Math.max(...values.map((value) => (String(value).split(".")[1] ?? "").length));
}
