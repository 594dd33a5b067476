/**
 * @file Every composition: values against plain JavaScript, derivatives against differences, and the
 * choices at kinks and ties.
 */
import {
  abs,
  add,
  arange,
  checkGradients,
  clip,
  concat,
  dot,
  equal,
  expandDims,
  eye,
  flip,
  floor,
  full,
  fullLike,
  gather,
  grad,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  logSigmoid,
  logSoftmax,
  logSumExp,
  matmul,
  max,
  maximum,
  mean,
  min,
  minimum,
  mul,
  type NestedArray,
  notEqual,
  oneHot,
  ones,
  outer,
  pad,
  pow,
  relu,
  reshape,
  scatterAdd,
  setDefaultBackend,
  sign,
  slice,
  softmax,
  softplus,
  split,
  square,
  squeeze,
  stack,
  stopGradient,
  sub,
  sum,
  type Tensor,
  tensor,
  to,
  transpose,
  unstack,
  variance,
  where,
  zeros,
  zerosLike,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { beforeAll, describe, expect, test } from "vitest";
import { real } from "./plain.ts";

beforeAll(() => setDefaultBackend(ndarrayBackend));

/** A float64 tensor with evenly spread elements, all different. */
function spread(shape: readonly number[], low = -2, high = 2, turn = 0): Tensor {
  return tensor(new Float64Array(real(shape, low, high, turn).data), { shape });
}

/** A float64 tensor. */
function exactly(data: NestedArray): Tensor {
  return tensor(data, { dtype: "float64" });
}

/** Compares nested arrays of numbers to 12 digits. */
function expectNumbers(actual: Tensor, expected: unknown): void {
  const flat = (value: unknown): number[] =>
    Array.isArray(value) ? value.flatMap(flat) : [value as number];
  const shapeOf = (value: unknown): number[] =>
    Array.isArray(value) ? [value.length, ...(value.length > 0 ? shapeOf(value[0]) : [])] : [];
  if (flat(expected).length > 0) expect(actual.shape).toEqual(shapeOf(expected));
  const wanted = flat(expected);
  [...actual.dataSync()].forEach((value, i) => {
    if (Object.is(value, wanted[i])) return;
    expect(Math.abs(value - wanted[i]), `element ${i}: ${value}, not ${wanted[i]}`).toBeLessThan(
      1e-12 * Math.max(1, Math.abs(wanted[i])),
    );
  });
}

/** A function of one or two tensors, a point, and its value there in plain JavaScript. */
type Case = readonly [
  what: string,
  f: (...x: Tensor[]) => Tensor,
  at: () => readonly Tensor[],
  value: (...x: never[]) => unknown,
];

type Matrix = number[][];
const total = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
const average = (list: readonly number[]): number => total(list) / list.length;
const column = (m: Matrix, j: number): number[] => m.map((row) => row[j]);
const product = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0].map((_, j) => total(row.map((x, k) => x * b[k][j]))));
const softmaxOf = (row: number[]): number[] =>
  row.map((x) => Math.exp(x) / total(row.map(Math.exp)));
const logSumExpOf = (row: number[]): number => Math.log(total(row.map(Math.exp)));
const each =
  (f: (x: number) => number) =>
  (m: Matrix): Matrix =>
    m.map((row) => row.map(f));

