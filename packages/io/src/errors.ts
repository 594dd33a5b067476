/**
 * @file The errors of reading and writing files, and the one place where their text is put together:
 * `<op>: <rule that was broken>, got <what came>. <remedy>`.
 */

/** The parts of a message; each error keeps them, so that a caller can add what it knows. */
export interface ErrorParts {
  /** The operation that refused, by its public name. */
  readonly op: string;
  /** What must hold, as a clause. */
  readonly rule: string;
  /** What came instead. */
  readonly got: string;
  /** What to do about it, as a sentence. */
  readonly remedy: string;
  /** The file in question, where there is one. */
  readonly path?: string | undefined;
}

/** What the errors of this package have in common: the parts of their message. */
export abstract class IoError extends Error {
  /** The operation that refused, by its public name. */
  readonly op: string;
  /** The file in question, where there is one. */
  readonly path: string | undefined;
  /** The parts that the message was put together from. */
  readonly parts: ErrorParts;

  /**
   * @param parts - What the message is put together from.
   * @param options - The error that led to this one, as `cause`.
   */
  constructor(parts: ErrorParts, options?: ErrorOptions) {
    const where = parts.path === undefined ? "" : ` in ${JSON.stringify(parts.path)}`;
    super(`${parts.op}: ${parts.rule}, got ${parts.got}${where}. ${parts.remedy}`, options);
    this.name = new.target.name;
    this.op = parts.op;
    this.path = parts.path;
    this.parts = parts;
  }
}

/**
 * Bytes that break the rules of their format, or arrays that the format cannot hold.
 *
 * Remedy: take the file from its source again; nothing of a damaged file is returned.
 *
 * @example
 * ```ts
 * import { decodeSafetensors, encodeSafetensors, FormatError } from "@tapeloop/io";
 *
 * const bytes = encodeSafetensors({
 *   b: { dtype: "float32", shape: [2], data: new Float32Array([1, 2]) },
 * });
 * try {
 *   decodeSafetensors(bytes.subarray(0, 70)); // wrong: the file was cut
 * } catch (error) {
 *   console.log(error instanceof FormatError); // true
 * }
 * console.log(decodeSafetensors(bytes).tensors["b"]?.data); // Float32Array(2) [ 1, 2 ]
 * ```
 */
export class FormatError extends IoError {
  /** A name of this kind of error that never changes. */
  readonly code = "format";
}

/**
 * A file that could not be read or written: missing, not permitted, a folder, no space left.
 *
 * The error of the operating system is the `cause`. Remedy: the message names the file.
 *
 * @example
 * ```ts
 * import { FileError, loadSafetensors } from "@tapeloop/io/node";
 *
 * try {
 *   await loadSafetensors("no-such-folder/model.safetensors");
 * } catch (error) {
 *   console.log(error instanceof FileError && error.path); // no-such-folder/model.safetensors
 * }
 * ```
 */
export class FileError extends IoError {
  /** A name of this kind of error that never changes. */
  readonly code = "file";
}
