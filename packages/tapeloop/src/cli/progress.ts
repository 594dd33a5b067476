/** @file How far a run is: one line redrawn in place on a terminal, plain lines elsewhere. */
import { bitsPerCharacter } from "./entropy.ts";

/** What is needed of an output stream, such as `process.stderr`. */
export interface ProgressStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** How progress is shown. */
export interface ProgressOptions {
  /** Where to. */
  readonly stream: ProgressStream;
  /** The step at which the run is done. */
  readonly total: number;
  /** The steps done before, in a run that is resumed. */
  readonly start?: number;
  /** Whether to redraw one line; by default on a terminal that is not "dumb". */
  readonly isAnimated?: boolean;
  /** Elsewhere: the least time between two lines, in seconds. */
  readonly everySeconds?: number;
  /** Elsewhere: a line at each multiple of this number of steps, in place of `everySeconds`. */
  readonly everySteps?: number;
  /** The time in milliseconds. */
  readonly now?: () => number;
}

/** What one step reports. */
export interface StepFigures {
  /** The cross-entropy in nats per character. */
  readonly loss: number;
  /** The characters that this step trained on. */
  readonly characters: number;
}

const redrawMilliseconds = 100;
const clearLine = "\r\u001B[2K";

/** Shows the progress of a run. Call `end()` when it is over, also after an error. */
export class Progress {
  readonly #options: ProgressOptions;
  readonly #now: () => number;
  readonly #isAnimated: boolean;
  readonly #started: number;
  #line = "";
  #drawn = -Infinity;
  #characters = 0;

  constructor(options: ProgressOptions) {
    const { stream, isAnimated, now = performance.now.bind(performance) } = options;
    this.#options = options;
    this.#now = now;
    this.#isAnimated = isAnimated ?? (stream.isTTY === true && process.env["TERM"] !== "dumb");
    this.#started = now();
    if (!this.#isAnimated) this.#drawn = this.#started;
  }

  /** Reports that `step` is done (the first one is 1). */
  update(step: number, figures: StepFigures): void {
    this.#characters += figures.characters;
    const isLast = step >= this.#options.total;
    if (!isLast && !this.#isDue(step)) return;
    this.#drawn = this.#now();
    if (this.#isAnimated) this.#draw(this.#describe(step, figures));
    else this.#options.stream.write(`${this.#describe(step, figures)}\n`);
  }

  /** Prints a line of its own; the line of progress is taken away and drawn again below. */
  log(line: string): void {
    const { stream } = this.#options;
    const isShown = this.#line !== "";
    stream.write(isShown ? `${clearLine}${line}\n${this.#line}` : `${line}\n`);
  }

  /** Leaves the last line as it is; what is printed next starts on a new one. */
  end(): void {
    if (this.#line === "") return;
    this.#line = "";
    this.#options.stream.write("\n");
  }

  #isDue(step: number): boolean {
    const { everySeconds = 10, everySteps } = this.#options;
    const passed = this.#now() - this.#drawn;
    if (this.#isAnimated) return passed >= redrawMilliseconds;
    return everySteps === undefined ? passed >= 1000 * everySeconds : step % everySteps === 0;
  }

  #draw(text: string): void {
    // One column stays free: a full line would wrap, and could not be cleared any more.
    const width = (this.#options.stream.columns ?? 80) - 1;
    this.#line = text.slice(0, Math.max(0, width));
    this.#options.stream.write(clearLine + this.#line);
  }

  #describe(step: number, { loss }: StepFigures): string {
    const { total, start = 0 } = this.#options;
    const seconds = (this.#now() - this.#started) / 1000;
    const done = step - start;
    const rate = seconds > 0 ? `${Math.round(this.#characters / seconds)} chars/s` : "";
    const left = done > 0 ? ((total - step) * seconds) / done : Number.NaN;
    const figures = [
      `step ${step}/${total}`,
      `loss ${loss.toFixed(4)}`,
      `${bitsPerCharacter(loss).toFixed(3)} bpc`,
      rate,
      step < total ? `ETA ${formatDuration(left)}` : `in ${formatDuration(seconds)}`,
    ].filter((figure) => figure !== "");
    const bar = this.#isAnimated ? `${formatBar(step / total, 20)} ` : "";
    return bar + figures.join("  ");
  }
}

/** A bar of `width` characters between brackets. */
export function formatBar(fraction: number, width: number): string {
  const full = Math.floor(Math.min(1, Math.max(0, fraction)) * width);
  return `[${"#".repeat(full)}${".".repeat(width - full)}]`;
}

/** Seconds as `9s`, `1m05s` or `2h03m`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${twoDigits(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h${twoDigits(Math.floor((whole % 3600) / 60))}m`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