const cases: readonly Case[] = [
  ["square", square, () => [spread([2, 3])], each((x) => x * x)],
  ["relu", relu, () => [exactly([[-2, -0.5, 0.5, 2]])], each((x) => (x > 0 ? x : 0))],
  ["softplus", softplus, () => [spread([2, 3], -4, 4)], each((x) => Math.log(1 + Math.exp(x)))],
  [
    "logSigmoid",
    logSigmoid,
    () => [spread([2, 3], -4, 4)],
    each((x) => -Math.log(1 + Math.exp(-x))),
  ],
  [
    "clip",
    (x) => clip(x, -1, 0.5),
    () => [exactly([[-2, -0.5, 0.25, 2]])],
    each((x) => Math.min(Math.max(x, -1), 0.5)),
  ],
  [
    "minimum",
    minimum,
    () => [spread([2, 3]), spread([2, 3], -2, 2, 0.4)],
    (x: Matrix, y: Matrix) => x.map((row, i) => row.map((v, j) => Math.min(v, y[i][j]))),
  ],
  [
    "add with broadcasting of both operands",
    add,
    () => [spread([2, 1]), spread([3])],
    (x: Matrix, y: number[]) => x.map(([a]) => y.map((b) => a + b)),
  ],
  ["sub of a number", (x) => sub(1, x), () => [spread([2, 2])], each((x) => 1 - x)],
  [
    "mul by a row",
    mul,
    () => [spread([2, 3]), spread([3], 1, 2)],
    (x: Matrix, y: number[]) => x.map((row) => row.map((v, j) => v * y[j])),
  ],

  ["softmax", (x) => softmax(x), () => [spread([2, 3])], (x: Matrix) => x.map(softmaxOf)],
  [
    "softmax over the first axis",
    (x) => transpose(softmax(x, { axis: 0 })),
    () => [spread([3, 2])],
    (x: Matrix) => [0, 1].map((j) => softmaxOf(column(x, j))),
  ],
  [
    "logSoftmax",
    (x) => logSoftmax(x),
    () => [spread([2, 3])],
    (x: Matrix) => x.map((row) => row.map((v) => v - logSumExpOf(row))),
  ],
  [
    "logSumExp",
    (x) => logSumExp(x, { axes: 1 }),
    () => [spread([2, 3])],
    (x: Matrix) => x.map(logSumExpOf),
  ],
  [
    "logSumExp of all",
    (x) => logSumExp(x),
    () => [spread([2, 3])],
    (x: Matrix) => logSumExpOf(x.flat()),
  ],
  [
    "logSumExp, keeping the axis",
    (x) => logSumExp(x, { axes: -1, keepAxes: true }),
    () => [spread([2, 3])],
    (x: Matrix) => x.map((row) => [logSumExpOf(row)]),
  ],
  ["mean", (x) => mean(x), () => [spread([2, 3])], (x: Matrix) => average(x.flat())],
  [
    "mean over the first axis",
    (x) => mean(x, { axes: 0 }),
    () => [spread([2, 3])],
    (x: Matrix) => x[0].map((_, j) => average(column(x, j))),
  ],
  [
    "variance",
    (x) => variance(x, { axes: 1 }),
    () => [spread([2, 4])],
    (x: Matrix) => x.map((row) => average(row.map((v) => (v - average(row)) ** 2))),
  ],
  [
    "variance of all, keeping the axes",
    (x) => variance(x, { keepAxes: true }),
    () => [spread([2, 2])],
    (x: Matrix) => [[average(x.flat().map((v) => (v - average(x.flat())) ** 2))]],
  ],
  [
    "min",
    (x) => min(x, { axes: 1 }),
    () => [spread([2, 3])],
    (x: Matrix) => x.map((row) => Math.min(...row)),
  ],
  ["max of all", (x) => max(x), () => [spread([2, 3])], (x: Matrix) => Math.max(...x.flat())],
  [
    "sum, keeping the axis",
    (x) => sum(x, { axes: 0, keepAxes: true }),
    () => [spread([2, 3])],
    (x: Matrix) => [x[0].map((_, j) => total(column(x, j)))],
  ],

  ["matmul of matrices", matmul, () => [spread([2, 3]), spread([3, 4], -1, 1)], product],
  [
    "matmul of a matrix and a vector",
    matmul,
    () => [spread([2, 3]), spread([3], -1, 1)],
    (x: Matrix, y: number[]) => x.map((row) => total(row.map((v, k) => v * y[k]))),
  ],
  [
    "matmul of a vector and a matrix",
    matmul,
    () => [spread([2]), spread([2, 3], -1, 1)],
    (x: number[], y: Matrix) => product([x], y)[0],
  ],
  [
    "matmul of vectors",
    matmul,
    () => [spread([3]), spread([3], -1, 1)],
    (x: number[], y: number[]) => total(x.map((v, k) => v * y[k])),
  ],
  [
    "matmul of batches",
    matmul,
    () => [spread([2, 2, 3]), spread([2, 3, 2], -1, 1)],
    (x: Matrix[], y: Matrix[]) => x.map((m, b) => product(m, y[b])),
  ],
  [
    "matmul of a batch and one matrix",
    matmul,
    () => [spread([2, 2, 3]), spread([3, 2], -1, 1)],
    (x: Matrix[], y: Matrix) => x.map((m) => product(m, y)),
  ],
  [
    "matmul of one matrix and a batch",
    matmul,
    () => [spread([2, 3]), spread([2, 3, 2], -1, 1)],
    (x: Matrix, y: Matrix[]) => y.map((m) => product(x, m)),
  ],
  [
    "matmul of batches that broadcast",
    matmul,
    () => [spread([2, 1, 1, 3]), spread([2, 3, 2], -1, 1)],
    (x: Matrix[][], y: Matrix[]) => x.map(([m]) => y.map((n) => product(m, n))),
  ],
  [
    "matmul of a vector and a batch",
    matmul,
    () => [spread([3]), spread([2, 3, 2], -1, 1)],
    (x: number[], y: Matrix[]) => y.map((m) => product([x], m)[0]),
  ],
  [
    "matmul of a batch and a vector",
    matmul,
    () => [spread([2, 2, 3]), spread([3], -1, 1)],
    (x: Matrix[], y: number[]) => x.map((m) => m.map((row) => total(row.map((v, k) => v * y[k])))),
  ],
  [
    "dot",
    dot,
    () => [spread([4]), spread([4], -1, 1)],
    (x: number[], y: number[]) => total(x.map((v, i) => v * y[i])),
  ],
  [
    "outer",
    outer,
    () => [spread([2]), spread([3], -1, 1)],
    (x: number[], y: number[]) => x.map((a) => y.map((b) => a * b)),
  ],

  ["transpose", transpose, () => [spread([2, 3])], (x: Matrix) => x[0].map((_, j) => column(x, j))],
  [
    "flip",
    (x) => flip(x),
    () => [spread([2, 3])],
    (x: Matrix) => x.toReversed().map((r) => r.toReversed()),
  ],
  [
    "flip of one axis",
    (x) => flip(x, { axes: [1] }),
    () => [spread([2, 3])],
    (x: Matrix) => x.map((row) => row.toReversed()),
  ],
  [
    "stack",
    (x, y) => stack([x, y], { axis: 0 }),
    () => [spread([2]), spread([2], 3, 4)],
    (x: number[], y: number[]) => [x, y],
  ],
  [
    "stack along a new last axis",
    (x, y) => stack([x, y]),
    () => [spread([3]), spread([3], 3, 4)],
    (x: number[], y: number[]) => x.map((v, i) => [v, y[i]]),
  ],
  [
    "unstack",
    (x) => {
      const [a, b] = unstack(x);
      return mul(a, b);
    },
    () => [spread([2, 3])],
    ([a, b]: Matrix) => a.map((v, i) => v * b[i]),
  ],
  [
    "split of which one piece is used",
    (x) => split(x, [1, 3])[1],
    () => [spread([2, 4])],
    (x: Matrix) => x.map((row) => row.slice(1)),
  ],
  ["expandDims", (x) => expandDims(x, -1), () => [spread([3])], (x: number[]) => x.map((v) => [v])],
  [
    "squeeze",
    (x) => squeeze(x),
    () => [spread([1, 3, 1])],
    (x: number[][][]) => x[0].map(([v]) => v),
  ],
  [
    "reshape with a size left open",
    (x) => reshape(x, [3, -1]),
    () => [spread([6])],
    (x: number[]) => [x.slice(0, 2), x.slice(2, 4), x.slice(4)],
  ],
  [
    "slice with negative places and steps",
    (x) => slice(x, [{ start: -1, stop: 0, step: -2 }, { stop: -1 }]),
    () => [spread([6, 3])],
    (x: Matrix) => [x[5], x[3], x[1]].map((row) => row.slice(0, -1)),
  ],
  [
    "pad",
    (x) =>
      pad(
        x,
        [
          [1, 0],
          [0, 2],
        ],
        { value: 5 },
      ),
    () => [spread([1, 2])],
    ([row]: Matrix) => [
      [5, 5, 5, 5],
      [...row, 5, 5],
    ],
  ],
  [
    "concat of one tensor twice",
    (x) => concat([x, x], { axis: 0 }),
    () => [spread([2])],
    (x: number[]) => [...x, ...x],
  ],
  [
    "gather after scatterAdd",
    (x) => {
      const at = tensor([2, 0, 2], { dtype: "int32" });
      return gather(scatterAdd(x, at, { size: 4 }), tensor([0, 1, 2], { dtype: "int32" }));
    },
    () => [spread([3])],
    ([a, b, c]: number[]) => [b, 0, a + c],
  ],
  [
    "where, between a tensor and a number",
    (x) => where(greater(x, 0), square(x), 0),
    () => [spread([2, 3])],
    each((x) => (x > 0 ? x * x : 0)),
  ],
];

