/**
 * @file What each primitive computes at one place of its result. Primitives without a line here run on
 * the other backend.
 */
import type { ParamsOf, PrimitiveName, Shape, TensorType } from "@tapeloop/autograd/backend";
import { sizeOf } from "@tapeloop/autograd/backend";
import {
  atan2,
  cos,
  type Declare,
  erf,
  erfc,
  erfinv,
  expm1,
  log1p,
  number,
  sigmoid,
  sin,
  tanh,
  truth,
} from "./functions.ts";
import { constant, type Place, sumOf } from "./places.ts";
import type { OpValue, Value } from "./value.ts";
import type { Writer } from "./writer.ts";

/** A primitive on values. */
type ValueOf<N extends PrimitiveName> = OpValue & { readonly params: ParamsOf<N> };

/** Writes a primitive's result at a place: a variable, or a number. */
type Emitter<N extends PrimitiveName> = (
  writer: Writer,
  value: ValueOf<N>,
  at: readonly Place[],
) => string;

/** A function of single elements. */
function pointwise(f: (...x: string[]) => string): Emitter<PrimitiveName> {
  return (w, { inputs }, at) => w.declare(f(...inputs.map((x) => w.value(x, at))));
}

/** A function of one element that takes variables. */
function ofOne(f: (x: string, declare: Declare) => string): Emitter<PrimitiveName> {
  return (w, { inputs: [x] }, at) => {
    const declare = (expression: string): string => w.declare(expression);
    return w.declare(f(w.value(x, at), declare));
  };
}

/** An input at another place than the result's. */
function moved<N extends PrimitiveName>(
  to: (value: ValueOf<N>, at: readonly Place[]) => readonly Place[],
): Emitter<N> {
  return (w, value, at) => w.value(value.inputs[0], to(value, at));
}

/** The primitives that have kernels here. */
export const emitters = {
  fill: (_, { params }) => number(params.value),
  iota: (w, _, [at]) => w.declare(w.place(at)),

  neg: pointwise((x) => `-${x}`),
  abs: pointwise((x) => `Math.abs(${x})`),
  sign: pointwise((x) => `Math.sign(${x})`),
  floor: pointwise((x) => `Math.floor(${x})`),
  sqrt: pointwise((x) => `Math.sqrt(${x})`),
  exp: pointwise((x) => `Math.exp(${x})`),
  log: pointwise((x) => `Math.log(${x})`),
  sin: ofOne(sin),
  cos: ofOne(cos),
  erf: ofOne(erf),
  erfc: ofOne(erfc),
  erfinv: ofOne(erfinv),
  expm1: pointwise(expm1),
  log1p: pointwise(log1p),
  tanh: pointwise(tanh),
  sigmoid: pointwise(sigmoid),

  add: pointwise((x, y) => `${x} + ${y}`),
  sub: pointwise((x, y) => `${x} - ${y}`),
  mul: pointwise((x, y) => `${x} * ${y}`),
  div: pointwise((x, y) => `${x} / ${y}`),
  maximum: pointwise((x, y) => `Math.max(${x}, ${y})`),
  pow,
  rem,
  atan2: pointwise(atan2),

  equal: pointwise((x, y) => truth(`${x} === ${y}`)),
  less: pointwise((x, y) => truth(`${x} < ${y}`)),
  where: pointwise((mask, x, y) => `(${mask} > 0.5 ? ${x} : ${y})`),
  cast: (w, { inputs: [x], dtype }, at) => {
    const from = w.value(x, at);
    return dtype === "bool" && x.dtype !== "bool" ? w.declare(truth(`${from} !== 0`)) : from;
  },

  alias: moved((_, at) => at),
  permute: moved(({ params: { axes } }, at) => {
    const from = [...at];
    axes.forEach((axis, i) => (from[axis] = at[i]));
    return from;
  }),
  broadcastTo: moved(({ inputs: [x] }, at) => {
    const missing = at.length - x.shape.length;
    return x.shape.map((size, i) => (size === 1 ? constant(0) : at[i + missing]));
  }),
  slice: moved(({ params: { starts, steps } }, at) =>
    at.map((each, i) => sumOf([[each, steps[i]]], starts[i])),
  ),
  split: moved(({ params: { axis, sizes }, output }, at) => {
    const start = sizes.slice(0, output).reduce((a, b) => a + b, 0);
    return at.with(axis, sumOf([[at[axis], 1]], start));
  }),
  reshape,
  concat,
  pad,

  sum: (w, { inputs: [x], params: { axes } }, at) => {
    const total = w.variable("0");
    reduce(w, x, axes, at, (v) => w.line(`${total} = ${total} + ${v};`));
    return total;
  },
  max: (w, { inputs: [x], params: { axes } }, at) => {
    const first = at.map((each, axis) => (axes.includes(axis) ? constant(0) : each));
    const best = w.variable(w.value(x, first));
    reduce(w, x, axes, at, (v) => w.line(`${best} = Math.max(${best}, ${v});`));
    return best;
  },
  argmax,
  cumsum: (w, { inputs: [x], params: { axis, reverse } }, at) => {
    const total = w.variable("0");
    w.loops([x.shape[axis]], ([k]) => {
      const order = reverse ? ">=" : "<=";
      w.block(`if (${w.place(k)} ${order} ${w.place(at[axis])})`, () =>
        w.line(`${total} = ${total} + ${w.value(x, at.with(axis, k))};`),
      );
    });
    return total;
  },

  dotGeneral,

  gather: (w, { inputs: [x, indices], params: { axis } }, at) => {
    const rank = indices.shape.length;
    const index = w.value(indices, at.slice(axis, axis + rank));
    return w.value(x, at.toSpliced(axis, rank, asPlace(index)));
  },
  scatterAdd: (w, { inputs: [x, indices], params: { axis } }, at) => {
    const total = w.variable("0");
    w.loops(indices.shape, (k) => {
      const index = w.value(indices, k);
      w.block(`if (Math.abs(${index} - (${w.place(at[axis])})) < 0.5)`, () =>
        w.line(`${total} = ${total} + ${w.value(x, at.toSpliced(axis, 1, ...k))};`),
      );
    });
    return total;
  },
} satisfies { readonly [N in PrimitiveName]?: Emitter<N> } as unknown as Readonly<
  Record<PrimitiveName, Emitter<PrimitiveName>>
