/** @file What ops of the vocabulary refuse, and what they make of nothing. */
import * as core from "@tapeloop/autograd";
import { arange, ones, sort as sorted, type Tensor, tensor, zeros } from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { beforeAll, describe, expect, test } from "vitest";

beforeAll(() => core.setDefaultBackend(ndarrayBackend));

const ints = (data: readonly number[]): Tensor => tensor(data, { dtype: "int32" });
const outside: number = 3;
const unknown = (name: string): object => ({ [name]: 1 });

test.each<[call: () => unknown, message: string]>([
  [
    () => core.norm(zeros([2]), { ord: -1 }),
    "norm: ord is a number from 0, Infinity or -Infinity, got -1.",
  ],
  [
    () => core.norm(zeros([0]), { ord: Infinity }),
    "norm: needs at least one element along each axis, got float32[0].",
  ],
  [
    () => core.std(zeros([2]), { axes: outside }),
    "std: axis must be in [-1, 1), got 3 for float32[2].",
  ],
  [() => core.clip(zeros([2]), Number.NaN, 1), "clip: low is a number, got NaN."],
  [() => core.clip(zeros([2]), zeros([2]), Number.NaN), "clip: high is a number, got NaN."],
  [
    () => core.uniform([2], 1, -1),
    "uniform: low and high are finite numbers in this order, got 1 and -1.",
  ],
  [
    () => core.uniform([2], 0, Infinity),
    "uniform: low and high are finite numbers in this order, got 0 and Infinity.",
  ],
  [() => core.linspace(0, Number.NaN, 3), "linspace: stop is a finite number, got NaN."],
  [() => core.logspace(Infinity, 1, 3), "logspace: start is a finite number, got Infinity."],
  [() => core.full([2], "x" as never), "full: elements are numbers, got string x."],
  [
    () => core.pad(zeros([2]), [[1, 0]], { value: "x" as never }),
    "pad: elements are numbers, got string x.",
  ],
  [
    () => core.pad(zeros([2]), [1] as never),
    "pad: needs [before, behind] in whole numbers from 0 for each axis, got [1] for float32[2].",
  ],
  [
    () => core.repeat(zeros([2]), true as never),
    "repeat: takes one number, or an array, got boolean true.",
  ],
  [
    () => core.logspace(0, 1, 3, { base: Number.NaN }),
    "logspace: base is a finite number, got NaN.",
  ],
  [
    () => core.isClose(1, 1, { relative: -1 }),
    "isClose: relative is a finite number from 0, got -1.",
  ],
  [
    () => core.allClose(1, 1, { absolute: Number.NaN }),
    "isClose: absolute is a finite number from 0, got NaN.",
  ],
  [
    () => core.variance(zeros([2]), { correction: Number.NaN }),
    "variance: correction is a finite number, got NaN.",
  ],
  [
    () => core.std(zeros([2]), { correction: Infinity }),
    "std: correction is a finite number, got Infinity.",
  ],
  [
    () => core.cov(zeros([2, 2]), { correction: Number.NaN }),
    "cov: correction is a finite number, got NaN.",
  ],
  [
    () => core.normalize(zeros([2]), { eps: -1 }),
    "normalize: eps is a finite number from 0, got -1.",
  ],
  [
    () => core.cosineSimilarity(zeros([2]), zeros([2]), { eps: Number.NaN }),
    "cosineSimilarity: eps is a finite number from 0, got NaN.",
  ],
  [
    () => core.jacobian((x: Tensor) => x, { mode: "fwd" as "forward" }),
    'jacobian: mode is "forward" or "reverse", got fwd.',
  ],
  [() => core.quantile(zeros([2]), 1.5), "quantile: q is from 0 to 1, got 1.5."],
  [() => core.median(zeros([0])), "median: needs at least one element, got float32[0]."],
  [
    () => core.topK(zeros([3]), 4),
    "topK: k is a whole number from 0 to 3, the size of axis 0, got 4 for float32[3].",
  ],
  [
    () => core.argmin(zeros([0])),
    "argmin: needs at least one element along each axis, got float32[0].",
  ],
  [
    () => core.min(zeros([0, 3]), { axes: 0 }),
    "min: needs at least one element along each axis, got float32[0,3].",
  ],
  [() => core.diff(zeros([3]), { order: -1 }), "diff: the order is a whole number from 0, got -1."],
  [() => core.cov(zeros([3])), "cov: takes [variables, observations], got float32[3]."],
  [
    () => core.pairwiseDistances(zeros([2, 3]), zeros([2, 4])),
    "pairwiseDistances: needs rows of vectors of one size, got float32[2,3] and float32[2,4].",
  ],
  [
    () => core.searchSorted(zeros([2, 2]), zeros([2])),
    "searchSorted: the elements must be a row, got float32[2,2].",
  ],

  [
    () => core.embeddingLookup(zeros([3, 2]), ints([0, 3])),
    "embeddingLookup: indices along axis 0 must be in [0, 3), got 3 at place 1. Indices count from 0.",
  ],
  [
    () => core.embeddingLookup(zeros([3]), ints([0])),
    "embeddingLookup: the table has rows and columns, got float32[3].",
  ],
  [
    () => core.embeddingLookup(zeros([3, 2]), zeros([1])),
    'embeddingLookup: indices must be int32, got float32[1]. Use cast(x, "int32").',
  ],
  [
    () => core.embeddingLookup(zeros([3, 2]), ints([0]), { paddingIndex: 3 }),
    "embeddingLookup: paddingIndex is a row of the table, from 0 and below 3, got 3.",
  ],
  [
    () => core.takeAlongAxis(zeros([2, 3]), tensor([[0], [3]], { dtype: "int32" })),
    "takeAlongAxis: indices along axis 1 must be in [0, 3), got 3 at place 1. Indices count from 0.",
  ],
  [
    () => core.takeAlongAxis(zeros([2, 3]), ints([0])),
    "takeAlongAxis: the indices must have the shape of the tensor but along axis 1, got float32[2,3] and int32[1].",
  ],
  [
    () => core.takeAlongAxis(zeros([2]), zeros([1])),
    'takeAlongAxis: indices must be int32, got float32[1]. Use cast(x, "int32").',
  ],
  [
    () => core.putAlongAxis(zeros([3]), ints([-1]), 5),
    "putAlongAxis: indices along axis 0 must be in [0, 3), got -1 at place 0. Indices count from 0.",
  ],
  [
    () => core.scatter(zeros([3, 2]), ints([0, 7]), 5),
    "scatter: indices along axis 0 must be in [0, 3), got 7 at place 1. Indices count from 0.",
  ],
  [
    () => core.select(zeros([3]), 3),
    "select: the index along axis 0 must be in [-3, 3), got 3 for float32[3].",
  ],
  [
    () => core.binCount(ints([0, 5]), 5),
    "binCount: indices along axis 0 must be in [0, 5), got 5 at place 1. Indices count from 0.",
  ],

  [
    () => core.flatten(zeros([2, 3]), { from: 1, to: 0 }),
    "flatten: the first axis must not be behind the last, got 1 and 0.",
  ],
  [() => core.roll(zeros([2]), [1, 2]), "roll: needs axes for several shifts, got [1, 2]."],
  [() => core.roll(zeros([2]), 0.5), "roll: a shift is a whole number, got 0.5."],
  [
    () => core.roll(zeros([2]), [1, 2], { axes: 0 }),
    "roll: takes one shift for all axes, or one for each, got 2 shifts for 1 axes.",
  ],
  [() => core.tile(zeros([2]), [-1]), "tile: a number of copies is a whole number from 0, got -1."],
  [
    () => core.repeat(zeros([2]), [1, 2, 3]),
    "repeat: takes one number, or one for each of 2 elements, got 3 for float32[2].",
  ],
  [() => core.chunk(zeros([2]), 0), "chunk: the number of pieces is a whole number from 1, got 0."],
  [
    () => core.slidingWindows(zeros([2]), 3),
    "slidingWindows: windows of 3 need as many elements along axis 0, got float32[2].",
  ],
  [
    () => core.pad(zeros([2]), [[1, 1]], { mode: "mirror" as "wrap" }),
    "pad: mode is constant, reflect, edge or wrap, got mirror.",
  ],
  [
    () => core.pad(zeros([0]), [[1, 1]], { mode: "edge" }),
    'pad: mode "edge" needs at least one element, got float32[0].',
  ],

  [() => core.diagonal(zeros([3])), "diagonal: needs rows and columns, got float32[3]."],
  [() => core.tril(zeros([3])), "tril: needs rows and columns, got float32[3]."],
  [
    () => core.matrixPower(zeros([2, 3]), 2),
    "matrixPower: matrices must be square, got float32[2,3].",
  ],
  [
    () => core.matrixPower(zeros([2, 2]), -1),
    "matrixPower: the power is a whole number from 0, got -1.",
  ],
  [
    () => core.cross(zeros([2]), zeros([2])),
    "cross: vectors need three components, got float32[2] and float32[2].",
  ],
  [
    () => core.tensordot(zeros([2, 3]), zeros([2, 3]), 1),
    "tensordot: axes that go together must agree in size, got float32[2,3] and float32[2,3] (3 ≠ 2).",
  ],
  [
    () => core.tensordot(zeros([2]), zeros([2]), 2),
    "tensordot: both operands need as many axes as are summed, got 2 for float32[2] and float32[2].",
  ],
  [
    () => core.einsum("ij,jk->ik", zeros([2, 3])),
    'einsum: the formula needs one term for each operand, and at most one ->, got "ij,jk->ik" for 1 operands.',
  ],
  [
    () => core.einsum("ij->i", zeros([2])),
    'einsum: "ij" must name every axis, got float32[2]. Write ... for axes that need no name.',
  ],
  [
    () => core.einsum("ij,jk", zeros([2, 3]), zeros([4, 2])),
    'einsum: axes of one name must agree in size or be 1: "ij,jk", got float32[2,3] and float32[4,2] (3 ≠ 4).',
  ],
  [
    () => core.einsum("ij->k", zeros([2, 3])),
    'einsum: the result names axes of the operands, each once, got "ij->k".',
  ],
  [
    () => core.einsum("i-j", zeros([2, 3])),
    "einsum: axes are named by letters, and … by ... once, got i-j.",
  ],

  [
    () => core.conv1d(zeros([2, 3]), zeros([2, 3, 1])),
    "conv1d: takes [batch, channels, length] and a kernel of as many axes, got float32[2,3] and float32[2,3,1].",
  ],
  [
    () => core.conv2d(zeros([1, 3, 8, 8]), zeros([4, 2, 3, 3])),
    "conv2d: the kernel is [outputs, channels / groups, …], got float32[1,3,8,8] and float32[4,2,3,3] (2 ≠ 3).",
  ],
  [
    () => core.conv1d(zeros([1, 4, 8]), zeros([3, 2, 3]), { groups: 2 }),
    "conv1d: channels must divide into the groups, got 4 and 3 channels in 2 groups.",
  ],
  [
    () => core.conv1d(zeros([1, 1, 2]), zeros([1, 1, 3])),
    "conv1d: a window of 3 must fit into the axis with its padding, got float32[1,1,2] (3 > 2).",
  ],
  [
    () => core.conv1d(zeros([1, 1, 2]), zeros([1, 1, 1]), { stride: 0 }),
    "conv1d: stride is a whole number from 1, got 0.",
  ],
  [
    () => core.conv2d(zeros([1, 1, 2, 2]), zeros([1, 1, 1, 1]), { dilation: [1] }),
    "conv2d: dilation is one number, or 2, got [1].",
  ],
  [
    () => core.conv1d(zeros([1, 1, 2]), zeros([1, 1, 1]), { padding: "full" as "same" }),
    "conv1d: padding is a number, same or valid, got full.",
  ],
  [
    () => core.convTranspose1d(zeros([1, 2, 3]), zeros([3, 1, 2])),
    "convTranspose1d: the kernel is [channels, outputs / groups, …], got float32[1,2,3] and float32[3,1,2] (3 ≠ 2).",
  ],
  [
    () => core.maxPool1d(zeros([4]), 2, { padding: 2 }),
    "maxPool1d: padding is at most half a window, so that none is empty, got 2 for a window of 2.",
  ],
  [() => core.avgPool2d(zeros([4]), 2), "avgPool2d: needs 2 axes to pool, got float32[4]."],

  [
    () => core.hardTanh(zeros([1]), 1, 1),
    "hardTanh: the bounds must be in rising order, got 1 and 1.",
  ],
  [() => core.celu(zeros([1]), 0), "celu: alpha is a number other than 0, got 0."],
  [() => core.glu(zeros([3])), "glu: axis 0 must divide into two halves, got float32[3]."],
  [
    () => core.gelu(zeros([1]), { approximate: "fast" as "tanh" }),
    "gelu: approximate is none or tanh, got fast.",
  ],
  [
    () => core.maskedFill(zeros([1]), ones([1]), 0),
    "maskedFill: the mask must be bool, got float32[1]. Compare first.",
  ],

  [
    () => core.linspace(0, 1, -1),
    "linspace: the number of elements is a whole number from 0, got -1.",
  ],
  [
    () => core.linspace(0, 1, 2, { dtype: "int32" }),
    "linspace: makes real numbers, got int32. Use arange() or cast().",
  ],
  [() => core.meshgrid([zeros([2, 2])]), "meshgrid: takes rows of numbers, got float32[2,2]."],
])("%s is refused", (call, message) => {
  expect(call).toThrow(expect.objectContaining({ message }));
});

