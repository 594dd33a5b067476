/**
 * @file The modules of every package as one file for each entry, in `dist/node`: Node starts in a fifth of the time
 * that hundreds of files take. Bundlers of pages get the single modules, of which they drop what nobody uses.
 */
import { readdirSync, readFileSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { build } from "rolldown";

interface Manifest {
  readonly exports: Readonly<Record<string, { readonly default: string }>>;
}

const folders = readdirSync(import.meta.dirname, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => resolve(import.meta.dirname, entry.name));

for (const folder of folders) {
  const text = readFileSync(resolve(folder, "package.json"), "utf8");
  const entries = Object.values((JSON.parse(text) as Manifest).exports);
  await build({
    input: entries.map((entry) => resolve(folder, entry.default)),
    // What a package takes from others stays an import: everybody has the same one.
    external: (id) => !id.startsWith(".") && !isAbsolute(id),
    platform: "node",
    treeshake: false,
    logLevel: "warn",
    output: { dir: resolve(folder, "dist/node"), format: "esm", chunkFileNames: "[name].js" },
  });
}
