/**
 * @file `pnpm bench [name…]`: runs the files *.bench.ts beside this one whose name contains one of
 * the names, each in a fresh process, where no earlier benchmark has taught the compiler its types.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { cpus } from "node:os";
import { resolve } from "node:path";

const names = process.argv.slice(2);
const files = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith(".bench.ts"))
  .filter((file) => names.length === 0 || names.some((name) => file.includes(name)));
if (files.length === 0) {
  console.error(`no file in test/bench has one of these in its name: ${names.join(", ")}`);
  process.exit(1);
}
console.log(`node ${process.version} on ${cpus()[0]?.model ?? "an unknown processor"}`);
for (const file of files.toSorted()) {
  const path = resolve(import.meta.dirname, file);
  const { status } = spawnSync(process.execPath, [...process.execArgv, path], { stdio: "inherit" });
  if (status !== 0) {
    console.error(`${file} failed`);
    process.exitCode = 1;
  }
}
