/**
 * @file The loop: a body, written once, that runs over the first axis of its inputs and carries a state.
 * Its derivatives and its batches are loops again, whose bodies come from this one by the same means.
 */
import { isFloat } from "../dtype.ts";
import { InternalError } from "../errors.ts";
import { pushForward } from "../forward.ts";
import { batching, exampleOf, fullOf } from "../interpreters/batch.ts";
import { recordingLevel } from "../interpreters/record.ts";
import { zerosOfType } from "../ops/create.ts";
import type { ManyPrimitive, Pruned, Tangents } from "../primitive.ts";
import { evaluate, traceBody } from "../program/evaluate.ts";
import { type LoopResult, runLoop } from "../program/loop.ts";
import { pullLoop } from "../program/loop-derivative.ts";
import { withoutDead } from "../program/simplify.ts";
import type { Program, Variable } from "../program/program.ts";
import { record } from "../recording.ts";
import { formatTypes, sameTypes, type TensorType } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { moveAxis } from "./batching.ts";
import { broadcastTo } from "./movement.ts";

/** What a loop runs, and how its inputs and results are laid out. */
export interface ScanParams {
  /** One step: inputs [...consts, ...state, ...x], outputs [...next state, ...y]. */
  readonly body: Program;
  /** The number of steps. */
  readonly steps: number;
  /** Whether the last step comes first; outputs stay at their input's place. */
  readonly reverse: boolean;
  /** How many of the inputs come first and are the same for all steps. */
  readonly consts: number;
  /** How many inputs behind them are the state before the first step. The rest have steps along axis 0. */
  readonly carries: number;
  /** What a derivative finds kept of each step: what its rules read, or the state alone. */
  readonly save: "all" | "carries";
}

/** What the derivative of a loop keeps. */
export interface Looped {
  /** What it was given. */
  readonly inputs: readonly Tensor[];
  /** What it made. */
  readonly outputs: readonly Tensor[];
}

/** The type of something of one step, for all steps. */
function stacked({ shape, dtype }: TensorType, steps: number): TensorType {
  return { shape: [steps, ...shape], dtype };
}

/** The types that a body's inputs have outside of the loop. */
function inputTypes({ body, steps, consts, carries }: ScanParams): TensorType[] {
  return body.inputs.map(({ type }, i) => (i < consts + carries ? type : stacked(type, steps)));
}

/** `[state, y[t]] = body(consts, state, x[t])` for all t: inputs [...consts, ...state, ...xs]. */
export const Scan: ManyPrimitive<"scan", ScanParams, Looped> = {
  name: "scan",
  work: "heavy",
  results: "many",
  type: (inputs, params) => {
    const { body, steps, consts, carries } = params;
    const expected = inputTypes(params);
    const next = body.outputs.slice(0, carries).map(({ type }) => type);
    if (!sameTypes(inputs, expected)) {
      throw new InternalError(
        `a loop over ${formatTypes(expected)} was given ${formatTypes(inputs)}`,
      );
    }
    if (!sameTypes(next, expected.slice(consts, consts + carries))) {
      throw new InternalError(`a loop over ${formatTypes(expected)} makes ${formatTypes(next)}`);
    }
    return body.outputs.map(({ type }, i) => (i < carries ? type : stacked(type, steps)));
  },
  saves: (inputs, outputs) => ({ inputs, outputs }),
  vjp: (gs, { inputs, outputs }, params, i) =>
    pulled(gs, () => pullLoop(gs, inputs, outputs, params))[i] as Tensor,
  jvp: (tangents, { inputs }, params) => pushLoop(tangents, inputs, params),
  batch: (_, lanes, params, size) => {
    const { body, consts, carries } = params;
    const [{ x: first }] = lanes;
    const isState = (i: number): boolean => i >= consts && i < consts + carries;
    // States may become different with the first step, so they are from the start.
    const isBatched = lanes.map((lane, i) => lane.isBatched || isState(i));
    const inputs = lanes.map(({ x, isBatched: has }, i) => {
      if (isState(i)) return has ? x : broadcastTo(x, [size, ...x.shape]);
      return has && i >= consts ? moveAxis(x, 1, 0) : x;
    });
    const types = body.inputs.map(({ type }, i) => (isBatched[i] ? stacked(type, size) : type));
    const { program } = traceBody(types, first.backend, (xs) =>
      batching(size, recordingLevel(), (batch) => {
        const seen = xs.map((x, i) => (isBatched[i] ? exampleOf(x, batch) : x));
        const values = evaluate(body, seen);
        return body.outputs.map((v) => fullOf(values.get(v) as Tensor, batch));
      }),
    );
    const { last, ys } = runAgain(program, inputs, params);
    return [...last, ...ys.map((y) => moveAxis(y, 1, 0))];
  },
  bodies: {
    of: ({ body }) => [body],
    with: (params, [body]) => ({ ...params, body }),
    prune,
    loop: ({ steps, reverse, carries }) => ({ steps, reverse, carries }),
  },
};

