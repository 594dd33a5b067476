/** @file The page: chooses where to train, and draws the loss while it falls. */
import type { GpuBackend, GpuMode } from "@tapeloop/backend-gpu";
import { start } from "./train.ts";

const choice = document.querySelector("#mode") as HTMLSelectElement;
const text = document.querySelector("#text") as HTMLOutputElement;
const canvas = document.querySelector("canvas") as HTMLCanvasElement;

/** Draws losses on a logarithmic scale, from 1 down to 10⁻⁴. */
function draw(losses: readonly number[]): void {
  const pen = canvas.getContext("2d") as CanvasRenderingContext2D;
  const { width, height } = canvas;
  pen.clearRect(0, 0, width, height);
  pen.font = "12px system-ui";
  const y = (loss: number): number => 10 - (Math.log10(loss) / 4) * (height - 20);
  for (const power of [0, -1, -2, -3, -4]) {
    pen.fillStyle = "#888";
    pen.fillText(String(10 ** power), 4, y(10 ** power) + 4);
    pen.fillStyle = "#ddd";
    pen.fillRect(52, y(10 ** power), width, 1);
  }
  pen.strokeStyle = "#06c";
  pen.lineWidth = 2;
  pen.beginPath();
  const x = (i: number): number => 52 + (i / Math.max(60, losses.length)) * (width - 60);
  losses.forEach((loss, i) => pen.lineTo(x(i), y(loss)));
  pen.stroke();
}

/** Stops the training that is running. */
let stop = new AbortController();

/** Trains until another mode is chosen. */
async function train(mode: GpuMode): Promise<void> {
  stop.abort();
  stop = new AbortController();
  const { signal } = stop;
  const losses: number[] = [];
  try {
    text.value = "…";
    const { backend, ...training } = await start(mode);
    const report = (backend as Partial<GpuBackend>).report?.();
    const place = report === undefined ? backend.name : `${report.mode} ${report.renderer}`;
    const begin = performance.now();
    while (!signal.aborted) {
      losses.push(await training.run(5));
      draw(losses);
      const steps = 5 * losses.length;
      const rate = ((1000 * steps) / (performance.now() - begin)).toFixed(1);
      const loss = (losses.at(-1) as number).toExponential(2);
      text.value = `${place}: step ${steps}, loss ${loss}, ${rate} steps per second`;
      // The page is drawn, and may be used, between the steps.
      await new Promise(requestAnimationFrame);
    }
  } catch (error) {
    text.value = (error as Error).message;
  }
}

choice.addEventListener("change", () => void train(choice.value as GpuMode));
void train(choice.value as GpuMode);
