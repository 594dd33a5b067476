/**
 * @file The derivative of a loop, backwards: the body and its derivative are traced together, once, and
 * parted into what runs forward, with the values that it keeps of each step, and what runs backward.
 */
import { applyMany } from "../apply.ts";
import { isFloat } from "../dtype.ts";
import { Tracer, tracing } from "../interpreters/trace.ts";
import { zerosOfType } from "../ops/create.ts";
import type { Tangents } from "../primitive.ts";
import { Scan, type ScanParams } from "../primitives/scan.ts";
import { record } from "../recording.ts";
import { pull } from "../tape.ts";
import type { Tensor } from "../tensor.ts";
import { evaluate } from "./evaluate.ts";
import { runLoop } from "./loop.ts";
import { type Program, type ProgramNode, type Variable, variablesOf } from "./program.ts";
import { simplify } from "./simplify.ts";

/** One step of a body and its derivative, as one program. */
interface Joint {
  /** Inputs: those of the body, then the cotangents of its outputs. Outputs: those of its inputs. */
  readonly program: Program;
  /** How the program knows the body's variables; equal values share one. */
  readonly now: ReadonlyMap<Variable, Variable>;
  /** The body's inputs that somebody may want a derivative by, by their places. */
  readonly smooth: readonly number[];
}

/**
 * Traces one step and its derivative: by states, and by what is not a constant outside of the loop.
 *
 * @param given - What the loop is given.
 * @param results - The body's outputs that cotangents come to, by their places.
 */
function jointOf(
  { body, consts, carries }: ScanParams,
  given: readonly Tensor[],
  results: readonly number[],
): Joint {
  const tracer = new Tracer(given[0].backend, "body");
  const inputs = body.inputs.map(({ type }) => tracer.input(type));
  const cotangents = results.map((i) => tracer.input(body.outputs[i].type));
  const isState = (i: number): boolean => i >= consts && i < consts + carries;
  const smooth = body.inputs.flatMap(({ type }, i) =>
    isFloat(type.dtype) && (isState(i) || given[i].node !== null) ? [i] : [],
  );
  const variables = variablesOf(body);
  const [grads, values] = tracing(tracer, () => {
    const { result, marks, since } = record(
      "scan",
      (watched: readonly Tensor[]) => {
        const all = [...inputs];
        smooth.forEach((i, k) => (all[i] = watched[k]));
        return evaluate(body, all);
      },
      smooth.map((i) => inputs[i]),
    );
    const valueOf = (v: Variable): Tensor => result.get(v) as Tensor;
    const arrived = results.map((i, k) => [valueOf(body.outputs[i]).node, cotangents[k]] as const);
    const found = pull(arrived, marks, since);
    const all = smooth.map((i, k) => found[k] ?? zerosOfType(inputs[i], inputs[i]));
    return [all, variables.map(valueOf)];
  });
  const whole = simplify(tracer.program([...grads, ...values]));
  const now = new Map(variables.map((v, i) => [v, whole.outputs[grads.length + i]]));
  return { program: { ...whole, outputs: whole.outputs.slice(0, grads.length) }, now, smooth };
}

/**
 * What leads from known variables to the outputs of a program.
 *
 * @param isKnown - Where the search ends. Inputs that are not known are missing.
 */
function backFrom(
  { nodes, outputs }: Program,
  isKnown: (v: Variable) => boolean,
): { nodes: ProgramNode[]; read: ReadonlySet<Variable> } {
  const needed = new Set(outputs);
  const kept = nodes.toReversed().filter((node) => {
    const isNeeded = node.outputs.some((v) => needed.has(v) && !isKnown(v));
    if (isNeeded) for (const v of node.inputs) needed.add(v);
    return isNeeded;
  });
  return { nodes: kept.toReversed(), read: needed };
}

/**
 * The body with further outputs: what its derivative needs of each step. Movements are done again, and
 * so is everything if only the states are to be kept.
 */
