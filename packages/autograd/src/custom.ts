/**
 * @file Functions that decide themselves how they are differentiated: customVjp, customJvp,
 * gradientHook, checkpoint.
 */
import { GradientError, InternalError } from "./errors.ts";
import { pushForward } from "./forward.ts";
import { type Batch, exampleOf, innermost, isBatching } from "./interpreters/batch.ts";
import { atLevel, noGrad, recordingLevel, recordNodes, recordOne } from "./interpreters/record.ts";
import { isTracing, type Tracer, tracerOf } from "./interpreters/trace.ts";
import { runIn, Scope, whileRecording } from "./memory.ts";
import { toTensor } from "./operands.ts";
import { zerosOfType } from "./ops/create.ts";
import { sum } from "./primitives/reduce.ts";
import { alias } from "./primitives/structure.ts";
import { type ManyPrimitive, type OnePrimitive, type Tangents } from "./primitive.ts";
import { formatType, sameType, type TensorType } from "./shape.ts";
import { insidePass, TapeNode, pull, tapeOf } from "./tape.ts";
import type { Tensor, TensorLike } from "./tensor.ts";
import { tensorsIn, type Tree } from "./tree.ts";
import { traceBody } from "./program/evaluate.ts";
import { vjp } from "./transforms.ts";
import { vmap } from "./vmap.ts";

/** What a custom derivative keeps: the tensors themselves, so that it can be differentiated again. */
interface Kept {
  readonly inputs: readonly Tensor[];
  readonly output: Tensor;
}

/** One tensor or null for each of `A`. */
export type PerInput<A extends readonly Tensor[]> = { readonly [K in keyof A]: Tensor | null };

/** Remembers the last result for the last argument: a rule is asked once per input. */
function onceFor<A, R>(f: (argument: A) => R): (argument: A) => R {
  let last: { readonly argument: A; readonly result: R } | null = null;
  return (argument) => {
    if (last === null || last.argument !== argument) last = { argument, result: f(argument) };
    return last.result;
  };
}

/** A function that decides itself how it is differentiated. */
interface Rules {
  /** How messages call it. */
  readonly name: string;
  /** What it computes. */
  readonly f: (inputs: readonly Tensor[]) => Tensor;
  /** The cotangents of the inputs; null for zero. */
  readonly vjp: (g: Tensor, kept: Kept) => readonly (Tensor | null | undefined)[];
  /** The tangent of the output. */
  readonly jvp: (tangents: readonly Tensor[], kept: Kept) => Tensor;
}

/** Primitives of this file are recorded, but what runs is what their functions are made of. */
function neverRun(): never {
  throw new InternalError("a recorded function was run as a primitive");
}

/** Runs a function without recording what it does, and records its own rules in the place of that. */
function asOneOp(rules: Rules, inputs: readonly Tensor[]): Tensor {
  const output = run(rules, inputs);
  const pulled = onceFor((g: Tensor) => rules.vjp(g, { inputs, output }));
  const primitive: OnePrimitive<string, null, Kept> = {
    name: rules.name,
    work: "heavy",
    results: "one",
    type: ([x]) => x,
    saves: (given, y) => ({ inputs: given, output: y }),
    vjp: (g, kept, _, i) => checked(rules.name, pulled(g)[i], kept.inputs[i]),
    jvp: (tangents, kept) => {
      const all = tangents.map((t, i) => t ?? zerosOfType(inputs[i], inputs[i]));
      return checked(rules.name, rules.jvp(all, kept), output);
    },
    batch: neverRun,
  };
  recordOne(primitive, inputs, null, output);
  return output;
}

/** The function's value, which nothing records, by the interpreter that its inputs belong to. */
function run(rules: Rules, inputs: readonly Tensor[]): Tensor {
  const batch = isBatching() ? innermost(inputs) : null;
  const tracer = isTracing() ? tracerOf(inputs, batch?.depth) : null;
  // The body of a loop will be differentiated as a program: there the rules must not be lost.
  if (tracer?.isBody === true) return written(rules, inputs, tracer);
  if (tracer === null && batch !== null)
    return exampleOf(ofAllExamples(rules, inputs, batch), batch);
  return noGrad(() => alias(rules.f(inputs)));
}

/** A call, as a program has it: run again, it is the function with its rules. */
const Call: OnePrimitive<"call", Rules, null> = {
  name: "call",
  work: "heavy",
  results: "one",
  type: neverRun,
  saves: () => null,
  vjp: null,
  jvp: null,
  batch: neverRun,
  expand: (inputs, rules) => asOneOp(rules, inputs),
};

/** Writes a call down. */
function written(rules: Rules, inputs: readonly Tensor[], tracer: Tracer): Tensor {
  const { program } = noGrad(() => traceBody(inputs, tracer.backend, (xs) => [rules.f(xs)]));
  return tracer.write(Call, inputs, rules, [program.outputs[0].type])[0];
}