describe.each(cases)("%s", (_, f, at, value) => {
  test("has the value of its definition", () => {
    const x = at();
    expectNumbers(
      f(...x),
      (value as (...x: unknown[]) => unknown)(...x.map((operand) => operand.toArray())),
    );
  });

  test("has derivatives of order 1 and 2 that agree with differences", () => {
    checkGradients((x: readonly Tensor[]) => f(...x), at());
  });
});

/** The derivative of the sum of f; adding 0 makes 0 of −0. */
function slopes(f: (x: Tensor) => Tensor, at: NestedArray): NestedArray {
  return grad((x: Tensor) => sum(f(x)))(exactly(at))
    .add(0)
    .toArray();
}

describe("at kinks and ties", () => {
  test("relu has derivative 0 at 0", () => {
    expect(slopes(relu, [-1, -0, 0, 1])).toEqual([0, 0, 0, 1]);
  });

  test("|x| has derivative 0 at 0", () => {
    expect(slopes(abs, [-2, 0, 2])).toEqual([-1, 0, 1]);
  });

  test("the maximum and the minimum of equal numbers give half to each", () => {
    expect(slopes((x) => maximum(x, 1), [0, 1, 2])).toEqual([0, 0.5, 1]);
    expect(slopes((x) => minimum(x, 1), [0, 1, 2])).toEqual([1, 0.5, 0]);
    expect(slopes((x) => maximum(x, x), [3])).toEqual([1]);
  });

  test("the minimum of whole numbers is one, also with a plain number", () => {
    const least = minimum(tensor([3, -7, 9], { dtype: "int32" }), 5);
    expect([least.dtype, least.toArray()]).toEqual(["int32", [3, -7, 5]]);
  });

  test("equal greatest and least elements share the derivative", () => {
    expect(
      slopes(
        (x) => max(x, { axes: 1 }),
        [
          [1, 3, 3],
          [2, 2, 2],
        ],
      ),
    ).toEqual([
      [0, 0.5, 0.5],
      [1 / 3, 1 / 3, 1 / 3],
    ]);
    expect(slopes((x) => min(x), [1, 1, 2])).toEqual([0.5, 0.5, 0]);
  });

  test("clip lets the derivative through inside of its bounds alone", () => {
    expect(slopes((x) => clip(x, 0, 1), [-1, 0.5, 2])).toEqual([0, 1, 0]);
  });

  test("step functions are constants", () => {
    expect(slopes((x) => mul(floor(x), x), [2.5])).toEqual([2]);
    expect(slopes((x) => mul(sign(x), x), [-2.5])).toEqual([-1]);
    expect(slopes(floor, [2.5, 3])).toEqual([0, 0]);
  });

  test("softplus has the derivative of sigmoid at 0", () => {
    expect(slopes(softplus, [0, 800, -800])).toEqual([0.5, 1, 0]);
  });

  test("the root has an infinite derivative at 0", () => {
    expect(slopes((x) => x.sqrt(), [0, 4])).toEqual([Infinity, 0.25]);
  });

  test("powers of 0, and to the 0, have finite derivatives", () => {
    expect(slopes((x) => pow(x, 0), [0, 2])).toEqual([0, 0]);
    expect(slopes((x) => pow(x, 2), [0, -3])).toEqual([0, -6]);
    expect(slopes((y) => pow(0, y), [0, 2])).toEqual([0, 0]);
  });

  test("a value that where did not choose has derivative 0", () => {
    expect(slopes((x) => where(greater(x, 1), x.sqrt(), x), [0.25, 4])).toEqual([1, 0.25]);
    const safeLog = (x: Tensor): Tensor => {
      const inside = greater(x, 0);
      return where(inside, where(inside, x, 1).log(), 0);
    };
    expect(slopes(safeLog, [-1, 0, 2])).toEqual([0, 0, 0.5]);
  });

  test("a stopped value is a constant", () => {
    expect(slopes((x) => mul(stopGradient(x), x), [3])).toEqual([3]);
  });
});