describe("a misspelt option is refused", () => {
  const x = (): Tensor => zeros([4, 4]);
  test.each<[string, (options: object) => unknown]>([
    ["cumsum", (o) => core.cumsum(x(), o)],
    ["cumprod", (o) => core.cumprod(x(), o)],
    ["argsort", (o) => core.argsort(x(), o)],
    ["sort", (o) => sorted(x(), o)],
    ["topK", (o) => core.topK(x(), 1, o)],
    ["quantile", (o) => core.quantile(x(), 0.5, o)],
    ["std", (o) => core.std(x(), o)],
    ["variance", (o) => core.variance(x(), o)],
    ["prod", (o) => core.prod(x(), o)],
    ["norm", (o) => core.norm(x(), o)],
    ["any", (o) => core.any(x(), o)],
    ["all", (o) => core.all(x(), o)],
    ["countNonzero", (o) => core.countNonzero(x(), o)],
    ["flatten", (o) => core.flatten(x(), o)],
    ["roll", (o) => core.roll(x(), 1, o)],
    ["repeat", (o) => core.repeat(x(), 1, o)],
    ["slidingWindows", (o) => core.slidingWindows(x(), 1, o)],
    ["select", (o) => core.select(x(), 1, o)],
    ["diagonal", (o) => core.diagonal(x(), o)],
    ["matrixTrace", (o) => core.matrixTrace(x(), o)],
    ["tri", (o) => core.tri(2, 2, o)],
    ["conv1d", (o) => core.conv1d(zeros([1, 1, 4]), zeros([1, 1, 1]), o)],
    ["convTranspose1d", (o) => core.convTranspose1d(zeros([1, 1, 4]), zeros([1, 1, 1]), o)],
    ["maxPool2d", (o) => core.maxPool2d(x(), 2, o)],
    ["avgPool1d", (o) => core.avgPool1d(x(), 2, o)],
    ["linspace", (o) => core.linspace(0, 1, 2, o)],
    ["meshgrid", (o) => core.meshgrid([arange(2)], o)],
    ["nanToNum", (o) => core.nanToNum(x(), o)],
    ["isClose", (o) => core.isClose(x(), 0, o)],
    ["cosineSimilarity", (o) => core.cosineSimilarity(x(), x(), o)],
    ["randomInts", (o) => core.randomInts([1], 0, 2, o)],
    ["shuffle", (o) => core.shuffle(x(), o)],
  ])("%s", (name, call) => {
    expect(() => call(unknown("dims"))).toThrow(
      expect.objectContaining({ code: "argument", op: name }),
    );
  });
});

