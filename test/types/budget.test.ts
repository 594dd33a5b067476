/** What types cost: counted in type instantiations, which are the same on every machine. */
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { expect, test } from "vitest";

const folder = mkdtempSync(join(import.meta.dirname, ".budget-"));
const tsc = join(
  dirname(createRequire(import.meta.url).resolve("typescript/package.json")),
  "bin/tsc",
);

/** Instantiations that tsc makes for a program of the given lines. */
function instantiations(lines: readonly string[]): number {
  const file = join(folder, "program.ts");
  const head = `import { matmul, type Tensor, zeros } from "@tapeloop/autograd";\n`;
  writeFileSync(file, `${head}${lines.join("\n")}\nvoid zeros([1]);\n`);
  const config = join(folder, "tsconfig.json");
  const base = {
    extends: resolve(import.meta.dirname, "../tsconfig.json"),
    files: ["program.ts"],
    include: [],
  };
  writeFileSync(config, JSON.stringify(base));
  const out = execFileSync(process.execPath, [tsc, "-p", config, "--extendedDiagnostics"], {
    encoding: "utf8",
  });
  return Number(/Instantiations:\s+(\d+)/.exec(out)?.[1]);
}

/** Ten ops of a cell's step, each time with other literal sizes. */
function typed(i: number): string {
  const [m, k, n] = [i + 2, i + 3, i + 4];
  return `{
    const h = matmul(zeros([${m}, ${k}]), zeros([${k}, ${n}])).add(zeros([${n}])).tanh();
    const y: Tensor<[${m}]> = h.mul(h.sum({ axes: 1, keepAxes: true })).transpose().sum({ axes: 0 });
    void y.reshape([1, -1]).permute([1, 0]);
  }`;
}

/** The same ops on tensors whose shapes are not known. */
function untyped(): string {
  return `{
    const h = matmul(x, x).add(x).tanh();
    const y: Tensor = h.mul(h.sum({ axes: 1, keepAxes: true })).transpose().sum({ axes: 0 });
    void y.reshape([1, -1]).permute([1, 0]);
  }`;
}

test("ten ops cost less than 2,500 type instantiations on known shapes, and 100 on unknown ones", () => {
  const program = (count: number, step: (i: number) => string): string[] => [
    "declare const x: Tensor;",
    ...Array.from({ length: count }, (_, i) => step(i)),
  ];
  const each = (step: (i: number) => string): number =>
    (instantiations(program(60, step)) - instantiations(program(10, step))) / 50;
  try {
    const counts = { typed: each(typed), untyped: each(untyped) };
    expect(counts.typed).toBeLessThan(2500);
    expect(counts.untyped).toBeLessThan(100);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);
