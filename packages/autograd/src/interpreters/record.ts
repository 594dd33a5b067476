/**
 * @file The recording interpreter: hangs a {@link TapeNode} on the results of ops whose inputs are being
 * differentiated.
 */
import { isFloat } from "../dtype.ts";
import type { ManyPrimitive, OnePrimitive } from "../primitive.ts";
import { TapeNode } from "../tape.ts";
import type { Tensor } from "../tensor.ts";

/**
 * Ops are recorded if they depend on a leaf of this level or an outer one. Level 0 belongs to
 * parameters (`loss.backward()`), level k to the k-th of nested `grad`s; −1 records nothing.
 * While the backward pass of level k runs, level k − 1 is current: so its ops are recorded exactly
 * if somebody further out will differentiate them again.
 */
let level = 0;

/** The current level. */
export function recordingLevel(): number {
  return level;
}

/** Runs `f` at another level. */
export function atLevel<R>(next: number, f: () => R): R {
  const outer = level;
  level = next;
  try {
    return f();
  } finally {
    level = outer;
  }
}

/**
 * Runs `f` without recording: its results are constants to every derivative.
 *
 * @example
 * ```ts
 * import { noGrad, parameter } from "tapeloop";
 *
 * const w = parameter(2);
 * w.mul(noGrad(() => w.mul(3))).backward();
 * console.log(w.grad?.item()); // 6
 * ```
 */
export function noGrad<R>(f: () => R): R {
  return atLevel(-1, f);
}

/**
 * The outermost level that the inputs depend on; Infinity for constants.
 *
 * @param beyond - Levels up to this one do not count.
 */
function levelOf(inputs: readonly Tensor[], beyond: number): number {
  let outermost = Infinity;
  for (let i = 0; i < inputs.length; i++) {
    const node = inputs[i].node;
    if (node !== null && node.level < outermost && node.level > beyond) outermost = node.level;
  }
  return outermost;
}

/** Whether an op on these inputs is recorded now. */
export function isRecorded(inputs: readonly Tensor[]): boolean {
  return levelOf(inputs, -1) <= level;
}

/** The levels that a result is not recorded for: under `vmap`, those that the full tensor is. */
function recordedElsewhere({ examples }: Tensor): number {
  return examples === null ? -1 : examples.batch.outerLevel;
}

/** The nodes of the inputs. */
function nodesOf(inputs: readonly Tensor[]): (TapeNode | null)[] {
  // Written out, since a tape keeps these arrays: one that grows by push() holds room for 17.
  if (inputs.length === 1) return [inputs[0].node];
  if (inputs.length === 2) return [inputs[0].node, inputs[1].node];
  return inputs.map(({ node }) => node);
}

/**
 * Records an op with one result, if it is being differentiated. A saved output is the tensor itself,
 * linked to the tape, so that second derivatives see where it came from.
 */
export function recordOne<P, S>(
  primitive: OnePrimitive<string, P, S>,
  inputs: readonly Tensor[],
  params: P,
  output: Tensor,
): void {
  const outermost = levelOf(inputs, recordedElsewhere(output));
  if (outermost > level || !isFloat(output.dtype)) return;
  const saved = primitive.saves(inputs, output, params);
  output.node = new TapeNode(primitive, nodesOf(inputs), params, saved, output, outermost);
}

/** Records an op with several results, if it is being differentiated. */
export function recordMany<P, S>(
  primitive: ManyPrimitive<string, P, S>,
  inputs: readonly Tensor[],
  params: P,
  outputs: readonly Tensor[],
): void {
  const outermost =
    outputs.length === 0 ? Infinity : levelOf(inputs, recordedElsewhere(outputs[0]));
  if (outermost > level) return;
  const saved = primitive.saves(inputs, outputs, params);
  recordNodes(primitive, nodesOf(inputs), params, saved, outputs, outermost);
}

/** Records an op with several results by its inputs' nodes: a node for the op, and one per result. */
export function recordNodes<P, S>(
  primitive: ManyPrimitive<string, P, S>,
  inputs: readonly (TapeNode | null)[],
  params: P,
  saved: S,
  outputs: readonly Tensor[],
  outermost: number,
): void {
  const source = new TapeNode(primitive, inputs, params, saved, outputs, outermost);
  outputs.forEach((output, slot) => {
    if (isFloat(output.dtype)) {
      output.node = new TapeNode(slot, [source], null, null, output, outermost);
    }
  });
}
