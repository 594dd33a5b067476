/**
 * Files for Node, written all or nothing.
 *
 * @packageDocumentation
 */

export { type ErrorParts, FileError, FormatError, IoError } from "./errors.ts";
export { writeFileAtomic } from "./node/atomic-file.ts";
export {
  type LoadedSafetensors,
  loadSafetensors,
  saveSafetensors,
} from "./node/safetensors-file.ts";
