/**
 * @file `pnpm check:package`: packs every package as it would be published, lets publint and attw
 * judge the archives, installs them together in an empty project, and imports every entry there with
 * plain Node. The two tools are fetched when they are needed: nobody else has to install them.
 */
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { resolve } from "node:path";

const publint = "publint@0.3.25";
const attw = "@arethetypeswrong/cli@0.18.5";

interface Manifest {
  name: string;
  private?: boolean;
  publishConfig: { exports: Record<string, unknown> };
}

const root = resolve(import.meta.dirname, "../..");
const packages = resolve(root, "packages");
const temporary = mkdtempSync(resolve(tmpdir(), "tapeloop-packages-"));

function run(command: string, args: readonly string[], cwd: string): void {
  execFileSync(command, args, { cwd, stdio: "inherit", shell: process.platform === "win32" });
}

try {
  const folders = readdirSync(packages, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => resolve(packages, entry.name));
  // tsc never deletes what it wrote earlier: a module that is gone would be packed again.
  for (const folder of folders) rmSync(resolve(folder, "dist"), { recursive: true, force: true });
  run("pnpm", ["build"], root);

  const dependencies: Record<string, string> = {};
  const entries: string[] = [];
  for (const folder of folders) {
    const manifest = JSON.parse(readFileSync(resolve(folder, "package.json"), "utf8")) as Manifest;
    if (manifest.private) continue;
    const archive = resolve(temporary, `${manifest.name.replace(/\W+/g, "-")}.tgz`);
    run("pnpm", ["pack", "--out", archive], folder);
    run("pnpm", ["dlx", publint, "--strict", archive], root);
    run("pnpm", ["dlx", attw, "--profile", "esm-only", archive], root);
    dependencies[manifest.name] = `file:${archive}`;
    for (const path of Object.keys(manifest.publishConfig.exports)) {
      entries.push(manifest.name + path.slice(1));
    }
  }

  const user = { private: true, type: "module", dependencies };
  writeFileSync(resolve(temporary, "package.json"), JSON.stringify(user));
  // Versions that a package asks of another come from the archives, not from the registry.
  const overrides = Object.entries(dependencies).map(([name, from]) => `  "${name}": "${from}"`);
  writeFileSync(
    resolve(temporary, "pnpm-workspace.yaml"),
    `packages: []\noverrides:\n${overrides.join("\n")}\n`,
  );
  run("pnpm", ["install"], temporary);
  for (const entry of entries) {
    run("node", ["--input-type=module", "--eval", `await import("${entry}")`], temporary);
    console.log(`import "${entry}": ok`);
  }
  // gpu.js is an optional peer: nobody gets it unasked, and what is missing is said.
  const open = (then: string): string =>
    `const { gpuBackend } = await import("@tapeloop/backend-gpu");
     const { ndarrayBackend } = await import("@tapeloop/backend-ndarray");
     const opened = gpuBackend({ mode: "cpu", elsewhere: ndarrayBackend });
     ${then}`;
  const missing = `const error = await opened.then(() => null, (e) => e);
    if (error?.code !== "unavailable" || !error.message.includes("npm install gpu.js@")) throw error;`;
  const works = `const { setDefaultBackend, tensor } = await import("@tapeloop/autograd");
    setDefaultBackend(await opened);
    const [y] = await tensor([3]).mul(2).data();
    if (y !== 6) throw new Error("3 · 2 is " + y);`;
  run("node", ["--input-type=module", "--eval", open(missing)], temporary);
  const workspace = readFileSync(resolve(root, "pnpm-workspace.yaml"), "utf8");
  const version = /gpu\.js: (\S+)/.exec(workspace)?.[1] ?? "";
  const without = ["gl", "webgpu"].map((name) => `  "gpu.js>${name}": "-"\n`).join("");
  appendFileSync(resolve(temporary, "pnpm-workspace.yaml"), without);
  run("pnpm", ["add", `gpu.js@${version}`], temporary);
  run("node", ["--input-type=module", "--eval", open(works)], temporary);
  console.log("gpu.js is missed, and found: ok");
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