describe("extreme values", () => {
  test("softmax and its logarithm do not overflow", () => {
    expect(softmax(exactly([1000, 1000, -1000])).toArray()).toEqual([0.5, 0.5, 0]);
    expect(logSoftmax(exactly([1000, 0])).toArray()).toEqual([0, -1000]);
    expect(softmax(exactly([0, -Infinity])).toArray()).toEqual([1, 0]);
  });

  test("logSumExp does not overflow, and keeps infinities", () => {
    expect(logSumExp(exactly([1000, 1000])).item()).toBeCloseTo(1000 + Math.LN2, 12);
    expect(logSumExp(exactly([-Infinity, -Infinity])).item()).toBe(-Infinity);
    expect(logSumExp(exactly([Infinity, 0])).item()).toBe(Infinity);
    expect(logSumExp(exactly([-Infinity, 2])).item()).toBe(2);
  });

  test("softplus and logSigmoid do not overflow", () => {
    expect(softplus(exactly([1000, -1000])).toArray()).toEqual([1000, 0]);
    expect(logSigmoid(exactly([1000, -1000]).add(0)).toArray()).toEqual([-0, -1000]);
  });

  test("relu keeps NaN", () => {
    expect(relu(exactly([NaN, -1])).toArray()).toEqual([NaN, 0]);
  });

  test("the mean of nothing is NaN, the sum 0", () => {
    expect(mean(zeros([0])).item()).toBeNaN();
    expect(sum(zeros([0, 2])).item()).toBe(0);
  });
});

