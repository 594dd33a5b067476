/** @file What holds of compiled loops on a backend that computes in float32: the values and gradients of the eager run, to rounding. */
import {
  compile,
  cumsum,
  equal,
  gather,
  grad,
  key,
  leaves,
  mapTree,
  matmul,
  memory,
  normal,
  rem,
  scan,
  type ScanOptions,
  setDefaultBackend,
  step,
  tensor,
  type Tensor,
  valueAndGrad,
  where,
  zeros,
} from "@tapeloop/autograd";
import { ndarrayBackend } from "@tapeloop/backend-ndarray";
import type { Backend } from "@tapeloop/autograd/backend";
import { linear, lstmCell, type RecurrentCell, softmaxCrossEntropy } from "@tapeloop/nn";
import { adam, chain, clipByGlobalNorm } from "@tapeloop/optim";
import { describe, expect, test } from "vitest";

const random = (shape: number[], seed: number): Tensor => normal(shape, { key: key(seed) });

/** Expects two trees to agree to rounding in float32, relative to the greatest element of each leaf. */
function expectClose(found: object, expected: object): void {
  const others = leaves(expected);
  leaves(found).forEach((x, i) => {
    expect(x.shape).toEqual(others[i].shape);
    const [p, q] = [x.dataSync(), others[i].dataSync()];
    const scale = Math.max(1e-3, ...Array.from(q, Math.abs));
    p.forEach((v, k) => expect(Math.abs(v - q[k]) / scale).toBeLessThan(1e-4));
  });
}

/** Expects a function to give compiled what it gives as it is, twice. */
function expectSame<A extends readonly object[]>(f: (...args: A) => object, ...args: A): void {
  const compiled = compile(f);
  expectClose(compiled(...args), f(...args));
  const others = args.map((tree) => mapTree((x) => (x.dtype === "float32" ? x.mul(0.7) : x), tree));
  const again = others as readonly object[] as A;
  expectClose(compiled(...again), f(...again));
}

/** A cell of any kind. */
export type AnyCell = RecurrentCell<{ Wx: Tensor }, { h: Tensor }>;

/** What the loops are tried with. */
export interface Trials {
  readonly backend: Backend;
  readonly cells: readonly (readonly [title: string, cell: AnyCell])[];
  /** Steps and examples. */
  readonly sizes: readonly (readonly [T: number, B: number])[];
  /** What the backend holds: the same after every training step. */
  readonly held: () => object;
}