describe("nothing", () => {
  const none = (): Tensor => zeros([0]);
  const rows = (): Tensor => zeros([2, 0]);

  test.each<[string, () => Tensor, unknown]>([
    ["prod", () => core.prod(none()), 1],
    ["prod of rows", () => core.prod(rows(), { axes: 1 }), [1, 1]],
    ["any", () => core.any(none()), 0],
    ["all", () => core.all(none()), 1],
    ["countNonzero", () => core.countNonzero(none()), 0],
    ["norm", () => core.norm(rows(), { axes: 1 }), [0, 0]],
    ["variance", () => core.variance(none()), NaN],
    ["std", () => core.std(none()), NaN],
    ["cumsum", () => core.cumsum(none()), []],
    ["cumprod", () => core.cumprod(rows()), [[], []]],
    ["cummax", () => core.cummax(rows()), [[], []]],
    ["logCumSumExp", () => core.logCumSumExp(rows(), { reverse: true }), [[], []]],
    ["diff", () => core.diff(none()), []],
    ["diff of one", () => core.diff(ones([1])), []],
    ["sort", () => sorted(rows(), { descending: true }), [[], []]],
    ["argsort", () => core.argsort(none()), []],
    ["topK of none", () => core.topK(ones([2]), 0).values, []],
    ["takeAlongAxis", () => core.takeAlongAxis(zeros([2, 3]), rows().cast("int32")), [[], []]],
    ["putAlongAxis", () => core.putAlongAxis(ones([2, 1]), rows().cast("int32"), 5), [[1], [1]]],
    ["scatter", () => core.scatter(ones([2]), none().cast("int32"), 5), [1, 1]],
    ["binCount", () => core.binCount(none().cast("int32"), 2), [0, 0]],
    ["roll", () => core.roll(rows(), 1, { axes: 1 }), [[], []]],
    ["tile", () => core.tile(ones([2]), [0]), []],
    ["repeat", () => core.repeat(ones([2]), 0), []],
    ["flatten", () => core.flatten(rows()), []],
    ["diag", () => core.diag(none()), []],
    ["diagonal", () => core.diagonal(rows()), []],
    ["diagonal outside", () => core.diagonal(ones([2, 2]), { offset: 5 }), []],
    ["kron", () => core.kron(none(), ones([2])), []],
    ["einsum", () => core.einsum("ij,jk->ik", zeros([1, 0]), zeros([0, 2])), [[0, 0]]],
    ["linspace", () => core.linspace(0, 1, 0), []],
    ["softmax", () => core.logicalNot(core.relu(none())), []],
  ])("%s", (_, call, expected) => {
    expect(call().toArray()).toEqual(expected);
  });
});