/** The loop without outputs that nobody reads, and without states and inputs that only led to them. */
function prune(params: ScanParams, isRead: readonly boolean[]): Pruned<ScanParams> {
  const { body, consts, carries } = params;
  const stays = [...isRead];
  for (;;) {
    const kept = stays.flatMap((is, i) => (is ? [i] : []));
    const pruned = withoutDead({ ...body, outputs: kept.map((i) => body.outputs[i]) });
    const read = new Set([...pruned.outputs, ...pruned.nodes.flatMap(({ inputs }) => inputs)]);
    // A state that a later step reads is needed, whoever else wants it.
    const more = stays.flatMap((is, i) =>
      !is && i < carries && read.has(body.inputs[consts + i]) ? [i] : [],
    );
    if (more.length === 0) {
      const inputs = body.inputs.flatMap((v, i) => {
        const isState = i >= consts && i < consts + carries;
        return (isState ? stays[i - consts] : read.has(v)) ? [i] : [];
      });
      return {
        inputs,
        outputs: kept,
        params: {
          ...params,
          body: { ...pruned, inputs: inputs.map((i) => body.inputs[i]) },
          consts: inputs.filter((i) => i < consts).length,
          carries: kept.filter((i) => i < carries).length,
        },
      };
    }
    for (const i of more) stays[i] = true;
  }
}

/** Runs another body in the place of the one in `params`. */
function runAgain(body: Program, inputs: readonly Tensor[], params: ScanParams): LoopResult {
  const { consts, carries, steps, reverse, save } = params;
  return runLoop({
    body,
    consts: inputs.slice(0, consts),
    init: inputs.slice(consts, consts + carries),
    xs: inputs.slice(consts + carries),
    steps,
    reverse,
    totals: 0,
    save,
  });
}

const known = new WeakMap<Tangents, Tangents>();

/** What `f` returned for these cotangents: rules are asked for one input after the other. */
export function pulled(gs: Tangents, f: () => Tangents): Tangents {
  const found = known.get(gs) ?? f();
  known.set(gs, found);
  return found;
}

/** The tangents of a loop's results: those of the state are one more state. */
function pushLoop(tangents: Tangents, inputs: readonly Tensor[], params: ScanParams): Tangents {
  const { body, consts, carries } = params;
  const count = body.inputs.length;
  const isState = (i: number): boolean => i >= consts && i < consts + carries;
  const moving = body.inputs.flatMap(({ type }, i) =>
    isFloat(type.dtype) && (isState(i) || tangents[i] !== null) ? [i] : [],
  );
  const types = [...body.inputs, ...moving.map((i) => body.inputs[i])].map(({ type }) => type);
  let found: Tangents = [];
  const { program } = traceBody(types, inputs[0].backend, (all) => {
    const { result, marks, since } = record(
      "scan",
      (watched: readonly Tensor[]) => {
        const values = all.slice(0, count);
        moving.forEach((i, k) => (values[i] = watched[k]));
        return evaluate(body, values);
      },
      moving.map((i) => all[i]),
    );
    const outputs = body.outputs.map((v) => result.get(v) as Tensor);
    const given = new Map(marks.map((mark, k) => [mark, all[count + k]]));
    found = pushForward(
      outputs.map(({ node }) => node),
      given,
      since,
    ).map((t, i) =>
      i < carries && isFloat(outputs[i].dtype) ? (t ?? zerosOfType(outputs[i], outputs[i])) : t,
    );
    return [...outputs, ...found.filter((t) => t !== null)];
  });
  // Consts, states and inputs of steps, each followed by its tangents.
  const tangentOf = (i: number): Tensor => tangents[i] ?? zerosOfType(inputs[i], inputs[i]);
  const between = (from: number, to: number): { variables: Variable[]; values: Tensor[] } => {
    const places = moving.flatMap((i, k) => (i >= from && i < to ? [k] : []));
    return {
      variables: [
        ...program.inputs.slice(from, to),
        ...places.map((k) => program.inputs[count + k]),
      ],
      values: [...inputs.slice(from, to), ...places.map((k) => tangentOf(moving[k]))],
    };
  };
  const [ofConsts, ofStates, ofXs] = [
    between(0, consts),
    between(consts, consts + carries),
    between(consts + carries, count),
  ];
  const primals = body.outputs.length;
  const states = primals + found.slice(0, carries).filter((t) => t !== null).length;
  const { outputs } = program;
  const { last, ys } = runLoop({
    ...params,
    body: {
      inputs: [...ofConsts.variables, ...ofStates.variables, ...ofXs.variables],
      constants: [],
      nodes: program.nodes,
      outputs: [
        ...outputs.slice(0, carries),
        ...outputs.slice(primals, states),
        ...outputs.slice(carries, primals),
        ...outputs.slice(states),
      ],
    },
    consts: ofConsts.values,
    init: ofStates.values,
    xs: ofXs.values,
    totals: 0,
  });
  const made = [...last.slice(carries), ...ys.slice(primals - carries)];
  let next = 0;
  return found.map((t) => (t === null ? null : made[next++]));
}