/** Adds the tests. */
export function testLoops({ backend, cells, sizes, held }: Trials): void {
  setDefaultBackend(backend);

  describe.each(cells)("%s", (_, cell) => {
    const params = cell.init(key(0));
    const run = (p: typeof params, x: Tensor, options: ScanOptions): readonly Tensor[] => {
      const [last, ys] = scan(cell.step, p, cell.initialState(x.shape[1]), x, options);
      return [...leaves(last), ys];
    };
    const loss = (p: typeof params, x: Tensor, options: ScanOptions): Tensor =>
      run(p, x, options)
        .map((y) => y.square().sum())
        .reduce((a, b) => a.add(b));

    test.each([
      {},
      { reverse: true },
      { save: "carries" },
      { save: { every: 3 } },
      { save: "sqrt", reverse: true },
    ] as const)("with %j", { timeout: 60_000 }, (options) => {
      for (const [T, B] of sizes) {
        const xs = random([T, B, cell.inputSize], T);
        expectSame((p: typeof params, x: Tensor) => run(p, x, options), params, xs);
        expectSame((p: typeof params, x: Tensor) => grad(loss)(p, x, options), params, xs);
        expectSame((x: Tensor) => grad((y: Tensor) => loss(params, y, options))(x), xs);
      }
    });
  });

  describe("loops of all kinds", () => {
    test("states that change places, that stay, and that are outputs", () => {
      const f = (x: Tensor): object =>
        scan(
          (_, { a, b, c }: { a: Tensor; b: Tensor; c: Tensor }, row: Tensor) => [
            { a: b, b: a.add(row), c },
            { a, sum: a.add(b).mul(c) },
          ],
          null,
          { a: random([5], 1), b: random([5], 2), c: random([5], 3) },
          x,
        );
      expectSame(f, random([6, 5], 4));
      expectSame(f, random([6, 5], 4).slice([{ step: -1 }]));
    });

    test("loops in loops, with products by what changes in the outer one", () => {
      const f = (w: Tensor, x: Tensor): Tensor =>
        scan(
          (_, s: Tensor, block: Tensor) => {
            const mixed = matmul(w, w.add(s.sum().mul(0.01)));
            return scan(
              (__, r: Tensor, row: Tensor) => [matmul(r, mixed).add(row).tanh(), r],
              null,
              s,
              block,
            );
          },
          null,
          zeros([2, 5]),
          x,
        )[1]
          .square()
          .sum();
      expectSame(
        (w: Tensor, x: Tensor) => ({ y: f(w, x) }),
        random([5, 5], 1),
        random([3, 4, 2, 5], 2),
      );
      expectSame(
        (w: Tensor, x: Tensor) => grad(f)(w, x),
        random([5, 5], 1).mul(0.3),
        random([3, 4, 2, 5], 2),
      );
    });

    test("whole numbers, masks, and ops without kernels of their own in a body", () => {
      const places = tensor([4, 0, 4], { dtype: "int32" });
      const f = (x: Tensor): object =>
        scan(
          (_, s: { n: Tensor; x: Tensor }, row: Tensor) => {
            const n = s.n.add(1);
            const isOdd = equal(rem(n, 2), 1).broadcastTo([6]);
            const next = where(isOdd, s.x.add(row), cumsum(row).sub(s.x));
            return [
              { n, x: next },
              { next: gather(next, places), isOdd, n },
            ];
          },
          null,
          { n: tensor(0, { dtype: "int32" }), x: zeros([6]) },
          x,
        );
      expectSame(f, random([5, 6], 3));
    });

    test("no steps", () => {
      const f = (x: Tensor): object =>
        scan((_, s: Tensor, row: Tensor) => [s.add(row), s.mul(2)], null, x, zeros([0, 3]));
      expectSame(f, random([3], 2));
    });
  });

  describe("training", () => {
    const [V, H, B, T] = [6, 8, 4, 5];
    const [cell, output] = [lstmCell(V, H), linear(H, V)];
    const optimizer = chain(clipByGlobalNorm(1), adam({ learningRate: 0.05 }));
    const classes = Int32Array.from({ length: T * B }, (_, i) => (i * 7) % V);
    const start = () => {
      const params = { cell: cell.init(key(0)), output: output.init(key(1)) };
      return { params, state: optimizer.init(params) };
    };
    type Model = ReturnType<typeof start>;
    const loss = valueAndGrad((p: Model["params"], x: Tensor) => {
      const [, ys] = scan(cell.step, p.cell, cell.initialState(B), x);
      const labels = tensor(classes, { shape: [T, B] });
      return softmaxCrossEntropy(output.apply(p.output, ys), labels);
    });
    const train = ({ params, state }: Model, x: Tensor) => {
      const { value, grads } = loss(params, x);
      return { ...optimizer.update(grads, state, params), value };
    };

    test("ten compiled steps have the losses of the reference to 1e-5", { timeout: 60_000 }, () => {
      const losses = (on: Backend, isCompiled: boolean) => {
        setDefaultBackend(on);
        const run = isCompiled ? compile(train) : train;
        const x = random([T, B, V], 3);
        let model: Model = start();
        return Array.from({ length: 10 }, () => {
          const { value, ...next } = run(model, x);
          model = next;
          return value.item();
        });
      };
      const expected = losses(ndarrayBackend, false);
      const found = losses(backend, true);
      found.forEach((value, i) => expect(Math.abs(value - expected[i])).toBeLessThan(1e-5));
      expect(found[9]).toBeLessThan(found[0]);
    });

    test("1,000 compiled steps keep buffers, bytes and kernels", { timeout: 60_000 }, () => {
      const run = compile(train);
      const x = random([T, B, V], 3);
      let model: Model = start();
      const next = (m: Model): Model => {
        const { params, state } = run(m, x);
        return { params, state };
      };
      model = step(model, next);
      const before = { memory: memory(), ...held() };
      for (let i = 0; i < 1000; i++) model = step(model, next);
      const { buffers, bytes } = before.memory;
      expect({ memory: memory(), ...held() }).toEqual({
        ...before,
        memory: { buffers, bytes, allocations: expect.any(Number) as number },
      });
    });
  });
}