export function augmented(params: ScanParams, given: readonly Tensor[]): Program {
  const { body, consts, carries, save } = params;
  const states = body.inputs.slice(consts, consts + carries);
  if (save === "carries") return withOutputs(body, carries, states);
  const results = body.outputs.flatMap(({ type }, i) => (isFloat(type.dtype) ? [i] : []));
  const { program, now } = jointOf(params, given, results);
  const made = body.nodes.filter(({ primitive }) => primitive.work !== "layout");
  const kept = made.flatMap(({ outputs }) => outputs);
  // Backwards, so that the first of equal variables stands for all.
  const places = new Map(
    [...body.inputs, ...body.outputs, ...kept].toReversed().map((v) => [now.get(v) as Variable, v]),
  );
  const { read } = backFrom(program, (v) => places.has(v));
  const wanted = [...read].flatMap((v) => places.get(v) ?? []);
  return withOutputs(
    body,
    carries,
    wanted.filter((v) => states.includes(v) || !body.inputs.includes(v)),
  );
}

/** A body that returns further variables of each step, where it does not already. */
function withOutputs(body: Program, carries: number, more: readonly Variable[]): Program {
  const ys = new Set(body.outputs.slice(carries));
  return { ...body, outputs: [...body.outputs, ...more.filter((v) => !ys.has(v))] };
}

/**
 * The cotangents of a loop's inputs, given those of its results: a loop that runs the other way.
 *
 * @param gs - One per result; null where nothing flowed back.
 * @returns One per input; null for inputs without derivatives.
 */
export function pullLoop(
  gs: Tangents,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  params: ScanParams,
): Tangents {
  const { body, steps, reverse, consts, carries, save } = params;
  const results = body.outputs.flatMap(({ type }, i) =>
    isFloat(type.dtype) && (i < carries || gs[i] !== null) ? [i] : [],
  );
  const { program, now, smooth } = jointOf(params, inputs, results);
  const cotangents = program.inputs.slice(body.inputs.length);
  const firstX = consts + carries;

  // What is known of each step, later entries before earlier ones.
  const known = new Map<Variable, Tensor>();
  body.outputs.slice(carries).forEach((v, i) => {
    known.set(now.get(v) as Variable, outputs[carries + i]);
  });
  body.inputs.slice(firstX).forEach((v, i) => {
    known.set(now.get(v) as Variable, inputs[firstX + i]);
  });
  const fixed = new Map(
    body.inputs.slice(0, consts).map((v, i) => [now.get(v) as Variable, inputs[i]]),
  );
  const given = new Set(cotangents);
  const { nodes, read } = backFrom(program, (v) => fixed.has(v) || known.has(v) || given.has(v));
  const states = body.inputs.slice(consts, firstX);
  if (states.some((v) => read.has(now.get(v) as Variable) && !known.has(now.get(v) as Variable))) {
    // Run by somebody who did not expect a derivative: once more, keeping the states.
    const kept = { ...params, body: withOutputs(body, carries, states) };
    const more = kept.body.outputs.slice(body.outputs.length).map(() => null);
    return pullLoop([...gs, ...more], inputs, applyMany(Scan, inputs, kept), kept);
  }

  const readConsts = [...fixed.keys()].filter((v) => read.has(v));
  const readSteps = [...known.keys()].filter((v) => read.has(v) && !fixed.has(v));
  const [stateGs, yGs] = [results.filter((i) => i < carries), results.filter((i) => i >= carries)];
  const partOf = (from: number, to: number): Variable[] =>
    smooth.flatMap((i, k) => (i >= from && i < to ? [program.outputs[k]] : []));
  const { last, ys, totals } = runLoop({
    body: {
      inputs: [...readConsts, ...cotangents, ...readSteps],
      constants: [],
      nodes,
      outputs: [
        ...partOf(consts, firstX),
        ...partOf(firstX, body.inputs.length),
        ...partOf(0, consts),
      ],
    },
    consts: readConsts.map((v) => fixed.get(v) as Tensor),
    init: stateGs.map((i) => gs[i] ?? zerosOfType(body.outputs[i].type, outputs[i])),
    xs: [...yGs.map((i) => gs[i] as Tensor), ...readSteps.map((v) => known.get(v) as Tensor)],
    steps,
    reverse: !reverse,
    totals: partOf(0, consts).length,
    save,
  });
  // In the order of `smooth`: consts, states, inputs.
  const found = [...totals, ...last, ...ys];
  const cotangentOf = new Map(smooth.map((i, k) => [i, found[k]]));
  return inputs.map((_, i) => cotangentOf.get(i) ?? null);
}
