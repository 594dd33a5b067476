/** @file Switches of V8 that products gain from, set while a program runs, and whether they helped. */
import { canFuse } from "./features.ts";
import { Machine, preferTile, type Tile, usualTile } from "./machine.ts";
import { product } from "./products/product.ts";

/** What {@link turbo} found. */
export interface TurboReport {
  /** The switches of the engine that are on now. */
  readonly flags: readonly string[];
  /** How many times faster products are than without. */
  readonly gain: number;
}

/** What is used of `node:v8`. */
interface V8 {
  setFlagsFromString(flag: string): void;
}

/** Node, if this is Node. */
function nodeV8(): { readonly v8: V8; readonly version: number } | null {
  const { process } = globalThis as {
    process?: { getBuiltinModule?: (name: string) => unknown; versions?: { node?: string } };
  };
  const version = Number.parseInt(process?.versions?.node ?? "0", 10);
  const v8 = process?.getBuiltinModule?.("node:v8") as V8 | undefined;
  return v8 === undefined ? null : { v8, version };
}

/** Pairs of vectors are one wide vector for the engine: a larger tile suits it. */
const wideTile: Tile = { rows: 4, vectors: 4, together: 2 };

/**
 * Turns on what V8 has not yet turned on by itself, measures whether products are faster, and turns it off
 * again if they are not: sums and products with one rounding (`--experimental-wasm-relaxed-simd`, in Node
 * before 22), and vectors of 256 bits (`--experimental-wasm-revectorize`, from Node 24 on). These are
 * experiments of the engine; results stay the same but for the rounding of products.
 *
 * It takes about a tenth of a second, and counts for backends that are made afterwards. Elsewhere than in
 * Node it does nothing.
 *
 * @example
 * ```ts no-run
 * import { setDefaultBackend } from "@tapeloop/autograd";
 * import { ndarrayBackend } from "@tapeloop/backend-ndarray";
 * import { turbo, wasmBackend } from "@tapeloop/backend-wasm";
 *
 * const { flags, gain } = turbo();
 * console.log(`${flags.join(" ")}: ${gain.toFixed(1)} times faster`);
 * setDefaultBackend(wasmBackend());
 * ```
 */
export function turbo(): TurboReport {
  const node = nodeV8();
  if (node === null) return { flags: [], gain: 1 };
  const before = timeOf(usualTile, canFuse());
  const flags: string[] = [];
  let best = before;
  const attempt = (name: string, tile: Tile, isThere: () => boolean): void => {
    node.v8.setFlagsFromString(`--${name}`);
    const time = isThere() ? timeOf(tile, canFuse()) : Infinity;
    if (time < 0.95 * best) {
      best = time;
      preferTile(tile);
      flags.push(`--${name}`);
    } else node.v8.setFlagsFromString(`--no-${name}`);
  };
  if (!canFuse()) attempt("experimental-wasm-relaxed-simd", usualTile, canFuse);
  if (node.version >= 24) attempt("experimental-wasm-revectorize", wideTile, () => true);
  return { flags, gain: before / best };
}

/** Milliseconds of a product, once the engine has compiled it for good. */
function timeOf(tile: Tile, fuses: boolean): number {
  const machine = new Machine(fuses);
  machine.tile = tile;
  const [m, k, n] = [32, 128, 256];
  const { run, scratch } = product(machine, {
    dtype: "float32",
    sizes: [m, k, n],
    left: { down: 4 * k, across: 4 },
    right: { down: 4 * n, across: 4 },
    isRightKept: false,
    down: 4 * n,
    addendDown: null,
  });
  const parts = [m * n, m * k, k * n].map((count) => machine.memory.allocate(4 * count).pointer);
  const [c, a, b] = parts;
  const space = machine.memory.allocate(scratch).pointer;
  let best = Infinity;
  for (const start = performance.now(); performance.now() - start < 40;) {
    const before = performance.now();
    for (let i = 0; i < 8; i++) run(c, a, b, 0, space);
    best = Math.min(best, (performance.now() - before) / 8);
  }
  return best;
}