/** A function of one example, on all of them. */
function each(
  f: (...one: Tensor[]) => readonly Tensor[],
  inAxes: readonly (number | null)[],
  all: readonly Tensor[],
): readonly Tensor[] {
  return vmap(f, { inAxes })(...all);
}

/** Inputs with the output behind them. */
function keptOf(xs: readonly Tensor[]): Kept {
  return { inputs: xs.slice(0, -1), output: xs.at(-1) as Tensor };
}

/** Under `vmap`: the function of all examples, with the rules of one for each of them. */
function ofAllExamples(rules: Rules, inputs: readonly Tensor[], batch: Batch): Tensor {
  const isBatched = inputs.map((x) => x.examples?.batch === batch);
  const axes = isBatched.map((is) => (is ? 0 : null));
  const full = inputs.map((x) => (x.examples?.batch === batch ? x.examples.full : x));
  return asOneOp(
    {
      name: rules.name,
      f: (xs) => each((...one) => [rules.f(one)], axes, xs)[0],
      vjp: (g, { inputs: xs, output }) =>
        each(
          (h, ...one) => rules.vjp(h, keptOf(one)).map((t, i) => checked(rules.name, t, one[i])),
          [0, ...axes, 0],
          [g, ...xs, output],
        ).map((t, i) => (isBatched[i] ? t : sum(t, { axes: 0 }))),
      jvp: (tangents, { inputs: xs, output }) =>
        each(
          (...one) => [rules.jvp(one.slice(0, xs.length), keptOf(one.slice(xs.length)))],
          [...axes, ...axes, 0],
          [...tangents, ...xs, output],
        )[0],
    },
    full,
  );
}

/**
 * `f` with a backward rule of your own.
 *
 * @param f - A function of tensors to one tensor. What it does inside is not differentiated; tensors
 *   that it uses must be among its arguments.
 * @param rule - The cotangents of the arguments, from that of the output, the arguments and the output;
 *   null for zero. Written in ops, it can be differentiated again.
 * @throws GradientError in forward mode, which a backward rule cannot serve; use {@link customJvp}.
 *
 * @example
 * ```ts
 * import { customVjp, grad, tensor, type Tensor } from "tapeloop";
 *
 * // The identity, with the gradient clipped to [-1, 1].
 * const gentle = customVjp(
 *   (x: Tensor) => x,
 *   (g) => [g.maximum(-1).neg().maximum(-1).neg()],
 * );
 * console.log(grad((x: Tensor) => gentle(x).mul(5))(tensor(2)).item()); // 1
 * ```
 */
export function customVjp<A extends readonly Tensor[]>(
  f: (...inputs: A) => Tensor,
  rule: (g: Tensor, inputs: A, output: Tensor) => PerInput<A>,
): (...inputs: A) => Tensor {
  const rules: Rules = {
    name: "customVjp",
    f: (inputs) => f(...(inputs as A)),
    vjp: (g, { inputs, output }) => rule(g, inputs as A, output),
    jvp: () => {
      throw new GradientError(
        "customVjp",
        "forward mode needs a forward rule",
        "jvp",
        "Use customJvp(), which serves both directions.",
      );
    },
  };
  return (...inputs) => asOneOp(rules, inputs);
}

/** What a rule returned for an input: zeros for null, and nothing of another type. */
function checked(op: string, found: Tensor | null | undefined, of: Tensor): Tensor {
  if (found === null || found === undefined) return zerosOfType(of, of);
  if (!sameType(found, of)) {
    throw new GradientError(
      op,
      `the rule must return ${formatType(of)} for an argument of that type`,
      formatType(found),
      "Sum over the axes that were broadcast.",
    );
  }
  return found;
}

/**
 * `f` with a forward rule of your own; the backward rule is its transpose and comes by itself.
 *
 * @param f - A function of tensors to one tensor.
 * @param rule - The tangent of the output, from those of the arguments (zeros where there is none), the
 *   arguments and the output. It must be linear in the tangents.
 *
 * @example
 * ```ts
 * import { customJvp, grad, tensor, type Tensor } from "tapeloop";
 *
 * const cube = customJvp(
 *   (x: Tensor) => x.pow(3),
 *   ([t], [x]) => t.mul(x.square()).mul(3),
 * );
 * console.log(grad(cube)(tensor(2)).item()); // 12
 * ```
 */
export function customJvp<A extends readonly Tensor[]>(
  f: (...inputs: A) => Tensor,
  rule: (tangents: A, inputs: A, output: Tensor) => Tensor,
): (...inputs: A) => Tensor {
  const rules: Rules = {
    name: "customJvp",
    f: (inputs) => f(...(inputs as A)),
    vjp: (g, { inputs, output }) => {
      const zeros = inputs.map((x) => zerosOfType(x, x)) as readonly Tensor[] as A;
      return vjp((tangents: A) => rule(tangents, inputs as A, output), zeros).pullback(g);
    },
    jvp: (tangents, { inputs, output }) => rule(tangents as A, inputs as A, output),
  };
  return (...inputs) => asOneOp(rules, inputs);
}

