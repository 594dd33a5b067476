/**
 * @file The samples: one row for every primitive, with inputs, a definition in plain JavaScript, and
 * what it refuses. A primitive without a row does not compile.
 */
import * as core from "@tapeloop/autograd";
import {
  apply,
  type ParamsOf,
  type PrimitiveName,
  primitives,
  type Tensor,
  type TensorType,
} from "@tapeloop/autograd/backend";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { at, bools, indicesOf, type Input, ints, real, reals } from "./plain.ts";

/** The float types; every sample is run in both, but for those that name one. */
export const floats = ["float32", "float64"] as const;

/** One way to run a primitive. */
export interface Sample<P> {
  /** What is special about it; printed when it fails. */
  readonly what: string;
  readonly inputs: readonly Input[];
  readonly params: P;
  /** At a kink or a tie, or with NaN: differences say nothing about derivatives there. */
  readonly kink?: true;
  /** The one float type that it is for, where its parameters name it. Default: both. */
  readonly float?: "float32" | "float64";
}

/** A call that must fail, and how. */
interface Refusal {
  readonly call: () => unknown;
  readonly message: string;
}

/** A point where a derivative is a matter of choice, and what was chosen. */
interface Kink<P> {
  readonly what: string;
  readonly inputs: readonly Input[];
  readonly params: P;
  /** The derivative of the sum of the results by each real input. */
  readonly slopes: readonly (readonly number[])[];
}

/** All that is known of a primitive. */
export interface Row<P> {
  /** The file that it stands in, in the core and in backends. */
  readonly family: string;
  readonly samples: readonly Sample<P>[];
  /** The element of the result at `index`, in float64; of the result `slot`, if there are several. */
  value(index: readonly number[], inputs: readonly Input[], params: P, slot: number): number;
  /** The same for functions of numbers; these are tried at special values too. */
  readonly elementwise?: (...x: number[]) => number;
  /**
   * How far a backend may be off, in units of the last place: of each element for functions of numbers,
   * else of the greatest element. 0: every bit is given by IEEE 754.
   */
  readonly ulps: number;
  /** Whether it has derivatives. */
  readonly smooth: boolean;
  /** Whether it has them in forward mode alone. */
  readonly isForwardOnly?: true;
  /** The documented derivatives at kinks and ties. */
  readonly kinks?: readonly Kink<P>[];
  readonly refuses: readonly Refusal[];
}

/** One row for every primitive. */
export type Rows = { readonly [N in PrimitiveName]: Row<ParamsOf<N>> };

// ----- What rows have in common -----

const shapes: readonly (readonly [what: string, shape: readonly number[]])[] = [
  ["rank 0", []],
  ["one element", [1]],
  ["no elements", [0, 3]],
  ["a vector", [5]],
  ["a matrix", [3, 4]],
  ["three axes", [2, 3, 2]],
  ["more than one block of 32", [33, 35]],
];

/** Samples of every shape without parameters. */
function everyShape(make: (shape: readonly number[]) => readonly Input[]): Sample<null>[] {
  return shapes.map(([what, shape]) => ({ what, inputs: make(shape), params: null }));
}

/** A sample without parameters. */
function sample(what: string, ...inputs: Input[]): Sample<null> {
  return { what, inputs, params: null };
}

/** The same sample, not for derivatives. */
function atKink<P>(sampleThere: Sample<P>): Sample<P> {
  return { ...sampleThere, kink: true };
}

/** A refusal. */
function refusal(call: () => unknown, message: string): Refusal {
  return { call, message };
}

/** The row of a function of one number. */
function unary(
  f: (x: number) => number,
  ulps: number,
  [low, high]: readonly [number, number] = [-2, 2],
  more: Partial<Row<null>> = {},
): Row<null> {
  return {
    family: "unary",
    value: (index, [x]) => f(at(x, index)),
    elementwise: f,
    ulps,
    smooth: true,
    refuses: [],
    ...more,
    samples: [...everyShape((shape) => [real(shape, low, high)]), ...(more.samples ?? [])],
  };
}

/** What functions of real numbers say to whole numbers, when no op has cast them. */
function refusesInts(name: "exp" | "log" | "tanh" | "erf" | "erfc" | "erfinv"): {
  refuses: Refusal[];
} {
  const call = (): unknown => apply(primitives[name], [core.zeros([2], { dtype: "int32" })], null);
  return { refuses: [refusal(call, `${name}: takes real numbers, got int32[2].`)] };
}

/** What functions of numbers say to masks. */
function refusesMask(name: string, op: (x: Tensor) => unknown): { refuses: Refusal[] } {
  const call = (): unknown => op(core.zeros([2], { dtype: "bool" }));
  const message = `${name}: takes numbers, got bool[2]. Use cast(x, "int32") first.`;
  return { refuses: [refusal(call, message)] };
}

/** Whole numbers for functions that take them. */
const wholeNumbers = sample("int32", ints([2, 3], [-7, 0, 1, 2, -2, 100]));

/** The row of a function of two numbers. */
function binary(
  f: (x: number, y: number) => number,
  ulps: number,
  [low, high]: readonly [number, number] = [-2, 2],
  more: Partial<Row<null>> = {},
): Row<null> {
  return {
    family: "binary",
    value: (index, [x, y]) => f(at(x, index), at(y, index)),
    elementwise: f,
    ulps,
    smooth: true,
    refuses: [],
    ...more,
    samples: [
      ...everyShape((shape) => [real(shape, low, high), real(shape, low, high, 0.37)]),
      ...(more.samples ?? []),
    ],
  };
}

/** Whole numbers for functions of two numbers, with ties. */
const wholePairs = sample(
  "int32 with ties",
  ints([2, 3], [-7, 0, 1, 2, -2, 100]),
  ints([2, 3], [3, 0, -1, 2, -5, 99]),
);

/** Real numbers for functions of two numbers, with ties. */
const ties = atKink(sample("ties", reals([4], [1, 0, -2, 3]), reals([4], [1, -0, -2, 4])));

/** erf by Kummer's series 2/√π e^(−x²) Σ 2ⁿ x²ⁿ⁺¹ / (2n + 1)!!, which has no cancellation. */
function erfOf(x: number): number {
  if (!(Math.abs(x) < 6)) return Number.isNaN(x) ? x : Math.sign(x);
  let [term, total] = [x, x];
  for (let n = 1; n < 400; n++) total += term *= (2 * x * x) / (2 * n + 1);
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * total;
}

