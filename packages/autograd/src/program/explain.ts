/** @file What a program takes: ops, loops, and bytes, known before it runs. */
import type { Backend } from "../backend.ts";
import { defaultBackend } from "../default-backend.ts";
import { bytesOf } from "../dtype.ts";
import { checkOptions } from "../errors.ts";
import { sizeOf } from "../shape.ts";
import type { Program, ProgramNode, Variable } from "./program.ts";

/** A loop of a program. */
export interface LoopExplanation {
  /** Its steps; null where values decide. */
  readonly steps: number | null;
  /** Whether it runs from the last step to the first. */
  readonly reverse: boolean;
  /** Ops in one step, with those of loops in it counted once. */
  readonly ops: number;
  /** Bytes of what it keeps of all steps: its outputs, and what a derivative will read. */
  readonly keptBytes: number;
}

/** A choice of a program between branches. */
export interface ChoiceExplanation {
  /** Ops of each branch, of which one runs. */
  readonly ops: readonly number[];
}

/** What a program takes. */
export interface Explanation {
  /** Ops, with those in the bodies of loops and in branches counted once. */
  readonly ops: number;
  /** Its loops, in the order they run; those in bodies come behind the loop around them. */
  readonly loops: readonly LoopExplanation[];
  /** Its choices, in the same order. */
  readonly choices: readonly ChoiceExplanation[];
  /** Bytes of its inputs and constants. */
  readonly inputBytes: number;
  /**
   * Most bytes that results hold at one time, if each is let go of after its last use. A backend that fuses ops
   * takes less, one that packs matrices takes a copy of them more.
   */
  readonly peakBytes: number;
  /**
   * Ops that the backend leaves to another one: how many of each, by name, with those in bodies counted once. On the
   * GPU backend, what has no kernel there.
   */
  readonly elsewhere: Readonly<Record<string, number>>;
  /** The same in words. */
  toString(): string;
}

/** Where {@link explain} takes a program to run. */
export interface ExplainOptions {
  /** Default: the default backend. */
  readonly backend?: Backend;
}

/** Bytes of a value. */
export function bytes({ type }: Variable): number {
  return sizeOf(type.shape) * bytesOf(type.dtype);
}

/** Bytes of several values. */
function total(variables: readonly Variable[]): number {
  return variables.reduce((sum, variable) => sum + bytes(variable), 0);
}

/** Most bytes that the results of ops hold at one time. A view holds what it looks at. */
function peakOf({ nodes, outputs }: Program): number {
  const owners = new Map<Variable, Variable>();
  const ownerOf = (variable: Variable): Variable => owners.get(variable) ?? variable;
  const last = new Map<Variable, number>();
  nodes.forEach(({ primitive, inputs, outputs: made }, i) => {
    if (primitive.isView) for (const view of made) owners.set(view, ownerOf(inputs[0]));
    for (const variable of [...made, ...inputs]) last.set(ownerOf(variable), i);
  });
  for (const variable of outputs) last.set(ownerOf(variable), nodes.length);
  let [now, peak] = [0, 0];
  const live = new Set<Variable>();
  nodes.forEach((node, i) => {
    for (const made of node.outputs) {
      if (owners.has(made)) continue;
      live.add(made);
      now += bytes(made);
    }
    peak = Math.max(peak, now + Math.max(0, ...bodiesOf(node).map(peakOf)));
    for (const variable of new Set([...node.inputs, ...node.outputs].map(ownerOf)))
      if (last.get(variable) === i && live.delete(variable)) now -= bytes(variable);
  });
  return peak;
}

/** The programs that an op runs. */
function bodiesOf({ primitive, params }: ProgramNode): readonly Program[] {
  return primitive.bodies?.of(params) ?? [];
}

/** Ops, with those of bodies counted once. */
function opsOf({ nodes }: Program): number {
  return nodes.reduce(
    (sum, node) => bodiesOf(node).reduce((inside, body) => inside + opsOf(body), sum + 1),
    0,
  );
}