/**
 * x itself; when a cotangent comes back through it, `f` sees it and may return another of the same type.
 *
 * @example
 * ```ts
 * import { grad, gradientHook, tensor, type Tensor } from "tapeloop";
 *
 * const seen: number[] = [];
 * const g = grad((x: Tensor) => gradientHook(x.mul(3), (t) => void seen.push(t.item())).mul(2));
 * console.log(g(tensor(1)).item(), seen); // 6 [ 2 ]
 * ```
 */
export function gradientHook(x: TensorLike, f: (cotangent: Tensor) => Tensor | void): Tensor {
  const rules: Rules = {
    name: "gradientHook",
    f: ([input]) => input,
    vjp: (g) => [f(g) ?? g],
    jvp: ([t]) => t,
  };
  return asOneOp(rules, [toTensor(x)]);
}

/** x itself; tangents go through, and a cotangent is refused. */
export function forwardOnly(name: string, x: Tensor, refuse: () => never): Tensor {
  const rules: Rules = {
    name,
    f: ([input]) => input,
    vjp: refuse,
    jvp: ([t]) => forwardOnly(name, t, refuse),
  };
  return asOneOp(rules, [x]);
}

/**
 * `f` with less memory: what it makes on the way is given back at once, and made again when the
 * derivative needs it. Values and derivatives stay the same, to any order; tensors that `f` takes from
 * around it count as its arguments do.
 *
 * Source: Chen et al. 2016, "Training deep nets with sublinear memory cost", arXiv:1604.06174.
 *
 * @param f - A pure function of tensors and trees, to a tensor or tree. It must do the same every time.
 *
 * @example
 * ```ts
 * import { checkpoint, grad, tensor, type Tensor } from "tapeloop";
 *
 * const block = checkpoint((x: Tensor) => x.tanh().mul(x).exp());
 * console.log(grad((x: Tensor) => block(block(x)))(tensor(0)).item()); // 0
 * ```
 */
export function checkpoint<A extends readonly unknown[], R extends Tree>(
  f: (...args: A) => R,
): (...args: A) => R {
  return (...args) => {
    const level = recordingLevel();
    const made = new Scope("checkpoint");
    const since = TapeNode.next;
    const result = made.run(() => f(...args));
    const all = tensorsIn(result);
    const places = all.flatMap(({ node }, i) => (node !== null && node.index >= since ? [i] : []));
    if (places.length > 0) {
      const outputs = places.map((i) => all[i]);
      const links = tapeOf(nodesOf(outputs), since).flatMap(({ inputs }) => inputs);
      const outside = links.filter((node) => node !== null && node.index < since) as TapeNode[];
      replay(outputs, [...new Set(outside)], () => {
        const again = atLevel(level, () => whileRecording(() => tensorsIn(f(...args))));
        return places.map((i) => again[i]);
      });
    }
    made.drop(result);
    return result;
  };
}

/** The nodes of recorded tensors. */
function nodesOf(tensors: readonly Tensor[]): TapeNode[] {
  return tensors.map((x) => x.node as TapeNode);
}

/**
 * Puts one node in the place of all that led from `inputs` to `outputs`. Its rules make them again.
 *
 * @param again - Makes the same outputs, recorded from the same inputs.
 */
function replay(
  outputs: readonly Tensor[],
  inputs: readonly TapeNode[],
  again: () => readonly Tensor[],
): void {
  const rerun = <R>(rule: (results: readonly TapeNode[]) => R): R =>
    insidePass(inputs, () => runIn(new Scope("checkpoint"), () => rule(nodesOf(again()))));
  const pulled = onceFor((gs: Tangents) =>
    rerun((results) =>
      pull(
        results.flatMap((node, i) => {
          const g = gs[i];
          return g === null ? [] : [[node, g] as const];
        }),
        inputs,
      ),
    ),
  );
  const primitive: ManyPrimitive<string, null, null> = {
    name: "checkpoint",
    work: "heavy",
    results: "many",
    type: () => outputs,
    saves: () => null,
    vjp: (gs, _, __, i) => pulled(gs)[i] ?? zerosOfType(inputs[i].type as TensorType, outputs[0]),
    jvp: (tangents) =>
      rerun((results) => {
        const known = inputs.flatMap((node, i) => {
          const t = tangents[i];
          return t === null ? [] : [[node, t] as const];
        });
        return pushForward(results, new Map(known));
      }),
    batch: neverRun,
  };
  const outermost = Math.min(...inputs.map((node) => node.level));
  recordNodes(primitive, inputs, null, null, outputs, outermost);
}
