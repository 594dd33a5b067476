/**
 * @file The loop that a condition ends: two programs with the same inputs, of which one makes the next state
 * and the other decides whether there is one. Its tangents and its batches are loops of this kind again.
 */
import { applyMany } from "../apply.ts";
import { isFloat } from "../dtype.ts";
import { ArgumentError, GradientError, InternalError } from "../errors.ts";
import { pushForward } from "../forward.ts";
import { type Batch, batching, exampleOf, fullOf } from "../interpreters/batch.ts";
import { recordingLevel } from "../interpreters/record.ts";
import { zerosOfType } from "../ops/create.ts";
import { any } from "../ops/masks.ts";
import type { Lane, ManyPrimitive, Pruned, Tangents } from "../primitive.ts";
import { evaluate, traceBody } from "../program/evaluate.ts";
import type { Program } from "../program/program.ts";
import { simplify, withoutDead } from "../program/simplify.ts";
import { record } from "../recording.ts";
import { formatTypes, sameTypes, type TensorType } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { where } from "./choice.ts";
import { checkPredicate } from "./cond.ts";
import { broadcastTo } from "./movement.ts";

/** What a loop runs until its condition is false. */
export interface WhileParams {
  /** Whether there is one more step: inputs [...consts, ...state], one output, bool[]. */
  readonly condition: Program;
  /** One step: the same inputs, outputs [...next state]. */
  readonly body: Program;
  /** How many of the inputs come first and are the same for all steps. */
  readonly consts: number;
  /** More steps than this are an error; null for as many as it takes. */
  readonly maxSteps: number | null;
}

/** Refuses to go on. */
export function checkSteps(steps: number, { maxSteps }: Pick<WhileParams, "maxSteps">): void {
  if (steps !== maxSteps) return;
  throw new ArgumentError(
    "whileLoop",
    `the condition must be false after at most maxSteps = ${maxSteps} steps`,
    "one that is still true",
    "Allow for more steps, or look at what the condition compares.",
  );
}

/** Refuses to be differentiated backwards. */
export function refuseReverse(): never {
  throw new GradientError(
    "whileLoop",
    "only forward mode (jvp) has a derivative, for reverse mode would have to keep an unknown number of states",
    "a gradient",
    "Use scan() with a fixed number of steps, and where() for the steps past the end.",
  );
}

/** `while (condition(state)) state = body(state)`: inputs [...consts, ...state], outputs the last state. */
export const While: ManyPrimitive<"whileLoop", WhileParams, readonly Tensor[]> = {
  name: "whileLoop",
  work: "heavy",
  results: "many",
  type: (inputs, { condition, body, consts }) => {
    const [of, next] = [body.inputs, body.outputs].map((list) => list.map(({ type }) => type));
    const [decision] = condition.outputs;
    checkPredicate("whileLoop", decision.type);
    const isSame =
      sameTypes(inputs, of) &&
      sameTypes(
        inputs,
        condition.inputs.map(({ type }) => type),
      ) &&
      sameTypes(next, of.slice(consts));
    if (!isSame) {
      throw new InternalError(
        `a loop from ${formatTypes(of)} to ${formatTypes(next)} was given ${formatTypes(inputs)}`,
      );
    }
    return next;
  },
  saves: (inputs) => inputs,
  vjp: (gs, inputs, params, i) => pullWhile(gs, inputs, params, i),
  jvp: (tangents, inputs, params) => pushWhile(tangents, inputs, params),
  batch: (_, lanes, params, size) => batched(lanes, params, size),
  bodies: {
    of: ({ condition, body }) => [condition, body],
    with: (params, [condition, body]) => ({ ...params, condition, body }),
    prune,
    loop: ({ body, consts }) => ({
      steps: null,
      reverse: false,
      carries: body.inputs.length - consts,
    }),
  },
};

/** Which inputs a program reads. */
function readBy({ nodes, outputs, inputs }: Program): readonly boolean[] {
  const read = new Set([...outputs, ...nodes.flatMap((node) => node.inputs)]);
  return inputs.map((v) => read.has(v));
}

/** Whether a tensor has examples of a batch. */
function has(y: Tensor, batch: Batch): boolean {
  return y.examples?.batch === batch;
}

/** The loop without states that nobody reads, and without inputs that only led to them. */
function prune(params: WhileParams, isRead: readonly boolean[]): Pruned<WhileParams> {
  const { condition, body, consts } = params;
  const decides = readBy(condition);
  let stays = isRead.map((is, i) => is || decides[consts + i]);
  for (;;) {
    const kept = stays.flatMap((is, i) => (is ? [i] : []));
    const pruned = withoutDead({ ...body, outputs: kept.map((i) => body.outputs[i]) });
    const reads = readBy(pruned);
    const next = stays.map((is, i) => is || reads[consts + i]);
    if (next.every((is, i) => is === stays[i])) {
      const inputs = body.inputs.flatMap((_, i) =>
        (i < consts ? reads[i] || decides[i] : stays[i - consts]) ? [i] : [],
      );
      const taking = (program: Program): Program => {
        return { ...program, inputs: inputs.map((i) => program.inputs[i]) };
      };
      return {
        inputs,
        outputs: kept,
        params: {
          ...params,
          condition: taking(condition),
          body: taking(pruned),
          consts: inputs.filter((i) => i < consts).length,
        },
      };
    }
    stays = next;
  }
}

/** The outputs of a program, run op by op. */
function run(program: Program, inputs: readonly Tensor[]): Tensor[] {
  const values = evaluate(program, inputs);
  return program.outputs.map((v) => values.get(v) as Tensor);
}

