/**
 * @file The tape and the backward pass: the only place where cotangents are added.
 *
 * Every recorded op leaves a {@link TapeNode} on its result. A tape is the list of nodes that a result
 * depends on, in the order they were made; so the backward pass is that list read from the end.
 */
import { GradientError, InternalError } from "./errors.ts";
import { atLevel, recordingLevel } from "./interpreters/record.ts";
import type { Parameter } from "./parameter.ts";
import { add } from "./primitives/binary.ts";
import { alias } from "./primitives/structure.ts";
import type { AnyPrimitive } from "./primitive.ts";
import { isWatching, whereNow, within } from "./anomaly.ts";
import { isFloat } from "./dtype.ts";
import { fullLike } from "./ops/create.ts";
import { formatType, sameType, type TensorType } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** What made a node: a leaf, a primitive, or, by its number, one of the results of the node before it. */
export type Origin = "leaf" | AnyPrimitive | number;

let made = 0;

/** The record of one op: what it was, what it depends on, and what its derivative keeps. */
export class TapeNode {
  /** Rises with every node made, so it orders them by time. */
  readonly index: number = made++;
  /** What made it. */
  readonly origin: Origin;
  /** The nodes of the op's inputs; null for inputs that are not being differentiated. */
  readonly inputs: readonly (TapeNode | null)[];
  /** The primitive's parameters. */
  readonly params: unknown;
  /** What the derivative keeps. */
  readonly saved: unknown;
  /** Type of the result; a list where there are several. */
  readonly type: TensorType | readonly TensorType[];
  /** The outermost level of differentiation that it depends on; see `interpreters/record.ts`. */
  readonly level: number;
  /** Where the op was called; known only while `detectAnomaly` watches. */
  readonly where: string | null;
  /** The parameter that this leaf stands for. */
  parameter: Parameter | null = null;
  /** Scratch of one pass over a tape: which pass has seen the node. */
  pass = 0;
  /** Scratch of one pass over a tape: in which pass the node was a target, where the tape ends. */
  targetOf = 0;
  /** Scratch of one backward pass: whether a target lies behind the node. */
  wanted = false;
  /** Scratch of one backward pass: the sum of the cotangents that have arrived. */
  cotangent: Tensor | null = null;
  /** Scratch of one backward pass: the same for each of several results. */
  cotangents: (Tensor | null)[] | null = null;

  /** Records an op. */
  constructor(
    origin: Origin,
    inputs: readonly (TapeNode | null)[],
    params: unknown,
    saved: unknown,
    type: TensorType | readonly TensorType[],
    level: number,
  ) {
    this.origin = origin;
    this.inputs = inputs;
    this.params = params;
    this.saved = saved;
    // A tensor is a type, too; the node must not keep its data alive.
    this.type = Array.isArray(type) ? type.map(typeOnly) : typeOnly(type as TensorType);
    this.level = level;
    this.where = isWatching() ? whereNow() : null;
  }

  /** The index of the next node to be made. */
  static get next(): number {
    return made;
  }

  /** The op's name. */
  get name(): string {
    if (this.origin === "leaf") return "leaf";
    return typeof this.origin === "number" ? `result ${this.origin}` : this.origin.name;
  }
}

/** Shape and element type alone. */
function typeOnly(type: TensorType): TensorType {
  return { shape: type.shape, dtype: type.dtype };
}

let passes = 0;

/**
 * The tape of results: the nodes they depend on, oldest first.
 *
 * @param results - The nodes of the results.
 * @param since - Nodes made before this index are left out.
 * @param targets - Nodes beyond which the tape does not go.
 */
export function tapeOf(
  results: readonly TapeNode[],
  since = 0,
  targets: readonly TapeNode[] = [],
): TapeNode[] {
  const pass = ++passes;
  for (const target of targets) target.targetOf = pass;
  const found: TapeNode[] = [];
  const open = [...new Set(results)].filter((node) => node.index >= since);
  for (const node of open) node.pass = pass;
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    found.push(node);
    if (node.targetOf === pass) continue;
    for (const input of node.inputs) {
      if (input !== null && input.pass !== pass && input.index >= since) {
        input.pass = pass;
        open.push(input);
      }
    }
  }
  return found.toSorted((a, b) => a.index - b.index);
}

/** Whether the tape that the node was last part of ends with it. */
function isTarget(node: TapeNode): boolean {
  return node.targetOf === node.pass;
}

/**
 * Reads a tape from the end: passes the cotangents of results back to the targets.
 *
 * @param tape - Nodes, oldest first.
 * @param results - The results' nodes, and their cotangents.
 * @returns Nothing: each target's `cotangent` is set, and the caller takes it away.
 */
function pullBack(
  tape: readonly TapeNode[],
  results: readonly (readonly [TapeNode, Tensor])[],
): void {
  for (const node of tape) {
    node.wanted = isTarget(node) || node.inputs.some(leadsToWanted, node);
    // Left behind by a pass that was broken off.
    node.cotangent = null;
    node.cotangents = null;
  }
  for (const [node, g] of results) arrive(node, g);
  for (let i = tape.length - 1; i >= 0; i--) {
    const node = tape[i];
    if (node.wanted && !isTarget(node)) propagate(node);
  }
}

