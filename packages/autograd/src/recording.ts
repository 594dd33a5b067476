/** @file What all derivatives start with: running a function on stand-ins for its arguments, recorded. */
import { isFloat } from "./dtype.ts";
import { ArgumentError, describe, TreeError } from "./errors.ts";
import { atLevel, recordingLevel } from "./interpreters/record.ts";
import { whileRecording } from "./memory.ts";
import { alias } from "./primitives/structure.ts";
import { formatType } from "./shape.ts";
import { TapeNode } from "./tape.ts";
import type { Tensor } from "./tensor.ts";
import { mapTree, namedLeaves, tensorsIn, type Tree } from "./tree.ts";

/** A function's result, and the marks on the tape that stand for the leaves of its argument. */
export interface Recording<R> {
  /** What the function returned. */
  readonly result: R;
  /** The nodes of the leaves, in the order of the tree. */
  readonly marks: readonly TapeNode[];
  /** The index of the first mark: what is older is constant. */
  readonly since: number;
  /** The level of differentiation that was recorded. */
  readonly level: number;
}

/**
 * Runs `f` with every leaf of `at` being differentiated, one level deeper than what is recorded now.
 * The derivative itself is then taken at the current level, so that outer derivatives see it.
 *
 * @throws TreeError in the name of `op` if a leaf is not a floating-point tensor.
 */
export function record<P extends Tree, R>(op: string, f: (at: P) => R, at: P): Recording<R> {
  if (typeof f !== "function") {
    throw new ArgumentError(op, "differentiates a function", describe(f));
  }
  for (const { path, tensor } of namedLeaves(at)) checkLeaf(op, path, tensor);
  const level = Math.max(recordingLevel(), 0) + 1;
  const marks: TapeNode[] = [];
  const watched = mapTree((x) => watch(x, level, marks), at);
  const result = whileRecording(() => atLevel(level, () => f(watched)));
  return { result, marks, since: marks[0]?.index ?? Infinity, level };
}

/** Only floating-point tensors have derivatives. */
function checkLeaf(op: string, path: string, x: Tensor): void {
  if (!isFloat(x.dtype)) {
    throw new TreeError(
      op,
      "the first argument must hold floating-point tensors",
      `${formatType(x)}${path ? ` at "${path}"` : ""}`,
      "Pass whole numbers as further arguments.",
    );
  }
}

/** A stand-in for a leaf, by which this derivative is taken; an outer one sees it as its old self. */
function watch(x: Tensor, level: number, marks: TapeNode[]): Tensor {
  const y = atLevel(level, () => alias(x));
  y.node ??= new TapeNode("leaf", [], null, null, y, level);
  marks.push(y.node);
  return y;
}

/** Takes results off a level's tape: from here on they are constants to all but outer derivatives. */
export function detach<R>(value: R, level: number): R {
  for (const x of tensorsIn(value)) if (x.node !== null && x.node.level >= level) x.node = null;
  return value;
}