>;

/** A variable with a whole number, or such a number, as a place. */
function asPlace(name: string): Place {
  const value = Number(name);
  return Number.isNaN(value) ? { constant: 0, terms: new Map([[name, 1]]) } : constant(value);
}

/** Visits every element of `x` along some axes. */
function reduce(
  w: Writer,
  x: Value,
  axes: readonly number[],
  at: readonly Place[],
  visit: (element: string) => void,
): void {
  w.loops(
    axes.map((axis) => x.shape[axis]),
    (k) => {
      const place = [...at];
      axes.forEach((axis, i) => (place[axis] = k[i]));
      visit(w.value(x, place));
    },
  );
}

/** The first of the greatest elements, or the first NaN. */
function argmax(
  w: Writer,
  { inputs: [x], params: { axis } }: ValueOf<"argmax">,
  at: readonly Place[],
): string {
  const full = at.toSpliced(axis, 0, constant(0));
  const best = w.variable(w.value(x, full));
  const place = w.variable("0");
  w.loops([x.shape[axis]], ([k]) => {
    const v = w.value(x, full.with(axis, k));
    const take = (): void => {
      w.line(`${best} = ${v};`);
      w.line(`${place} = ${w.place(k)};`);
    };
    w.block(`if (${v} > ${best})`, take);
    w.block(`if (${v} !== ${v} && ${best} === ${best})`, take);
  });
  return place;
}

/** xʸ as IEEE 754 has it; shading languages know no powers of negative numbers. */
function pow(w: Writer, { inputs }: ValueOf<"pow">, at: readonly Place[]): string {
  const [x, y] = inputs.map((input) => w.value(input, at));
  const power = w.variable("1");
  w.block(`if (${x} < 0)`, () => {
    w.block(`if (${x} !== -1)`, () => w.line(`${power} = Math.pow(-${x}, ${y});`));
    w.block(`if (${y} - 2 * Math.floor(${y} / 2) === 1)`, () => w.line(`${power} = -${power};`));
    // NaN, but for −Infinity.
    w.block(`if (${y} !== Math.floor(${y}) && ${x} >= ${number(-3.4028234e38)})`, () =>
      w.line(`${power} = Math.sqrt(${x});`),
    );
  });
  w.block(`if (${x} >= 0 && ${x} !== 1 && ${y} !== 0)`, () =>
    w.line(`${power} = Math.pow(${x}, ${y});`),
  );
  w.block(`if (${x} !== ${x} && ${y} !== 0)`, () => w.line(`${power} = ${x};`));
  return power;
}

/**
 * x less the multiple of y that is nearest to it towards 0. Long division by powers of two times y: every
 * difference is exact, which x − y · floor(x / y) is not.
 */
function rem(w: Writer, { inputs }: ValueOf<"rem">, at: readonly Place[]): string {
  const [x, y] = inputs.map((input) => w.value(input, at));
  const divisor = w.declare(`Math.abs(${y})`);
  const multiple = w.variable(divisor);
  const rest = w.variable(`Math.abs(${x})`);
  // From the least number of float32 to the greatest, there are 277 powers of two.
  w.loops([280], () =>
    w.block(`if (${divisor} > 0 && ${multiple} <= 0.5 * ${rest} && ${rest} <= ${greatest})`, () =>
      w.line(`${multiple} = ${multiple} * 2;`),
    ),
  );
  w.loops([280], () =>
    w.block(`if (${multiple} >= ${divisor} && ${rest} >= ${divisor})`, () => {
      w.block(`if (${rest} >= ${multiple})`, () => w.line(`${rest} = ${rest} - ${multiple};`));
      w.line(`${multiple} = 0.5 * ${multiple};`);
    }),
  );
  const none = `(${y} === 0 || Math.abs(${x}) > ${greatest} || ${y} !== ${y})`;
  const signed = `(${x} > 0 ? ${rest} : -${rest})`;
  return w.declare(`(${none} ? ${number(NaN)} : ${signed})`);
}