/** erfc, from 1 on by its continued fraction: DLMF 7.9.1. */
function erfcOf(x: number): number {
  if (!(x > 1)) return 1 - erfOf(x);
  let fraction = 0;
  for (let k = 1000; k > 0; k--) fraction = k / 2 / (x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}

/** The inverse of erf, by halving an interval. */
function erfinvOf(y: number): number {
  if (!(Math.abs(y) < 1)) return Math.abs(y) === 1 ? y * Infinity : NaN;
  if (Math.abs(y) < 1e-9) return (y * Math.sqrt(Math.PI)) / 2;
  let [low, high] = [0, 6];
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2;
    const isBelow =
      Math.abs(y) < 0.5 ? erfOf(middle) < Math.abs(y) : erfcOf(middle) > 1 - Math.abs(y);
    if (isBelow) low = middle;
    else high = middle;
  }
  return Math.sign(y) * low;
}

/** Powers of 1 and −1 by NaN and ±Inf. */
function powOfOne(x: number, y: number): number {
  return x === -1 && Number.isNaN(y) ? NaN : 1;
}

/** What all ops of two operands say to shapes that do not fit. */
function refusesShapes(
  name: string,
  op: (x: Tensor, y: Tensor) => unknown,
): { refuses: Refusal[] } {
  return {
    refuses: [
      refusal(
        () => op(core.zeros([2, 3]), core.zeros([4])),
        `${name}: shapes must agree or be 1 along each axis, aligned at the last, got float32[2,3] and float32[4] (3 ≠ 4). Use reshape() or expandDims() to line the axes up.`,
      ),
    ],
  };
}

/** Samples of reductions. */
const reductions: readonly Sample<{ readonly axes: readonly number[] }>[] = [
  { what: "rank 0", inputs: [real([])], params: { axes: [] } },
  { what: "no axes", inputs: [real([2, 3])], params: { axes: [] } },
  { what: "the first axis", inputs: [real([3, 4])], params: { axes: [0] } },
  { what: "the last axis", inputs: [real([3, 4])], params: { axes: [1] } },
  { what: "outer axes", inputs: [real([2, 3, 4])], params: { axes: [0, 2] } },
  { what: "all axes", inputs: [real([2, 3, 2])], params: { axes: [0, 1, 2] } },
  { what: "an axis of size 1", inputs: [real([3, 1])], params: { axes: [1] } },
  { what: "results of size 0", inputs: [real([0, 3])], params: { axes: [1] } },
  { what: "int32", inputs: [ints([2, 2], [1, -5, 7, 2])], params: { axes: [0] } },
  { what: "many", inputs: [real([33, 70])], params: { axes: [0] } },
];

/** The elements that go into one element of a reduction. */
function gathered(x: Input, index: readonly number[], axes: readonly number[]): number[] {
  const sizes = x.shape.map((size, i) => (axes.includes(i) ? size : 1));
  return indicesOf(sizes).map((offset) =>
    at(
      x,
      offset.map((o, i) => (axes.includes(i) ? o : index[i])),
    ),
  );
}

/** Math.max over a list, which is -Infinity over none; NaN if there is one. */
function greatest(list: readonly number[]): number {
  return list.reduce((a, b) => Math.max(a, b), -Infinity);
}

/** Word i of a key: Threefry-2x32-20, written from the paper with big integers. */
function threefryWord(k0: number, k1: number, i: number): number {
  const wrap = (n: bigint): bigint => BigInt.asUintN(32, n);
  const [a, b] = [wrap(BigInt(k0)), wrap(BigInt(k1))];
  const keys = [a, b, a ^ b ^ 0x1bd11bdan];
  const rotations = [13n, 15n, 26n, 6n, 17n, 29n, 16n, 24n];
  let [x0, x1] = [wrap(BigInt(Math.floor(i / 2)) + keys[0]), wrap(keys[1])];
  for (let round = 0; round < 20; round++) {
    const r = rotations[round % 8];
    x0 = wrap(x0 + x1);
    x1 = wrap((x1 << r) | (x1 >> (32n - r))) ^ x0;
    if (round % 4 === 3) {
      const s = (round + 1) / 4;
      x0 = wrap(x0 + keys[s % 3]);
      x1 = wrap(x1 + keys[(s + 1) % 3] + BigInt(s));
    }
  }
  return Number(i % 2 === 0 ? x0 : x1);
}

/** Element i of a random tensor. */
function randomElement(key: Input, i: number, dtype: TensorType["dtype"]): number {
  const [k0, k1] = key.data;
  if (dtype === "float64") {
    const [a, b] = [threefryWord(k0, k1, 2 * i), threefryWord(k0, k1, 2 * i + 1)];
    return (Math.floor(a / 2 ** 6) * 2 ** 27 + Math.floor(b / 2 ** 5)) / 2 ** 53;
  }
  const word = threefryWord(k0, k1, i);
  return dtype === "int32" ? word | 0 : Math.floor(word / 2 ** 8) / 2 ** 24;
}

/** Where index i of a padded axis comes from; -1 for what was put in. */
function sourceOf(
  i: number,
  size: number,
  { before, between }: { readonly before: number; readonly between: number },
): number {
  const place = (i - before) / (between + 1);
  return Number.isInteger(place) && place >= 0 && place < size ? place : -1;
}

const none = { before: 0, between: 0, after: 0 };
const table = real([4, 3]);

/** A loop of some steps; see the row of `scan`. */
function loop(
  what: string,
  float: "float32" | "float64",
  steps: number,
  options: Partial<ParamsOf<"scan">> = {},
): Sample<ParamsOf<"scan">> {
  const on = { backend: ndarrayBackend, dtype: float };
  const pair = core.tensor([0, 0], on);
  const body = core.trace(
    (w: Tensor, h: Tensor, n: Tensor, x: Tensor) => [w.mul(h).add(x), n.add(1), h.mul(x)],
    pair,
    pair,
    core.tensor(0, { ...on, dtype: "int32" }),
    pair,
  );
  return {
    what,
    inputs: [real([2], -1, 1), real([2], 0, 2, 0.3), ints([], [7]), real([steps, 2], -1, 2, 0.7)],
    params: { body, steps, reverse: false, consts: 1, carries: 2, save: "all", ...options },
    float,
  };
}

/** A choice; see the row of `cond`. */
function choice(
  what: string,
  float: "float32" | "float64",
  decision: number,
): Sample<ParamsOf<"cond">> {
  const on = { backend: ndarrayBackend, dtype: float };
  const pair = core.tensor([0, 0], on);
  const count = core.tensor(0, { ...on, dtype: "int32" });
  const branch = (f: (x: Tensor, y: Tensor, n: Tensor) => Tensor[]): core.Program =>
    core.trace(f, pair, pair, count);
  return {
    what,
    inputs: [bools([], [decision]), real([2], -1, 1), real([2], 0, 2, 0.3), ints([], [7])],
    params: {
      ifTrue: branch((x, y, n) => [x.mul(x).mul(y), n.add(1), x]),
      ifFalse: branch((x, y, n) => [y.mul(y).sub(x), n, y]),
    },
    float,
  };
}