/** A program of tensors of the given types. */
function written(
  types: readonly TensorType[],
  { backend }: Tensor,
  f: (inputs: readonly Tensor[]) => readonly Tensor[],
): Program {
  return simplify(traceBody(types, backend, f).program);
}

/**
 * Many examples at once. A state has examples if a step can give it some. Where the examples decide each for
 * itself, steps go on while any of them does, and the others keep what they have.
 */
function batched(lanes: readonly Lane[], params: WhileParams, size: number): readonly Tensor[] {
  const { condition, body, consts } = params;
  const [{ x: first }] = lanes;
  const isBatched = lanes.map((lane) => lane.isBatched);
  const typesNow = (): TensorType[] =>
    lanes.map(({ x, isBatched: had }, i) => {
      const one = { shape: had ? x.shape.slice(1) : x.shape, dtype: x.dtype };
      return isBatched[i] ? { ...one, shape: [size, ...one.shape] } : one;
    });
  /** Runs a program on what has examples now. */
  const within = <R>(xs: readonly Tensor[], f: (seen: readonly Tensor[], batch: Batch) => R): R =>
    batching(size, recordingLevel(), (batch) =>
      f(
        xs.map((x, i) => (isBatched[i] ? exampleOf(x, batch) : x)),
        batch,
      ),
    );
  for (;;) {
    let [isMasked, isGrowing] = [false, false];
    const types = typesNow();
    const decide = written(types, first, (xs) =>
      within(xs, (seen, batch) => {
        const [more] = run(condition, seen);
        isMasked = has(more, batch);
        return [isMasked ? any(fullOf(more, batch)) : more];
      }),
    );
    const step = written(types, first, (xs) =>
      within(xs, (seen, batch) => {
        const next = run(body, seen);
        const [more] = isMasked ? run(condition, seen) : [null];
        return next.map((y, i) => {
          const at = consts + i;
          if (!isBatched[at] && !has(y, batch) && !isMasked) return y;
          isGrowing ||= !isBatched[at];
          isBatched[at] = true;
          return fullOf(more === null ? y : where(more, y, seen[at]), batch);
        });
      }),
    );
    if (isGrowing) continue;
    const inputs = lanes.map(({ x, isBatched: is }, i) =>
      is || !isBatched[i] ? x : broadcastTo(x, [size, ...x.shape]),
    );
    const last = applyMany(While, inputs, { ...params, condition: decide, body: step });
    return last.map((y, i) => (isBatched[consts + i] ? y : broadcastTo(y, [size, ...y.shape])));
  }
}

/** One step, recorded with regard to the values at some places. */
function recorded(body: Program, values: readonly Tensor[], places: readonly number[]) {
  return record(
    "whileLoop",
    (watched: readonly Tensor[]) => {
      const now = [...values];
      places.forEach((i, k) => (now[i] = watched[k]));
      return run(body, now);
    },
    places.map((i) => values[i]),
  );
}

/** The cotangent of an input: zero, as long as no state that one comes back to depends on it. */
function pullWhile(
  gs: Tangents,
  inputs: readonly Tensor[],
  params: WhileParams,
  input: number,
): Tensor {
  const reached = reachedFrom(input, inputs, params);
  if (gs.some((g, k) => g !== null && reached.has(k))) refuseReverse();
  return zerosOfType(inputs[input], inputs[input]);
}

/** The states that have a derivative by an input, after any number of steps. */
function reachedFrom(
  input: number,
  inputs: readonly Tensor[],
  { body, consts }: WhileParams,
): ReadonlySet<number> {
  const reached = new Set(input < consts ? [] : [input - consts]);
  for (;;) {
    const { size } = reached;
    const moving = [...new Set([input, ...[...reached].map((k) => consts + k)])];
    traceBody(inputs, inputs[0].backend, (all) => {
      const { result } = recorded(body, all, moving);
      result.forEach(({ node }, k) => node !== null && reached.add(k));
      return [];
    });
    if (reached.size === size) return reached;
  }
}

/** The tangents of the last state: each is one more state. */
function pushWhile(tangents: Tangents, inputs: readonly Tensor[], params: WhileParams): Tangents {
  const { condition, body, consts } = params;
  const count = inputs.length;
  const moving = inputs.flatMap(({ dtype }, i) =>
    isFloat(dtype) && (i >= consts || tangents[i] !== null) ? [i] : [],
  );
  const fixed = moving.filter((i) => i < consts);
  // [...consts, ...their tangents, ...state, ...its tangents]
  const order = [
    ...inputs.slice(0, consts),
    ...fixed.map((i) => tangents[i] as Tensor),
    ...inputs.slice(consts),
    ...moving.slice(fixed.length).map((i) => tangents[i] ?? zerosOfType(inputs[i], inputs[i])),
  ];
  const firstState = consts + fixed.length;
  const primals = (all: readonly Tensor[]): Tensor[] => [
    ...all.slice(0, consts),
    ...all.slice(firstState, firstState + count - consts),
  ];
  const step = written(order, inputs[0], (all) => {
    const values = primals(all);
    const given = [...all.slice(consts, firstState), ...all.slice(firstState + count - consts)];
    const { result, marks, since } = recorded(body, values, moving);
    const found = pushForward(
      result.map(({ node }) => node),
      new Map(marks.map((mark, k) => [mark, given[k]])),
      since,
    );
    const moved = result.flatMap((y, i) =>
      isFloat(y.dtype) ? [found[i] ?? zerosOfType(y, y)] : [],
    );
    return [...result, ...moved];
  });
  const last = applyMany(While, order, {
    ...params,
    condition: written(order, inputs[0], (all) => run(condition, primals(all))),
    body: step,
    consts: firstState,
  });
  let next = count - consts;
  return body.outputs.map(({ type }) => (isFloat(type.dtype) ? last[next++] : null));
}
