/** @file What a fit shows while it runs: a bar on a terminal, a line for each epoch elsewhere. */
import type { Logs } from "./callbacks.ts";

/** Where lines and bars go. */
export interface ProgressOutput {
  /** Writes text as it is. */
  write(text: string): void;
  /** Whether what was written may be written over. */
  readonly isTerminal: boolean;
}

/** The terminal that errors go to, or the console of a page. */
export function usualOutput(): ProgressOutput {
  const { process } = globalThis as {
    process?: { stderr?: { write(text: string): void; isTTY?: boolean } };
  };
  const stderr = process?.stderr;
  if (stderr !== undefined) {
    return { write: (text) => stderr.write(text), isTerminal: stderr.isTTY === true };
  }
  // oxlint-disable-next-line no-console -- in a page there is nowhere else
  return { write: (text) => console.info(text.trimEnd()), isTerminal: false };
}

/** Numbers as they are shown. */
function shown(logs: Logs): string {
  return Object.entries(logs)
    .map(([name, value]) => `${name} ${Number.isFinite(value) ? value.toPrecision(4) : value}`)
    .join("  ");
}

/** Progress of a fit. */
export class Progress {
  readonly #output: ProgressOutput;
  readonly #epochs: number;
  readonly #batches: number;
  #lastDraw = 0;

  /** Of so many epochs of so many batches. */
  constructor(output: ProgressOutput, epochs: number, batches: number) {
    this.#output = output;
    this.#epochs = epochs;
    this.#batches = batches;
  }

  /** Whether a bar is due: it is drawn ten times per second at most. */
  get isDue(): boolean {
    return this.#output.isTerminal && performance.now() - this.#lastDraw > 100;
  }

  /** Draws the bar. */
  draw(epoch: number, done: number, logs: Logs): void {
    this.#lastDraw = performance.now();
    const width = 24;
    const filled = Math.round((width * done) / this.#batches);
    const bar = "█".repeat(filled) + "░".repeat(width - filled);
    const head = `epoch ${epoch + 1}/${this.#epochs}`;
    this.#output.write(`\r${head}  ${bar}  ${done}/${this.#batches}  ${shown(logs)}\x1b[K`);
  }

  /** Writes the line of an epoch. */
  line(epoch: number, logs: Logs, seconds: number): void {
    const start = this.#output.isTerminal ? "\r\x1b[K" : "";
    const head = `epoch ${epoch + 1}/${this.#epochs}`;
    this.#output.write(`${start}${head}  ${seconds.toFixed(1)} s  ${shown(logs)}\n`);
  }
}
