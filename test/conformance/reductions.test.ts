/** @file Reductions, running totals and sorting against PyTorch. */
import * as core from "@tapeloop/autograd";
import { sort as sorted, type Tensor, tensor } from "@tapeloop/autograd";
import { compare } from "./references.ts";

const row = (): Tensor => tensor([1, 2, 2, 4]);

const { cumsum, cumprod, logCumSumExp, cummax, cummin } = core;

compare("reductions", {
  prod: (x) => core.prod(x),
  "prod along an axis": (x) => core.prod(x, { axes: 1 }),
  "prod of rows with zeros": (x) => core.prod(x, { axes: 1 }),
  std: (x) => core.std(x, { axes: 1 }),
  "std with a correction": (x) => core.std(x, { axes: 1, correction: 1 }),
  "std of equal elements": (x) => core.std(x, { axes: 1 }),
  "std of one element": (x) => core.std(x, { axes: 1 }),
  "variance with a correction of one element": (x) => core.variance(x, { axes: 1, correction: 1 }),
  norm: (x) => core.norm(x, { axes: 1 }),
  "norm of order 1": (x) => core.norm(x, { ord: 1, axes: 1 }),
  "norm of order 3": (x) => core.norm(x, { ord: 3, axes: [0, 2] }),
  "norm of order 1/2": (x) => core.norm(x, { ord: 0.5, axes: 1 }),
  "norm of order Infinity": (x) => core.norm(x, { ord: Infinity, axes: 1 }),
  "norm of order -Infinity": (x) => core.norm(x, { ord: -Infinity, axes: 1 }),
  "norm of order 0": (x) => core.norm(x, { ord: 0, axes: 1 }),
  "norm of order 1 of rows": (x) => core.norm(x, { ord: 1, axes: 1 }),
  "norm of order 2 of rows": (x) => core.norm(x, { axes: 1 }),
  "norm of order 3 of rows": (x) => core.norm(x, { ord: 3, axes: 1 }),
  "norm of order Infinity of rows": (x) => core.norm(x, { ord: Infinity, axes: 1 }),
  "norm of order -Infinity of rows": (x) => core.norm(x, { ord: -Infinity, axes: 1 }),
  normalize: (x) => core.normalize(x, { axis: 1 }),
  "normalize of zeros": (x) => core.normalize(x),
  cosineSimilarity: (x, y) => core.cosineSimilarity(x, y),
  pairwiseDistances: (x, y) => core.pairwiseDistances(x, y),
  "pairwiseDistances of order 1": (x, y) => core.pairwiseDistances(x, y, { ord: 1 }),
  "pairwiseDistances of equal points": (x, y) => core.pairwiseDistances(x, y),
  cov: (x) => core.cov(x),
  "logSumExp of infinities": (x) => core.logSumExp(x, { axes: 1 }),
  "max at ties": (x) => core.max(x, { axes: 1 }),
  "min at ties": (x) => core.min(x, { axes: 1 }),
  argmin: (x) => core.argmin(x),
  any: (x) => core.any(x, { axes: 1 }),
  all: (x) => core.all(x, { axes: 1 }),
  countNonzero: (x) => core.countNonzero(x, { axes: 1 }),

  ...Object.fromEntries(
    Object.entries({ cumsum, cumprod, logCumSumExp }).flatMap(([name, op]) => [
      [name, (x: Tensor) => op(x)],
      [`${name} along the first axis`, (x: Tensor) => op(x, { axis: 0 })],
      [`${name}, reversed`, (x: Tensor) => op(x, { reverse: true })],
    ]),
  ),
  ...Object.fromEntries(
    Object.entries({ cummax, cummin }).flatMap(([name, op]) => [
      [name, (x: Tensor) => op(x)],
      [`${name}, reversed`, (x: Tensor) => op(x, { axis: 1, reverse: true })],
      [`${name} at ties`, (x: Tensor) => op(x)],
      [`${name} of NaN and infinities`, (x: Tensor) => op(x)],
    ]),
  ),
  "cumprod of rows with zeros": (x) => core.cumprod(x),
  "logCumSumExp of infinities": (x) => core.logCumSumExp(x),
  diff: (x) => core.diff(x, { axis: 1 }),
  "diff of order 2": (x) => core.diff(x, { order: 2 }),

  sort: (x) => sorted(x),
  "sort, descending, along the first axis": (x) => sorted(x, { axis: 0, descending: true }),
  "sort at ties": (x) => sorted(x),
  "sort, descending, at ties": (x) => sorted(x, { descending: true }),
  "sort of NaN and infinities": (x) => sorted(x),
  "sort, descending, of NaN and infinities": (x) => sorted(x, { descending: true }),
  argsort: (x) => core.argsort(x),
  "argsort, descending": (x) => core.argsort(x, { descending: true }),
  topK: (x) => core.topK(x, 2).values,
  "topK, smallest": (x) => core.topK(x, 2, { axis: 0, smallest: true }).values,
  "topK places": (x) => core.topK(x, 2).indices,
  median: (x) => core.median(x, { axes: 1 }),
  "median of an even number": (x) => core.median(x),
  quantile: (x) => core.quantile(x, [0, 0.3, 0.9, 1], { axes: 1 }),
  "quantile of NaN": (x) => core.quantile(x, 0.5, { axes: 1 }),
  searchSorted: (v) => core.searchSorted(row(), v),
  "searchSorted, right": (v) => core.searchSorted(row(), v, { side: "right" }),
});
