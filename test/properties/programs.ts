/**
 * @file Random programs: lists of numbers read as well-typed programs over the ops of the samples table
 * (so a new primitive takes part by its row) and over public ops with random shapes and axes. Any list
 * is a program, so a failing one shrinks by leaving steps out.
 */
import * as core from "@tapeloop/autograd";
import type { Tensor } from "@tapeloop/autograd";
import {
  apply,
  applyMany,
  type AnyPrimitive,
  type ManyPrimitive,
  type OnePrimitive,
  type PrimitiveName,
  primitives,
  type TensorType,
} from "@tapeloop/autograd/backend";
import * as fc from "fast-check";
import { dtypeIn, type Input, sizeOf, typed } from "../conformance/plain.ts";
import { type Row, rows, type Sample } from "../conformance/samples.ts";

/** The numbers that one step is read from. */
export type Gene = readonly [op: number, a: number, b: number, c: number];

/** What a program is read from. */
export interface Genes {
  /** Shapes of the inputs. */
  readonly inputs: readonly (readonly number[])[];
  readonly steps: readonly Gene[];
  /** Whether it is read with the templates of rows, too. Default: no. */
  readonly hasRows?: boolean;
}

/** A variable of a program. */
interface Variable {
  readonly name: string;
  readonly shape: readonly number[];
  used: boolean;
}

/** One step, as code and as a function of all variables before it. */
interface Step {
  readonly code: string;
  readonly shapes: readonly (readonly number[])[];
  readonly run: (at: (x: Variable) => Tensor) => readonly Tensor[];
}

/** A program: a function of its inputs to one number. */
export interface Program {
  /** As it would be written by hand. */
  readonly code: string;
  readonly inputs: readonly (readonly number[])[];
  readonly f: (inputs: readonly Tensor[]) => Tensor;
  /** How many steps there are. */
  readonly length: number;
}

const most = 48;
const size = fc.integer({ min: 1, max: 3 });
const number = fc.nat(9999);

const steps = fc.array(fc.tuple(number, number, number, number), {
  minLength: 1,
  maxLength: 40,
  size: "max",
});

/** Any program. */
export const genes: fc.Arbitrary<Genes> = fc.record({
  inputs: fc.array(fc.array(size, { maxLength: 3 }), { minLength: 1, maxLength: 3 }),
  steps,
});

/** Any program, with rows that fill vectors, and more that is made of rows. */
export const genesOfRows: fc.Arbitrary<Genes> = fc.record({
  inputs: fc.array(
    fc
      .array(fc.oneof({ weight: 4, arbitrary: size }, fc.constantFrom(5, 9)), { maxLength: 3 })
      .filter((shape) => sizeOf(shape) <= most),
    { minLength: 1, maxLength: 3 },
  ),
  steps,
  hasRows: fc.constant(true),
});

// ----- Helpers that programs are written with -----

/** The elements of x, over and over, in another shape. */
function refit(x: Tensor, shape: readonly number[]): Tensor {
  const [from, to] = [x.size, sizeOf(shape)];
  const row = core.reshape(x, [from]);
  if (from === to) return core.reshape(row, shape);
  const places = core.tensor(Int32Array.from({ length: to }, (_, i) => i % from));
  return core.reshape(core.gather(row, places), shape);
}

/** x drawn smoothly into a range. */
function between(x: Tensor, low: number, high: number): Tensor {
  const half = (high - low) / 2;
  return core.add(core.mul(core.tanh(core.mul(x, 0.5)), half), low + half);
}

/** The mean over all elements of all tensors, weighted so that none is like the other. */
function total(list: readonly Tensor[]): Tensor {
  return list
    .map((x) => {
      const n = Math.max(1, x.size);
      const weights = Float64Array.from({ length: x.size }, (_, i) => Math.cos(1 + i) / n);
      const w = core.cast(core.tensor(weights, { shape: x.shape }), x.dtype);
      return core.sum(core.mul(core.tanh(core.mul(x, 0.25)), w));
    })
    .reduce((a, b) => core.add(a, b));
}

// ----- Steps from the samples -----

/** A sample that programs may run. */
interface Runnable {
  readonly name: PrimitiveName;
  readonly sample: Sample<unknown>;
  readonly types: readonly TensorType[];
  readonly ranges: readonly (readonly [number, number])[];
}

