/**
 * @file Checkpoints of a training run: one safetensors file with everything that decides what comes
 * next, so that a resumed run goes on bit for bit as if it had never stopped.
 */
import { rename } from "node:fs/promises";
import { mapTree, namedLeaves, tensor, type Tree } from "@tapeloop/autograd";
import { FileError, FormatError, type StoredArray } from "@tapeloop/io";
import { loadSafetensors, saveSafetensors } from "@tapeloop/io/node";
import { UsageError } from "./usage-error.ts";

/** What is said of the run in the file's metadata. */
export interface RunRecord {
  /** Options that decide the course of the run, by name. */
  readonly options: Readonly<Record<string, string | number>>;
  /** Every character the model knows. */
  readonly vocabulary: string;
  /** SHA-256 of the text. */
  readonly text: string;
  /** Steps done; also the position in the text. */
  readonly step: number;
  /** Training loss of every step, in nats. */
  readonly training: readonly number[];
  /** Validation loss by step, in nats. */
  readonly validation: readonly (readonly [step: number, loss: number])[];
}

/** A checkpoint as it was read. */
export interface Checkpoint {
  /** What is said of the run. */
  readonly record: RunRecord;
  /** The tensors of a tree that was saved under a name, in the structure of `template`. */
  restore<T extends Tree>(name: string, template: T): T;
}

const format = "tapeloop-character-model";
const version = "1";

/** Writes a checkpoint, all or nothing: trees by name, and the record. */
export async function saveCheckpoint(
  path: string,
  trees: Readonly<Record<string, Tree>>,
  record: RunRecord,
): Promise<void> {
  const arrays: Record<string, StoredArray> = {};
  for (const [name, tree] of Object.entries(trees)) {
    for (const leaf of namedLeaves(tree)) {
      const { shape, dtype } = leaf.tensor;
      const data = await leaf.tensor.data();
      arrays[nameOf(name, leaf.path)] = { dtype, shape, data } as StoredArray;
    }
  }
  try {
    await saveSafetensors(path, arrays, { format, version, run: JSON.stringify(record) });
  } catch (error) {
    throw asUsage(error);
  }
}

/**
 * Reads a checkpoint.
 *
 * Throws: UsageError if the file is missing, damaged, or something else.
 */
export async function loadCheckpoint(path: string): Promise<Checkpoint> {
  const { tensors, metadata } = await loadSafetensors(path).catch((error: unknown) => {
    throw asUsage(error);
  });
  if (metadata["format"] !== format || metadata["version"] !== version) {
    throw new UsageError(
      `${JSON.stringify(path)} is no checkpoint of tapeloop train: its format is ${metadata["format"] ?? "not given"}.`,
    );
  }
  return {
    record: JSON.parse(metadata["run"] ?? "{}") as RunRecord,
    restore: (name, template) => {
      const paths = namedLeaves(template).map((leaf) => leaf.path);
      let i = 0;
      return mapTree((leaf) => {
        const key = nameOf(name, paths[i++]);
        const stored = tensors[key];
        if (stored?.dtype !== leaf.dtype || stored.shape.join() !== leaf.shape.join()) {
          const found =
            stored === undefined ? "nothing" : `${stored.dtype}[${stored.shape.join()}]`;
          throw new UsageError(
            `${JSON.stringify(path)} holds ${found} for ${key}, but the model needs ${leaf.dtype}[${leaf.shape.join()}].`,
          );
        }
        const { data, shape } = stored;
        return tensor(data, { shape, dtype: leaf.dtype });
      }, template);
    },
  };
}

/**
 * Moves what another run has left under the name of this run's checkpoint out of the way, to
 * `name.earlier`, so that a trained model is not replaced by an untrained one.
 */
export async function keepEarlier(path: string): Promise<void> {
  const kept = `${path}.earlier`;
  try {
    await rename(path, kept);
    console.log(`kept     an earlier ${path} as ${kept}`);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (code !== "ENOENT")
      throw new UsageError(`${JSON.stringify(path)} cannot be replaced (${String(code)}).`);
  }
}

/** The name of a leaf in the file. */
function nameOf(tree: string, path: string): string {
  if (path === "") return tree;
  return path.startsWith("[") ? tree + path : `${tree}.${path}`;
}

/** Failures with files are the user's to mend: one line, no stack. */
function asUsage(error: unknown): unknown {
  const isFile = error instanceof FileError || error instanceof FormatError;
  return isFile ? new UsageError(error.message, { cause: error }) : error;
}
