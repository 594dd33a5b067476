/** @file Whole programs as plans of the wasm backend: the same results as op by op. */
import {
  compile,
  grad,
  key,
  leaves,
  normal,
  scan,
  setDefaultBackend,
  stack,
  type Tensor,
  tensor,
  to,
  valueAndGrad,
  zeros,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import { wasmBackend } from "@tapeloop/backend-wasm";
import { gruCell, lstmCell, type RecurrentCell, rnnCell } from "@tapeloop/nn";
import * as fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { type Genes, genes, inputOf, programOf } from "../properties/programs.ts";

const wasm = wasmBackend({ elsewhere: ndarrayBackend });
beforeEach(() => setDefaultBackend(wasm));

/** Expects two trees to agree, relative to the greatest element of each leaf. */
function expectNear(found: object, wanted: object, tolerance: number): void {
  const [xs, ys] = [leaves(found), leaves(wanted)];
  expect(xs.map(({ shape }) => shape)).toEqual(ys.map(({ shape }) => shape));
  xs.forEach((x, i) => {
    const [p, q] = [x.dataSync(), ys[i].dataSync()];
    const scale = Math.max(1e-30, ...Array.from(q, Math.abs));
    const error = Math.max(0, ...Array.from(p, (v, k) => (Object.is(v, q[k]) ? 0 : Math.abs(v - q[k]))));
    expect(error / scale).toBeLessThanOrEqual(tolerance);
  });
}

/** The same tree on another backend. */
function moved<T extends object>(tree: T, backend: typeof wasm | typeof ndarrayBackend): T {
  const visit = (x: unknown): unknown =>
    x !== null && typeof x === "object" && "backend" in x
      ? to(x as Tensor, backend)
      : Array.isArray(x)
        ? x.map(visit)
        : x !== null && typeof x === "object"
          ? Object.fromEntries(Object.entries(x).map(([name, y]) => [name, visit(y)]))
          : x;
  return visit(tree) as T;
}

/** Expects a compiled function to give on this backend what it gives on the reference. */
function expectReference<A extends object[]>(f: (...args: A) => object, ...args: A): void {
  const here = compile(f)(...args);
  setDefaultBackend(ndarrayBackend);
  const there = compile(f)(...(args.map((x) => moved(x, ndarrayBackend)) as A));
  expectNear(here, there, 2e-5);
}

const random = (shape: number[], seed: number): Tensor => normal(shape, { key: key(seed) });

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
          expectNear(compile(both)(x), both(x), 0);
        }),
        { numRuns: 100, seed: 3 },
      );
    },
  );
});

describe("loops", () => {
  const cells: Record<string, RecurrentCell> = {
    lstm: lstmCell(5, 6) as RecurrentCell,
    gru: gruCell(5, 6) as RecurrentCell,
    rnn: rnnCell(5, 6) as RecurrentCell,
  };
  for (const [name, cell] of Object.entries(cells)) {
    for (const reverse of [false, true]) {
      for (const save of ["all", "carries", { every: 3 }] as const) {
        test(`of a ${name}${reverse ? " in reverse" : ""}, keeping ${JSON.stringify(save)}`, () => {
          const xs = random([7, 3, 5], 1);
          const f = (p: object, x: Tensor): object => {
            const run = (q: object, at: Tensor): Tensor => {
              const [last, ys] = scan(cell.step, q as never, cell.initialState(3), at, {
                reverse,
                save,
              });
              return leaves(last as object)
                .map((s) => s.square().sum())
                .reduce((a, b) => a.add(b))
                .add((ys as Tensor).mul(at.slice([null, null, { stop: 1 }])).sum());
            };
            const { value, grads } = valueAndGrad((both: { p: object; x: Tensor }) => run(both.p, both.x))({ p, x });
            return { value, grads };
          };
          expectReference(f, cell.init(key(2)) as object, xs);
        });
      }
    }
  }

  test("whose states change places, stay as they are, or are inputs", () => {
    const f = (a: Tensor, b: Tensor, xs: Tensor): object =>
      scan(
        (_: null, s: { a: Tensor; b: Tensor; c: Tensor; d: Tensor }, x: Tensor) => [
          { a: s.b, b: s.a.add(x), c: s.c, d: x },
          { before: s.a, after: s.b, same: s.c, x, twice: x.add(x), number: zeros([2]) },
        ],
        null,
        { a, b, c: a, d: b },
        xs,
      );
    expectReference(f, random([4], 1), random([4], 2), random([5, 4], 3));
    expectReference((a, b, xs) => grad((q: Tensor) => stack(leaves(f(q, b, xs)).map((y) => y.sum())).sum())(a), random([4], 1), random([4], 2), random([5, 4], 3));
  });

  test("in loops", () => {
    const inner = (w: Tensor, h: Tensor, x: Tensor): [Tensor, Tensor] => {
      const [last, ys] = scan(
        (p: Tensor, s: Tensor, row: Tensor) => {
          const next = s.matmul(p).add(row).tanh();
          return [next, next.mul(2)];
        },
        w,
        h,
        x,
      );
      return [last, (ys as Tensor).sum({ axes: 0 })];
    };
    const f = (w: Tensor, h: Tensor, xs: Tensor): object =>
      grad((p: Tensor) => {
        const [last, ys] = scan(inner, p, h, xs);
        return last.sum().add((ys as Tensor).square().sum());
      })(w);
    expectReference(f, random([4, 4], 1), random([3, 4], 2), random([3, 2, 3, 4], 3));
  });
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
