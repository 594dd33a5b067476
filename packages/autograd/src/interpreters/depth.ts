/** @file How deep interpreters are nested: of two that an op could belong to, the inner one runs it. */

let depth = 0;

/** Runs `f` inside of one more interpreter, a `vmap` or a trace, and tells it how deep that is. */
export function deeper<R>(f: (depth: number) => R): R {
  depth++;
  try {
    return f(depth);
  } finally {
    depth--;
  }
}
