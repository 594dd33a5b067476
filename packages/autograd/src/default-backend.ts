/** @file The backend for tensors that are made from nothing. There is none until somebody sets it. */
import type { Backend } from "./backend.ts";
import { BackendError } from "./errors.ts";

let chosen: Backend | null = null;

/**
 * Chooses the backend on which new tensors are made. `import "tapeloop"` does this for you.
 * Existing tensors stay where they are.
 */
export function setDefaultBackend(backend: Backend): void {
  chosen = backend;
}

/**
 * The backend on which new tensors are made.
 *
 * @throws BackendError if none has been chosen.
 */
export function defaultBackend(): Backend {
  if (chosen === null) {
    throw new BackendError(
      "backend",
      "a backend must be chosen before tensors are made",
      "none",
      'Import "tapeloop", or call setDefaultBackend(ndarrayBackend).',
    );
  }
  return chosen;
}