/** The type of a sample's input in float64. */
function typeOf(x: Input): TensorType {
  return { shape: x.shape, dtype: dtypeIn(x, "float64") };
}

/**
 * The range that a sample draws its numbers from: where the op is smooth. Where the sample keeps away
 * from 0 on both sides, it is the one above.
 */
function rangeOf({ data }: Input): [number, number] {
  const greatest = Math.max(...data.map(Math.abs));
  const above = data.filter((v) => v > 0);
  const keepsAway = above.length > 0 && data.every((v) => Math.abs(v) > greatest / 8);
  const list = keepsAway ? above : data;
  const [low, high] = [Math.min(...list), Math.max(...list)];
  // Widths differ, so that two operands do not cancel to a constant, which rounding would turn into ties.
  const width = 0.07 + Math.abs(low) / 50;
  return low === high ? [low - width, high + width] : [low, high];
}

/** The samples of a row that have real inputs, a few finite elements and results in the same float type. */
function runnable(name: PrimitiveName): Runnable[] {
  const row: Row<unknown> = rows[name];
  return row.samples.flatMap((sample) => {
    const { inputs, params, kink } = sample;
    const reals = inputs.filter((x) => x.dtype === "real");
    const isSmall = inputs.every(({ data }) => data.length > 0 && data.length <= most);
    const isFinite = reals.every(({ data }) => data.every(Number.isFinite));
    if (sample.float !== undefined) return [];
    if (kink === true || reals.length === 0 || !isSmall || !isFinite) return [];
    const types = [primitives[name].type(inputs.map(typeOf), params as never)].flat();
    const fits = types.every(({ shape, dtype }: TensorType) => {
      const n = sizeOf(shape);
      return n > 0 && n <= most && dtype !== "float32";
    });
    return fits ? [{ name, sample, types, ranges: inputs.map(rangeOf) }] : [];
  });
}

const bySample = (Object.keys(rows) as PrimitiveName[])
  .map(runnable)
  .filter((list) => list.length > 0);

/** Runs a primitive; masks and whole numbers become real again. */
function runPrimitive(
  name: PrimitiveName,
  params: unknown,
  inputs: readonly Tensor[],
  dtype: Tensor["dtype"],
): Tensor[] {
  const primitive: AnyPrimitive = primitives[name];
  const results =
    primitive.results === "one"
      ? [apply(primitive as OnePrimitive<string, unknown, unknown>, inputs, params)]
      : applyMany(primitive as ManyPrimitive<string, unknown, unknown>, inputs, params);
  return results.map((y) => core.cast(y, dtype));
}

/** A sample's primitive on variables, made to fit. */
function sampleStep([, a, b, c]: Gene, pool: readonly Variable[]): Step {
  const list = bySample[a % bySample.length];
  const { name, sample, types, ranges } = list[b % list.length];
  const sources = sample.inputs.map((x, i) =>
    x.dtype === "real" ? pool[(c + 7 * i) % pool.length] : null,
  );
  const constants = sample.inputs.map((x) =>
    x.dtype === "real"
      ? null
      : core.tensor(typed(x.data, x.dtype), { shape: x.shape, dtype: x.dtype }),
  );
  const words = sample.inputs.map((x, i) => {
    const source = sources[i];
    if (source === null) return `tensor(${JSON.stringify(x.data)}, ${JSON.stringify(x.shape)})`;
    return `fit(${source.name}, ${JSON.stringify(x.shape)}, ${ranges[i].join(", ")})`;
  });
  const params = sample.params === null ? "" : `, ${JSON.stringify(sample.params)}`;
  return {
    code: `${name}(${words.join(", ")}${params})`,
    shapes: types.map(({ shape }) => shape),
    run: (at) => {
      const inputs = sample.inputs.map((x, i) => {
        const source = sources[i];
        if (source === null) return constants[i] as Tensor;
        return between(refit(at(source), x.shape), ...ranges[i]);
      });
      const real = sources.find((source) => source !== null) as Variable;
      return runPrimitive(name, sample.params, inputs, at(real).dtype);
    },
  };
}

// ----- Steps with random shapes and axes -----

