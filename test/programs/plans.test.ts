/** @file Whole programs as plans of the wasm backend: the same results as op by op. */
import {
  compile,
  cumsum,
  grad,
  leaves,
  less,
  setDefaultBackend,
  type Tensor,
  tensor,
  valueAndGrad,
  where,
  zeros,
} from "@tapeloop/autograd";
import { wasmBackend } from "@tapeloop/backend-wasm";
import * as fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { type Genes, genes, inputOf, programOf } from "../properties/programs.ts";

const wasm = wasmBackend();
beforeEach(() => setDefaultBackend(wasm));

/** Expects the leaves of two trees to have the same bits. */
function expectSame(found: object, wanted: object): void {
  const [xs, ys] = [leaves(found), leaves(wanted)];
  expect(xs.map(({ shape }) => shape)).toEqual(ys.map(({ shape }) => shape));
  xs.forEach((x, i) => {
    expect(x.dataSync()).toEqual(ys[i].dataSync());
  });
}

describe("random programs", () => {
  test.each(["float32", "float64"] as const)(
    "of %s and their gradients give the same bits as op by op",
    { timeout: 120_000 },
    (dtype) => {
      fc.assert(
        fc.property(genes, (read: Genes) => {
          const { f, inputs } = programOf(read);
          const x = inputs.map((shape, i) => inputOf(shape, i / 3, dtype));
          const both = (at: readonly Tensor[]): object => {
            const { value, grads } = valueAndGrad(f)(at);
            return { value, grads };
          };
          expectSame(compile(both)(x), both(x));
        }),
        { numRuns: 100, seed: 3 },
      );
    },
  );
});

test("masks that two read are read transposed as they are", () => {
  const f = (x: Tensor): Tensor => {
    const t = cumsum(x.mul(0.7), { axis: 0 }).transpose();
    const [a, b] = [less(x.transpose(), t), less(t, 0.3)];
    // Both masks are read as they lie, and with the axes in another order.
    const straight = where(a, t, 2)
      .sum()
      .add(where(b, 1, t).sum());
    const turned = where(a, t, 5)
      .mul(where(b, t, 3))
      .transpose()
      .mul(x)
      .add(x);
    return straight.add(turned.square().sum());
  };
  for (const shape of [
    [2, 3],
    [7, 5],
    [4, 8],
  ]) {
    const x = inputOf(shape, 0.2, "float32");
    const both = (at: Tensor) => ({ y: f(at), g: grad(f)(at) });
    expectSame(compile(both)(x), both(x));
  }
});

test("results may be inputs, parts of them, constants, and one another", () => {
  const constant = tensor([1, 2, 3]);
  const f = compile((x: Tensor) => ({
    x,
    row: x.slice([{ start: 1, stop: 2 }]),
    turned: x.transpose(),
    constant,
    sum: x.add(1),
    same: x.add(1).reshape([6]),
    number: zeros([2]),
  }));
  const x = tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  for (let i = 0; i < 2; i++) {
    const { row, turned, sum, same, number, ...rest } = f(x);
    expect(rest.x.toArray()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(rest.constant.toArray()).toEqual([1, 2, 3]);
    expect(row.toArray()).toEqual([[4, 5, 6]]);
    expect(turned.toArray()).toEqual([
      [1, 4],
      [2, 5],
      [3, 6],
    ]);
    expect(sum.toArray()).toEqual([
      [2, 3, 4],
      [5, 6, 7],
    ]);
    expect(same.toArray()).toEqual([2, 3, 4, 5, 6, 7]);
    expect(number.toArray()).toEqual([0, 0]);
  }
  expect(f(x.transpose().reshape([3, 2]).transpose()).turned.shape).toEqual([3, 2]);
});