/** The sum of numbers. */
function sumOf(counts: readonly number[]): number {
  return counts.reduce((a, b) => a + b, 0);
}

/** The loops of a program. */
function loopsOf({ nodes }: Program): LoopExplanation[] {
  return nodes.flatMap((node) => {
    const bodies = bodiesOf(node);
    const inside = bodies.flatMap(loopsOf);
    const loop = node.primitive.bodies?.loop ?? null;
    if (loop === null) return inside;
    const { steps, reverse, carries } = loop(node.params);
    const keptBytes = total(node.outputs.slice(carries));
    return [{ steps, reverse, ops: sumOf(bodies.map(opsOf)), keptBytes }, ...inside];
  });
}

/** The choices of a program, those in bodies behind the op around them. */
function choicesOf({ nodes }: Program): ChoiceExplanation[] {
  return nodes.flatMap((node) => {
    const bodies = bodiesOf(node);
    const own = node.primitive.bodies?.loop === null ? [{ ops: bodies.map(opsOf) }] : [];
    return [...own, ...bodies.flatMap(choicesOf)];
  });
}

/** Bytes in words. */
function inWords(count: number): string {
  if (count < 1000) return `${count} B`;
  const power = Math.min(3, Math.floor(Math.log10(count) / 3));
  return `${(count / 1000 ** power).toPrecision(3)} ${["B", "kB", "MB", "GB"][power]}`;
}

/** What a backend leaves to another one, in words; nothing if that is nothing. */
function elsewhereInWords(name: string, counts: Explanation["elsewhere"]): string[] {
  const list = Object.entries(counts).map(([op, times]) => `${times} ${op}`);
  return list.length === 0 ? [] : [`not on "${name}" but elsewhere: ${list.join(", ")}`];
}

/**
 * What a program takes, before it runs: ops, what its loops keep of every step, the most bytes at one
 * time, and what runs elsewhere. It shows what `save` of {@link scan} buys.
 *
 * @example
 * ```ts
 * import { explain, grad, scan, tensor, trace, zeros, type Tensor } from "tapeloop";
 *
 * const loss = (x: Tensor) => scan((_, h: Tensor, u: Tensor) => [h.add(u).tanh(), null], null, tensor(0), x)[0];
 * const { loops } = explain(trace(grad(loss), zeros([1000])));
 * console.log(loops.map(({ steps, keptBytes }) => `${steps} steps, ${keptBytes} bytes`)); // [ '1000 steps, 4000 bytes', '1000 steps, 4000 bytes' ]
 * ```
 */
export function explain(program: Program, options: ExplainOptions = {}): Explanation {
  checkOptions("explain", options, ["backend"]);
  const { backend = defaultBackend() } = options;
  const elsewhere = backend.elsewhere?.(program) ?? {};
  const loops = loopsOf(program);
  const choices = choicesOf(program);
  const ops = opsOf(program);
  const inputBytes = total([
    ...program.inputs,
    ...program.constants.map(({ variable }) => variable),
  ]);
  const peakBytes = peakOf(program);
  return {
    ops,
    loops,
    choices,
    inputBytes,
    peakBytes,
    elsewhere,
    toString: () =>
      [
        `${ops} ops, inputs ${inWords(inputBytes)}, at most ${inWords(peakBytes)} of results at a time`,
        ...loops.map(
          (loop) =>
            `loop of ${loop.steps ?? "any number of"} steps ${loop.reverse ? "backwards" : "forwards"}: ` +
            `${loop.ops} ops a step, keeps ${inWords(loop.keptBytes)}`,
        ),
        ...choices.map(({ ops: each }) => `choice of branches with ${each.join(" or ")} ops`),
        ...elsewhereInWords(backend.name, elsewhere),
      ].join("\n"),
  };
}
