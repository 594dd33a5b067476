/**
 * @file Rules made wrong on purpose: each mutant replaces one rule of one primitive while it is in
 * force. A proof of the rules is worth something if it fails for each of them.
 */
import { flip, mul, neg, permute, stopGradient, Tensor, zerosLike } from "@tapeloop/autograd";
import {
  type AnyPrimitive,
  isFloat,
  type Lane,
  type PrimitiveName,
  primitives,
  sameShape,
  type Tangents,
} from "@tapeloop/autograd/backend";
import { type Row, rows } from "../conformance/samples.ts";

/** One rule made wrong. */
export interface Mutant {
  readonly primitive: PrimitiveName;
  /** What is wrong, with the rule: "vjp of input 0: sign". */
  readonly what: string;
  /** The rules that it puts in place of the right ones. */
  readonly rules: Partial<AnyPrimitive>;
}

/** Whether the mutant in force has made a difference. One that never does is no mutant. */
let acted = false;

/** Runs `f` while a mutant is in force, and tells whether it has made a difference. */
export function withMutant<R>(
  { primitive, rules }: Mutant,
  f: () => R,
): { result: R; acted: boolean } {
  const record = primitives[primitive] as unknown as Record<string, unknown>;
  const right = { ...record };
  Object.assign(record, rules);
  acted = false;
  try {
    return { result: f(), acted };
  } finally {
    Object.assign(record, right);
  }
}

/** Takes note of whether the wrong tensor differs from the right one. */
function instead(right: Tensor, wrong: Tensor): Tensor {
  if (!acted && right.examples === null && wrong.examples === null) {
    const [x, y] = [right.dataSync(), wrong.dataSync()];
    acted = x.some((v, i) => !Object.is(v, y[i]) && v !== y[i]);
  }
  return wrong;
}

// ----- Wrong tensors -----

/** What can be done to a tensor of which only the type is known. */
const distortions: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  sign: neg,
  "twice as much": (x) => mul(x, 2),
  "1e-4 too much": (x) => mul(x, 1 + 1e-4),
  zero: zerosLike,
  "elements in reverse order": (x) => flip(x),
  transposed: (x) => {
    const axes = x.shape.map((_, i) => x.rank - 1 - i);
    const isSquare = sameShape(
      x.shape,
      axes.map((axis) => x.shape[axis]),
    );
    return isSquare && x.rank > 1 ? permute(x, axes) : x;
  },
};

/** Changes every tensor that a rule may read, in the structures that rules keep. */
function mapSaved(saved: unknown, f: (x: Tensor, slot: string) => Tensor, slot = ""): unknown {
  if (saved instanceof Tensor) return f(saved, slot);
  if (Array.isArray(saved)) return saved.map((v, i) => mapSaved(v, f, `${slot}[${i}]`));
  if (typeof saved !== "object" || saved === null) return saved;
  return Object.fromEntries(
    Object.entries(saved).map(([key, v]) => [key, mapSaved(v, f, slot ? `${slot}.${key}` : key)]),
  );
}

/** Saved values that are cut off the tape: the second derivative then lacks a part. */
function constant(saved: unknown): unknown {
  return mapSaved(saved, (x) => {
    if (!isFloat(x.dtype) || x.node === null) return x;
    acted = true;
    return stopGradient(x);
  });
}

/** Whether two tensors can be taken for one another. */
function alike(x: Tensor, y: Tensor): boolean {
  return x !== y && x.dtype === y.dtype && sameShape(x.shape, y.shape);
}

// ----- Wrong rules -----

/** How many inputs a primitive's samples have at most, and which of them are real in some. */
function inputsOf(name: PrimitiveName): { count: number; real: number[] } {
  const row: Row<unknown> = rows[name];
  const count = Math.max(...row.samples.map(({ inputs }) => inputs.length));
  const real = Array.from({ length: count }, (_, i) => i).filter((i) =>
    row.samples.some(({ inputs }) => inputs[i]?.dtype === "real"),
  );
  return { count, real };
}

