/** @file trace and compile: functions of tensors as programs. */
import { defaultBackend } from "../default-backend.ts";
import { ArgumentError, checkOptions, describe } from "../errors.ts";
import { isBatching } from "../interpreters/batch.ts";
import { atLevel, recordingLevel } from "../interpreters/record.ts";
import { isTracing, Tracer, tracing } from "../interpreters/trace.ts";
import { formatType } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import { mapTensors, tensorsIn, visit } from "../tree.ts";
import { expanded } from "./evaluate.ts";
import type { Program } from "./program.ts";
import { precomputed } from "./precompute.ts";
import { prepare } from "./run.ts";
import { simplify } from "./simplify.ts";
import { verify } from "./verify.ts";

/** A function as a program, and what it returns. */
interface Trace<R> {
  readonly program: Program;
  /** The result, with tensors without data at its leaves. */
  readonly result: R;
}

/** Writes down what `f` does with arguments of the given types. */
function traceOf<A extends readonly unknown[], R>(f: (...args: A) => R, args: A): Trace<R> {
  const [first] = tensorsIn(args);
  const tracer = new Tracer(first === undefined ? defaultBackend() : first.backend);
  const inputs = mapTensors(args, (x) => tracer.input(x));
  const result = tracing(tracer, () => atLevel(0, () => f(...inputs)));
  const program = expanded(simplify(tracer.program(tensorsIn(result))), tracer.backend);
  verify(program);
  return { program, result };
}

/**
 * What `f` does with arguments like these, as a program: it is run once, on tensors without data. Print
 * it with {@link formatProgram}.
 *
 * @param f - A pure function of tensors and trees.
 * @param args - Only their structure and types count.
 * @throws TracingError if `f` reads a value, such as for an `if`.
 *
 * @example
 * ```ts
 * import { formatProgram, grad, trace, zeros, type Tensor } from "tapeloop";
 *
 * const f = (x: Tensor) => x.mul(x).sum();
 * console.log(formatProgram(trace(grad(f), zeros([3]))).split("\n")[0]); // program (x0: float32[3]) {
 * ```
 */
export function trace<A extends readonly unknown[]>(
  f: (...args: A) => unknown,
  ...args: A
): Program {
  return traceOf(f, args).program;
}

/** How {@link compile} treats its arguments. */
export interface DonateOptions {
  /** Arguments by their places, from 0, whose memory may be used for the results. Default: none. */
  readonly donate?: readonly number[];
}

/** Where the tensors of the donated arguments stand among all. */
function placesOf(args: readonly unknown[], donate: readonly number[]): number[] {
  let next = 0;
  return args.flatMap((arg, k) => {
    const places = tensorsIn(arg).map(() => next++);
    return donate.includes(k) ? places : [];
  });
}

/** Refuses to give away what stays in use. */
function checkDonated(args: readonly unknown[], donate: readonly number[]): void {
  if (donate.length === 0) return;
  const given = new Set(donate.flatMap((k) => tensorsIn(args[k])));
  const kept = args.flatMap((arg, k) => (donate.includes(k) ? [] : tensorsIn(arg)));
  const both = kept.find((x) => given.has(x));
  if (both === undefined) return;
  throw new ArgumentError(
    "compile",
    "a tensor that is donated may not be part of another argument",
    formatType(both),
    "Copy it, or donate both arguments.",
  );
}

/** One compiled version of a function: for one structure and one set of types. */
interface Compiled {
  readonly result: unknown;
  readonly run: (inputs: readonly Tensor[]) => readonly Tensor[];
}

/** Arguments by their structure and types; everything that is not a tensor counts by its value. */
function signature(args: readonly unknown[]): string {
  const parts: string[] = [];
  visit(args, "", (leaf, path) => {
    if (leaf instanceof Tensor) {
      parts.push(`${path}: ${formatType(leaf)} on ${leaf.backend.name}`);
    } else if (leaf === null || !["function", "symbol", "object"].includes(typeof leaf)) {
      parts.push(`${path}: ${typeof leaf} ${String(leaf)}`);
    } else {
      throw new ArgumentError(
        "compile",
        "arguments are tensors, trees of tensors, numbers, strings and booleans",
        `${describe(leaf)} at "${path}"`,
        "Take it from around the function.",
      );
    }
  });
  return parts.join("; ");
}

/**
 * `f`, traced once for each structure and set of types of its arguments, simplified, and then replayed
 * without running its JavaScript again. Whole training steps may be compiled: forward, backward, clipping
 * and update. Inside of a derivative, of `vmap` or of another trace it is `f` itself.
 *
 * Tensors that `f` takes from around it are constants, with the values they had when it was traced. What depends on
 * no argument, such as masks of positions, is computed once, if it takes at most 1 MiB.
 *
 * With `donate`, a training step needs no second copy of its parameters and optimizer state: results are
 * written where these arguments lie, as soon as nobody reads them any more. Their tensors are gone after the
 * call, even if it fails, and using one later is a DisposedError.
 *
 * @param f - A pure function of tensors and trees, that reads no values.
 * @throws TracingError if `f` reads a value.
 * @throws ArgumentError if a donated tensor is part of an argument that is not.
 *
 * @example
 * ```ts
 * import { compile, grad, tensor, type Tensor } from "tapeloop";
 *
 * const step = compile((w: Tensor, x: Tensor) =>
 *   w.sub(grad((v: Tensor) => v.mul(x).sum().square())(w).mul(0.1)),
 * );
 * console.log(step(tensor([1, 2]), tensor([1, 0]))); // float32[2] [0.8, 2]
 * ```
 */
export function compile<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  options: DonateOptions = {},
): (...args: A) => R {
  checkOptions("compile", options, ["donate"]);
  const { donate = [] } = options;
  if (!Array.isArray(donate) || !donate.every((k) => Number.isInteger(k) && k >= 0)) {
    const rule = "donate lists arguments by their places, from 0";
    throw new ArgumentError("compile", rule, String(donate), "Write { donate: [0] }.");
  }
  const versions = new Map<string, Compiled>();
  return (...args) => {
    const inputs = tensorsIn(args);
    const isInside = isTracing() || isBatching() || recordingLevel() > 0;
    if (isInside || inputs.some(({ node }) => node !== null)) return f(...args);
    const name = signature(args);
    let version = versions.get(name);
    if (version === undefined) {
      const traced = traceOf(f, args);
      const backend = inputs[0]?.backend ?? defaultBackend();
      const program = precomputed(traced.program, backend);
      const run = prepare(program, backend, placesOf(args, donate));
      version = { result: traced.result, run };
      versions.set(name, version);
    }
    checkDonated(args, donate);
    let outputs: readonly Tensor[];
    try {
      outputs = version.run(inputs);
    } catch (error) {
      // Errors are told in the words of the function itself: it is run as it was written,
      // unless its arguments are gone.
      if (!inputs.some(({ isDisposed }) => isDisposed)) f(...args);
      throw error;
    }
    let i = 0;
    return mapTensors(version.result, () => outputs[i++]) as R;
  };
}