/** A step over public ops; null where there is none for these shapes. */
type Template = (x: Variable, y: Variable, b: number, c: number) => Step | null;

/** A step with one result. */
function step(
  code: string,
  shape: readonly number[],
  run: (at: (x: Variable) => Tensor) => Tensor,
): Step {
  return { code, shapes: [shape], run: (at) => [run(at)] };
}

/** The shape that two shapes are broadcast to, or null. */
function broadcast(a: readonly number[], b: readonly number[]): number[] | null {
  const rank = Math.max(a.length, b.length);
  const pairs = Array.from({ length: rank }, (_, i) => [
    a[a.length - rank + i] ?? 1,
    b[b.length - rank + i] ?? 1,
  ]);
  if (pairs.some(([m, n]) => m !== n && m !== 1 && n !== 1)) return null;
  return pairs.map(([m, n]) => Math.max(m, n));
}

/** Functions of two numbers with the ranges in which they are smooth. */
const binaries = (Object.keys(rows) as PrimitiveName[]).flatMap((name) => {
  const row: Row<unknown> = rows[name];
  const op = (core as unknown as Record<string, unknown>)[name];
  const isBinary = row.samples[0].inputs.length === 2 && row.elementwise !== undefined;
  if (!isBinary || !row.smooth || typeof op !== "function") return [];
  const vector = row.samples.find(({ inputs }) => inputs[0].data.length > 3);
  if (vector === undefined) return [];
  const f = op as (x: Tensor, y: Tensor) => Tensor;
  return [{ name, f, ranges: vector.inputs.map(rangeOf) }];
});

const reductions: Readonly<
  Record<string, (x: Tensor, options: { axes: number[]; keepAxes: boolean }) => Tensor>
> = {
  sum: core.sum,
  mean: core.mean,
  max: core.max,
  min: core.min,
  logSumExp: core.logSumExp,
  variance: core.variance,
};

/** A subset of the axes, by the bits of a number. */
function subset(rank: number, bits: number): number[] {
  return Array.from({ length: rank }, (_, i) => i).filter((i) => ((bits >> i) & 1) === 1);
}

/** An order of the axes, by a number. */
function order(rank: number, by: number): number[] {
  const left = Array.from({ length: rank }, (_, i) => i);
  return Array.from({ length: rank }, (_, i) => {
    const [axis] = left.splice((by >> (2 * i)) % left.length, 1);
    return axis;
  });
}

const text = (value: unknown): string => JSON.stringify(value);