type Vjp = (g: never, saved: unknown, params: unknown, input: number) => Tensor;
type Jvp = (tangents: Tangents, saved: unknown, params: unknown) => Tensor | readonly Tensor[];

/** The wrong cotangents of one input. */
function wrongVjp(name: PrimitiveName, input: number, others: readonly number[]): Mutant[] {
  const primitive: AnyPrimitive = primitives[name];
  const right = primitive.vjp as Vjp;
  const mutant = (what: string, vjp: Vjp): Mutant => ({
    primitive: name,
    what: `vjp of input ${input}: ${what}`,
    rules: {
      vjp: (g: never, saved: unknown, params: unknown, i: number) =>
        (i === input ? vjp : right)(g, saved, params, i),
    } as Partial<AnyPrimitive>,
  });
  const distorted = Object.entries(distortions).map(([what, f]) =>
    mutant(what, (...args) => {
      const own = right(...args);
      return instead(own, f(own));
    }),
  );
  const swapped = others
    .filter((other) => other !== input)
    .map((other) =>
      mutant(`that of input ${other} in its place`, (g, saved, params) => {
        const own = right(g, saved, params, input);
        try {
          const wrong = right(g, saved, params, other);
          return alike(own, wrong) ? instead(own, wrong) : own;
        } catch {
          return own;
        }
      }),
    );
  return [
    ...distorted,
    ...swapped,
    mutant("saved values as constants", (g, saved, params, i) =>
      right(g, constant(saved), params, i),
    ),
    mutant("the cotangent as a constant", (g, saved, params, i) =>
      right(constant(g) as never, saved, params, i),
    ),
  ];
}

/** The wrong tangents. */
function wrongJvp(name: PrimitiveName, input: number, others: readonly number[]): Mutant[] {
  const primitive: AnyPrimitive = primitives[name];
  const right = primitive.jvp as Jvp;
  const mutant = (what: string, jvp: Jvp): Mutant => ({
    primitive: name,
    what: `jvp of input ${input}: ${what}`,
    rules: { jvp } as Partial<AnyPrimitive>,
  });
  const distorted = Object.entries(distortions).map(([what, f]) =>
    mutant(what, (tangents, saved, params) => {
      const t = tangents[input] ?? null;
      return right(t === null ? tangents : tangents.with(input, instead(t, f(t))), saved, params);
    }),
  );
  const swapped = others
    .filter((other) => other > input)
    .map((other) =>
      mutant(`exchanged with input ${other}`, (tangents, saved, params) => {
        const [a, b] = [tangents[input] ?? null, tangents[other] ?? null];
        const fits = a !== null && b !== null && alike(a, b);
        if (!fits) return right(tangents, saved, params);
        return right(tangents.with(input, instead(a, b)).with(other, a), saved, params);
      }),
    );
  const dropped =
    others.length > 1
      ? [
          mutant("left out where there is another", (tangents, saved, params) => {
            const isAlone = tangents.every((t, i) => i === input || t === null);
            if (isAlone || tangents[input] === null) return right(tangents, saved, params);
            acted = true;
            return right(tangents.with(input, null), saved, params);
          }),
        ]
      : [];
  const asConstant = mutant("the tangent as a constant", (tangents, saved, params) =>
    right(
      tangents.map((t, i) => (i === input && t !== null ? (constant(t) as Tensor) : t)),
      saved,
      params,
    ),
  );
  return [...distorted, ...swapped, ...dropped, asConstant];
}