/** The greatest number of float32; infinity is beyond. */
const greatest = 3.4028234e38;

/** The same elements in row-major order: axes of both shapes are used up in groups of equal size. */
function reshape(
  w: Writer,
  { inputs: [x], shape }: ValueOf<"reshape">,
  at: readonly Place[],
): string {
  const from = x.shape.map(() => constant(0));
  let [i, j] = [0, 0];
  while (i < shape.length && j < x.shape.length) {
    const [firstI, firstJ] = [i, j];
    let [left, right] = [shape[i++], x.shape[j++]];
    while (left !== right) {
      if (left < right) left *= shape[i++];
      else right *= x.shape[j++];
    }
    const sizes = shape.slice(firstI, i);
    const place = sumOf(sizes.map((_, k) => [at[firstI + k], sizeOf(sizes.slice(k + 1))]));
    w.split(place, x.shape.slice(firstJ, j)).forEach((each, k) => (from[firstJ + k] = each));
  }
  return w.value(x, from);
}

/** Pieces side by side. */
function concat(
  w: Writer,
  { inputs, params: { axis } }: ValueOf<"concat">,
  at: readonly Place[],
): string {
  const pieces: { readonly x: Value; readonly start: number; readonly end: number }[] = [];
  for (const x of inputs) {
    const start = pieces.at(-1)?.end ?? 0;
    if (sizeOf(x.shape) > 0) pieces.push({ x, start, end: start + x.shape[axis] });
  }
  const piece = ({ x, start }: (typeof pieces)[number]): string =>
    w.value(x, at.with(axis, sumOf([[at[axis], 1]], -start)));
  const { constant: place, terms } = at[axis];
  const known = terms.size === 0 ? pieces.find(({ end }) => place < end) : undefined;
  if (known !== undefined) return piece(known);
  const result = w.variable("0");
  const choose = ([first, ...rest]: typeof pieces): void => {
    const take = (): void => w.line(`${result} = ${piece(first)};`);
    if (rest.length === 0) return take();
    w.block(`if (${w.place(at[axis])} < ${first.end})`, take);
    w.block("else", () => choose(rest));
  };
  choose(pieces);
  return result;
}

/** Elements with others around and between them. */
function pad(
  w: Writer,
  { inputs: [x], params: { spans, value } }: ValueOf<"pad">,
  at: readonly Place[],
): string {
  const result = w.variable(number(value));
  const open = (axis: number, from: readonly Place[]): void => {
    if (axis === at.length) {
      w.line(`${result} = ${w.value(x, from)};`);
      return;
    }
    const { before, between } = spans[axis];
    const place = sumOf([[at[axis], 1]], -before);
    const last = (x.shape[axis] - 1) * (between + 1);
    // Where the place is known, so is the answer; shading languages do not take it for a number.
    if (place.terms.size === 0 && (place.constant < 0 || place.constant > last)) return;
    const source = w.place(place);
    w.block(`if (${source} >= 0 && ${source} <= ${last})`, () => {
      const [quotient, remainder] = w.divided(place, between + 1);
      const next = (): void => open(axis + 1, [...from, quotient]);
      if (between === 0) next();
      else w.block(`if (${w.place(remainder)} === 0)`, next);
    });
  };
  open(0, []);
  return result;
}

/** The sum of products; B batch, M free axes of x, N free axes of y, K contracted axes. */
function dotGeneral(
  w: Writer,
  { inputs: [x, y], params: { batch, contract } }: ValueOf<"dotGeneral">,
  at: readonly Place[],
): string {
  const free = (rank: number, side: 0 | 1): number[] =>
    Array.from({ length: rank }, (_, axis) => axis).filter(
      (axis) => !batch[side].includes(axis) && !contract[side].includes(axis),
    );
  const sizes: Shape = contract[0].map((axis) => x.shape[axis]);
  const [freeX, freeY] = [free(x.shape.length, 0), free(y.shape.length, 1)];
  const total = w.variable("0");
  w.loops(sizes, (k) => {
    const operand = (
      z: TensorType,
      side: 0 | 1,
      axes: readonly number[],
      skip: number,
    ): Place[] => {
      const place = z.shape.map(() => constant(0));
      batch[side].forEach((axis, i) => (place[axis] = at[i]));
      axes.forEach((axis, i) => (place[axis] = at[skip + i]));
      contract[side].forEach((axis, i) => (place[axis] = k[i]));
      return place;
    };
    const first = batch[0].length;
    const left = w.value(x, operand(x, 0, freeX, first));
    const right = w.value(y, operand(y, 1, freeY, first + freeX.length));
    w.line(`${total} = ${total} + ${left} * ${right};`);
  });
  return total;
}