const templates: readonly Template[] = [
  // Two operands, broadcast.
  (x, y, b) => {
    const shape = broadcast(x.shape, y.shape);
    if (shape === null || sizeOf(shape) > most) return null;
    const { name, f, ranges } = binaries[b % binaries.length];
    const [[m, n], [p, q]] = ranges;
    const code = `${name}(between(${x.name}, ${m}, ${n}), between(${y.name}, ${p}, ${q}))`;
    return step(code, shape, (at) => f(between(at(x), m, n), between(at(y), p, q)));
  },
  // A choice by comparison.
  (x, y) => {
    const shape = broadcast(x.shape, y.shape);
    if (shape === null || sizeOf(shape) > most) return null;
    return step(`where(less(${x.name}, ${y.name}), ${x.name}, mul(${y.name}, 0.5))`, shape, (at) =>
      core.where(core.less(at(x), at(y)), at(x), core.mul(at(y), 0.5)),
    );
  },
  // Along axes.
  (x, _, b, c) => {
    const names = Object.keys(reductions);
    const name = names[b % names.length];
    const axes = subset(x.shape.length, c);
    const keepAxes = c % 3 === 0;
    const options = { axes: axes.map((axis) => (c % 2 ? axis : axis - x.shape.length)), keepAxes };
    const shape = x.shape.flatMap((n, i) => (!axes.includes(i) ? [n] : keepAxes ? [1] : []));
    return step(`${name}(${x.name}, ${text(options)})`, shape, (at) =>
      reductions[name](at(x), options),
    );
  },
  (x, _, b) => {
    if (x.shape.length === 0) return null;
    const options = { axis: b % x.shape.length };
    const [name, f] =
      b % 2 ? (["softmax", core.softmax] as const) : (["logSoftmax", core.logSoftmax] as const);
    return step(`${name}(${x.name}, ${text(options)})`, x.shape, (at) => f(at(x), options));
  },
  // Movement.
  (x, _, b) => {
    const axes = order(x.shape.length, b);
    return step(
      `permute(${x.name}, ${text(axes)})`,
      axes.map((axis) => x.shape[axis]),
      (at) => core.permute(at(x), axes),
    );
  },
  (x, _, b) => {
    const n = sizeOf(x.shape);
    const divisors = Array.from({ length: n }, (_each, i) => i + 1).filter((d) => n % d === 0);
    const d = divisors[b % divisors.length];
    return step(`reshape(${x.name}, [${d}, -1])`, [d, n / d], (at) => core.reshape(at(x), [d, -1]));
  },
  (x, _, b, c) => {
    if (x.shape.length === 0) return null;
    const axis = b % x.shape.length;
    const n = x.shape[axis];
    const start = c % n;
    const range = c % 2 ? { start, step: (c >> 3) % 2 ? 2 : 1 } : { start, step: -1 };
    const count = c % 2 ? Math.ceil((n - start) / range.step) : start + 1;
    const ranges = x.shape.map((_each, i) => (i === axis ? range : null));
    return step(`slice(${x.name}, ${text(ranges)})`, x.shape.with(axis, count), (at) =>
      core.slice(at(x), ranges),
    );
  },
  (x, _, b) => {
    const axes = subset(x.shape.length, b);
    return step(`flip(${x.name}, ${text({ axes })})`, x.shape, (at) => core.flip(at(x), { axes }));
  },
  (x, _, b) => {
    const widths = x.shape.map((_each, i) => [(b >> i) % 2, (b >> (i + 3)) % 2] as const);
    const shape = x.shape.map((n, i) => n + widths[i][0] + widths[i][1]);
    if (sizeOf(shape) > most) return null;
    return step(`pad(${x.name}, ${text(widths)}, { value: 0.3 })`, shape, (at) =>
      core.pad(at(x), widths, { value: 0.3 }),
    );
  },
  (x, _, b) => {
    const shape = [(b % 3) + 1, ...x.shape.map((n) => (n === 1 ? ((b >> 2) % 3) + 1 : n))];
    if (sizeOf(shape) > most) return null;
    return step(`broadcastTo(${x.name}, ${text(shape)})`, shape, (at) =>
      core.broadcastTo(at(x), shape),
    );
  },
  (x, _, b) => {
    const axis = b % (x.shape.length + 1);
    return step(`expandDims(${x.name}, ${axis})`, x.shape.toSpliced(axis, 0, 1), (at) =>
      core.expandDims(at(x), axis),
    );
  },
  (x) =>
    step(
      `squeeze(${x.name})`,
      x.shape.filter((n) => n !== 1),
      (at) => core.squeeze(at(x)),
    ),
  // Several tensors, several results.
  (x, y, b) => {
    if (x.shape.length === 0 || x.shape.length !== y.shape.length) return null;
    const axis = b % x.shape.length;
    if (x.shape.some((n, i) => i !== axis && n !== y.shape[i])) return null;
    const shape = x.shape.with(axis, x.shape[axis] + y.shape[axis]);
    if (sizeOf(shape) > most) return null;
    return step(`concat([${x.name}, ${y.name}], { axis: ${axis} })`, shape, (at) =>
      core.concat([at(x), at(y)], { axis }),
    );
  },
  (x, y, b) => {
    if (text(x.shape) !== text(y.shape) || 2 * sizeOf(x.shape) > most) return null;
    const axis = b % (x.shape.length + 1);
    return step(
      `stack([${x.name}, ${y.name}], { axis: ${axis} })`,
      x.shape.toSpliced(axis, 0, 2),
      (at) => core.stack([at(x), at(y)], { axis }),
    );
  },
  (x, _, b, c) => {
    if (x.shape.length === 0) return null;
    const axis = b % x.shape.length;
    const n = x.shape[axis];
    if (n < 2) return null;
    const first = 1 + (c % (n - 1));
    const sizes = [first, n - first];
    return {
      code: `split(${x.name}, ${text(sizes)}, { axis: ${axis} })`,
      shapes: sizes.map((piece) => x.shape.with(axis, piece)),
      run: (at) => core.split(at(x), sizes, { axis }),
    };
  },
  // Places.
  (x, _, b, c) => {
    if (x.shape.length === 0) return null;
    const axis = b % x.shape.length;
    const n = x.shape[axis];
    const places = [c % n, (c >> 2) % n, (c >> 4) % n].slice(0, 1 + (c % 3));
    const shape = x.shape.with(axis, places.length);
    if (sizeOf(shape) > most) return null;
    const at32 = core.tensor(Int32Array.from(places));
    return step(`gather(${x.name}, ${text(places)}, { axis: ${axis} })`, shape, (at) =>
      core.gather(at(x), at32, { axis }),
    );
  },
  (x, _, b, c) => {
    if (x.shape.length === 0) return null;
    const axis = b % x.shape.length;
    const options = { axis, size: 1 + (c % 3) };
    const places = Array.from({ length: x.shape[axis] }, (_each, i) => (c >> i) % options.size);
    const shape = x.shape.with(axis, options.size);
    if (sizeOf(shape) > most) return null;
    const at32 = core.tensor(Int32Array.from(places));
    return step(`scatterAdd(${x.name}, ${text(places)}, ${text(options)})`, shape, (at) =>
      core.scatterAdd(at(x), at32, options),
    );
  },
  // Products.
  (x, y, b, c) => {
    const [m, k, n] = [1 + (b % 3), 1 + ((b >> 2) % 3), 1 + (c % 3)];
    const code = `matmul(fit(${x.name}, [${m}, ${k}], -1, 1), fit(${y.name}, [${k}, ${n}], -1, 1))`;
    return step(code, [m, n], (at) =>
      core.matmul(between(refit(at(x), [m, k]), -1, 1), between(refit(at(y), [k, n]), -1, 1)),
    );
  },
  (x, y, b, c) => {
    // Axes of equal size are batched or contracted, at random.
    const axes = {
      batch: [[], []] as [number[], number[]],
      contract: [[], []] as [number[], number[]],
    };
    x.shape.forEach((n, i) => {
      const j = y.shape.findIndex(
        (m, k) => m === n && !axes.batch[1].includes(k) && !axes.contract[1].includes(k),
      );
      const into = [null, axes.batch, axes.contract][(b >> (2 * i)) % 3];
      if (j < 0 || into === null) return;
      into[0].push(i);
      into[1].push(j);
    });
    const free = (shape: readonly number[], side: 0 | 1): number[] =>
      shape.filter((_, i) => !axes.batch[side].includes(i) && !axes.contract[side].includes(i));
    const shape = [
      ...axes.batch[0].map((i) => x.shape[i]),
      ...free(x.shape, 0),
      ...free(y.shape, 1),
    ];
    if (sizeOf(shape) > most || shape.length > 6) return null;
    const half = (c % 4) / 4;
    const code = `dotGeneral(between(${x.name}, -1, 1), between(${y.name}, ${half}, 1), ${text(axes)})`;
    return step(code, shape, (at) =>
      core.dotGeneral(between(at(x), -1, 1), between(at(y), half, 1), axes),
    );
  },
];

