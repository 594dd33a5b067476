/**
 * @file The tests of all packages, in three projects:
 * `unit` is every *.test.ts, `types` checks *.test-d.ts with tsc, and `gc` runs *.gc.test.ts in
 * processes of their own where the test may call the garbage collector.
 */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

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
    ],
  },
});
