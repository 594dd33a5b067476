/**
 * @file The choice: two programs with the same inputs, of which a mask decides which one runs. Its derivatives
 * are choices again, whose branches come from these by the same means; they run the branch once more.
 */
import { isFloat } from "../dtype.ts";
import { BackendError, DTypeError, InternalError, ShapeError } from "../errors.ts";
import { pushForward } from "../forward.ts";
import { batching, exampleOf, fullOf } from "../interpreters/batch.ts";
import { recordingLevel } from "../interpreters/record.ts";
import { zerosOfType } from "../ops/create.ts";
import type { Lane, ManyPrimitive, Pruned, Tangents } from "../primitive.ts";
import { evaluate, traceBody } from "../program/evaluate.ts";
import type { Program, Variable } from "../program/program.ts";
import { simplify, withoutDead } from "../program/simplify.ts";
import { record, type Recording } from "../recording.ts";
import { formatType, formatTypes, sameTypes, type TensorType } from "../shape.ts";
import { pull } from "../tape.ts";
import type { Tensor } from "../tensor.ts";
import { applyMany } from "../apply.ts";
import { where } from "./choice.ts";
import { pulled } from "./scan.ts";

/** The branches of a choice: both take all operands, and make results of the same types. */
export interface CondParams {
  /** What runs where the predicate is true. */
  readonly ifTrue: Program;
  /** What runs where it is false. */
  readonly ifFalse: Program;
}

/** Refuses what cannot decide between two branches. */
export function checkPredicate(op: string, type: TensorType): void {
  if (type.shape.length > 0) {
    const remedy = "Use where() to choose element by element, or all() and any().";
    throw new ShapeError(op, "one mask decides for all", formatType(type), remedy);
  }
  if (type.dtype !== "bool") {
    throw new DTypeError(op, "what decides must be bool", formatType(type), "Compare first.");
  }
}

/** What to write where values come later. */
const remedies = {
  cond: "Use where(), which computes both sides; or await the predicate's data() and write an if.",
  whileLoop:
    "Use scan() for a fixed number of steps; or await the condition's data() in a loop of your own.",
} as const;

/** Whether a predicate holds, read at once; backends whose values come later refuse that. */
export function decided(op: keyof typeof remedies, read: () => number): boolean {
  try {
    return read() !== 0;
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    const rule = "what decides must be known at once";
    const refused = new BackendError(op, rule, "a value that comes later", remedies[op]);
    refused.cause = error;
    throw refused;
  }
}

/** The results of one of two branches: inputs [predicate, ...operands]. */
export const Cond: ManyPrimitive<"cond", CondParams, readonly Tensor[]> = {
  name: "cond",
  work: "heavy",
  results: "many",
  type: ([predicate, ...operands], { ifTrue, ifFalse }) => {
    checkPredicate("cond", predicate);
    const results = typesOf(ifTrue.outputs);
    const isSame = [ifTrue, ifFalse].every(({ inputs, outputs }) => {
      return sameTypes(typesOf(inputs), operands) && sameTypes(typesOf(outputs), results);
    });
    if (!isSame) {
      throw new InternalError(`branches that do not agree were given ${formatTypes(operands)}`);
    }
    return results;
  },
  saves: (inputs) => inputs,
  vjp: (gs, inputs, params, i) => pulled(gs, () => pullChoice(gs, inputs, params))[i] as Tensor,
  jvp: (tangents, inputs, params) => pushChoice(tangents, inputs, params),
  batch: (_, lanes, params, size) => {
    const [predicate, ...operands] = lanes;
    if (predicate.isBatched) return chosen(lanes, params, size);
    const types = operands.map(({ x }) => x);
    const branches = rewritten(params, types, predicate.x, (branch, xs) =>
      batching(size, recordingLevel(), (batch) => {
        const seen = xs.map((x, i) => (operands[i].isBatched ? exampleOf(x, batch) : x));
        const values = evaluate(branch, seen);
        return branch.outputs.map((v) => fullOf(values.get(v) as Tensor, batch));
      }),
    );
    return applyMany(Cond, [predicate.x, ...types], branches);
  },
  bodies: {
    of: ({ ifTrue, ifFalse }) => [ifTrue, ifFalse],
    with: (_, [ifTrue, ifFalse]) => ({ ifTrue, ifFalse }),
    prune,
    loop: null,
  },
};

/** The types of variables. */
function typesOf(variables: readonly Variable[]): TensorType[] {
  return variables.map(({ type }) => type);
}