describe("comparisons and masks", () => {
  const [x, y] = [
    [1, 2, 3, NaN],
    [2, 2, 2, NaN],
  ];

  test.each([
    ["equal", equal, [0, 1, 0, 0]],
    ["notEqual", notEqual, [1, 0, 1, 1]],
    ["less", less, [1, 0, 0, 0]],
    ["lessEqual", lessEqual, [1, 1, 0, 0]],
    ["greater", greater, [0, 0, 1, 0]],
    ["greaterEqual", greaterEqual, [0, 1, 1, 0]],
  ] as const)("%s", (_, compare, expected) => {
    const mask = compare(tensor(x), tensor(y));
    expect(mask.dtype).toBe("bool");
    expect(mask.toArray()).toEqual(expected);
  });

  test("logicalAnd, logicalOr and logicalNot", () => {
    const [a, b] = [tensor([false, false, true, true]), tensor([false, true, false, true])];
    expect(logicalAnd(a, b).toArray()).toEqual([0, 0, 0, 1]);
    expect(logicalOr(a, b).toArray()).toEqual([0, 1, 1, 1]);
    expect(logicalNot(a).toArray()).toEqual([1, 1, 0, 0]);
    expect(logicalNot(a).dtype).toBe("bool");
  });
});

describe("tensors from nothing", () => {
  test("zeros, ones, full, and the same like another", () => {
    expect(zeros([2]).toArray()).toEqual([0, 0]);
    expect(ones([1, 2]).toArray()).toEqual([[1, 1]]);
    expect(full([2], 2.5).toArray()).toEqual([2.5, 2.5]);
    const like = zeros([2], { dtype: "float64" });
    expect(zerosLike(like).dtype).toBe("float64");
    expect(fullLike(like, 3).toArray()).toEqual([3, 3]);
  });

  test("arange counts as in NumPy", () => {
    expect(arange(3).toArray()).toEqual([0, 1, 2]);
    expect(arange(1, 2, 0.25).toArray()).toEqual([1, 1.25, 1.5, 1.75]);
    expect(arange(5, 0, -2).toArray()).toEqual([5, 3, 1]);
    expect(arange(2, 2).shape).toEqual([0]);
  });

  test("eye and oneHot", () => {
    expect(eye(2).toArray()).toEqual([
      [1, 0],
      [0, 1],
    ]);
    const indices = tensor(
      [
        [2, 0],
        [1, 5],
      ],
      { dtype: "int32" },
    );
    expect(oneHot(indices, 3).toArray()).toEqual([
      [
        [0, 0, 1],
        [1, 0, 0],
      ],
      [
        [0, 1, 0],
        [0, 0, 0],
      ],
    ]);
    expect(oneHot(indices, 3, { dtype: "bool" }).dtype).toBe("bool");
  });

  test("moving to the backend where it is gives the tensor itself", () => {
    const x = zeros([2]);
    expect(to(x, ndarrayBackend)).toBe(x);
  });
});

describe("element types", () => {
  test("operands are promoted, and numbers follow their partner", () => {
    const [i, f, d] = [ones([1], { dtype: "int32" }), ones([1]), ones([1], { dtype: "float64" })];
    expect(
      [add(i, i), add(i, f), add(f, d), add(d, 1), add(i, 1), add(i, 0.5)].map((x) => x.dtype),
    ).toEqual(["int32", "float32", "float64", "float64", "int32", "float32"]);
    expect(i.div(2).toArray()).toEqual([0.5]);
    expect(i.exp().dtype).toBe("float32");
    expect(sum(tensor([true, true, false])).item()).toBe(2);
    expect(mean(tensor([1, 2], { dtype: "int32" })).item()).toBe(1.5);
  });

  test("the derivative of a cast has the type of the operand", () => {
    const g = grad((x: Tensor) => sum(square(x.cast("float64"))).cast("float32"))(tensor([1.5]));
    expect(g.dtype).toBe("float32");
    expect(g.toArray()).toEqual([3]);
  });
});
