/** @file Reductions of rows in plans of the wasm backend: the same bits as op by op. */
import {
  abs,
  compile,
  exp,
  grad,
  key,
  leaves,
  logSoftmax,
  logSumExp,
  max,
  mean,
  mul,
  normal,
  scan,
  setDefaultBackend,
  sigmoid,
  softmax,
  sum,
  tanh,
  type Tensor,
  tensor,
  valueAndGrad,
  where,
  zeros,
} from "@tapeloop/autograd";
import { wasmBackend } from "@tapeloop/backend-wasm";
import { layerNorm, rmsNorm, softmaxCrossEntropy } from "@tapeloop/nn";
import { beforeEach, describe, expect, test } from "vitest";

const wasm = wasmBackend();
beforeEach(() => setDefaultBackend(wasm));

/** Expects a function to find the same bits compiled as op by op, twice. */
function expectSame<A extends readonly object[]>(f: (...args: A) => object, ...args: A): void {
  const wanted = leaves(f(...args)).map((x) => x.dataSync());
  const compiled = compile(f as (...args: readonly object[]) => object);
  for (let run = 0; run < 2; run++) {
    const found = leaves(compiled(...args)).map((x) => x.dataSync());
    expect(found).toEqual(wanted);
  }
}

const rows = { axes: [-1], keepAxes: true };

/** Functions of x, of y of the same shape, and of w with the size of its last axis. */
const functions: Readonly<Record<string, (x: Tensor, y: Tensor, w: Tensor) => object>> = {
  softmax: (x) => softmax(x),
  logSoftmax: (x) => logSoftmax(x),
  logSumExp: (x) => logSumExp(x, { axes: [-1] }),
  layerNorm: (x, _, w) => layerNorm(w.size).apply({ gain: w, bias: w.mul(0.5) }, x),
  rmsNorm: (x, _, w) => rmsNorm(w.size).apply({ gain: w }, x),
  crossEntropy: (x, y) => softmaxCrossEntropy(x, softmax(y)),
  "a product, reduced": (x, y) => sum(mul(x, y), { axes: [-1] }),
  "sums that two read, and that are results": (x, y) => {
    const s = sum(mul(x, y), rows);
    return [s, x.mul(s), y.sub(s), s.add(1)];
  },
  "a value of an early phase, stored and read again": (x, y) => {
    const e = exp(x.mul(0.5));
    return [e, e.mul(sum(e, rows)), tanh(e).mul(max(tanh(e).mul(y), rows))];
  },
  "masks of rows and of elements": (x, y) => {
    const top = max(x, rows);
    const isTop = x.equal(top);
    return [isTop, top.less(1), where(isTop, y, sum(where(isTop, 1, x), rows))];
  },
  "a reduction of a reduction": (x, y) => {
    const s = max(mul(x, y), rows);
    return [sum(s), s.sub(mean(s))];
  },
  "reductions of other axes of the same elements": (x, y) => {
    const t = tanh(mul(x, y));
    return [sum(t), sum(t, rows), t.sub(mean(t)), t.mul(max(t, rows)), sum(t, { axes: [0] })];
  },
  "what lies elsewhere: turned, repeated, in parts": (x, y, w) => {
    const turned = x.transpose().transpose();
    const s = sum(turned.mul(w).add(abs(y)), rows);
    return [s.mul(turned), sum(turned.mul(w)), sum(x.add(w))];
  },
};

const shapes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 33].flatMap((n) => [
  [n],
  [1, n],
  [3, n],
  [2, 3, n],
  [2, 1, 2, n],
]);

describe.each(Object.entries(functions))("%s", (_name, f) => {
  test("is the same bits for rows of any length and rank, with derivatives", () => {
    shapes.forEach((shape, i) => {
      const x = normal(shape, { key: key(i) });
      const y = normal(shape, { key: key(i + 100) });
      const w = normal(shape.slice(-1), { key: key(i + 200) });
      expectSame(f, x, y, w);
      const loss = (a: Tensor, b: Tensor, c: Tensor): Tensor =>
        leaves(f(a, b, c))
          .map((each) => sum(tanh(each.cast("float32"))))
          .reduce((p, q) => p.add(q));
      const both = (...at: [Tensor, Tensor, Tensor]): object => {
        const { value, grads } = valueAndGrad((list: Tensor[]) =>
          loss(...(list as [Tensor, Tensor, Tensor])),
        )(at);
        return { value, grads };
      };
      expectSame(both, x, y, w);
    });
  });

  test("is the same bits of NaN, infinities and signed zeros", () => {
    const special = [NaN, Infinity, -Infinity, -0, 0, 1, -1, 1e38, -1e38, 1e-40];
    for (const n of [4, 7, 10]) {
      const shape = [10, n];
      const at = (by: number): Tensor =>
        tensor(
          Float32Array.from({ length: 10 * n }, (_, i) =>
            (i * by) % 7 < 5 ? Math.sin(i) : special[(i + Math.floor(i / n)) % special.length],
          ),
          { shape },
        );
      expectSame(
        f,
        at(1),
        at(3),
        at(2)
          .slice([{ start: 0, stop: 1 }])
          .reshape([n]),
      );
    }
  });
});

test.each([{}, { reverse: true }])("states of scans are normalised rows, with %j", (options) => {
  for (const n of [3, 4, 6, 16]) {
    const cell = (w: Tensor, [h, c]: Tensor[], x: Tensor): [Tensor[], Tensor] => {
      const a = x.add(h.matmul(w));
      const centred = a.sub(mean(a, rows));
      const normalised = centred.div(mean(centred.square(), rows).add(1e-5).sqrt());
      const next = c.mul(sigmoid(normalised)).add(softmax(a));
      const least = max(next, rows);
      return [[tanh(next).sub(least), next], next.mul(least)];
    };
    const w = normal([n, n], { key: key(n) });
    const xs = normal([5, 3, n], { key: key(n + 1) });
    const start = [zeros([3, n]), zeros([3, n])];
    expectSame((v: Tensor, all: Tensor) => scan(cell, v, start, all, options), w, xs);
    // A derivative sums over steps at once, in another order than step by step.
    const loss = (list: readonly Tensor[]): Tensor => {
      const [state, ys] = scan(cell, list[0], start, list[1], options);
      return sum(ys.square()).add(sum(state[0]));
    };
    const wanted = grad(loss)([w, xs]);
    compile((...at: readonly Tensor[]) => grad(loss)(at))(w, xs).forEach((g, i) => {
      const error = g.sub(wanted[i]).abs().max().item();
      expect(error).toBeLessThan(2e-5 * Math.max(1, wanted[i].abs().max().item()));
    });
  }
});