/** More of these, for rows. */
const templatesOfRows: readonly Template[] = [
  ...templates,
  // Elements beside what their rows are reduced to: rows are the last axes, one or more.
  (x, _, b, c) => {
    const rank = x.shape.length;
    if (rank === 0) return null;
    const names = Object.keys(reductions);
    const name = names[b % names.length];
    const axes = Array.from({ length: 1 + (c % rank) }, (_each, i) => rank - 1 - i);
    const options = { axes, keepAxes: true };
    const code = `${name}(${x.name}, ${text(options)})`;
    return c % 2 === 0
      ? step(`sub(${x.name}, ${code})`, x.shape, (at) =>
          core.sub(at(x), reductions[name](at(x), options)),
        )
      : step(`mul(${x.name}, tanh(${code}))`, x.shape, (at) =>
          core.mul(at(x), core.tanh(reductions[name](at(x), options))),
        );
  },
  (x, _, b) => {
    const rank = x.shape.length;
    if (rank === 0) return null;
    const options = { axes: b % 2 === 0 ? [-1] : [...x.shape.keys()], keepAxes: true };
    const code = `div(sub(${x.name}, mean(${x.name}, ${text(options)})), sqrt(add(variance(${x.name}, ${text(options)}), 0.1)))`;
    return step(code, x.shape, (at) => {
      const spread = core.sqrt(core.add(core.variance(at(x), options), 0.1));
      return core.div(core.sub(at(x), core.mean(at(x), options)), spread);
    });
  },
];

