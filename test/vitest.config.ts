/**
 * @file The tests of all packages, in three projects:
 * `unit` is every *.test.ts, `types` checks *.test-d.ts with tsc, and `gc` runs *.gc.test.ts in
 * processes of their own where the test may call the garbage collector. Where Chromium is installed,
 * `browser` runs *.browser.test.ts in it, and those that are about its absence without WebGL.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig, type TestProjectConfiguration } from "vitest/config";

const root = fileURLToPath(new URL("..", import.meta.url));
const conditions = ["@tapeloop/source"];
// Packages resolve to their TypeScript sources, in Vite's own graph and in Node's.
const source = {
  root,
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
};
const tests = (name: string): string[] => [
  `packages/*/test/**/*.${name}.ts`,
  `packages/*/examples/**/*.${name}.ts`,
  `test/**/*.${name}.ts`,
];
const notTests = ["**/node_modules/**", "**/dist/**", "test/blocks/**"];

/** Where Debian's package puts it; another place may be named. */
const chromium = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

/** Tests in Chromium, whose WebGL needs no graphics hardware. */
function inBrowser(): TestProjectConfiguration[] {
  if (!existsSync(chromium)) {
    console.warn(
      `NOT TESTED: the GPU backend on WebGL, for there is no Chromium at ${chromium}.\n` +
        "Install it (apt-get install chromium), or name it: CHROMIUM=/path/to/chromium.",
    );
    return [];
  }
  const inChromium = (
    name: string,
    include: string[],
    exclude: string[],
    flags: string[],
  ): TestProjectConfiguration => ({
    ...source,
    test: {
      name,
      include,
      // Shaders are compiled by a program that shares the cores with all other tests.
      testTimeout: 60_000,
      exclude: [...notTests, ...exclude],
      browser: {
        enabled: true,
        headless: true,
        screenshotFailures: false,
        provider: playwright({
          launchOptions: {
            executablePath: chromium,
            args: ["--no-sandbox", "--disable-quic", "--no-first-run", ...flags],
          },
        }),
        instances: [{ browser: "chromium" }],
      },
    },
  });
  const withoutGl = tests("no-gl.browser.test");
  const withWebGpu = tests("webgpu.browser.test");
  return [
    inChromium("browser", tests("browser.test"), [...withoutGl, ...withWebGpu], []),
    inChromium("browser without WebGL", withoutGl, [], ["--disable-3d-apis"]),
    inChromium("browser with WebGPU", withWebGpu, [], ["--enable-unsafe-webgpu"]),
  ];
}

export default defineConfig({
  root,
  test: {
    coverage: {
      provider: "v8",
      include: ["packages/*/src/**/*.ts"],
      reporter: ["text", "json-summary"],
    },
    projects: [
      {
        ...source,
        test: {
          name: "unit",
          include: tests("test"),
          exclude: [...notTests, "**/*.gc.test.ts", "**/*.browser.test.ts"],
          setupFiles: ["test/quiet.ts"],
        },
      },
      {
        ...source,
        test: {
          name: "gc",
          include: tests("gc.test"),
          exclude: notTests,
          setupFiles: ["test/quiet.ts"],
          pool: "forks",
          execArgv: ["--expose-gc"],
        },
      },
      {
        ...source,
        test: {
          name: "types",
          include: [],
          typecheck: {
            enabled: true,
            only: true,
            include: tests("test-d"),
            exclude: notTests,
            tsconfig: "test/tsconfig.json",
            // Only what the type tests say; errors elsewhere are for `pnpm typecheck`.
            ignoreSourceErrors: true,
          },
        },
      },
      ...inBrowser(),
    ],
  },
});
