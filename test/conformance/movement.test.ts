/** @file Movements, and reading and writing at places, against PyTorch. */
import * as core from "@tapeloop/autograd";
import { type Tensor, tensor } from "@tapeloop/autograd";
import { expect, test } from "vitest";
import { compare } from "./references.ts";

const places = (data: readonly (readonly number[] | number)[]): Tensor =>
  tensor(data, { dtype: "int32" });
const twoRows = (): Tensor =>
  places([
    [2, 0],
    [1, 2],
  ]);
const oneTwice = (): Tensor =>
  places([
    [2, 2, 0],
    [2, 2, 0],
  ]);

compare("movement", {
  moveAxis: (x) => core.moveAxis(x, 0, -1),
  swapAxes: (x) => core.swapAxes(x, 0, -1),
  flatten: (x) => core.flatten(x),
  "flatten of the last axes": (x) => core.flatten(x, { from: 1 }),
  roll: (x) => core.roll(x, 5),
  "roll along axes": (x) => core.roll(x, [1, -2], { axes: [0, 2] }),
  tile: (x) => core.tile(x, [2, 1, 3]),
  "tile of fewer copies than axes": (x) => core.tile(x, [2]),
  repeat: (x) => core.repeat(x, 2),
  "repeat, each its own times": (x) => core.repeat(x, [2, 0, 1], { axis: 1 }),
  chunk: (x) => core.chunk(x, 3)[1],
  "chunk, the last": (x) => core.chunk(x, 3, { axis: 1 })[2],
  "rot90, 1 times": (x) => core.rot90(x),
  "rot90, 2 times": (x) => core.rot90(x, 2),
  "rot90, 3 times": (x) => core.rot90(x, -1),
  slidingWindows: (x) => core.slidingWindows(x, 3, { step: 2 }),
  "slidingWindows of the first axis": (x) => core.slidingWindows(x, 2, { axis: 0 }),
  "slidingWindows of one element": (x) => core.slidingWindows(x, 1, { step: 2 }),
  broadcastTensors: (x, y) => {
    const [a, b] = core.broadcastTensors([x, y]);
    return core.mul(a, b);
  },
  ...Object.fromEntries(
    (["reflect", "edge", "wrap"] as const).map((mode) => [
      `pad, ${mode}`,
      (x: Tensor) =>
        core.pad(
          x,
          [
            [1, 2],
            [0, 3],
          ],
          { mode },
        ),
    ]),
  ),
  "pad, reflect, further than the axis is long": (x) => core.pad(x, [[7, 5]], { mode: "reflect" }),
  "pad, reflect, one element": (x) => core.pad(x, [[2, 1]], { mode: "reflect" }),

  takeAlongAxis: (x, i) => core.takeAlongAxis(x, i),
  "takeAlongAxis of the first axis": (x, i) => core.takeAlongAxis(x, i, { axis: 0 }),
  "takeAlongAxis in the middle": (x, i) => core.takeAlongAxis(x, i, { axis: 1 }),
  embeddingLookup: (x, i) => core.embeddingLookup(x, i),
  "embeddingLookup with padding": (x, i) => core.embeddingLookup(x, i, { paddingIndex: 2 }),
  putAlongAxis: (x, v) => core.putAlongAxis(x, twoRows(), v),
  "putAlongAxis of a number": (x) => core.putAlongAxis(x, twoRows(), 7),
  "putAlongAxis at one place": (x, v) => core.putAlongAxis(x, oneTwice(), v),
  scatter: (x, v) => core.scatter(x, places([3, 1]), v),
  "scatter along the last axis": (x, v) => core.scatter(x, places([2, 0]), v, { axis: 1 }),
  "scatter at one place": (x, v) => core.scatter(x, places([1, 1, 1]), v),
  select: (x) => core.select(x, 2, { axis: 1 }),
  "select, from the back": (x) => core.select(x, -1),
  binCount: (i) => core.binCount(i, 5),
  "binCount with weights": (w) => core.binCount(places([0, 3, 3, 1]), 5, w),
  tril: (x) => core.tril(x),
  "tril below the diagonal": (x) => core.tril(x, { offset: -1 }),
  triu: (x) => core.triu(x, { offset: 1 }),
  diagonal: (x) => core.diagonal(x),
  "diagonal above, of other axes": (x) => core.diagonal(x, { offset: 1, axes: [0, 2] }),
  "diagonal below": (x) => core.diagonal(x, { offset: -1 }),
  diag: (x) => core.diag(x),
  "diag above": (x) => core.diag(x, { offset: 2 }),
  "diag below": (x) => core.diag(x, { offset: -1 }),
  "diag of rows": (x) => core.diag(x),
  matrixTrace: (x) => core.matrixTrace(x),
});

test.each<[string, (x: Tensor, i: Tensor) => Tensor]>([
  ["takeAlongAxis", (x, i) => core.takeAlongAxis(x, i)],
  ["putAlongAxis", (x, i) => core.putAlongAxis(x, i, 7)],
  ["scatter", (x, i) => core.scatter(x, i, 7)],
  ["binCount", (x, i) => core.binCount(i, 4, x)],
])("%s takes other places for each example", (_, f) => {
  const xs = tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  const at = places([
    [2, 0, 0],
    [1, 1, 2],
  ]);
  const rows = core.unstack(at);
  const expected = core.unstack(xs).map((x, i) => f(x, rows[i]).toArray());
  expect(core.vmap(f)(xs, at).toArray()).toEqual(expected);
});