/** Adds to what has arrived at a node: the one place where cotangents are added. */
function arrive(node: TapeNode, cotangent: Tensor): void {
  node.cotangent = node.cotangent === null ? cotangent : add(node.cotangent, cotangent);
}

/** Takes away what has arrived at a node. */
function take(node: TapeNode): Tensor | null {
  const { cotangent } = node;
  node.cotangent = null;
  return cotangent;
}

/**
 * The cotangents of `targets`, given those of results; null where nothing flows back. Each is a tensor
 * of its own.
 *
 * @param results - The results' nodes, and their cotangents.
 * @param targets - Where the tape ends.
 * @param since - Nodes made before this index are constant.
 */
export function pull(
  results: readonly (readonly [TapeNode | null, Tensor])[],
  targets: readonly TapeNode[],
  since = 0,
): (Tensor | null)[] {
  const recorded = results.filter(
    (result): result is readonly [TapeNode, Tensor] => result[0] !== null,
  );
  const roots = recorded.map(([node]) => node);
  pullBack(tapeOf(roots, since, targets), recorded);
  return targets.map((target) => {
    const cotangent = take(target);
    return cotangent === null ? null : alias(cotangent);
  });
}

/**
 * Runs `f`, which goes over tapes that end at `targets`, in the middle of another pass that these nodes
 * are part of: their scratch is put back afterwards.
 */
export function insidePass<R>(targets: readonly TapeNode[], f: () => R): R {
  const scratch = targets.map(({ pass, targetOf, wanted, cotangent, cotangents }) => ({
    pass,
    targetOf,
    wanted,
    cotangent,
    cotangents,
  }));
  try {
    return f();
  } finally {
    targets.forEach((target, i) => Object.assign(target, scratch[i]));
  }
}

/** Whether an input of the node `this` lies on the tape and leads to a target. */
function leadsToWanted(this: TapeNode, input: TapeNode | null): boolean {
  return input !== null && input.pass === this.pass && input.wanted;
}

/** Passes a node's cotangent on to its inputs. */
function propagate(node: TapeNode): void {
  const g = node.cotangent;
  node.cotangent = null;
  if (typeof node.origin === "number") {
    if (g === null) return;
    const source = node.inputs[0] as TapeNode;
    source.cotangents ??= (source.type as readonly TensorType[]).map(() => null);
    source.cotangents[node.origin] = g;
    return;
  }
  const many = node.cotangents;
  node.cotangents = null;
  if (g === null && many === null) return;
  for (let i = 0; i < node.inputs.length; i++) {
    const input = node.inputs[i];
    if (input === null || !leadsToWanted.call(node, input)) continue;
    const given = many ?? (g as Tensor);
    const cotangent =
      node.where === null
        ? pullOver(node, given, i)
        : within(placeOf(node), () => pullOver(node, given, i));
    checkCotangent(node, input, cotangent);
    arrive(input, cotangent);
  }
}

/** A node in the words of a message about its derivative. */
function placeOf({ name, where }: TapeNode): string {
  return `the derivative of "${name}" called at ${where}`;
}

/** Asks a primitive for the cotangent of input `i`, given that of its result, or those of its results. */
function pullOver(node: TapeNode, g: Tensor | readonly (Tensor | null)[], i: number): Tensor {
  const { vjp } = node.origin as AnyPrimitive;
  return (vjp as NonNullable<typeof vjp>)(
    g as Tensor & readonly (Tensor | null)[],
    node.saved,
    node.params,
    i,
  );
}

/** A rule must return the type of the input; anything else is our mistake, found here and not later. */
function checkCotangent(node: TapeNode, input: TapeNode, cotangent: Tensor): void {
  const type = input.type as TensorType;
  if (!sameType(cotangent, type)) {
    throw new InternalError(
      `the derivative of "${node.name}" returned ${formatType(cotangent)} for an input of ${formatType(type)}`,
    );
  }
}

/** Refuses results that have no derivative: what is differentiated is one floating-point number. */
export function checkNumber(op: string, result: Tensor): void {
  if (result.shape.length > 0 || !isFloat(result.dtype)) {
    throw new GradientError(
      op,
      "the result must be one floating-point number",
      formatType(result),
      result.shape.length > 0 ? "Use sum() for a total, or mean()." : 'Use cast(x, "float32").',
    );
  }
}

/** `loss.backward()`: adds the derivative to `.grad` of every parameter that `loss` depends on. */
export function backward(loss: Tensor): void {
  checkNumber("backward", loss);
  if (loss.node === null || loss.node.level > 0 || recordingLevel() > 0) {
    throw new GradientError(
      "backward",
      "the number must depend on a parameter()",
      "one that does not",
      "Make the leaves with parameter(), or use grad(f) for plain tensors.",
    );
  }
  const root = loss.node;
  atLevel(-1, () => {
    const tape = tapeOf([root]);
    const parameters = tape.filter(({ parameter }) => parameter !== null);
    for (const leaf of parameters) leaf.targetOf = leaf.pass;
    pullBack(tape, [[root, fullLike(loss, 1)]]);
    for (const leaf of parameters) {
      const cotangent = take(leaf);
      if (cotangent !== null) leaf.parameter?.accumulate(cotangent);
    }
  });
}
