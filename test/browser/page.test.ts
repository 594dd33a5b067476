/**
 * @file The example page as Vite builds it, without a setting of its own but for where the sources are; and in
 * Chromium, where there is one, under content security policies.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { chromium } from "playwright";
import { build, preview } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";

const example = resolve(import.meta.dirname, "../../packages/backend-gpu/examples/browser");
const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const outDir = mkdtempSync(resolve(tmpdir(), "tapeloop-page-"));
const configFile = resolve(example, "vite.config.ts");

beforeAll(async () => {
  await build({ configFile, logLevel: "error", build: { outDir } });
}, 120_000);
afterAll(() => rmSync(outDir, { recursive: true, force: true }));

/** What the page says of its training, or of why there is none, under a policy. */
async function trained(policy: string): Promise<string> {
  const server = await preview({
    configFile,
    build: { outDir },
    preview: { port: 0, headers: { "Content-Security-Policy": policy } },
  });
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  try {
    const page = await browser.newPage();
    const refused = new Promise<string>((answer) => {
      page.on("pageerror", ({ message }) => answer(message));
    });
    await page.goto(server.resolvedUrls?.local[0] ?? "");
    const said = page
      .waitForFunction("/step|unsafe/.test(document.querySelector('#text')?.value ?? '')", null, {
        timeout: 60_000,
      })
      .then(() => page.evaluate<string>("document.querySelector('#text').value"));
    return await Promise.race([said, refused]);
  } finally {
    await browser.close();
    await server.close();
  }
}

test("gpu.js is a file of its own, which the page does not load at first", () => {
  const scripts = readdirSync(resolve(outDir, "assets")).filter((file) => file.endsWith(".js"));
  const withShaders = scripts.filter((file) =>
    readFileSync(resolve(outDir, "assets", file), "utf8").includes("navigator.gpu is missing"),
  );
  const html = readFileSync(resolve(outDir, "index.html"), "utf8");
  const first = scripts.filter((file) => html.includes(file));
  expect(first).not.toEqual([]);
  expect(scripts.length).toBeGreaterThan(first.length);
  expect(withShaders).not.toEqual([]);
  expect(withShaders.filter((file) => first.includes(file))).toEqual([]);
});

test.skipIf(!existsSync(executablePath))(
  "it trains on WebGL 2 with evaluated scripts allowed, and no others than its own",
  { timeout: 120_000 },
  async () => {
    expect(await trained("script-src 'self' 'unsafe-eval'")).toMatch(/^webgl2 .+: step \d+, loss/);
    // The reference backend evaluates text; the page says so, and does not hang.
    expect(await trained("script-src 'self' 'wasm-unsafe-eval'")).toContain("'unsafe-eval'");
  },
);
