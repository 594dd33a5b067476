import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  type ArrayData,
  decodeSafetensors,
  encodeSafetensors,
  type StoredArray,
} from "@tapeloop/io";
import {
  FileError,
  FormatError,
  loadSafetensors,
  saveSafetensors,
  writeFileAtomic,
} from "@tapeloop/io/node";
import { golden } from "./golden.ts";

const root = resolve(import.meta.dirname, "../../..");
let folder = "";
let path = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tapeloop-io-"));
  path = join(folder, "model.safetensors");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Runs a program from TypeScript sources; also in the shell, to set limits for it. */
const typescript = ["--import", "@oxc-node/core/register", "--conditions=@tapeloop/source"];
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const tensors: Record<string, StoredArray> = {
  w: { dtype: "float32", shape: [1, 2], data: new Float32Array([0.5, NaN]) },
  none: { dtype: "int32", shape: [0, 4], data: new Int32Array(0) },
  b: { dtype: "bool", shape: [], data: new Uint8Array([1]) },
};

async function failure(promise: Promise<unknown>): Promise<FormatError | FileError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof FormatError || error instanceof FileError) return error;
  throw new Error(`not a typed error: ${String(error)}`);
}

test("what was saved is loaded again, and was verified", async () => {
  await saveSafetensors(path, tensors, { step: "3" });
  const loaded = await loadSafetensors(path);
  expect(loaded).toEqual({ tensors, metadata: { step: "3" }, isVerified: true });
  expect(Object.keys(loaded.tensors)).toEqual(["w", "none", "b"]);
});

test("a saved file is a plain safetensors file that carries its digest", async () => {
  await saveSafetensors(path, tensors);
  const { metadata } = decodeSafetensors(await readFile(path));
  expect(Object.keys(metadata)).toEqual(["tapeloop.version", "tapeloop.sha256"]);
  expect(metadata["tapeloop.sha256"]).toMatch(/^[0-9a-f]{64}$/);
});

test("text in the metadata that looks like a digest does not mislead", async () => {
  const zeros = `"tapeloop.sha256":"${"0".repeat(64)}"`;
  await saveSafetensors(path, tensors, { [zeros]: zeros });
  expect((await loadSafetensors(path)).metadata).toEqual({ [zeros]: zeros });
});

test("a file of another program is loaded, and said not to be verified", async () => {
  await writeFile(path, golden);
  const { tensors: loaded, isVerified } = await loadSafetensors(path);
  expect(loaded).toEqual(decodeSafetensors(golden).tensors);
  expect(isVerified).toBe(false);
});

test("every single changed bit of a saved file is an error", { timeout: 120_000 }, async () => {
  await saveSafetensors(path, { w: tensors["w"], none: tensors["none"] }, { s: "1" });
  const bytes = await readFile(path);
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3] ^= 1 << (bit & 7);
    await writeFile(path, changed);
    const error = await failure(loadSafetensors(path));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toMatch(/^loadSafetensors: .+ in ".+model\.safetensors"\. [A-Z].+\.$/);
  }
});

test("every truncation of a saved file is an error", async () => {
  await saveSafetensors(path, tensors);
  const bytes = await readFile(path);
  for (let length = 0; length < bytes.length; length++) {
    await writeFile(path, bytes.subarray(0, length));
    expect(await failure(loadSafetensors(path))).toBeInstanceOf(FormatError);
  }
});

test("a saved file that another program wrote anew is an error that says so", async () => {
  await saveSafetensors(path, tensors);
  const { metadata } = decodeSafetensors(await readFile(path));
  const w: ArrayData = { dtype: "float32", shape: [2], data: new Float32Array([0.25, 1]) };
  await writeFile(path, encodeSafetensors({ w }, metadata));
  const error = await failure(loadSafetensors(path));
  expect(error.message).toMatch(
    /the digest must be the tapeloop\.sha256 of the file, got [0-9a-f]{64} in/,
  );
  await writeFile(path, encodeSafetensors({ w }, { "tapeloop.version": "1" }));
  expect((await failure(loadSafetensors(path))).message).toMatch(/must have the digest/);
});

test("what cannot be read names the path, the reason and the remedy", async () => {
  const missing = await failure(loadSafetensors(path));
  expect(missing).toBeInstanceOf(FileError);
  expect(missing.path).toBe(path);
  expect(missing.message).toBe(
    `loadSafetensors: the path must be a readable file, got no such file or folder in "${path}". ` +
      "Check the path and its permissions.",
  );
  expect((await failure(loadSafetensors(folder))).message).toMatch(/, got a folder in /);
});

test("what the format cannot hold is not saved, and the old file stays", async () => {
  await writeFileAtomic(path, text("old"));
  const wrong = { w: { ...tensors["w"], shape: [3] } };
  expect((await failure(saveSafetensors(path, wrong))).op).toBe("saveSafetensors");
  const reserved = await failure(saveSafetensors(path, {}, { "tapeloop.step": "1" }));
  expect(reserved.message).toBe(
    "saveSafetensors: keys of metadata must not start with tapeloop., got tapeloop.step. " +
      "Choose another key.",
  );
  expect(await readFile(path, "utf8")).toBe("old");
});