/** The step that a gene stands for. */
function stepOf(gene: Gene, pool: readonly Variable[], list: readonly Template[]): Step | null {
  const [op, a, b, c] = gene;
  if (op % 2 === 0) return sampleStep(gene, pool);
  // Recent variables are read more often, so that chains become deep.
  const pick = (n: number): Variable =>
    pool[n % 3 === 0 ? n % pool.length : Math.max(0, pool.length - 1 - ((n >> 2) % 4))];
  const template = list[(op >> 1) % list.length];
  return template(pick(a), pick(a >> 5), b, c);
}

/** The primitives that programs run by their samples. */
export const sampled: readonly PrimitiveName[] = bySample.map(([{ name }]) => name);

/** Whether a step may jump where numbers are rounded otherwise. */
function canJump({ code }: Step): boolean {
  const op = /^\w+/.exec(code)?.[0] ?? "";
  return op === "where" || (Object.hasOwn(rows, op) && !rows[op as PrimitiveName].smooth);
}

/**
 * Reads a program.
 *
 * @param isSmooth - Leaves out the steps that may jump where numbers are rounded otherwise.
 */
export function programOf({ inputs, steps: read, hasRows }: Genes, isSmooth = false): Program {
  const list = hasRows === true ? templatesOfRows : templates;
  const pool: Variable[] = inputs.map((shape, i) => ({ name: `x${i}`, shape, used: false }));
  const lines: string[] = [];
  const body: { readonly run: Step["run"]; readonly made: readonly Variable[] }[] = [];
  for (const gene of read) {
    const found = stepOf(gene, pool, list);
    if (found === null || (isSmooth && canJump(found))) continue;
    const made = found.shapes.map((shape, i) => ({
      name: `t${pool.length + i}`,
      shape,
      used: false,
    }));
    for (const variable of pool) {
      if (new RegExp(`\\b${variable.name}\\b`).test(found.code)) variable.used = true;
    }
    const names = made.map(({ name }) => name).join(", ");
    lines.push(`  const ${made.length > 1 ? `[${names}]` : names} = ${found.code};`);
    body.push({ run: found.run, made });
    pool.push(...made);
  }
  const ends = pool.filter(({ used }) => !used);
  const f: Program["f"] = (given) => {
    const values = new Map<Variable, Tensor>(given.map((x, i) => [pool[i], x]));
    const at = (x: Variable): Tensor => values.get(x) as Tensor;
    for (const { run, made } of body) {
      const results = run(at);
      results.forEach((y, i) => {
        if (y.shape.join() !== made[i].shape.join()) {
          throw new Error(`${made[i].name} is [${y.shape.join()}], not [${made[i].shape.join()}]`);
        }
        values.set(made[i], y);
      });
    }
    return total(ends.map(at));
  };
  const code = [
    `const f = ([${inputs.map((_, i) => `x${i}`).join(", ")}]) => {`,
    ...lines,
    `  return total([${ends.map(({ name }) => name).join(", ")}]);`,
    `}; // inputs: ${inputs.map((shape) => `[${shape.join(", ")}]`).join(" ")}`,
  ].join("\n");
  return { code, inputs, f, length: body.length };
}

/** An input of a program: numbers between −1.5 and 1.5 without a pattern, which would make ties. */
export function inputOf(
  shape: readonly number[],
  turn: number,
  dtype: "float32" | "float64" = "float64",
): Tensor {
  const data = Float32Array.from({ length: sizeOf(shape) }, (_, i) => {
    const noise = Math.sin((i + 1) * 12.9898 + (turn + 1) * 78.233) * 43758.5453;
    return 3 * (noise - Math.floor(noise)) - 1.5;
  });
  return core.tensor(data, { shape, dtype });
}