describe("element types", () => {
  test("whole numbers stay whole where nothing is divided", () => {
    const x = ints([3, 1, 2]);
    const results = [
      core.prod(x),
      core.cumsum(x),
      core.cumprod(x),
      core.cummax(x),
      core.cummin(x),
      sorted(x),
      core.diff(x),
      core.roll(x, 1),
      core.mod(x, 2),
      core.rem(x, 2),
      core.floorDivide(x, 2),
      core.round(x),
      core.clip(x, 1, 2),
      core.diag(x),
      core.tril(core.diag(x)),
    ];
    expect(new Set(results.map((y) => y.dtype))).toEqual(new Set(["int32"]));
    expect(core.cummax(ints([1, 3, 2])).toArray()).toEqual([1, 3, 3]);
    expect(core.floorDivide(ints([-7, 7, 7]), ints([2, 2, 0])).toArray()).toEqual([-4, 3, 0]);
  });

  test("values that are put in keep their digits", () => {
    const x = zeros([2], { dtype: "float64" });
    expect(core.scatter(x, ints([1]), 0.1).toArray()).toEqual([0, 0.1]);
    expect(core.putAlongAxis(x, ints([0]), 0.1).toArray()).toEqual([0.1, 0]);
    expect(core.scatter(ints([1, 2]), ints([1]), 5).dtype).toBe("int32");
    expect(core.scatter(ints([1, 2]), ints([1]), 0.5).toArray()).toEqual([1, 0.5]);
  });

  test("masks count", () => {
    const m = tensor([true, false, true]);
    expect(core.cumsum(m).toArray()).toEqual([1, 1, 2]);
    expect(core.prod(m).toArray()).toBe(0);
    expect(core.countNonzero(m).item()).toBe(2);
    expect(core.logicalXor(m, tensor([true, true, false])).toArray()).toEqual([0, 1, 1]);
  });

  test("questions give masks", () => {
    const x = tensor([1, NaN, Infinity, -Infinity]);
    expect(core.isNaN(x).toArray()).toEqual([0, 1, 0, 0]);
    expect(core.isFinite(x).toArray()).toEqual([1, 0, 0, 0]);
    expect(core.isInf(x).toArray()).toEqual([0, 0, 1, 1]);
    expect(core.isNaN(ints([1])).dtype).toBe("bool");
    expect(core.allClose(x, x).item()).toBe(0);
    expect(core.allClose(x, x, { equalNaN: true }).item()).toBe(1);
  });
});

test.each<[string, (x: Tensor, options: core.AxesOptions) => Tensor]>([
  ["prod", core.prod],
  ["norm", core.norm],
  ["median", core.median],
  ["quantile", (x, o) => core.quantile(x, 0.25, o)],
  ["std", (x, o) => core.std(x, o)],
  ["any", core.any],
  ["all", core.all],
  ["countNonzero", core.countNonzero],
])("%s keeps reduced axes with size 1 if asked to", (_, op) => {
  const x = arange(24).reshape([2, 3, 4]);
  const kept = op(x, { axes: [0, -1], keepAxes: true });
  expect(kept.shape).toEqual([1, 3, 1]);
  expect(kept.reshape([3]).toArray()).toEqual(op(x, { axes: [0, 2] }).toArray());
  expect(op(x, {}).shape).toEqual([]);
});