test("a new file replaces an old one and leaves nothing else", async () => {
  await writeFileAtomic(path, text("a longer old text"));
  await writeFileAtomic(path, text("new"));
  expect(await readFile(path, "utf8")).toBe("new");
  await writeFileAtomic(path, new Uint8Array());
  expect(await readFile(path, "utf8")).toBe("");
  expect(await readdir(folder)).toEqual(["model.safetensors"]);
});

test("many writes at once leave one of them whole", async () => {
  const texts = Array.from({ length: 20 }, (_, i) => `${i}`.repeat(10_000));
  await Promise.all(texts.map((value) => writeFileAtomic(path, text(value))));
  expect(texts).toContain(await readFile(path, "utf8"));
  expect(await readdir(folder)).toEqual(["model.safetensors"]);
});

test.skipIf(process.platform === "win32")(
  "permissions are kept and links are followed",
  async () => {
    await writeFileAtomic(path, text("old"));
    await chmod(path, 0o640);
    await symlink(path, join(folder, "latest"));
    await writeFileAtomic(join(folder, "latest"), text("new"));
    expect(await readFile(path, "utf8")).toBe("new");
    expect((await stat(path)).mode & 0o777).toBe(0o640);
    expect((await readdir(folder)).toSorted()).toEqual(["latest", "model.safetensors"]);
  },
);

test("a write that fails keeps what was there and removes its temporary file", async () => {
  await mkdir(join(path, "full"), { recursive: true }); // a folder stands where the file should
  const error = await failure(writeFileAtomic(path, text("new")));
  expect(error).toBeInstanceOf(FileError);
  expect(error.message).toMatch(
    /^writeFileAtomic: the file must be writable, got a folder in ".+"\. What/,
  );
  expect(error.cause).toMatchObject({ code: "EISDIR" });
  expect(await readdir(folder)).toEqual(["model.safetensors"]);
  expect(await readdir(path)).toEqual(["full"]);
  const nowhere = await failure(saveSafetensors(join(folder, "no", "file"), tensors));
  expect(nowhere.message).toMatch(/^saveSafetensors: .* got no such file or folder/);
});

test.skipIf(process.platform === "win32")(
  "a disk that takes only the first bytes keeps the old file",
  { timeout: 60_000 },
  async () => {
    await writeFile(path, golden);
    // 64 blocks of 512 or 1024 bytes are allowed; a save needs 160,000 bytes.
    const program = resolve(import.meta.dirname, "endless-writer.ts");
    const line = 'ulimit -f 64; exec "$0" "$@"';
    const args = ["-c", line, process.execPath, ...typescript, program, path];
    const child = spawn("sh", args, { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
    let errors = "";
    child.stderr.on("data", (part: Buffer) => (errors += part.toString()));
    await once(child, "close");
    expect(child.exitCode).toBe(1);
    expect(errors).toMatch(
      /saveSafetensors: the file must be writable, got a file larger than allowed/,
    );
    expect(await readFile(path)).toEqual(Buffer.from(golden));
    expect(await readdir(folder)).toEqual(["model.safetensors"]);
  },
);

function temporary(file: string, host: string, pid: number | undefined): string {
  return `.${file}.${host}-${pid}-0123456789ab.tmp`;
}

test("temporary files of dead processes are swept, those of living ones and others stay", async () => {
  const host = hostname()
    .replaceAll(/[^A-Za-z0-9]/g, "")
    .slice(0, 24);
  const dead = spawn(process.execPath, ["--version"], { stdio: "ignore" });
  await once(dead, "close");
  const left = temporary("model.safetensors", host, dead.pid);
  const ownOld = temporary("model.safetensors", host, process.pid);
  const kept = [
    temporary("model.safetensors", host, process.ppid), // alive
    temporary("model.safetensors", "elsewhere", dead.pid), // of a machine we cannot ask
    temporary("other.safetensors", host, dead.pid),
    `${left}.bak`,
  ];
  for (const file of [left, ownOld, ...kept]) await writeFile(join(folder, file), "half");
  await utimes(join(folder, ownOld), 1, 1); // written long before this process started
  await writeFileAtomic(path, text("new"));
  expect((await readdir(folder)).toSorted()).toEqual([...kept, "model.safetensors"].toSorted());
});

test(
  "killed at 20 random moments, the file is always whole and no finished save is lost",
  {
    timeout: 180_000,
  },
  async () => {
    const program = resolve(import.meta.dirname, "endless-writer.ts");
    let last = 0;
    for (let kill = 0; kill < 20; kill++) {
      const child = spawn(process.execPath, [...typescript, program, path], {
        cwd: root,
        stdio: ["ignore", "pipe", "inherit"],
      });
      let printed = "";
      child.stdout.on("data", (part: Buffer) => (printed += part.toString()));
      const closed = once(child, "close");
      await once(child.stdout, "data");
      await sleep(Math.random() * 25);
      child.kill("SIGKILL");
      await closed;
      const done = Number(printed.trimEnd().split("\n").at(-1));
      expect(done).toBeGreaterThan(last); // it went on from the file of the one before
      last = done;
      const { tensors: found, metadata, isVerified } = await loadSafetensors(path);
      const number = Number(metadata["number"]);
      expect(isVerified).toBe(true);
      expect(number).toBeGreaterThanOrEqual(done);
      expect(found["all"]?.data.every((value) => value === number)).toBe(true);
    }
    await writeFileAtomic(path, text("end"));
    expect(await readdir(folder)).toEqual(["model.safetensors"]);
  },
);