/** A loop that a condition ends; see the row of `whileLoop`. */
function repeated(
  what: string,
  float: "float32" | "float64",
  last: number,
): Sample<ParamsOf<"whileLoop">> {
  const on = { backend: ndarrayBackend, dtype: float };
  const [pair, count] = [core.tensor([0, 0], on), core.tensor(0, { ...on, dtype: "int32" })];
  const written = (f: (...all: Tensor[]) => Tensor[]): core.Program =>
    core.trace(f, count, pair, pair, count, pair, pair);
  return {
    what,
    inputs: [
      ints([], [last]),
      real([2], -1, 1),
      real([2], 0, 1, 0.1),
      ints([], [2]),
      real([2], 0, 2, 0.3),
      real([2], 1, 2, 0.2),
    ],
    params: {
      condition: written((end, _, __, n) => [core.less(n, end)]),
      body: written((_, w, v, n, h) => [v.mul(h), n.add(1), w.mul(h).add(w), h.mul(0.5)]),
      consts: 2,
      maxSteps: null,
    },
    float,
  };
}

// ----- The rows -----

/** The samples. */
export const rows: Rows = {
  fill: {
    family: "leaf",
    value: (_, __, { value }) => value,
    ulps: 0,
    smooth: false,
    samples: [
      { what: "rank 0", inputs: [], params: { shape: [], dtype: "float32", value: 1.5 } },
      { what: "float64", inputs: [], params: { shape: [2, 3], dtype: "float64", value: 0.1 } },
      { what: "int32", inputs: [], params: { shape: [2], dtype: "int32", value: -3 } },
      { what: "a mask", inputs: [], params: { shape: [2], dtype: "bool", value: 1 } },
      { what: "no elements", inputs: [], params: { shape: [0, 2], dtype: "float32", value: 1 } },
      { what: "infinite", inputs: [], params: { shape: [1], dtype: "float32", value: -Infinity } },
    ],
    refuses: [
      refusal(
        () => core.full([2, -1], 0),
        "fill: sizes must be whole numbers from 0, got [2, -1]. Round or correct the size.",
      ),
    ],
  },

  iota: {
    family: "leaf",
    value: ([i]) => i,
    ulps: 0,
    smooth: false,
    samples: [
      { what: "float32", inputs: [], params: { shape: [5], dtype: "float32" } },
      { what: "int32", inputs: [], params: { shape: [40], dtype: "int32" } },
      { what: "none", inputs: [], params: { shape: [0], dtype: "float64" } },
    ],
    refuses: [],
  },

  random: {
    family: "leaf",
    value: (index, [key], { shape, dtype }) =>
      randomElement(
        key,
        index.reduce((place, i, axis) => place * shape[axis] + i, 0),
        dtype,
      ),
    ulps: 0,
    smooth: false,
    samples: [
      { what: "words", inputs: [ints([2], [0, 7])], params: { shape: [5], dtype: "int32" } },
      {
        what: "rank 0",
        inputs: [ints([2], [-1, 2 ** 31 - 1])],
        params: { shape: [], dtype: "float32" },
      },
      {
        what: "float32",
        inputs: [ints([2], [3, -4])],
        params: { shape: [3, 3], dtype: "float32" },
      },
      {
        what: "float64",
        inputs: [ints([2], [3, -4])],
        params: { shape: [3, 3], dtype: "float64" },
      },
      { what: "none", inputs: [ints([2], [1, 1])], params: { shape: [0], dtype: "float64" } },
    ],
    refuses: [
      refusal(
        () => core.uniform([2], 0, 1, { key: core.zeros([2]) }),
        "random: a key is int32[2], got float32[2]. Make one with key(seed).",
      ),
    ],
  },

  neg: unary((x) => -x, 0, [-2, 2], { samples: [wholeNumbers], ...refusesMask("neg", core.neg) }),
  exp: unary(Math.exp, 4, [-2, 2], refusesInts("exp")),
  expm1: unary(Math.expm1, 4),
  sqrt: unary(Math.sqrt, 0, [0.3, 4]),
  tanh: unary(Math.tanh, 4, [-2, 2], refusesInts("tanh")),
  sigmoid: unary((x) => (x > 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))), 4),
  log: unary(Math.log, 4, [0.3, 4], refusesInts("log")),
  log1p: unary(Math.log1p, 4, [-0.6, 3]),
  sin: unary(Math.sin, 4),
  cos: unary(Math.cos, 4),
  erf: unary(erfOf, 8, [-2, 2], refusesInts("erf")),
  erfc: unary(erfcOf, 8, [-2, 2], refusesInts("erfc")),
  erfinv: unary(erfinvOf, 16, [-0.7, 0.7], refusesInts("erfinv")),
  abs: unary((x) => (x > 0 ? x : 0 - x), 0, [0.3, 2], {
    samples: [
      wholeNumbers,
      sample("below 0", real([5], -2, -0.3)),
      atKink(sample("zeros", reals([3], [0, -0, 1]))),
    ],
    kinks: [{ what: "0", inputs: [reals([3], [-2, 0, 2])], params: null, slopes: [[-1, 0, 1]] }],
    ...refusesMask("abs", core.abs),
  }),
  sign: unary((x) => (x > 0 ? 1 : x < 0 ? -1 : x), 0, [-2, 2], {
    samples: [wholeNumbers],
    smooth: false,
    ...refusesMask("sign", core.sign),
  }),
  floor: unary(Math.floor, 0, [-5, 5], {
    samples: [wholeNumbers],
    smooth: false,
    ...refusesMask("floor", core.floor),
  }),

  add: binary((x, y) => x + y, 0, [-2, 2], {
    samples: [wholePairs],
    ...refusesShapes("add", core.add),
  }),
  sub: binary((x, y) => x - y, 0, [-2, 2], {
    samples: [wholePairs],
    ...refusesShapes("sub", core.sub),
  }),
  mul: binary((x, y) => x * y, 0, [-2, 2], {
    samples: [wholePairs],
    ...refusesShapes("mul", core.mul),
  }),
  div: binary((x, y) => x / y, 0, [0.5, 2], refusesShapes("div", core.div)),
  // IEEE 754 and NumPy differ from JavaScript where 1 or −1 meets NaN or infinity.
  pow: binary(
    (x, y) => (Math.abs(x) === 1 && !Number.isFinite(y) ? powOfOne(x, y) : x ** y),
    4,
    [0.4, 2],
    {
      samples: [
        atKink(
          sample("whole powers below 0", reals([4], [-2, -2, -1, -3]), reals([4], [2, -1, 3, 0])),
        ),
        atKink(sample("fractional powers below 0", reals([2], [-2, 2]), reals([2], [0.5, 0.5]))),
      ],
      kinks: [
        {
          what: "powers of 0, and to the 0",
          inputs: [reals([4], [0, 0, 2, 3]), reals([4], [0, 2, 0, 1])],
          params: null,
          slopes: [
            [0, 0, 0, 1],
            [0, 0, Math.LN2, 3 * Math.log(3)],
          ],
        },
      ],
      ...refusesShapes("pow", core.pow),
    },
  ),
  atan2: binary(Math.atan2, 4, [0.4, 2], {
    samples: [
      sample("every quadrant", reals([4], [1, 1, -1, -2]), reals([4], [2, -1, -2, 1])),
      atKink(sample("the origin", reals([4], [0, -0, 0, -0]), reals([4], [0, 0, -0, -0]))),
    ],
    ...refusesShapes("atan2", core.atan2),
  }),
  rem: {
    ...binary((x, y) => x % y, 0, [-2, 2], refusesShapes("rem", core.rem)),
    samples: [
      // Between 2 and 3 multiples of y everywhere.
      ...everyShape((shape) => [real(shape, 2.3, 2.7), real(shape, 1, 1.05, 0.37)]),
      sample("every sign", reals([4], [5.5, -5.5, 5.5, -5.5]), reals([4], [3, 3, -3, -3])),
      sample("int32", ints([5], [7, -7, 7, -7, 7]), ints([5], [3, 3, -3, -3, 0])),
    ],
  },
  maximum: binary((x, y) => Math.max(x, y), 0, [-2, 2], {
    samples: [wholePairs, ties],
    kinks: [
      {
        what: "ties",
        inputs: [reals([3], [1, -2, 3]), reals([3], [1, -2, 4])],
        params: null,
        slopes: [
          [0.5, 0.5, 0],
          [0.5, 0.5, 1],
        ],
      },
    ],
    ...refusesShapes("maximum", core.maximum),
  }),

  equal: binary((x, y) => Number(x === y), 0, [-2, 2], {
    family: "choice",
    smooth: false,
    samples: [
      wholePairs,
      ties,
      sample("masks", bools([4], [0, 0, 1, 1]), bools([4], [0, 1, 0, 1])),
    ],
    ...refusesShapes("equal", core.equal),
  }),
  less: binary((x, y) => Number(x < y), 0, [-2, 2], {
    family: "choice",
    smooth: false,
    samples: [wholePairs, ties],
    ...refusesShapes("less", core.less),
  }),

  where: {
    family: "choice",
    value: (index, [mask, x, y]) => (at(mask, index) === 1 ? at(x, index) : at(y, index)),
    ulps: 0,
    smooth: true,
    samples: [
      ...everyShape((shape) => {
        const x = real(shape);
        const mask = bools(
          shape,
          x.data.map((v) => Number(v > 0)),
        );
        return [mask, x, real(shape, -2, 2, 0.37)];
      }),
      sample("rank 0, not chosen", bools([], [0]), reals([], [1]), reals([], [2])),
      sample("int32", bools([2], [1, 0]), ints([2], [1, 2]), ints([2], [3, 4])),
      sample("masks", bools([2], [1, 0]), bools([2], [1, 1]), bools([2], [0, 0])),
      atKink(
        sample(
          "NaN and infinity",
          bools([4], [1, 0, 1, 0]),
          reals([4], [NaN, NaN, 1, Infinity]),
          reals([4], [1, 2, -Infinity, NaN]),
        ),
      ),
    ],
    refuses: [
      refusal(
        () => core.where(core.ones([2]), 1, 2),
        "where: the mask must be bool, got float32[2]. Compare first.",
      ),
    ],
  },

  cast: {
    family: "choice",
    value: (index, [x], { dtype }) => {
      const value = at(x, index);
      if (dtype === "bool") return value === 0 ? 0 : 1;
      if (dtype === "int32") return Number.isNaN(value) ? 0 : Math.trunc(value) + 0;
      return dtype === "float32" ? Math.fround(value) : value;
    },
    ulps: 0,
    smooth: true,
    samples: [
      { what: "float64, rank 0", inputs: [real([])], params: { dtype: "float64" } },
      { what: "float64", inputs: [real([2, 3])], params: { dtype: "float64" } },
      { what: "none", inputs: [real([0])], params: { dtype: "float64" } },
      { what: "int32 to float32", inputs: [ints([3], [-1, 0, 9])], params: { dtype: "float32" } },
      { what: "masks to int32", inputs: [bools([2], [1, 0])], params: { dtype: "int32" } },
      ...(["float32", "int32", "bool"] as const).flatMap((dtype) => [
        atKink({ what: `to ${dtype}, rank 0`, inputs: [reals([], [-1.75])], params: { dtype } }),
        atKink({
          what: `to ${dtype}`,
          inputs: [reals([2, 4], [0, -0, 0.5, -0.5, 1.75, -1.75, NaN, 2 ** 31 - 128])],
          params: { dtype },
        }),
      ]),
    ],
    refuses: [
      refusal(
        () => core.cast(core.zeros([]), "float16" as "float32"),
        "cast: dtype is bool, int32, float32 or float64, got float16.",
      ),
    ],
  },

  sum: {
    family: "reduce",
    value: (index, [x], { axes }) => gathered(x, index, axes).reduce((a, b) => a + b, 0),
    ulps: 8,
    smooth: true,
    samples: [
      ...reductions,
      { what: "over no elements", inputs: [real([0, 3])], params: { axes: [0] } },
      atKink({
        what: "great and small numbers, kept in float64",
        inputs: [reals([4], [2 ** 25, 1, 1, -(2 ** 25)])],
        params: { axes: [0] },
      }),
    ],
    refuses: [
      refusal(
        () => core.sum(core.zeros([2, 3]) as core.Tensor, { axes: 2 }),
        "sum: axis must be in [-2, 2), got 2 for float32[2,3].",
      ),
      refusal(
        () => core.sum(core.zeros([2, 3]), { axes: [1, -1] }),
        "sum: each axis may be named once, got [1, -1].",
      ),
    ],
  },

  max: {
    family: "reduce",
    value: (index, [x], { axes }) => greatest(gathered(x, index, axes)),
    ulps: 0,
    smooth: true,
    samples: [
      ...reductions,
      atKink({ what: "ties", inputs: [reals([2, 2], [1, 1, 3, 3])], params: { axes: [1] } }),
      atKink({
        what: "NaN first, in the middle, last",
        inputs: [reals([3, 3], [NaN, 1, 2, 1, NaN, 2, 1, 2, NaN])],
        params: { axes: [1] },
      }),
      atKink({
        what: "nothing but -Infinity",
        inputs: [reals([2], [-Infinity, -Infinity])],
        params: { axes: [0] },
      }),
    ],
    kinks: [
      {
        what: "ties of two and of three",
        inputs: [reals([3, 3], [1, 3, 3, 2, 2, 2, 0, 1, 0])],
        params: { axes: [1] },
        slopes: [[0, 0.5, 0.5, 1 / 3, 1 / 3, 1 / 3, 0, 1, 0]],
      },
    ],
    refuses: [
      refusal(
        () => core.max(core.zeros([0, 3]), { axes: 0 }),
        "max: needs at least one element along each axis, got float32[0,3].",
      ),
    ],
  },

  argmax: {
    family: "reduce",
    value: (index, [x], { axis }) => {
      const row = gathered(x, index.toSpliced(axis, 0, 0), [axis]);
      const best = greatest(row);
      return row.findIndex((value) => Object.is(value, best) || value === best);
    },
    ulps: 0,
    smooth: false,
    samples: [
      { what: "the first axis", inputs: [real([3, 4])], params: { axis: 0 } },
      { what: "the last axis", inputs: [real([3, 4])], params: { axis: 1 } },
      { what: "the middle axis", inputs: [real([2, 3, 4])], params: { axis: 1 } },
      { what: "a vector", inputs: [real([5])], params: { axis: 0 } },
      { what: "results of size 0", inputs: [real([0, 3])], params: { axis: 1 } },
      { what: "ties", inputs: [reals([2, 3], [0, 2, 2, 1, -0, 1])], params: { axis: 1 } },
      { what: "NaN", inputs: [reals([2, 3], [1, NaN, 2, NaN, 9, NaN])], params: { axis: 1 } },
      { what: "-Infinity", inputs: [reals([2], [-Infinity, -Infinity])], params: { axis: 0 } },
      { what: "int32", inputs: [ints([3], [-4, -2, -9])], params: { axis: 0 } },
    ],
    refuses: [
      refusal(
        () => core.argmax(core.zeros([])),
        "argmax: a single number has no axes, got -1 for float32[].",
      ),
    ],
  },

  cumsum: {
    family: "order",
    value: (index, [x], { axis, reverse }) =>
      gathered(x, index.with(axis, 0), [axis])
        .slice(reverse ? index[axis] : 0, reverse ? undefined : index[axis] + 1)
        .reduce((a, b) => a + b, 0),
    ulps: 8,
    smooth: true,
    samples: [
      ...([false, true] as const).flatMap((reverse) => [
        {
          what: `a vector${reverse ? ", reversed" : ""}`,
          inputs: [real([5])],
          params: { axis: 0, reverse },
        },
        {
          what: `the first axis${reverse ? ", reversed" : ""}`,
          inputs: [real([3, 4])],
          params: { axis: 0, reverse },
        },
        {
          what: `the middle axis${reverse ? ", reversed" : ""}`,
          inputs: [real([2, 3, 2])],
          params: { axis: 1, reverse },
        },
      ]),
      { what: "one element", inputs: [real([1])], params: { axis: 0, reverse: false } },
      { what: "no elements", inputs: [real([2, 0])], params: { axis: 1, reverse: false } },
      { what: "no rows", inputs: [real([0, 2])], params: { axis: 1, reverse: false } },
      { what: "int32", inputs: [ints([3], [4, -5, 6])], params: { axis: 0, reverse: false } },
      { what: "many", inputs: [real([33, 70])], params: { axis: 0, reverse: false } },
      atKink({
        what: "great and small numbers, kept in float64",
        inputs: [reals([4], [2 ** 25, 1, 1, -(2 ** 25)])],
        params: { axis: 0, reverse: false },
      }),
    ],
    refuses: [
      refusal(
        () => core.cumsum(core.zeros([2, 3]), { axis: 2 }),
        "cumsum: axis must be in [-2, 2), got 2 for float32[2,3].",
      ),
    ],
  },

  argsort: {
    family: "order",
    value: (index, [x], { axis }) => {
      const row = gathered(x, index.with(axis, 0), [axis]);
      // The element that as many others precede: smaller ones, and equal ones in front of it.
      const comesBefore = (a: number, b: number): boolean =>
        row[a] < row[b] || (Number.isNaN(row[b]) && !Number.isNaN(row[a]));
      return row.findIndex((_, i) => {
        const before = row.filter(
          (__, j) => comesBefore(j, i) || (j < i && !comesBefore(i, j)),
        ).length;
        return before === index[axis];
      });
    },
    ulps: 0,
    smooth: false,
    samples: [
      { what: "the first axis", inputs: [real([3, 4])], params: { axis: 0 } },
      { what: "the last axis", inputs: [real([2, 3, 5])], params: { axis: 2 } },
      { what: "ties", inputs: [reals([6], [1, 0, 1, -0, 1, 0])], params: { axis: 0 } },
      {
        what: "NaN and infinities",
        inputs: [reals([6], [NaN, Infinity, 1, NaN, -Infinity, 2])],
        params: { axis: 0 },
      },
      { what: "int32", inputs: [ints([4], [3, -1, 3, 2])], params: { axis: 0 } },
      { what: "no elements", inputs: [real([2, 0])], params: { axis: 1 } },
      { what: "no rows", inputs: [real([0, 2])], params: { axis: 1 } },
      { what: "more than ten", inputs: [real([40])], params: { axis: 0 } },
    ],
    refuses: [
      refusal(
        () => core.argsort(core.zeros([])),
        "argsort: a single number has no axes, got -1 for float32[].",
      ),
      ...refusesMask("argsort", core.argsort).refuses,
    ],
  },

  dotGeneral: {
    family: "contraction",
    value: (index, [x, y], { batch, contract }) => {
      const free = (input: Input, side: 0 | 1): number[] =>
        input.shape.flatMap((_, i) =>
          batch[side].includes(i) || contract[side].includes(i) ? [] : [i],
        );
      const [fx, fy] = [free(x, 0), free(y, 1)];
      const sizes = contract[0].map((axis) => x.shape[axis]);
      return indicesOf(sizes).reduce((total, inner) => {
        const xs: number[] = [];
        const ys: number[] = [];
        [...batch[0], ...fx].forEach((axis, i) => (xs[axis] = index[i]));
        [...batch[1]].forEach((axis, i) => (ys[axis] = index[i]));
        fy.forEach((axis, i) => (ys[axis] = index[batch[0].length + fx.length + i]));
        contract[0].forEach((axis, i) => (xs[axis] = inner[i]));
        contract[1].forEach((axis, i) => (ys[axis] = inner[i]));
        return total + at(x, xs) * at(y, ys);
      }, 0);
    },
    // Products that cancel leave the rounding of sums in float32: more, in units of what is left.
    ulps: 16,
    smooth: true,
    samples: [
      ["matrices", [2, 3], [3, 4], [[], []], [[1], [0]]],
      ["the left one transposed", [3, 2], [3, 4], [[], []], [[0], [0]]],
      ["the right one transposed", [2, 3], [4, 3], [[], []], [[1], [1]]],
      ["a row", [1, 3], [3, 5], [[], []], [[1], [0]]],
      ["a column", [5, 3], [3, 1], [[], []], [[1], [0]]],
      ["odd sizes", [5, 7], [7, 6], [[], []], [[1], [0]]],
      ["vectors", [4], [4], [[], []], [[0], [0]]],
      ["single numbers", [], [], [[], []], [[], []]],
      ["every pair", [2], [3], [[], []], [[], []]],
      ["a batch", [2, 3, 4], [2, 4, 2], [[0], [0]], [[2], [1]]],
      ["a batch that stands last", [3, 2], [4, 3, 2], [[1], [2]], [[0], [1]]],
      ["only a batch", [3], [3], [[0], [0]], [[], []]],
      [
        "two batch axes, in other orders",
        [2, 3, 2],
        [3, 2, 2],
        [
          [0, 1],
          [1, 0],
        ],
        [[2], [2]],
      ],
      [
        "two contracted axes, in other orders",
        [2, 3, 4],
        [4, 3],
        [[], []],
        [
          [1, 2],
          [1, 0],
        ],
      ],
      ["nothing to add", [2, 0], [0, 3], [[], []], [[1], [0]]],
      ["no rows", [0, 2], [2, 3], [[], []], [[1], [0]]],
      ["no batches", [0, 2], [0, 2], [[0], [0]], [[1], [1]]],
      ["more than one block", [37, 41], [41, 34], [[], []], [[1], [0]]],
    ].map((row) => {
      const [what, left, right, batch, contract] = row as unknown as [
        string,
        number[],
        number[],
        ParamsOf<"dotGeneral">["batch"],
        ParamsOf<"dotGeneral">["contract"],
      ];
      return { what, inputs: [real(left), real(right, -2, 2, 0.4)], params: { batch, contract } };
    }),
    refuses: [
      refusal(
        () =>
          core.dotGeneral(core.zeros([2, 3]), core.zeros([4, 2]), {
            batch: [[], []],
            contract: [[1], [0]],
          }),
        "dotGeneral: contracted axes must agree in size, got float32[2,3] and float32[4,2] (3 ≠ 4).",
      ),
    ],
  },

  reshape: {
    family: "movement",
    value: (index, [x], { shape }) =>
      x.data[index.reduce((place, i, axis) => place * shape[axis] + i, 0)],
    ulps: 0,
    smooth: true,
    samples: [
      { what: "to a matrix", inputs: [real([6])], params: { shape: [2, 3] } },
      { what: "to a vector", inputs: [real([2, 3, 2])], params: { shape: [12] } },
      { what: "to rank 0", inputs: [real([1, 1])], params: { shape: [] } },
      { what: "from rank 0", inputs: [real([])], params: { shape: [1] } },
      { what: "no elements", inputs: [real([0, 3])], params: { shape: [2, 0] } },
      { what: "int32", inputs: [ints([4], [1, 2, 3, 4])], params: { shape: [2, 2] } },
      { what: "a mask", inputs: [bools([4], [1, 0, 0, 1])], params: { shape: [2, 2] } },
      { what: "more than one block", inputs: [real([40, 36])], params: { shape: [36, 40] } },
    ],
    refuses: [
      refusal(
        () => core.reshape(core.zeros([2, 3]), [4]),
        "reshape: the number of elements must stay the same, got float32[2,3] for [4] (6 ≠ 4).",
      ),
    ],
  },

  permute: {
    family: "movement",
    value: (index, [x], { axes }) => {
      const from: number[] = [];
      axes.forEach((axis, i) => (from[axis] = index[i]));
      return at(x, from);
    },
    ulps: 0,
    smooth: true,
    samples: [
      { what: "a matrix", inputs: [real([2, 3])], params: { axes: [1, 0] } },
      { what: "three axes", inputs: [real([2, 3, 4])], params: { axes: [2, 0, 1] } },
      { what: "nothing moves", inputs: [real([2, 3])], params: { axes: [0, 1] } },
      { what: "rank 0", inputs: [real([])], params: { axes: [] } },
      { what: "no elements", inputs: [real([0, 3])], params: { axes: [1, 0] } },
      { what: "int32", inputs: [ints([1, 2], [1, 2])], params: { axes: [1, 0] } },
    ],
    refuses: [
      refusal(
        () => core.permute(core.zeros([2, 3]), [0, 0]),
        "permute: every axis must be named once, got [0, 0] for float32[2,3].",
      ),
    ],
  },

  broadcastTo: {
    family: "movement",
    value: (index, [x], { shape }) =>
      at(
        x,
        x.shape.map((size, i) => (size === 1 ? 0 : index[shape.length - x.shape.length + i])),
      ),
    ulps: 0,
    smooth: true,
    samples: [
      { what: "rank 0", inputs: [real([])], params: { shape: [2, 3] } },
      { what: "a new axis", inputs: [real([3])], params: { shape: [2, 3] } },
      { what: "an axis of size 1", inputs: [real([2, 1])], params: { shape: [2, 3] } },
      { what: "both", inputs: [real([1, 3])], params: { shape: [2, 4, 3] } },
      { what: "to no elements", inputs: [real([1, 3])], params: { shape: [0, 3] } },
      { what: "nothing changes", inputs: [real([2])], params: { shape: [2] } },
      { what: "a mask", inputs: [bools([1], [1])], params: { shape: [3] } },
    ],
    refuses: [
      refusal(
        () => core.broadcastTo(core.zeros([2, 3]), [2, 6]),
        "broadcastTo: only axes of size 1 and new axes in front can be repeated, got float32[2,3] for [2, 6]. Use reshape() or expandDims() to line the axes up.",
      ),
    ],
  },

  slice: {
    family: "movement",
    value: (index, [x], { starts, steps }) =>
      at(
        x,
        index.map((i, axis) => starts[axis] + i * steps[axis]),
      ),
    ulps: 0,
    smooth: true,
    samples: [
      ["a part", [5], [1], [3], [1]],
      ["every second", [5], [0], [3], [2]],
      ["every second, not up to the end", [6], [1], [2], [2]],
      ["backwards", [4], [3], [4], [-1]],
      ["every second, backwards", [5, 4], [4, 2], [3, 2], [-2, -1]],
      ["a matrix", [3, 4], [1, 0], [2, 2], [1, 3]],
      ["no elements", [3, 4], [0, 0], [0, 4], [1, 1]],
      ["no elements, backwards", [3], [0], [0], [-1]],
      ["of no elements", [0, 2], [0, 1], [0, 1], [1, 1]],
      ["one element", [3], [2], [1], [5]],
      ["one element, backwards", [3], [2], [1], [-1]],
      ["rank 0", [], [], [], []],
    ].map((row) => {
      const [what, shape, starts, sizes, steps] = row as [
        string,
        number[],
        number[],
        number[],
        number[],
      ];
      return { what, inputs: [real(shape)], params: { starts, sizes, steps } };
    }),
    refuses: [
      refusal(
        () => core.slice(core.zeros([3]), [{ step: 0 }]),
        "slice: the step must be a whole number, not 0, got 0.",
      ),
      refusal(
        () => core.slice(core.zeros([3]), [null, null]),
        "slice: at most one range per axis, got 2 for float32[3].",
      ),
    ],
  },

  pad: {
    family: "movement",
    value: (index, [x], { spans, value }) => {
      const from = index.map((i, axis) => sourceOf(i, x.shape[axis], spans[axis]));
      return from.includes(-1) ? value : at(x, from);
    },
    ulps: 0,
    smooth: true,
    samples: [
      {
        what: "around a matrix",
        inputs: [real([2, 3])],
        params: {
          spans: [
            { before: 1, between: 0, after: 2 },
            { ...none, after: 1 },
          ],
          value: 0,
        },
      },
      {
        what: "between",
        inputs: [real([3, 2])],
        params: { spans: [{ before: 1, between: 2, after: 0 }, none], value: -1.5 },
      },
      { what: "nothing", inputs: [real([2])], params: { spans: [none], value: 7 } },
      { what: "rank 0", inputs: [real([])], params: { spans: [], value: 7 } },
      {
        what: "no elements",
        inputs: [real([0, 2])],
        params: {
          spans: [
            { before: 2, between: 3, after: 1 },
            { ...none, before: 1 },
          ],
          value: 5,
        },
      },
      {
        what: "no elements before and after",
        inputs: [real([0, 2])],
        params: { spans: [none, { ...none, before: 4 }], value: 5 },
      },
      {
        what: "one element",
        inputs: [real([1])],
        params: { spans: [{ before: 0, between: 5, after: 1 }], value: 0 },
      },
      {
        what: "int32",
        inputs: [ints([2], [4, 5])],
        params: { spans: [{ before: 1, between: 1, after: 0 }], value: -9 },
      },
    ],
    refuses: [
      refusal(
        () => core.pad(core.zeros([2]), [[1, -1]]),
        "pad: needs [before, behind] in whole numbers from 0 for each axis, got [[1,-1]] for float32[2].",
      ),
    ],
  },

  concat: {
    family: "movement",
    value: (index, inputs, { axis }) => {
      let i = index[axis];
      const piece = inputs.findIndex((x) => {
        if (i < x.shape[axis]) return true;
        i -= x.shape[axis];
        return false;
      });
      return at(inputs[piece], index.with(axis, i));
    },
    ulps: 0,
    smooth: true,
    samples: [
      { what: "vectors", inputs: [real([2]), real([3], -1, 1)], params: { axis: 0 } },
      { what: "columns", inputs: [real([2, 2]), real([2, 3], 3, 4)], params: { axis: 1 } },
      {
        what: "three, in the middle",
        inputs: [real([2, 1, 2]), real([2, 2, 2], 3, 4), real([2, 1, 2], 5, 6)],
        params: { axis: 1 },
      },
      {
        what: "one without elements",
        inputs: [real([2, 0]), real([2, 2]), real([2, 0])],
        params: { axis: 1 },
      },
      { what: "only one", inputs: [real([2, 3])], params: { axis: 0 } },
      { what: "no elements", inputs: [real([0, 2]), real([0, 1])], params: { axis: 1 } },
      {
        what: "int32",
        inputs: [ints([1], [1]), ints([2], [2, 3])],
        params: { axis: 0 },
      },
      { what: "masks", inputs: [bools([1], [1]), bools([1], [0])], params: { axis: 0 } },
    ],
    refuses: [
      refusal(
        () => core.concat([core.zeros([2, 3]), core.zeros([4, 5]) as core.Tensor], { axis: 1 }),
        "concat: shapes must agree but along axis 1, got float32[2,3] and float32[4,5].",
      ),
      refusal(() => core.concat([]), "concat: needs at least one tensor, got none."),
    ],
  },

  scan: {
    family: "loop",
    // A state h of two numbers and one that counts: h' = w h + x, n' = n + 1, y = h x.
    value: (index, [w, h, n, x], { steps, reverse }, slot) => {
      if (slot === 1) return n.data[0] + steps;
      const state = [...h.data];
      for (let i = 0; i < steps; i++) {
        const t = reverse ? steps - 1 - i : i;
        const row = [0, 1].map((k) => x.data[2 * t + k]);
        if (slot === 2 && t === index[0]) return state[index[1]] * row[index[1]];
        state.forEach((s, k) => (state[k] = w.data[k] * s + row[k]));
      }
      return state[index[0]];
    },
    ulps: 8,
    smooth: true,
    samples: floats.flatMap((float) => [
      loop("five steps", float, 5),
      loop("five steps, the last one first", float, 5, { reverse: true }),
      loop("one step", float, 1),
      loop("no steps", float, 0),
      loop("five steps, of which only the states are kept", float, 5, { save: "carries" }),
    ]),
    refuses: [
      refusal(
        () => core.scan((_, s, x) => [s.add(x), null], null, core.zeros([2]), core.tensor(1)),
        'scan: inputs need a first axis of steps, got float32[] at "".',
      ),
    ],
  },

  cond: {
    family: "choice",
    // Of x, y and a count n: [x² y, n + 1, x], or else [y² − x, n, y].
    value: (index, [decision, x, y, n], _, slot) => {
      const isTrue = decision.data[0] !== 0;
      if (slot === 1) return n.data[0] + (isTrue ? 1 : 0);
      const [a, b] = [x.data[index[0]], y.data[index[0]]];
      if (slot === 2) return isTrue ? a : b;
      return isTrue ? a * a * b : b * b - a;
    },
    ulps: 4,
    smooth: true,
    samples: floats.flatMap((float) => [choice("true", float, 1), choice("false", float, 0)]),
    refuses: [
      refusal(
        () =>
          core.cond(
            core.tensor([1, 0], { dtype: "bool" }),
            () => core.tensor(0),
            () => core.tensor(1),
          ),
        "cond: one mask decides for all, got bool[2]. Use where() to choose element by element, or all() and any().",
      ),
      refusal(
        () =>
          core.cond(
            core.tensor(1),
            () => core.tensor(0),
            () => core.tensor(1),
          ),
        "cond: what decides must be bool, got float32[]. Compare first.",
      ),
    ],
  },

  whileLoop: {
    family: "while",
    // A state v of two numbers that is multiplied by another one, h; one that counts to a last one; and u, half
    // of the h before: v' = v h, n' = n + 1, h' = w h + w, u' = h / 2.
    value: (index, [last, w, v, n, h, u], _, slot) => {
      const steps = Math.max(0, last.data[0] - n.data[0]);
      if (slot === 1) return n.data[0] + steps;
      let [product, state, half] = [v, h, u].map(({ data }) => data[index[0]]);
      for (let i = 0; i < steps; i++) {
        product *= state;
        half = state / 2;
        state = w.data[index[0]] * state + w.data[index[0]];
      }
      return [product, 0, state, half][slot];
    },
    ulps: 8,
    smooth: true,
    isForwardOnly: true,
    samples: floats.flatMap((float) => [
      repeated("five steps", float, 7),
      repeated("one step", float, 3),
      repeated("no steps", float, 1),
    ]),
    refuses: [
      refusal(
        () =>
          core.whileLoop(
            (x) => core.greater(x, 0),
            (x) => x.sub(1),
            core.tensor([1, 2]),
          ),
        "whileLoop: one mask decides for all, got bool[2]. Use where() to choose element by element, or all() and any().",
      ),
      refusal(
        () =>
          core.whileLoop(
            (x) => x,
            (x) => x.sub(1),
            core.tensor(1),
          ),
        "whileLoop: what decides must be bool, got float32[]. Compare first.",
      ),
    ],
  },

  split: {
    family: "movement",
    value: (index, [x], { axis, sizes }, slot) => {
      const start = sizes.slice(0, slot).reduce((a, b) => a + b, 0);
      return at(x, index.with(axis, start + index[axis]));
    },
    ulps: 0,
    smooth: true,
    samples: [
      { what: "a vector", inputs: [real([5])], params: { axis: 0, sizes: [2, 3] } },
      { what: "columns", inputs: [real([2, 6])], params: { axis: 1, sizes: [1, 2, 3] } },
      { what: "one without elements", inputs: [real([3, 2])], params: { axis: 0, sizes: [0, 3] } },
      { what: "one piece", inputs: [real([2, 2])], params: { axis: 1, sizes: [2] } },
      { what: "int32", inputs: [ints([2], [5, 6])], params: { axis: 0, sizes: [1, 1] } },
    ],
    refuses: [
      refusal(
        () => core.split(core.zeros([2, 5]), [2, 2]),
        "split: the sizes must add up to the size of axis 1, got 2 + 2 = 4 for float32[2,5].",
      ),
      refusal(
        () => core.split(core.zeros([5]), 2),
        "split: axis 0 must divide into equal pieces, got 2 pieces of float32[5]. Give the sizes as an array.",
      ),
    ],
  },

  gather: {
    family: "indexing",
    value: (index, [x, indices], { axis }) => {
      const place = index.slice(axis, axis + indices.shape.length);
      return at(x, index.toSpliced(axis, place.length, at(indices, place)));
    },
    ulps: 0,
    smooth: true,
    samples: [
      { what: "rows", inputs: [table, ints([3], [3, 0, 3])], params: { axis: 0 } },
      { what: "columns", inputs: [table, ints([2], [2, 0])], params: { axis: 1 } },
      { what: "one row", inputs: [table, ints([], [2])], params: { axis: 0 } },
      {
        what: "a matrix of rows",
        inputs: [table, ints([2, 2], [0, 1, 2, 1])],
        params: { axis: 0 },
      },
      {
        what: "in the middle",
        inputs: [real([2, 3, 2]), ints([1, 2], [2, 1])],
        params: { axis: 1 },
      },
      { what: "no indices", inputs: [table, ints([0], [])], params: { axis: 0 } },
      { what: "int32", inputs: [ints([2], [8, 9]), ints([2], [1, 1])], params: { axis: 0 } },
    ],
    refuses: [
      refusal(
        () => core.gather(core.zeros([3, 2]), core.tensor([1, 3], { dtype: "int32" })),
        "gather: indices along axis 0 must be in [0, 3), got 3 at place 1. Indices count from 0.",
      ),
      refusal(
        () => core.gather(core.zeros([3, 2]), core.tensor([0, 1])),
        'gather: indices must be int32, got float32[2]. Use cast(x, "int32").',
      ),
    ],
  },

  scatterAdd: {
    family: "indexing",
    value: (index, [x, indices], { axis }) =>
      indicesOf(indices.shape).reduce((total, place) => {
        if (at(indices, place) !== index[axis]) return total;
        return total + at(x, index.toSpliced(axis, 1, ...place));
      }, 0),
    ulps: 8,
    smooth: true,
    samples: [
      { what: "rows", inputs: [real([3, 2]), ints([3], [3, 0, 3])], params: { axis: 0, size: 4 } },
      { what: "columns", inputs: [real([2, 2]), ints([2], [2, 0])], params: { axis: 1, size: 3 } },
      { what: "one row", inputs: [real([3]), ints([], [1])], params: { axis: 0, size: 2 } },
      {
        what: "a matrix of rows",
        inputs: [real([2, 2, 3]), ints([2, 2], [0, 1, 2, 1])],
        params: { axis: 0, size: 3 },
      },
      { what: "no indices", inputs: [real([0, 2]), ints([0], [])], params: { axis: 0, size: 3 } },
      {
        what: "int32",
        inputs: [ints([3], [8, 9, 1]), ints([3], [1, 1, 0])],
        params: { axis: 0, size: 2 },
      },
    ],
    refuses: [
      refusal(
        () =>
          core.scatterAdd(core.zeros([2]), core.tensor([-1, 0], { dtype: "int32" }), { size: 2 }),
        "scatterAdd: indices along axis 0 must be in [0, 2), got -1 at place 0. Indices count from 0.",
      ),
      refusal(
        () =>
          core.scatterAdd(core.zeros([3]), core.tensor([1, 0], { dtype: "int32" }), { size: 2 }),
        "scatterAdd: the indices must have the shape of the values from axis 0 on, got float32[3] and int32[2].",
      ),
    ],
  },

  alias: {
    family: "structure",
    value: (index, [x]) => at(x, index),
    ulps: 0,
    smooth: true,
    samples: everyShape((shape) => [real(shape)]),
    refuses: [],
  },
};
