/** @file Which movements look at the memory they are given, and that nobody can change it from outside. */
import { memory, scope, setDefaultBackend, type Tensor, tensor } from "@tapeloop/autograd";
import { apply, primitives } from "@tapeloop/autograd/backend";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { beforeAll, expect, test } from "vitest";

beforeAll(() => setDefaultBackend(ndarrayBackend));

const matrix = (): Tensor =>
  tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);

/** How many allocations `f` makes. */
function allocationsOf(f: (x: Tensor) => unknown, x: Tensor): number {
  const before = memory().allocations;
  f(x);
  return memory().allocations - before;
}

test.each<[string, (x: Tensor) => Tensor | readonly Tensor[]]>([
  ["transpose", (x) => x.transpose()],
  ["broadcastTo", (x) => x.broadcastTo([4, 2, 3])],
  ["slice", (x) => x.slice([null, { start: 1 }])],
  ["slice backwards", (x) => x.slice([{ step: -1 }])],
  ["reshape", (x) => x.reshape([3, 2])],
  ["reshape of whole rows", (x) => x.slice([{ start: 1 }]).reshape([3])],
  ["expandDims", (x) => x.expandDims(0)],
  ["alias", (x) => apply(primitives.alias, [x], null)],
])("%s looks at the same memory", (_, f) => {
  expect(scope(() => allocationsOf(f, matrix()))).toBe(0);
});

test("reshape of a transposed matrix copies", () => {
  const x = matrix().transpose();
  expect(allocationsOf((t) => t.reshape([6]), x)).toBe(1);
  expect(x.reshape([6]).toArray()).toEqual([1, 4, 2, 5, 3, 6]);
});

test("elements that are read are a copy", async () => {
  const x = matrix();
  x.dataSync()[0] = 100;
  (await x.data())[1] = 100;
  expect(x.toArray()).toEqual([
    [1, 2, 3],
    [4, 5, 6],
  ]);
});

test("single numbers are read at their place in a larger array", () => {
  const x = matrix()
    .slice([{ start: 1, stop: 2 }, { start: 2 }])
    .reshape([]);
  expect(x.item()).toBe(6);
  expect(x.mul(x).item()).toBe(36);
  expect(x.greater(5).item()).toBe(1);
});
