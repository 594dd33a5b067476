/**
 * @file The GPU backend in Chromium: what a launch and a read cost, and from which size on the GPU is faster than
 * WASM. Run it on a machine with a GPU; on SwiftShader, which is a program, the numbers say nothing about any.
 *
 * CHROMIUM names the browser, CHROMIUM_FLAGS are added to its command line, HEADED=1 opens a window (some drivers
 * work in no other way), GPU_MODE is the backend's mode.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { chromium } from "playwright";
import { createServer, defaultClientConditions } from "vite";
import type { Findings, Row } from "./gpu/page.ts";

const { env } = process;
const executablePath = env["CHROMIUM"] ?? "/usr/bin/chromium";
if (!existsSync(executablePath)) {
  console.error(
    `NOT MEASURED: there is no Chromium at ${executablePath}; name it with CHROMIUM=path.`,
  );
  process.exit(1);
}
const server = await createServer({
  configFile: false,
  logLevel: "error",
  root: resolve(import.meta.dirname, "gpu"),
  resolve: { conditions: ["@tapeloop/source", ...defaultClientConditions] },
  optimizeDeps: { include: ["@tapeloop/backend-gpu > gpu.js"] },
  server: { port: 0 },
});
await server.listen();
const browser = await chromium.launch({
  executablePath,
  headless: env["HEADED"] !== "1",
  args: [
    "--no-sandbox",
    "--enable-gpu",
    "--ignore-gpu-blocklist",
    "--enable-unsafe-webgpu",
    ...(env["CHROMIUM_FLAGS"] ?? "").split(" ").filter(Boolean),
  ],
});
try {
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error(error.message));
  await page.goto(server.resolvedUrls?.local[0] ?? "");
  await page.waitForFunction("globalThis.measure !== undefined");
  const mode = env["GPU_MODE"] ?? "webgl2";
  report(await page.evaluate<Findings>(`measure(${JSON.stringify(mode)})`), mode);
} finally {
  await browser.close();
  await server.close();
}

/** Prints what was found. */
function report({ renderer, isSoftware, launch, series }: Findings, mode: string): void {
  console.log(`\nmode ${mode}, renderer: ${renderer}`);
  if (isSoftware) {
    console.log("THIS RENDERER IS A PROGRAM: these numbers say nothing about any GPU.");
  }
  const micros = (value: number): string => `${value.toPrecision(3)} µs`;
  console.log(
    `a launch returns after ${micros(launch.returned)}, and is done after ${micros(launch.done)}; ` +
      `a read takes ${micros(launch.read)}`,
  );
  for (const [title, rows] of Object.entries(series)) {
    console.log(
      `\n${title}\n${"size".padStart(9)}${"gpu ms".padStart(12)}${"wasm ms".padStart(12)}`,
    );
    for (const { size, gpu, wasm } of rows) {
      const times = [gpu, wasm].map((time) => time.toPrecision(3).padStart(12)).join("");
      console.log(`${String(size).padStart(9)}${times}`);
    }
    console.log(`the GPU is faster from ${threshold(rows)}`);
  }
}

/** The size from which on it is faster in all sizes that were measured. */
function threshold(rows: readonly Row[]): string {
  const last = rows.findLastIndex(({ gpu, wasm }) => gpu >= wasm);
  return rows[last + 1] === undefined ? "no size that was measured" : String(rows[last + 1].size);
}
