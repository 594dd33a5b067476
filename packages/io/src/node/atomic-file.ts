/**
 * @file Writing a file so that whoever reads it, at any moment and after any crash, finds the old
 * content or the new one, whole.
 */
import { randomBytes } from "node:crypto";
import { open, readdir, realpath, rename, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { FileError } from "../errors.ts";

const host = hostname()
  .replaceAll(/[^A-Za-z0-9]/g, "")
  .slice(0, 24);

/**
 * Writes a file, all or nothing.
 *
 * The bytes go to a temporary file in the same folder, are forced to the disk, and take the name
 * `path` in one step; then the folder is forced to the disk too. When the promise resolves, the new
 * content outlives a power cut; before that, or when it rejects, `path` is as it was. The
 * permissions of an old file are kept, and a symbolic link is followed. Temporary files that dead
 * processes on this machine left for the same `path` are removed.
 *
 * Throws: FileError if the folder is missing or not writable, or the disk is full, or `path` is a
 * folder; the temporary file is gone then.
 *
 * @param path - The file to make or to replace.
 * @param bytes - Its content.
 *
 * @example
 * ```ts
 * import { mkdtemp, readFile, readdir } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { writeFileAtomic } from "@tapeloop/io/node";
 *
 * const folder = await mkdtemp(join(tmpdir(), "tapeloop-"));
 * await writeFileAtomic(join(folder, "notes.txt"), new TextEncoder().encode("first"));
 * await writeFileAtomic(join(folder, "notes.txt"), new TextEncoder().encode("second"));
 * console.log(await readFile(join(folder, "notes.txt"), "utf8")); // second
 * console.log(await readdir(folder)); // [ 'notes.txt' ]
 * ```
 */
export async function writeFileAtomic(path: string, bytes: Uint8Array): Promise<void> {
  const target = await realpath(path).catch(() => path); // a link stays a link
  try {
    await sweep(target);
    await replace(target, bytes);
  } catch (error) {
    const remedy = "What was there before is unchanged. Free space or choose another folder.";
    throw unwritable(path, error, remedy);
  }
  try {
    await syncFolder(dirname(target));
  } catch (error) {
    throw unwritable(path, error, "The new content is there, but may not outlive a power cut.");
  }
}

function unwritable(path: string, cause: unknown, remedy: string): FileError {
  const rule = "the file must be writable";
  const got = systemReason(cause);
  return new FileError({ op: "writeFileAtomic", rule, got, remedy, path }, { cause });
}

async function replace(target: string, bytes: Uint8Array): Promise<void> {
  const temporary = join(
    dirname(target),
    `${prefixOf(target)}${process.pid}-${randomBytes(6).toString("hex")}.tmp`,
  );
  try {
    const mode = await modeOf(target);
    const file = await open(temporary, "wx", mode);
    try {
      if (mode !== undefined) await file.chmod(mode); // what the umask took away
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {}); // the first error is the one to tell
    throw error;
  }
}

/** The permissions of a file that is there. */
async function modeOf(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found && found.mode & 0o777;
}

/** Makes a rename durable. Windows cannot open folders, and some network disks cannot sync them. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } catch (error) {
    if (!["EINVAL", "ENOTSUP"].includes(codeOf(error))) throw error;
  } finally {
    await folder.close();
  }
}

/** Temporary files are `.<file>.<host>-<process>-<random>.tmp`. */
function prefixOf(target: string): string {
  return `.${basename(target)}.${host}-`;
}

/** Removes what dead processes of this machine left; that something cannot be removed is no error. */
async function sweep(target: string): Promise<void> {
  const prefix = prefixOf(target);
  const names = await readdir(dirname(target)).catch(() => []);
  for (const name of names) {
    if (!name.startsWith(prefix)) continue;
    const pid = /^(\d+)-[0-9a-f]{12}\.tmp$/.exec(name.slice(prefix.length))?.[1];
    const path = join(dirname(target), name);
    if (pid !== undefined && (await isLeft(path, Number(pid)))) {
      await rm(path, { force: true }).catch(() => {});
    }
  }
}

/** Whether the process that wrote a temporary file is gone. */
async function isLeft(path: string, pid: number): Promise<boolean> {
  if (pid === process.pid) {
    // In containers each run has the same number: what is older than this run is not its own.
    const found = await stat(path).catch(() => undefined);
    return found !== undefined && found.mtimeMs < Date.now() - process.uptime() * 1000 - 2000;
  }
  try {
    process.kill(pid, 0); // asks only
    return false;
  } catch (error) {
    return codeOf(error) === "ESRCH";
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** What the operating system says about a file, in a few words. */
export function systemReason(error: unknown): string {
  const reasons: Record<string, string> = {
    ENOENT: "no such file or folder",
    EACCES: "no permission",
    EPERM: "no permission",
    EROFS: "a read-only disk",
    EISDIR: "a folder",
    ENOTDIR: "a path through something that is no folder",
    ENOSPC: "no space left on the disk",
    EDQUOT: "no space left in the quota",
    EFBIG: "a file larger than allowed",
    EIO: "a disk error",
  };
  const code = codeOf(error);
  return reasons[code] ?? (code || String(error));
}