/** Examples that decide each for itself: both branches run, and each example takes what is its own. */
function chosen(lanes: readonly Lane[], params: CondParams, size: number): readonly Tensor[] {
  return batching(size, recordingLevel(), (batch) => {
    const [predicate, ...operands] = lanes.map(({ x, isBatched }) =>
      isBatched ? exampleOf(x, batch) : x,
    );
    const [whenTrue, whenFalse] = [params.ifTrue, params.ifFalse].map((branch) => {
      const values = evaluate(branch, operands);
      return branch.outputs.map((v) => values.get(v) as Tensor);
    });
    return whenTrue.map((y, i) => fullOf(where(predicate, y, whenFalse[i]), batch));
  });
}

/** The choice without results that nobody reads, and without operands that only led to them. */
function prune({ ifTrue, ifFalse }: CondParams, isRead: readonly boolean[]): Pruned<CondParams> {
  const outputs = isRead.flatMap((is, i) => (is ? [i] : []));
  const branches = [ifTrue, ifFalse].map((branch) =>
    withoutDead({ ...branch, outputs: outputs.map((i) => branch.outputs[i]) }),
  );
  const read = new Set(
    branches.flatMap(({ nodes, outputs: made }) => [...made, ...nodes.flatMap((n) => n.inputs)]),
  );
  const operands = ifTrue.inputs.flatMap((v, i) =>
    read.has(v) || read.has(ifFalse.inputs[i]) ? [i] : [],
  );
  const taking = (branch: Program): Program => {
    return { ...branch, inputs: operands.map((i) => branch.inputs[i]) };
  };
  return {
    params: { ifTrue: taking(branches[0]), ifFalse: taking(branches[1]) },
    inputs: [0, ...operands.map((i) => i + 1)],
    outputs,
  };
}

/** Both branches written anew, for inputs of other types. */
function rewritten(
  { ifTrue, ifFalse }: CondParams,
  types: readonly TensorType[],
  { backend }: Tensor,
  change: (branch: Program, inputs: readonly Tensor[]) => readonly Tensor[],
): CondParams {
  const anew = (branch: Program): Program =>
    simplify(traceBody(types, backend, (xs) => change(branch, xs)).program);
  return { ifTrue: anew(ifTrue), ifFalse: anew(ifFalse) };
}

/** Runs a branch while some of its operands are being differentiated. */
function recorded(
  branch: Program,
  operands: readonly Tensor[],
  places: readonly number[],
): Recording<readonly Tensor[]> {
  const watch = (watched: readonly Tensor[]): readonly Tensor[] => {
    const all = [...operands];
    places.forEach((i, k) => (all[i] = watched[k]));
    const values = evaluate(branch, all);
    return branch.outputs.map((v) => values.get(v) as Tensor);
  };
  return record(
    "cond",
    watch,
    places.map((i) => operands[i]),
  );
}

/** The cotangents of the inputs, given those of the results. */
function pullChoice(gs: Tangents, inputs: readonly Tensor[], params: CondParams): Tangents {
  const [predicate, ...operands] = inputs;
  const results = gs.flatMap((g, i) => (g === null ? [] : [i]));
  const smooth = operands.flatMap(({ dtype }, i) => (isFloat(dtype) ? [i] : []));
  const given = [...operands, ...results.map((i) => gs[i] as Tensor)];
  const branches = rewritten(params, given, predicate, (branch, xs) => {
    const { result, marks, since } = recorded(branch, xs.slice(0, operands.length), smooth);
    const cotangents = xs.slice(operands.length);
    const found = pull(
      results.map((i, k) => [result[i].node, cotangents[k]] as const),
      marks,
      since,
    );
    return smooth.map((i, k) => found[k] ?? zerosOfType(xs[i], xs[i]));
  });
  const found = applyMany(Cond, [predicate, ...given], branches);
  const cotangentOf = new Map(smooth.map((i, k) => [i, found[k]]));
  return [null, ...operands.map((_, i) => cotangentOf.get(i) ?? null)];
}

/** The tangents of the results, given those of the inputs. */
function pushChoice(
  [, ...tangents]: Tangents,
  [predicate, ...operands]: readonly Tensor[],
  params: CondParams,
): Tangents {
  const moving = tangents.flatMap((t, i) => (t === null ? [] : [i]));
  const given = [...operands, ...moving.map((i) => tangents[i] as Tensor)];
  const branches = rewritten(params, given, predicate, (branch, xs) => {
    const { result, marks, since } = recorded(branch, xs.slice(0, operands.length), moving);
    const found = pushForward(
      result.map(({ node }) => node),
      new Map(marks.map((mark, k) => [mark, xs[operands.length + k]])),
      since,
    );
    return result.flatMap((y, i) => (isFloat(y.dtype) ? [found[i] ?? zerosOfType(y, y)] : []));
  });
  const found = applyMany(Cond, [predicate, ...given], branches);
  let next = 0;
  return params.ifTrue.outputs.map(({ type }) => (isFloat(type.dtype) ? found[next++] : null));
}