/** Derivatives that keep something else than they should. */
function wrongSaves(name: PrimitiveName): Mutant[] {
  const primitive: AnyPrimitive = primitives[name];
  const saves = primitive.saves as (...args: readonly unknown[]) => unknown;
  const { count } = inputsOf(name);
  // Slots are known when a rule has run: "0", "1", … stand for the first, the second, … of them.
  const candidates = [...Array.from({ length: count }, (_, i) => i), -1];
  return [0, 1, 2].flatMap((wanted) =>
    candidates.map((candidate): Mutant => {
      const what = candidate < 0 ? "the output" : `input ${candidate}`;
      return {
        primitive: name,
        what: `saved value ${wanted}: ${what} in its place`,
        rules: {
          saves: (
            inputs: readonly Tensor[],
            output: Tensor | readonly Tensor[],
            params: unknown,
          ) => {
            let slot = -1;
            const other = candidate < 0 ? [output].flat()[0] : inputs[candidate];
            return mapSaved(saves(inputs, output, params), (x) => {
              slot++;
              return slot === wanted && other !== undefined && alike(x, other)
                ? instead(x, other)
                : x;
            });
          },
        } as Partial<AnyPrimitive>,
      };
    }),
  );
}

/** Derivatives in forward mode whose saved values are cut off the tape. */
function constantJvp(name: PrimitiveName): Mutant {
  const right = (primitives[name] as AnyPrimitive).jvp as Jvp;
  return {
    primitive: name,
    what: "jvp: saved values as constants",
    rules: {
      jvp: (tangents: Tangents, saved: unknown, params: unknown) =>
        right(tangents, constant(saved), params),
    } as Partial<AnyPrimitive>,
  };
}

type Batch = (
  run: unknown,
  lanes: readonly Lane[],
  params: unknown,
  size: number,
) => Tensor | readonly Tensor[];

/** Batching rules that take one example for another, or an axis for that of the examples. */
function wrongBatch(name: PrimitiveName): Mutant[] {
  const right = (primitives[name] as AnyPrimitive).batch as Batch;
  const mutant = (what: string, batch: Batch): Mutant => ({
    primitive: name,
    what: `batch: ${what}`,
    rules: { batch } as unknown as Partial<AnyPrimitive>,
  });
  const first = (x: Tensor): Tensor =>
    x.shape[0] > 0 ? x.slice([{ stop: 1 }]).broadcastTo(x.shape) : x;
  const reversed = (x: Tensor): Tensor => flip(x, { axes: 0 });
  const each = (result: Tensor | readonly Tensor[], f: (x: Tensor) => Tensor) =>
    result instanceof Tensor ? instead(result, f(result)) : result.map((x) => instead(x, f(x)));
  const { count } = inputsOf(name);
  const ofLanes = Array.from({ length: count }, (_, i) =>
    Object.entries({ "examples in reverse order": reversed, "only the first example": first }).map(
      ([what, f]) =>
        mutant(`${what} of input ${i}`, (run, lanes, params, size) => {
          const lane = lanes[i];
          if (lane === undefined || !lane.isBatched) return right(run, lanes, params, size);
          const wrong = { x: instead(lane.x, f(lane.x)), isBatched: true };
          return right(run, lanes.with(i, wrong), params, size);
        }),
    ),
  ).flat();
  const ofResults = Object.entries({
    "results in reverse order": reversed,
    "the first result for all": first,
    "results reversed along their last axis": (x: Tensor) =>
      x.rank > 1 ? flip(x, { axes: -1 }) : x,
    "results off by 1e-4": (x: Tensor) => (isFloat(x.dtype) ? mul(x, 1 + 1e-4) : x),
  }).map(([what, f]) =>
    mutant(what, (run, lanes, params, size) => each(right(run, lanes, params, size), f)),
  );
  return [...ofLanes, ...ofResults];
}

/** Every mutant of a primitive. */
export function mutantsOf(name: PrimitiveName): Mutant[] {
  const primitive: AnyPrimitive = primitives[name];
  const { count, real } = inputsOf(name);
  const ofBatch = count > 0 ? wrongBatch(name) : [];
  if (primitive.vjp === null) return ofBatch;
  return [
    ...real.flatMap((input) => wrongVjp(name, input, real)),
    ...real.flatMap((input) => wrongJvp(name, input, real)),
    constantJvp(name),
    ...wrongSaves(name),
    ...ofBatch,
  ];
}
